//! Streams of changes: order, resumption, reorgs.

use capstan_market::simulated::{Dice, World, user};
use capstan_primitives::U256;
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{StreamMarketsRequest, StreamMarketsResponse, stream_markets_response::Message as Change},
};

use crate::platform::{CHAIN, TestPlatform};

fn from(cursor: &str) -> StreamMarketsRequest {
    StreamMarketsRequest { cursor: cursor.into(), ..Default::default() }
}

pub(crate) fn is_heartbeat(message: &StreamMarketsResponse) -> bool {
    matches!(message.message, Some(Change::Heartbeat(_)))
}

/// The changes without heartbeats.
pub(crate) fn news(messages: Vec<StreamMarketsResponse>) -> Vec<StreamMarketsResponse> {
    messages.into_iter().filter(|message| !is_heartbeat(message)).collect()
}

pub(crate) fn names(messages: &[StreamMarketsResponse]) -> Vec<&'static str> {
    let name = |message: &StreamMarketsResponse| match message.message {
        Some(Change::Price(_)) => "price",
        Some(Change::Trade(_)) => "trade",
        Some(Change::Market(_)) => "market",
        Some(Change::Liquidity(_)) => "liquidity",
        Some(Change::Position(_)) => "position",
        Some(Change::Resync(_)) => "resync",
        Some(Change::Heartbeat(_)) => "heartbeat",
        None => "nothing",
    };
    messages.iter().map(name).collect()
}

#[tokio::test]
async fn a_stream_begins_with_a_cursor_and_tells_each_block_in_order() {
    let mut world = World::new(CHAIN);
    world.log.mine();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.say(Message::Heartbeat(world.log.heartbeat(None)));
    platform.until(&world).await;
    let mut changes = platform.stream(from("")).await;
    let beginning = changes.next().await;
    assert!(is_heartbeat(&beginning) && beginning.sequence == 0, "{beginning:?}");
    let pool = world.create_market(user(1), "Order?", &["A", "B"], U256::from(1_000_000));
    world.log.mine();
    session.apply(&world, 2, 2);
    let created = news(changes.until(&world).await);
    let rest = changes.next_change().await;
    assert_eq!((names(&created), names(std::slice::from_ref(&rest))), (vec!["market"], vec!["price"]));
    world.buy(user(2), pool, U256::from(1_000), 0);
    world.buy(user(3), pool, U256::from(2_000), 1);
    world.resolve_market(0, &[U256::from(1), U256::from(1)]);
    world.log.mine();
    session.apply(&world, 3, 3);
    let mut told = Vec::new();
    while told.len() < 4 {
        told.push(changes.next_change().await);
    }
    assert_eq!(names(&told), ["market", "trade", "trade", "price"]);
    let Some(Change::Market(market)) = &told[0].message else { panic!("a market") };
    assert!(market.resolved && market.payouts == ["1", "1"]);
    let traders: Vec<String> = told
        .iter()
        .filter_map(|message| match &message.message {
            Some(Change::Trade(trade)) => Some(trade.trader.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(traders, [user(2).to_string(), user(3).to_string()]);
    // Told later, it is the same: every message is as of its block, not as of now.
    let live: Vec<StreamMarketsResponse> = created.into_iter().chain([rest]).chain(told).collect();
    let later = news(all(&mut platform, from(&beginning.cursor), &world).await);
    assert_eq!(later, live);
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_is_never_silent() {
    let world = World::random(CHAIN, 61, 3);
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 3);
    platform.until(&world).await;
    let mut changes = platform.stream(from("")).await;
    for _ in 0..3 {
        assert!(is_heartbeat(&changes.next().await));
    }
    // What is heard while nothing happens says that nothing was missed.
    let mut world = world;
    world.create_market(user(1), "Loud?", &["A", "B"], U256::from(1_000_000));
    world.log.mine();
    session.apply(&world, 4, 4);
    let (market, price) = (changes.next_change().await, changes.next_change().await);
    let silence = changes.next().await;
    assert_eq!((market.sequence, price.sequence, silence.sequence), (1, 2, 2));
    assert!(is_heartbeat(&silence) && silence.epoch == price.epoch);
    platform.stop().await;
}

#[tokio::test]
async fn resuming_at_any_message_misses_nothing_and_repeats_nothing() {
    for seed in [62, 63] {
        println!("seed {seed}");
        let world = World::random(CHAIN, seed, 80);
        let mut platform = TestPlatform::start().await;
        let session = platform.session();
        let beginning = platform.stream(from("")).await.next().await.cursor;
        session.apply(&world, 1, 80);
        session.say(Message::Heartbeat(world.log.heartbeat(None)));
        let end = world.clone();
        platform.until(&end).await;
        let whole = news(all(&mut platform, from(&beginning), &end).await);
        assert!(whole.len() > 50, "{}", whole.len());
        for at in (0..whole.len()).step_by(7) {
            let rest = news(all(&mut platform, from(&whole[at].cursor), &end).await);
            assert_eq!(rest, whole[at + 1..], "after message {at}");
        }
        platform.stop().await;
    }
}

/// Everything that a stream says, up to the first heartbeat at the end.
pub(crate) async fn all(
    platform: &mut TestPlatform,
    request: StreamMarketsRequest,
    world: &World,
) -> Vec<StreamMarketsResponse> {
    let head = world.log.head().unwrap().hash.to_string();
    let mut changes = platform.stream(request).await;
    let mut messages = vec![changes.next().await];
    loop {
        let message = changes.next().await;
        let block = message.as_of.as_ref().and_then(|as_of| as_of.block.as_ref());
        let ended = is_heartbeat(&message) && block.is_some_and(|block| block.hash == head);
        messages.push(message);
        if ended {
            return messages;
        }
    }
}

#[tokio::test]
async fn a_consumer_that_was_away_during_a_reorg_is_told_what_is_void() {
    let mut dice = Dice::new(64);
    let mut world = World::new(CHAIN);
    world.go_on(&mut dice, 30);
    let mut fork = world.clone();
    world.go_on(&mut dice, 5);
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 35);
    platform.until(&world).await;
    let before = platform.stream(from("")).await.next().await;
    let cursor = before.cursor;
    let mut lost = world.log.clone();
    session.say(Message::Undo(lost.undo(32)));
    session.say(Message::Undo(lost.undo(30)));
    (fork.log.position, fork.log.fork) = (lost.position, lost.fork);
    fork.go_on(&mut dice, 8);
    session.apply(&fork, 31, 38);
    platform.until(&fork).await;
    let back = news(all(&mut platform, from(&cursor), &fork).await);
    let Some(Change::Resync(resync)) = &back[0].message else { panic!("a resync: {:?}", back[0]) };
    let valid = resync.last_valid_block.as_ref().unwrap();
    assert_eq!((valid.number, valid.hash.clone()), (30, fork.log.blocks[29].at.hash.to_string()));
    assert!(!names(&back[1..]).contains(&"resync"));
    assert_eq!(back[0].epoch, before.epoch + 2);
    let trades = |messages: &[StreamMarketsResponse]| {
        names(messages).into_iter().filter(|name| *name == "trade").count()
    };
    let expected = fork.log.blocks[30..].iter().flat_map(|block| &block.events);
    let expected = expected.filter(|event| ["FPMMBuy", "FPMMSell"].contains(&event.name.as_str())).count();
    assert_eq!(trades(&back), expected);
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_of_one_market_tells_of_no_other() {
    let mut world = World::new(CHAIN);
    for question in ["One?", "Two?"] {
        world.create_market(user(1), question, &["A", "B"], U256::from(1_000_000));
    }
    world.log.mine();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 1);
    platform.until(&world).await;
    let market_ids = vec![world.markets[1].0.to_string()];
    let request = StreamMarketsRequest { market_ids, ..Default::default() };
    let mut changes = platform.stream(request).await;
    changes.next().await;
    for pool in [0, 1, 0, 1] {
        world.buy(user(2), pool, U256::from(500), 0);
    }
    world.log.mine();
    session.apply(&world, 2, 2);
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(changes.next_change().await);
    }
    assert_eq!(names(&told), ["trade", "trade", "price"]);
    let amm = world.pools[1].address.to_string();
    let of_other = told.iter().filter(|message| match &message.message {
        Some(Change::Trade(trade)) => trade.amm_address != amm,
        _ => false,
    });
    assert_eq!(of_other.count(), 0);
    platform.stop().await;
}

#[tokio::test]
async fn a_reorg_above_a_cursor_begins_an_epoch_and_voids_nothing() {
    let mut dice = Dice::new(65);
    let mut world = World::new(CHAIN);
    world.go_on(&mut dice, 10);
    let early = world.clone();
    world.go_on(&mut dice, 10);
    let mut fork = world.clone();
    world.go_on(&mut dice, 5);
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 10);
    platform.until(&early).await;
    let before = platform.stream(from("")).await.next().await;
    session.apply(&world, 11, 25);
    platform.until(&world).await;
    let mut lost = world.log.clone();
    session.say(Message::Undo(lost.undo(20)));
    (fork.log.position, fork.log.fork) = (lost.position, lost.fork);
    fork.go_on(&mut dice, 8);
    session.apply(&fork, 21, 28);
    platform.until(&fork).await;
    let back = news(all(&mut platform, from(&before.cursor), &fork).await);
    let Some(Change::Resync(resync)) = &back[0].message else { panic!("a resync: {:?}", back[0]) };
    assert_eq!(resync.last_valid_block.as_ref().unwrap().number, 20);
    assert_eq!(back[0].epoch, before.epoch + 1);
    // It is still where it was: in block 10, or the last one before it that had events.
    assert!(back[0].as_of.as_ref().unwrap().block.as_ref().unwrap().number <= 10, "{:?}", back[0]);
    let fresh = platform.stream(from("")).await.next().await;
    assert_eq!((fresh.epoch, fresh.sequence), (before.epoch + 1, 0));
    let told: Vec<_> = back[1..].iter().map(|message| message.message.clone()).collect();
    let whole = told_of(&fork, 10, from("")).await;
    assert_eq!(told, whole.into_iter().map(|message| message.message).collect::<Vec<_>>());
    platform.stop().await;
}

/// What a stream from after a block on says of a world without reorgs.
pub(crate) async fn told_of(
    world: &World,
    block: u64,
    request: StreamMarketsRequest,
) -> Vec<StreamMarketsResponse> {
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    let mut early = world.clone();
    early.log.blocks.truncate(usize::try_from(block).unwrap());
    session.apply(world, 1, block);
    platform.until(&early).await;
    let cursor = platform.stream(request.clone()).await.next().await.cursor;
    session.apply(world, block + 1, world.log.head().unwrap().number);
    platform.until(world).await;
    let told = all(&mut platform, StreamMarketsRequest { cursor, ..request }, world).await;
    platform.stop().await;
    news(told)
}

//! Blocks that leave the chain.

use std::time::Duration;

use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::{
    indexer::{ChainState, Event, StreamEventsRequest, UndoMode, stream_events_response::Message},
    primitives::Finality,
};
use tonic::codec::CompressionEncoding;

use crate::{
    harness::{
        Subscriber, database_url, devnet, head, ids, indexer, listed, platform, platform_of, settle, status,
        stop, truth,
    },
    road::Road,
    state::State,
};

#[tokio::test]
async fn a_reorg_while_following_is_one_undo_and_the_new_chains_events() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let toml = final_after(&devnet, 128);
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let mut subscriber = Subscriber::default();
        for (round, depth) in [1, 2, 7, 64].into_iter().enumerate() {
            for _ in 0..25 {
                devnet.step().await.unwrap();
            }
            subscriber.follow_to(&mut client, head(&devnet).await).await;
            devnet.reorg(depth).await.unwrap();
            subscriber.follow_to(&mut client, head(&devnet).await).await;
            assert_eq!(subscriber.undos.len(), round + 1, "one undo per fork");
            assert_eq!(subscriber.undos[round].1, depth);
            assert_eq!(subscriber.ids(), truth(&devnet).await);
        }
        assert_eq!(ids(&listed(&mut client, 100, false).await), truth(&devnet).await);
        let mut fresh = Subscriber::default();
        fresh.follow_to(&mut client, head(&devnet).await).await;
        assert!(fresh.ids() == subscriber.ids());
        settle(&mut client, &devnet, &toml).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(&store).await.assert_same(&fresh, "after four reorgs");
    }
}

#[tokio::test]
async fn a_reorg_while_disconnected_is_found_at_the_start() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let mut subscriber = Subscriber::default();
    for depth in [3, 10] {
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;
        devnet.reorg(depth).await.unwrap();
        devnet.step().await.unwrap();
    }
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    assert_eq!(subscriber.undos.iter().map(|(_, depth)| *depth).collect::<Vec<_>>(), [3, 10]);
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    stop(running).await;
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after reorgs between two lives");
}

#[tokio::test]
async fn a_transaction_that_is_mined_again_in_another_block_is_another_event() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut subscriber = Subscriber::default();
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    devnet.reorg_postponing(5).await.unwrap();
    devnet.step().await.unwrap();
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    stop(running).await;
}

#[tokio::test]
async fn a_reorg_below_finality_halts_the_chain_with_an_instruction_and_changes_nothing() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let mut platform = platform(&devnet, &store);
    platform.chains[0].finality = capstan_runtime::platform::FinalityRule::Blocks(4);
    let (running, mut client) = indexer(platform.clone()).await;
    let mut subscriber = Subscriber::default();
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    let before = listed(&mut client, 0, false).await;
    stop(running).await;
    devnet.reorg(8).await.unwrap();
    devnet.step().await.unwrap();
    let (running, mut client) = indexer(platform).await;
    let halted = loop {
        let status = status(&mut client).await;
        if status.state() == ChainState::Halted {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert!(halted.problem.contains("left a block that was final"), "{}", halted.problem);
    assert_eq!(ids(&listed(&mut client, 0, false).await), ids(&before));
    stop(running).await;
}

#[tokio::test]
async fn a_reorg_while_history_is_read_leaves_what_a_fresh_index_has() {
    let mut devnet = devnet().await;
    for _ in 0..80 {
        devnet.step().await.unwrap();
    }
    let toml = final_after(&devnet, 200);
    for depth in [1, 2, 7, 64] {
        let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
        proxy.follow(Script::always(Fault::Delay(Duration::from_millis(20))));
        let slow = toml.replace(&format!(", \"{}\"", devnet.ws_url()), "");
        let slow = slow.replace(&devnet.http_url(), &proxy.http_url());
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(&slow, &database_url(&store))).await;
        let height = head(&devnet).await.0;
        let indexed = loop {
            let indexed = status(&mut client).await.indexed.map_or(0, |block| block.number);
            if indexed > height / 2 {
                break indexed;
            }
        };
        assert!(indexed < height, "history was read before the reorg");
        devnet.reorg(depth).await.unwrap();
        devnet.step().await.unwrap();
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        assert!(subscriber.ids() == truth(&devnet).await, "depth {depth}");
        settle(&mut client, &devnet, &toml).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(&store).await.assert_same(&fresh, &format!("depth {depth}"));
    }
}

#[tokio::test]
async fn readers_that_missed_several_reorgs_get_one_undo_to_the_lowest_junction_or_none() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    for _ in 0..20 {
        devnet.step().await.unwrap();
    }
    let mut low = Subscriber::default();
    low.follow_to(&mut client, head(&devnet).await).await;
    for _ in 0..12 {
        devnet.step().await.unwrap();
    }
    let mut high = Subscriber::default();
    high.follow_to(&mut client, head(&devnet).await).await;
    let (read, mut junction) = (high.through.0, u64::MAX);
    let mut witness = Subscriber::default();
    witness.follow_to(&mut client, head(&devnet).await).await;
    for depth in [3, 13, 2, 5] {
        let before = head(&devnet).await;
        junction = junction.min(before.0 - depth);
        devnet.reorg(depth).await.unwrap();
        assert_ne!(head(&devnet).await, before, "a block without transactions was replaced by itself");
        witness.follow_to(&mut client, head(&devnet).await).await;
        for _ in 0..3 {
            devnet.step().await.unwrap();
        }
        witness.follow_to(&mut client, head(&devnet).await).await;
    }
    assert!(low.through.0 < junction && junction < read);
    let void: Vec<Event> = high.events.iter().filter(|event| number(event) > junction).cloned().collect();
    assert!(!void.is_empty());

    let request = StreamEventsRequest {
        cursor: high.cursor.clone(),
        undo_mode: UndoMode::WithEvents.into(),
        ..Default::default()
    };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let undo = loop {
        if let Message::Undo(undo) = stream.message().await.unwrap().unwrap().message.unwrap() {
            break undo;
        }
    };
    let newest_first: Vec<Event> = void.into_iter().rev().collect();
    assert!(ids(&undo.reverted) == ids(&newest_first), "not what was delivered, newest first");
    let bodies = |events: &[Event]| events.iter().map(|event| event.arguments.clone()).collect::<Vec<_>>();
    assert!(bodies(&undo.reverted) == bodies(&newest_first), "what is taken back reads differently");

    let end = head(&devnet).await;
    high.follow_to(&mut client, end).await;
    low.follow_to(&mut client, end).await;
    assert_eq!((high.undos, low.undos), (vec![(junction, read - junction)], Vec::new()));
    assert_eq!(witness.undos.len(), 4);
    let truth = truth(&devnet).await;
    assert!(ids(&high.events) == truth && ids(&low.events) == truth && ids(&witness.events) == truth);
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    stop(running).await;
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after four reorgs");
}

#[tokio::test]
async fn a_block_that_comes_back_is_taken_back_and_given_again() {
    for store in TestStore::both().await {
        let (mut one, mut other) = (devnet().await, devnet().await);
        for _ in 0..20 {
            assert_eq!(one.step().await.unwrap().hash, other.step().await.unwrap().hash);
        }
        let address = |devnet: &Devnet| devnet.http_url().trim_start_matches("http://").to_owned();
        let road = Road::to(&address(&one)).await;
        let toml = one.config_toml().replace(&address(&one), &road.address.to_string());
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let (mut away, mut witness) = (Subscriber::default(), Subscriber::default());
        away.follow_to(&mut client, head(&one).await).await;
        let (read, junction) = (away.through.0, away.through.0 - 5);

        other.reorg(5).await.unwrap();
        other.step().await.unwrap();
        road.turn_to(&address(&other));
        witness.follow_to(&mut client, head(&other).await).await;
        for _ in 0..3 {
            one.step().await.unwrap();
        }
        road.turn_to(&address(&one));
        witness.follow_to(&mut client, head(&one).await).await;

        let request = StreamEventsRequest {
            cursor: away.cursor.clone(),
            undo_mode: UndoMode::WithEvents.into(),
            ..Default::default()
        };
        let mut stream = client.stream_events(request).await.unwrap().into_inner();
        let undo = loop {
            if let Message::Undo(undo) = stream.message().await.unwrap().unwrap().message.unwrap() {
                break undo;
            }
        };
        let void: Vec<Event> = away.events.iter().filter(|event| number(event) > junction).cloned().collect();
        let newest_first: Vec<Event> = void.into_iter().rev().collect();
        assert!(
            !newest_first.is_empty() && ids(&undo.reverted) == ids(&newest_first),
            "{} events are taken back, {} were delivered",
            undo.reverted.len(),
            newest_first.len()
        );
        away.follow_to(&mut client, head(&one).await).await;
        assert_eq!(away.undos, [(junction, read - junction)]);
        let truth = truth(&one).await;
        assert!(ids(&away.events) == truth && ids(&witness.events) == truth);
        settle(&mut client, &one, &one.config_toml()).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&one, &one.config_toml()).await;
        State::of(&store).await.assert_same(&fresh, "after a block came back");
    }
}

#[tokio::test]
async fn a_stream_of_final_events_never_hears_of_a_reorg() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let toml = final_after(&devnet, 12);
    let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
    let request = StreamEventsRequest { finality: Finality::Finalized.into(), ..Default::default() };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let (mut all, mut settled) = (Subscriber::default(), Subscriber::default());
    for depth in [1, 11, 4] {
        for _ in 0..15 {
            devnet.step().await.unwrap();
        }
        all.follow_to(&mut client, head(&devnet).await).await;
        devnet.reorg(depth).await.unwrap();
        devnet.step().await.unwrap();
        let end = head(&devnet).await;
        all.follow_to(&mut client, end).await;
        while !(settled.take(&mut stream).await && settled.through.0 == end.0 - 12) {}
    }
    assert_eq!((all.undos.len(), settled.undos.len()), (3, 0));
    let last = head(&devnet).await.0 - 12;
    let before: Vec<Event> = all.events.iter().filter(|event| number(event) <= last).cloned().collect();
    assert!(settled.events.len() > 100 && settled.ids() == ids(&before));

    // With nothing new, it has still been read no farther than what is final.
    let (cursor, finality) = (settled.cursor.clone(), Finality::Finalized.into());
    let again = StreamEventsRequest { cursor, finality, ..Default::default() };
    let mut stream = client.stream_events(again).await.unwrap().into_inner();
    while !settled.take(&mut stream).await {}
    assert_eq!(settled.through.0, last);
    stop(running).await;
}

#[tokio::test]
async fn a_stream_of_safe_events_ends_where_the_node_says() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let toml = final_after(&devnet, 128);
    for _ in 0..40 {
        devnet.step().await.unwrap();
    }
    let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
    let end = head(&devnet).await;
    let mut all = Subscriber::default();
    all.follow_to(&mut client, end).await;
    let safe = loop {
        if let Some(safe) = status(&mut client).await.safe {
            break safe.number;
        }
        tokio::task::yield_now().await;
    };
    assert!(safe > 5 && safe < end.0);
    let finality = Finality::Safe.into();
    let request = StreamEventsRequest { finality, ..Default::default() };
    let response = client.clone().accept_compressed(CompressionEncoding::Gzip).stream_events(request).await;
    let response = response.unwrap();
    assert_eq!(response.metadata().get("grpc-encoding").unwrap(), "gzip");
    let (mut stream, mut settled) = (response.into_inner(), Subscriber::default());
    while !(settled.take(&mut stream).await && settled.through.0 == safe) {}
    let before: Vec<Event> = all.events.iter().filter(|event| number(event) <= safe).cloned().collect();
    assert!(settled.events.len() > 50 && settled.ids() == ids(&before));
    assert!(settled.events.iter().any(|event| event.finality() == Finality::Safe));
    stop(running).await;
}

fn number(event: &Event) -> u64 {
    event.block.as_ref().unwrap().number
}

fn final_after(devnet: &Devnet, blocks: u64) -> String {
    let toml = devnet.config_toml();
    let changed = toml.replace("finality = { blocks = 32 }", &format!("finality = {{ blocks = {blocks} }}"));
    assert_ne!(toml, changed);
    changed
}

//! What each kind of message of a stream says, and who gets it.

use std::collections::BTreeMap;

use capstan_db::testing::TestStore;
use capstan_market::simulated::{World, user};
use capstan_primitives::{Address, Hash, U256};
use capstan_proto::market::{
    ActivityKind, ListUserPositionsRequest, MarketEvent, PositionChange, StreamKind, StreamMarketsRequest,
    StreamMarketsResponse, stream_markets_response::Message as Change,
};
use tonic::Code;

use crate::{
    platform::{CHAIN, TestPlatform},
    streams::{all, names, news, told_of},
};

pub(crate) fn every_kind() -> Vec<i32> {
    use StreamKind::{Lifecycle, Liquidity, Position, Price, Trade};
    [Price, Trade, Liquidity, Position, Lifecycle].map(i32::from).to_vec()
}

fn of_kinds(kinds: &[StreamKind]) -> StreamMarketsRequest {
    StreamMarketsRequest { kinds: kinds.iter().copied().map(i32::from).collect(), ..Default::default() }
}

fn number(number: u64) -> U256 {
    U256::from(number)
}

fn events(messages: &[StreamMarketsResponse]) -> Vec<Vec<MarketEvent>> {
    let of_markets = messages.iter().filter(|message| matches!(message.message, Some(Change::Market(_))));
    of_markets.map(|message| message.market_events().collect()).collect()
}

fn positions(messages: &[StreamMarketsResponse]) -> Vec<PositionChange> {
    let position = |message: &StreamMarketsResponse| match &message.message {
        Some(Change::Position(change)) => Some(change.clone()),
        _ => None,
    };
    messages.iter().filter_map(position).collect()
}

/// Block 1 has nothing that matters; the others have each something to tell of.
fn life_of_a_market() -> World {
    let mut world = World::new(CHAIN);
    world.prepare(user(9), Hash::from([9; 32]), 2);
    world.log.mine();
    let pool = world.create_market_without_link(user(1), "Alive?", &["A", "B"], number(1_000_000));
    world.log.mine();
    world.link_markets();
    world.log.mine();
    world.add_funding(user(2), pool, number(50_000));
    world.buy(user(3), pool, number(2_000), 0);
    world.remove_funding(user(2), pool, number(20_000));
    world.log.mine();
    world.resolve_market(0, &[number(1), number(0)]);
    world.log.mine();
    world
}

#[tokio::test]
async fn a_life_of_a_market_is_told_event_by_event() {
    let world = life_of_a_market();
    let told = told_of(&world, 1, of_kinds(&[StreamKind::Lifecycle])).await;
    use MarketEvent::{ConditionPrepared, Created, PoolDeployed, Resolved};
    // The market of the factory, and its pool until the factory says whose it is.
    let expected = [
        vec![ConditionPrepared, Created],
        vec![ConditionPrepared, Created],
        vec![PoolDeployed],
        vec![Resolved],
    ];
    assert_eq!(events(&told), expected);
    let said: Vec<(String, bool, bool)> = told
        .iter()
        .map(|message| match &message.message {
            Some(Change::Market(it)) => (it.market_id.clone(), it.amm_address.is_some(), it.resolved),
            other => panic!("a market: {other:?}"),
        })
        .collect();
    let (id, pool) = (world.markets[0].0.to_string(), world.pools[0].address.to_lower_hex());
    let expected =
        [(id.clone(), false, false), (pool, true, false), (id.clone(), true, false), (id, true, true)];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_market_of_several_conditions_is_resolved_with_the_last_one() {
    let mut world = World::new(CHAIN);
    world.log.mine();
    let conditions = [1, 2].map(|id| world.prepare(user(1), Hash::from([id; 32]), 2));
    world.create_pool(user(2), &conditions, number(0), number(0));
    world.log.mine();
    for condition in conditions {
        world.report(condition, &[number(0), number(1)]);
        world.log.mine();
    }
    let told = told_of(&world, 1, of_kinds(&[StreamKind::Lifecycle])).await;
    use MarketEvent::{ConditionPrepared, ConditionResolved, Created, Resolved};
    let expected = [vec![ConditionPrepared, Created], vec![ConditionResolved], vec![Resolved]];
    assert_eq!(events(&told), expected);
}

#[tokio::test]
async fn liquidity_and_trades_are_told_in_the_order_of_the_block() {
    let world = life_of_a_market();
    let told = told_of(&world, 3, StreamMarketsRequest::default()).await;
    assert_eq!(names(&told), ["liquidity", "trade", "liquidity", "price", "market"]);
    let liquidity = |message: &StreamMarketsResponse| match &message.message {
        Some(Change::Liquidity(it)) => Some((it.kind(), it.user_address.clone(), it.amount.clone())),
        _ => None,
    };
    let said: Vec<_> = told.iter().filter_map(liquidity).collect();
    let who = user(2).to_string();
    assert_eq!(said[0].0, ActivityKind::AddLiquidity);
    assert_eq!(said[1], (ActivityKind::RemoveLiquidity, who.clone(), "20000".into()));
    assert!(said.iter().all(|(_, user, _)| *user == who));
    let Some(Change::Liquidity(added)) = &told[0].message else { panic!("liquidity") };
    assert_eq!(added.market_id, Some(world.markets[0].0.to_string()));
}

#[tokio::test]
async fn a_stream_by_the_address_of_a_pool_goes_on_when_a_factory_claims_it() {
    let world = life_of_a_market();
    let market_ids = vec![world.pools[0].address.to_string()];
    let request = StreamMarketsRequest { market_ids, kinds: every_kind(), ..Default::default() };
    let told = told_of(&world, 1, request).await;
    let others: Vec<&str> = names(&told).into_iter().filter(|name| *name != "position").collect();
    // The factory's market has no pool yet in its first block.
    assert_eq!(others, ["market", "price", "market", "liquidity", "trade", "liquidity", "price", "market"]);
    let id = world.markets[0].0.to_string();
    assert!(positions(&told).iter().all(|change| change.market_id == id), "{told:?}");
    assert!(positions(&told).iter().any(|change| change.user_address == user(3).to_string()));
}

#[tokio::test]
async fn tokens_that_only_pass_through_a_block_are_no_change() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Passing?", &["A", "B"], number(1_000_000));
    world.log.mine();
    let condition = world.pools[pool].conditions[0];
    let sets = world.single_sets(condition);
    world.split(user(2), (Hash::ZERO, condition), &sets, number(100));
    let [first, second] = [world.pools[pool].tokens[0], world.pools[pool].tokens[1]];
    world.transfer(first, user(2), user(3), number(60));
    world.transfer(first, user(3), user(4), number(60));
    world.transfer(second, user(2), world.pools[pool].address, number(100));
    world.log.mine();
    world.transfer(first, user(4), user(4), number(60));
    world.transfer(first, user(4), user(2), number(25));
    world.log.mine();
    let told = told_of(&world, 1, of_kinds(&[StreamKind::Position])).await;
    let mut said: Vec<(u64, String, u32, String)> = positions(&told)
        .into_iter()
        .map(|it| (it.block.unwrap().number, it.user_address, it.outcome_index, it.change))
        .collect();
    said.sort();
    let mut expected: Vec<(u64, String, u32, String)> =
        [(2, 2, "40"), (2, 4, "60"), (3, 2, "25"), (3, 4, "-25")]
            .into_iter()
            .map(|(block, who, change)| (block, user(who).to_string(), 0, change.to_owned()))
            .collect();
    expected.sort();
    assert_eq!(said, expected);
}

#[tokio::test]
async fn position_messages_add_up_to_what_users_hold() {
    for (seed, store) in (71..).zip(TestStore::both().await) {
        println!("seed {seed}");
        let world = World::random(CHAIN, seed, 60);
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        let request = of_kinds(&[StreamKind::Position]);
        let cursor = platform.stream(request.clone()).await.next().await.cursor;
        session.apply(&world, 1, 60);
        platform.until(&world).await;
        let told = news(all(&mut platform, StreamMarketsRequest { cursor, ..request }, &world).await);
        let mut held: BTreeMap<(String, String), i128> = BTreeMap::new();
        for change in positions(&told) {
            let delta: i128 = change.change.parse().unwrap();
            assert_ne!(delta, 0);
            *held.entry((change.user_address, change.position_id)).or_default() += delta;
        }
        held.retain(|_, amount| *amount != 0);
        let mut expected = BTreeMap::new();
        for who in 1..=6 {
            let address = user(who).to_string();
            let request = ListUserPositionsRequest { address, page_size: 500, ..Default::default() };
            let page = platform.client.list_user_positions(request).await.unwrap().into_inner();
            assert_eq!(page.next_page_token, "");
            let amount = |text: &str| text.parse::<i128>().unwrap();
            expected.extend(
                page.positions.into_iter().map(|it| ((it.user_address, it.position_id), amount(&it.amount))),
            );
        }
        assert!(expected.len() > 5, "{expected:?}");
        assert_eq!(held, expected);
        let listed = |token: &U256| world.pools.iter().any(|pool| pool.tokens.contains(token));
        let is_pool = |holder: &Address| world.pools.iter().any(|pool| pool.address == *holder);
        let of_users = world
            .balances
            .iter()
            .filter(|((token, holder), amount)| listed(token) && !is_pool(holder) && !amount.is_zero());
        assert_eq!(held.len(), of_users.count());
        platform.stop().await;
    }
}

#[tokio::test]
async fn markets_that_share_their_tokens_are_told_once_unless_asked_for() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::from([1; 32]), 2);
    for fee in [0, 1] {
        world.create_pool(user(2), &[condition], number(fee), number(1_000_000));
    }
    world.log.mine();
    world.buy(user(3), 1, number(1_000), 0);
    world.log.mine();
    let [older, newer] = [0, 1].map(|pool: usize| world.pools[pool].address.to_lower_hex());
    for (market_ids, expected) in [
        (vec![], vec![older.clone()]),
        (vec![newer.clone()], vec![newer.clone()]),
        (vec![older.clone(), newer.clone()], vec![older, newer]),
    ] {
        let request = StreamMarketsRequest { market_ids, ..of_kinds(&[StreamKind::Position]) };
        let told = positions(&told_of(&world, 1, request).await);
        assert_eq!(told.into_iter().map(|it| it.market_id).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_cursor_is_of_the_kinds_that_it_was_given_for() {
    let world = life_of_a_market();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 5);
    platform.until(&world).await;
    let of = |kinds: &[StreamKind], cursor: &str| StreamMarketsRequest {
        cursor: cursor.into(),
        ..of_kinds(kinds)
    };
    use StreamKind::{Lifecycle, Liquidity, Price, Trade};
    let cursor = platform.stream(of(&[], "")).await.next().await.cursor;
    // The kinds that nothing means may be named.
    platform.stream(of(&[Trade, Price, Lifecycle, Liquidity], &cursor)).await;
    let refused = platform.client.stream_markets(of(&[Trade], &cursor)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("kinds"), "{refused:?}");
    platform.stop().await;
}

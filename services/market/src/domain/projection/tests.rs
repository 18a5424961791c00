//! The traps of conditional tokens, one test each.

mod gifts;

use capstan_primitives::{Address, U256};
use capstan_runtime::follow;

use super::*;
use crate::{
    adapters::{
        indexer,
        simulated::{COLLATERAL, MARKET_FACTORY, World, user},
    },
    domain::{
        event::StepKind,
        ids,
        market::{ActivityKind, Side},
    },
};

const CHAIN: u64 = 31_338;

fn projected(world: &mut World) -> Changes {
    world.log.mine();
    let head = world.log.head().unwrap().number;
    let step = indexer::step(follow::Step::Apply(world.log.batch(1, head))).unwrap();
    let StepKind::Apply { events, .. } = step.kind else { panic!("events") };
    project(&mut State::default(), &events)
}

fn kinds(changes: &Changes) -> Vec<(Address, ActivityKind)> {
    changes.activities.iter().map(|activity| (activity.user, activity.kind)).collect()
}

fn reasons(changes: &Changes) -> Vec<String> {
    changes.quarantined.iter().map(|(_, why)| why.to_string()).collect()
}

fn interest(changes: &Changes) -> Vec<String> {
    changes.open_interest.iter().map(|interest| interest.amount.to_string()).collect()
}

fn number(number: u64) -> U256 {
    U256::from(number)
}

#[test]
fn the_funder_of_a_new_pool_is_its_creator_and_never_a_factory() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    world.create_pool(user(2), &[condition], U256::ZERO, number(100));
    world.create_market(user(3), "Funded by a market factory?", &["A", "B"], number(100));
    let changes = projected(&mut world);
    assert_eq!(kinds(&changes), [(user(2), ActivityKind::AddLiquidity)]);
    assert_eq!(changes.snapshots.len(), 2);
}

#[test]
fn a_pool_is_no_user_of_its_own_splits_and_merges() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    let pool = world.create_pool(user(2), &[condition], U256::ZERO, number(1_000));
    world.buy(user(3), pool, number(100), 0);
    world.sell(user(3), pool, number(10), 0).unwrap();
    let changes = projected(&mut world);
    let trades = [Side::Buy, Side::Sell].map(|side| (user(3), ActivityKind::Trade(side)));
    assert_eq!(kinds(&changes), [(user(2), ActivityKind::AddLiquidity), trades[0], trades[1]]);
}

#[test]
fn splitting_a_union_or_a_position_moves_no_collateral() {
    let mut world = World::new(CHAIN);
    let three = world.prepare(user(1), Hash::ZERO, 3);
    let other = world.prepare(user(1), Hash::from([1; 32]), 2);
    world.split(user(4), (Hash::ZERO, three), &[number(1), number(6)], number(50));
    world.split(user(4), (Hash::ZERO, three), &[number(2), number(4)], number(20));
    let parent = ids::collection_id(Hash::ZERO, three, number(1)).unwrap();
    world.split(user(4), (parent, other), &[number(1), number(2)], number(5));
    world.merge(user(4), (Hash::ZERO, three), &[number(2), number(4)], number(20));
    let changes = projected(&mut world);
    let moved: Vec<String> =
        changes.activities.iter().map(|activity| activity.collateral_amount.to_string()).collect();
    assert_eq!(moved, ["50", "0", "0", "0"]);
    assert_eq!(interest(&changes), ["50"]);
    let stored = changes.balances.iter().filter(|(_, amount)| !amount.is_zero());
    let stored: Vec<_> =
        stored.map(|(holding, amount)| ((holding.token, holding.holder), amount.0)).collect();
    assert_eq!(stored, world.balances.into_iter().collect::<Vec<_>>());
}

#[test]
fn tokens_that_are_given_to_a_pool_move_its_price() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    let pool = world.create_pool(user(2), &[condition], U256::ZERO, number(100));
    world.split(user(4), (Hash::ZERO, condition), &[number(1), number(2)], number(100));
    let (token, address) = (world.pools[pool].tokens[0], world.pools[pool].address);
    world.transfer(token, user(4), address, number(100));
    let changes = projected(&mut world);
    let balances = &changes.snapshots.last().unwrap().state.balances;
    assert_eq!(balances.iter().map(|amount| amount.0).collect::<Vec<_>>(), [number(200), number(100)]);
}

#[test]
fn several_trades_in_a_block_make_one_snapshot_after_the_last() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Twice?", &["A", "B"], number(1_000));
    world.buy(user(2), pool, number(10), 0);
    world.buy(user(3), pool, number(30), 1);
    let changes = projected(&mut world);
    let [snapshot] = &changes.snapshots[..] else { panic!("one snapshot") };
    assert_eq!((snapshot.state.trades, snapshot.state.volume.to_string().as_str()), (2, "40"));
}

#[test]
fn trading_goes_on_after_the_resolution_and_a_losing_set_pays_nothing() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Over?", &["A", "B"], number(1_000));
    world.resolve_market(0, &[number(1), number(0)]);
    world.buy(user(2), pool, number(10), 1);
    let condition = world.pools[pool].conditions[0];
    world.redeem(user(2), (Hash::ZERO, condition), &[number(2)]);
    let changes = projected(&mut world);
    let last = changes.activities.last().unwrap();
    assert_eq!((last.kind, last.collateral_amount), (ActivityKind::Redeem, Amount::ZERO));
    assert_eq!(changes.snapshots.last().unwrap().state.trades, 1);
    assert_eq!(reasons(&changes), Vec::<String>::new());
}

#[test]
fn a_factory_cannot_claim_the_pool_or_the_market_of_another() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Mine?", &["A", "B"], number(1_000));
    world.log.mine();
    let created = world.log.blocks[0].events.clone();
    let of_kind = |kind: &str| created.iter().find(|event| event.kind == kind).unwrap().clone();
    let thief = user(66);
    for kind in ["market.created", "market.amm_deployed", "market.resolved"] {
        if kind == "market.resolved" {
            world.resolve_market(0, &[number(1), number(0)]);
            world.log.mine();
            let resolved = world.log.blocks.last().unwrap().events.last().unwrap().clone();
            world.log.emit(thief, kind, resolved.arguments);
        } else {
            world.log.emit(thief, kind, of_kind(kind).arguments);
        }
    }
    world.log.emit(MARKET_FACTORY.into(), "market.amm_deployed", of_kind("market.amm_deployed").arguments);
    let changes = projected(&mut world);
    let market = world.markets[0].0;
    let factory = Address::from(MARKET_FACTORY);
    let address = world.pools[pool].address;
    assert_eq!(
        reasons(&changes),
        [
            format!("the market id is taken by a market of {factory}"),
            format!("this factory announced no market {market}"),
            format!("the market has the pool {address} already"),
            format!("this factory announced no market {market}"),
        ]
    );
    assert_eq!(changes.links.len(), 1);
}

#[test]
fn a_pool_of_other_tokens_does_not_become_the_pool_of_a_market() {
    let mut world = World::new(CHAIN);
    world.create_market_without_link(user(1), "About this?", &["A", "B"], number(1_000));
    let other = world.prepare(user(1), Hash::ZERO, 2);
    let pool = world.create_pool(MARKET_FACTORY.into(), &[other], U256::ZERO, number(10));
    world.markets[0].1 = pool;
    world.link_markets();
    let changes = projected(&mut world);
    let address = world.pools[pool].address;
    assert_eq!(reasons(&changes), [format!("the pool {address} trades other tokens than the market")]);
    assert_eq!(changes.links, []);
}

#[test]
fn a_resolution_that_the_condition_does_not_have_is_quarantined() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Settled?", &["A", "B"], number(1_000));
    world.create_market(user(1), "Open?", &["A", "B"], number(1_000));
    world.log.mine();
    // A factory may announce before it reports; it may not announce something else.
    world.announce_resolution(0, &[number(0), number(1)]);
    world.report(world.pools[pool].conditions[0], &[number(0), number(1)]);
    world.announce_resolution(0, &[number(1), number(0)]);
    world.announce_resolution(1, &[number(1), number(0)]);
    let changes = projected(&mut world);
    assert_eq!(
        reasons(&changes),
        [
            "the condition was resolved otherwise, with payouts [0, 1]",
            "the condition of the market is not resolved"
        ]
    );
}

#[test]
fn a_transfer_that_the_history_does_not_cover_is_quarantined_as_a_whole() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    world.split(user(4), (Hash::ZERO, condition), &[number(1), number(2)], number(100));
    world.log.mine();
    let tokens = ids::position_ids(COLLATERAL.into(), &[(condition, 2)]).unwrap();
    // The log of a node that began too late: the second token's mint is not in it.
    world.balances.insert((number(77), user(4)), number(9));
    world.transfer_batch(user(4), user(5), &[tokens[0], number(77)], &[number(60), number(9)]);
    let changes = projected(&mut world);
    assert!(reasons(&changes)[0].contains("follow ConditionalTokens from its deployment"), "{changes:?}");
    let received = changes.balances.keys().filter(|holding| holding.holder == user(5)).count();
    assert_eq!((received, changes.transfers.len()), (0, 2));
}

#[test]
fn a_block_that_gives_back_what_it_took_changes_no_open_interest() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    let sets = [number(1), number(2)];
    world.split(user(4), (Hash::ZERO, condition), &sets, number(100));
    world.log.mine();
    world.split(user(5), (Hash::ZERO, condition), &sets, number(7));
    world.merge(user(4), (Hash::ZERO, condition), &sets, number(7));
    world.log.mine();
    world.merge(user(4), (Hash::ZERO, condition), &sets, number(93));
    assert_eq!(interest(&projected(&mut world)), ["100", "7"]);
}

#[test]
fn collateral_that_the_log_never_saw_cannot_be_taken_out() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    let sets = [number(1), number(2)];
    world.split(user(4), (Hash::ZERO, condition), &sets, number(100));
    world.log.mine();
    let events = &mut world.log.blocks[0].events;
    events.retain(|event| event.kind != "gnosis.conditional_tokens.PositionSplit");
    world.merge(user(4), (Hash::ZERO, condition), &sets, number(40));
    let changes = projected(&mut world);
    let why = format!("open interest of condition {condition}: ");
    assert!(reasons(&changes)[0].starts_with(&why), "{changes:?}");
    assert_eq!((kinds(&changes), interest(&changes)), (Vec::new(), Vec::new()));
}

#[test]
fn a_market_that_is_announced_before_its_condition_gets_its_tokens_later() {
    let mut world = World::new(CHAIN);
    world.create_market(user(1), "Early?", &["A", "B"], number(1_000));
    world.log.mine();
    let events = &mut world.log.blocks[0].events;
    let announcement = events.iter().position(|event| event.kind == "market.created").unwrap();
    let early = events.remove(announcement);
    events.insert(0, early);
    let changes = projected(&mut world);
    assert_eq!(reasons(&changes), Vec::<String>::new());
    let market = MarketId::Factory(world.markets[0].0);
    let tokens = changes.tokens.iter().find(|tokens| tokens.market_id == market).unwrap();
    assert_eq!(tokens.tokens.ids, world.pools[0].tokens);
}

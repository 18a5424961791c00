//! Pools that are not as their contracts say are found, left out, and read again; those that are, never.

use alloy::primitives::{Address, B256};
use capstan_devnet::Options;
use capstan_faults::{Fault, Script};
use capstan_proto::quoter::{
    self as wire, ChainHealth, GetHealthRequest, GetPoolRequest, ListPoolsRequest, Pool, PoolProblem,
    QuoteRequest, QuoteStatus, pool::State, quote_request::Amount,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Client, Counts, ask, client, compare, level, lies, pools};
use crate::house::House;

const SEED: u64 = 47;
/// Every pool in every block.
const ALWAYS: &str = "[quoter]\ncheck_every_blocks = 1\ncheck_pools = 1000\n";

fn options() -> Options {
    Options { seed: SEED, venues: true, transactions_per_block: 6, ..Options::default() }
}

pub(super) async fn health(client: &mut Client) -> ChainHealth {
    client.get_health(GetHealthRequest {}).await.unwrap().into_inner().chains.remove(0)
}

/// Waits until the quoter says so of itself.
pub(super) async fn until(client: &mut Client, so: impl Fn(&ChainHealth) -> bool) -> ChainHealth {
    loop {
        let health = health(client).await;
        if so(&health) {
            return health;
        }
    }
}

async fn pool(client: &mut Client, id: &str) -> Pool {
    let request = GetPoolRequest { pool_id: id.to_owned(), chain_id: 0 };
    client.get_pool(request).await.unwrap().into_inner().pool.unwrap()
}

/// Initialized ticks around a pool's price.
fn around(pool: &Pool) -> (i32, i32) {
    let Some(State::Concentrated(state)) = &pool.state else { panic!("{pool:?}") };
    let above = state.ticks.partition_point(|tick| tick.tick <= state.tick);
    (state.ticks[above - 1].tick, state.ticks[above].tick)
}

/// Makes a contract of every kind lie, and gives the pools.
async fn lie(house: &House, client: &mut Client) -> Vec<String> {
    let all = pools(client).await;
    let of = |protocol: &str| all.iter().filter(|pool| pool.protocol == protocol).nth(1).unwrap().clone();
    let (v3, v4) = (of("uniswap.v3"), of("uniswap.v4"));
    lies::about_a_pool(house, v3.pool_id.parse::<Address>().unwrap(), around(&v3)).await;
    lies::about_a_key(house, v4.pool_id.parse::<B256>().unwrap(), around(&v4)).await;
    vec![lies::about_a_pair(house).await, lies::about_a_fee(house).await, v3.pool_id, v4.pool_id]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_log_did_not_say_is_found_and_read_from_the_contracts() {
    let sections = "[quoter]\ncheck_every_blocks = 3\ncheck_pools = 1000\n";
    let mut house = House::open_quoting(options(), sections).await;
    let mut client = client(&house).await;
    level(&house, &mut client).await;
    let lied = lie(&house, &mut client).await;
    house.devnet.mine_empty(3).await.unwrap();
    let told = until(&mut client, |health| health.drifted_total >= 4 && health.pools_unusable <= 1).await;
    assert_eq!(told.drifted_total, 4, "each is found once: {told:?}");
    for id in &lied {
        assert_eq!(pool(&mut client, id).await.problem(), PoolProblem::Unspecified, "{id}");
    }
    let (mut rng, mut counts) = (StdRng::seed_from_u64(SEED), Counts::default());
    let head = level(&house, &mut client).await;
    compare(&house, head, (150, &mut rng), &mut counts).await;
    // With traffic, and after reorgs to after and to before the pools were read.
    for depth in [2, 12] {
        for _ in 0..4 {
            house.devnet.step().await.unwrap();
        }
        house.devnet.reorg(depth).await.unwrap();
        house.devnet.mine_empty(1).await.unwrap();
        level(&house, &mut client).await;
        let told = until(&mut client, |health| health.pools_unusable <= 1).await;
        assert_eq!(told.drifted_total, 4, "nothing drifts again: {told:?}");
        let head = level(&house, &mut client).await;
        compare(&house, head, (50, &mut rng), &mut counts).await;
    }
    house.stop().await;
}

/// A question whose answer goes through a pool.
fn through(pool: &Pool) -> QuoteRequest {
    QuoteRequest {
        token_in: pool.tokens[0].clone(),
        token_out: pool.tokens[1].clone(),
        amount: Some(Amount::AmountIn("1000000000".to_owned())),
        max_splits: 1,
        max_hops: 1,
        timeout_ms: 5_000,
        ..QuoteRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_cannot_be_followed_stays_out_of_every_route_and_says_so() {
    let mut house = House::open_quoting(options(), ALWAYS).await;
    let mut client = client(&house).await;
    level(&house, &mut client).await;
    let all = pools(&mut client).await;
    let mut used = None;
    for pool in all.iter().filter(|pool| pool.protocol == "uniswap.v3") {
        let quote = ask(&mut client, &through(pool)).await;
        if quote.status() == QuoteStatus::Ok && quote.routes[0].hops[0].pool_id == pool.pool_id {
            used = Some(pool);
            break;
        }
    }
    let pool = used.expect("a pool of V3 is the best for its tokens");
    lies::about_the_sum(&house, pool.pool_id.parse().unwrap()).await;
    house.devnet.mine_empty(1).await.unwrap();
    until(&mut client, |health| health.drifted_total >= 1).await;
    let mut told = self::pool(&mut client, &pool.pool_id).await;
    assert_eq!(told.problem(), PoolProblem::Drifted, "it is out at once: {told:?}");
    while !told.problem_detail.contains("it drifted 3 times and stays out") {
        house.devnet.mine_empty(1).await.unwrap();
        level(&house, &mut client).await;
        told = self::pool(&mut client, &pool.pool_id).await;
        assert_eq!(told.problem(), PoolProblem::Drifted, "{told:?}");
    }
    assert!(told.problem_detail.contains("liquidity"), "{told:?}");
    let quote = ask(&mut client, &through(pool)).await;
    assert!(quote.routes.iter().flat_map(|route| &route.hops).all(|hop| hop.pool_id != pool.pool_id));
    let skipped = wire::SkippedPool { pool_id: pool.pool_id.clone(), problem: PoolProblem::Drifted.into() };
    assert!(quote.completeness.unwrap().pools_skipped.contains(&skipped));
    for include_unusable in [false, true] {
        let request = ListPoolsRequest { page_size: 500, include_unusable, ..ListPoolsRequest::default() };
        let listed = client.list_pools(request).await.unwrap().into_inner().pools;
        let listed = listed.iter().find(|listed| listed.pool_id == pool.pool_id);
        assert_eq!(listed.map(Pool::problem), include_unusable.then_some(PoolProblem::Drifted));
    }
    let before = health(&mut client).await;
    house.devnet.mine_empty(3).await.unwrap();
    level(&house, &mut client).await;
    until(&mut client, |health| health.compared_total > before.compared_total).await;
    assert_eq!(health(&mut client).await.drifted_total, 3, "it is not tried again");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_true_never_drifts_through_traffic_and_reorgs() {
    let mut house = House::open_quoting(options(), ALWAYS).await;
    let mut client = client(&house).await;
    let mut rng = StdRng::seed_from_u64(SEED);
    level(&house, &mut client).await;
    for round in 0..25 {
        let before = health(&mut client).await.compared_total;
        house.devnet.step().await.unwrap();
        match round % 6 {
            2 => house.devnet.reorg(rng.random_range(1..6)).await.unwrap(),
            5 => house.devnet.reorg_postponing(rng.random_range(1..6)).await.unwrap(),
            _ => {}
        }
        level(&house, &mut client).await;
        until(&mut client, |health| health.compared_total > before).await;
    }
    let told = health(&mut client).await;
    assert!(told.compared_total > 300, "{told:?}");
    assert_eq!(told.drifted_total, 0, "{told:?}");
    println!("{told:?}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_no_node_tells_anything_nothing_drifts() {
    let mut house = House::open_quoting(options(), ALWAYS).await;
    let mut client = client(&house).await;
    level(&house, &mut client).await;
    until(&mut client, |health| health.compared_total > 0).await;
    for fault in [Fault::Unavailable, Fault::Reset, Fault::Refuse("eth_call", -32_000, "missing trie node")] {
        house.node.as_ref().unwrap().follow(Script::always(fault));
        let before = health(&mut client).await;
        house.devnet.step().await.unwrap();
        let told =
            until(&mut client, |health| health.compare_failures_total > before.compare_failures_total).await;
        assert_eq!(told.drifted_total, 0, "{fault:?}");
        assert!(pools(&mut client).await.iter().any(|pool| pool.protocol == "uniswap.v3"), "{fault:?}");
    }
    house.node.as_ref().unwrap().follow(Script::honest());
    let before = health(&mut client).await;
    while health(&mut client).await.compared_total == before.compared_total {
        house.devnet.step().await.unwrap();
        level(&house, &mut client).await;
    }
    assert_eq!(health(&mut client).await.drifted_total, 0);
    house.stop().await;
}

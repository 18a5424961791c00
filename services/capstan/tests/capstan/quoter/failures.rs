//! Whatever is stopped, goes away or is taken back, and when: quotes go on, and afterwards every pool is as its contract says.

use capstan_devnet::Options;
use capstan_faults::{Fault, Script};
use capstan_indexer::Indexer;
use capstan_proto::quoter::{
    GetGasFeesRequest, Objective, Pool, Quote, QuoteRequest, QuoteStatus, quote_request::Amount,
};
use capstan_quoter::Quoter;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Client, Counts, ask, client, compare,
    drift::{health, until},
    level, pools,
};
use crate::house::House;

fn options(seed: u64) -> Options {
    Options { seed, venues: true, transactions_per_block: 6, ..Options::default() }
}

/// Blocks below which no reorg goes, as the contracts are made there.
const FIRST_BLOCKS: usize = 10;

async fn open(seed: u64, sections: &str) -> (House, StdRng) {
    let mut house = House::open_quoting(options(seed), sections).await;
    for _ in 0..FIRST_BLOCKS {
        house.devnet.step().await.unwrap();
    }
    (house, StdRng::seed_from_u64(seed))
}

/// Blocks with traffic, and now and then a reorg, as the seed has it.
async fn live(house: &mut House, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..5) {
        house.devnet.step().await.unwrap();
    }
    match rng.random_range(0..3) {
        0 => house.devnet.reorg(rng.random_range(1..9)).await.unwrap(),
        1 => house.devnet.reorg_postponing(rng.random_range(1..9)).await.unwrap(),
        _ => {}
    }
    house.devnet.step().await.unwrap();
}

/// Holds all pools and some paths against the contracts, once everybody is level with the chain.
async fn hold(house: &House, rng: &mut StdRng) {
    let mut client = client(house).await;
    level(house, &mut client).await;
    until(&mut client, |health| health.pools_unusable <= 1).await;
    let head = level(house, &mut client).await;
    compare(house, head, (60, rng), &mut Counts::default()).await;
    let health = health(&mut client).await;
    assert_eq!(health.drifted_total, 0, "{health:?}");
}

/// A quote of the chain's first two tokens, with a longest age.
async fn quote(house: &House, client: &mut Client, max_staleness_ms: Option<u64>) -> Quote {
    let tokens = &house.devnet.deployment().tokens;
    let request = QuoteRequest {
        token_in: tokens[0].address.to_string(),
        token_out: tokens[3].address.to_string(),
        amount: Some(Amount::AmountIn("1000000".to_owned())),
        max_staleness_ms,
        // Neither what gas costs nor how busy the machine is may change the answer.
        objective: Objective::Gross.into(),
        timeout_ms: 5_000,
        ..QuoteRequest::default()
    };
    ask(client, &request).await
}

async fn sorted(client: &mut Client) -> Vec<Pool> {
    let mut pools = pools(client).await;
    pools.sort_by(|one, other| one.pool_id.cmp(&other.pool_id));
    pools
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quoter_that_was_stopped_in_the_middle_knows_the_same_as_before() {
    let seed = 61;
    let (mut house, mut rng) = open(seed, "").await;
    for _ in 0..3 {
        live(&mut house, &mut rng).await;
        let mut client = client(&house).await;
        level(&house, &mut client).await;
        let before = sorted(&mut client).await;
        house.stop_one::<Quoter>().await;
        house.start_again::<Quoter>().await;
        house.serving().await;
        assert_eq!(sorted(&mut client).await, before, "seed {seed}");
        // Not level yet when it is stopped, and taken back while it is away.
        house.devnet.step().await.unwrap();
        house.stop_one::<Quoter>().await;
        live(&mut house, &mut rng).await;
        house.start_again::<Quoter>().await;
        house.serving().await;
        hold(&house, &mut rng).await;
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_go_on_without_the_indexer_and_say_how_old_they_are() {
    let seed = 62;
    let (mut house, mut rng) = open(seed, "").await;
    let mut client = client(&house).await;
    for _ in 0..2 {
        let head = format!("{:#x}", level(&house, &mut client).await);
        house.stop_one::<Indexer>().await;
        let first = quote(&house, &mut client, None).await;
        live(&mut house, &mut rng).await;
        let last = loop {
            let quote = quote(&house, &mut client, None).await;
            if quote.state_age_ms > first.state_age_ms {
                break quote;
            }
        };
        for quote in [&first, &last] {
            assert_eq!(quote.status(), QuoteStatus::Ok);
            assert_eq!(quote.as_of.as_ref().unwrap().block.as_ref().unwrap().hash, head);
        }
        assert_eq!(first.amount_out, last.amount_out);
        let stale = quote(&house, &mut client, Some(first.state_age_ms)).await;
        assert_eq!(stale.status(), QuoteStatus::StaleState, "{stale:?}");
        let fresh = quote(&house, &mut client, Some(first.state_age_ms + 3_600_000)).await;
        assert_eq!(fresh.status(), QuoteStatus::Ok);
        house.start_again::<Indexer>().await;
        hold(&house, &mut rng).await;
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_go_on_without_a_node_and_gas_ages() {
    let seed = 63;
    let sections = "[quoter]\ncheck_every_blocks = 1\nrequest_timeout_ms = 2000\n";
    let (mut house, mut rng) = open(seed, sections).await;
    let mut client = client(&house).await;
    hold(&house, &mut rng).await;
    // A copied chain's node tells no fees until it has made some blocks itself.
    while health(&mut client).await.gas_age_ms.is_none() {
        house.devnet.step().await.unwrap();
        level(&house, &mut client).await;
    }
    house.node.as_ref().unwrap().follow(Script::always(Fault::Unavailable));
    live(&mut house, &mut rng).await;
    let head = format!("{:#x}", level(&house, &mut client).await);
    let before = health(&mut client).await.gas_age_ms;
    until(&mut client, |health| health.gas_age_ms > before).await;
    let told = quote(&house, &mut client, None).await;
    assert_eq!((told.status(), told.routes.is_empty()), (QuoteStatus::Ok, false));
    assert_eq!(told.as_of.unwrap().block.unwrap().hash, head);
    house.node.as_ref().unwrap().follow(Script::honest());
    while health(&mut client).await.pools_unusable > 1 {
        house.devnet.step().await.unwrap();
        level(&house, &mut client).await;
    }
    let head = format!("{:#x}", house.head().await);
    loop {
        let fees = client.get_gas_fees(GetGasFeesRequest { chain_id: 0 }).await.unwrap().into_inner().fees;
        if fees.unwrap().as_of.unwrap().block.unwrap().hash == head {
            break;
        }
    }
    hold(&house, &mut rng).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_when_every_pool_is_as_its_contract_says_at_the_end() {
    let seed = 64;
    let (mut house, mut rng) = open(seed, "[quoter]\ncheck_every_blocks = 1\n").await;
    for round in 0..8 {
        let is_away = rng.random_range(0..4);
        match is_away {
            0 => house.stop_one::<Quoter>().await,
            1 => house.stop_one::<Indexer>().await,
            2 => house.node.as_ref().unwrap().follow(Script::seeded(
                round,
                500,
                &[Fault::Reset, Fault::Unavailable],
            )),
            _ => {}
        }
        live(&mut house, &mut rng).await;
        live(&mut house, &mut rng).await;
        match is_away {
            0 => house.start_again::<Quoter>().await,
            1 => house.start_again::<Indexer>().await,
            _ => {}
        }
        live(&mut house, &mut rng).await;
        house.node.as_ref().unwrap().follow(Script::honest());
        if round % 2 == 1 {
            house.serving().await;
            settle(&mut house).await;
            hold(&house, &mut rng).await;
        }
    }
    house.stop().await;
}

/// Blocks, until the vaults were read again after a node was away.
async fn settle(house: &mut House) {
    let mut client = client(house).await;
    level(house, &mut client).await;
    while health(&mut client).await.pools_unusable > 1 {
        house.devnet.step().await.unwrap();
        level(house, &mut client).await;
    }
}

//! Every quote is what the exchanges' own contracts say in that block, to the last unit: before and after swaps, mints and
//! burns, and after reorgs.

mod chain;
mod drift;
mod failures;
mod lies;
mod properties;
mod refusals;
mod swap;
mod tokens;
mod verify;

use alloy::primitives::{B256, U256};
use capstan_devnet::Options;
use capstan_proto::quoter::{
    self as wire, GetHealthRequest, GetPoolRequest, GetQuoteRequest, ListPoolsRequest, Pool, Quote,
    QuoteRequest, QuoteStatus, quote_request::Amount, quoter_service_client::QuoterServiceClient,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tonic::transport::Channel;

use self::chain::{Contracts, Truth, number};
use crate::house::House;

const SEED: u64 = 31;
type Client = QuoterServiceClient<Channel>;

async fn client(house: &House) -> Client {
    QuoterServiceClient::connect(house.url()).await.unwrap()
}

/// Waits until the quoter is level with the chain.
async fn level(house: &House, client: &mut Client) -> B256 {
    let head = house.level().await;
    loop {
        let health = client.get_health(GetHealthRequest {}).await.unwrap().into_inner();
        let block = health.chains[0].as_of.as_ref().and_then(|as_of| as_of.block.as_ref());
        if block.is_some_and(|block| block.hash == format!("{head:#x}")) {
            return head;
        }
    }
}

/// Every pool that is used, with its ticks.
async fn pools(client: &mut Client) -> Vec<Pool> {
    let request = ListPoolsRequest { page_size: 500, ..ListPoolsRequest::default() };
    let listed = client.list_pools(request).await.unwrap().into_inner().pools;
    let mut pools = Vec::new();
    for pool in listed {
        let request = GetPoolRequest { pool_id: pool.pool_id, chain_id: 0 };
        pools.push(client.get_pool(request).await.unwrap().into_inner().pool.unwrap());
    }
    pools
}

/// A walk through one to three pools, by random.
fn path<'p>(pools: &'p [Pool], rng: &mut StdRng) -> Option<(Vec<&'p Pool>, String, String)> {
    let first = pools.choose(rng)?;
    let start = first.tokens.choose(rng)?.clone();
    let (mut at, mut passed, mut path) = (start.clone(), vec![start.clone()], Vec::new());
    for _ in 0..rng.random_range(1..=3) {
        let free = |pool: &&Pool| {
            pool.tokens.contains(&at) && pool.tokens.iter().any(|token| !passed.contains(token))
        };
        let choices: Vec<&Pool> = pools.iter().filter(free).collect();
        let pool: &Pool = if path.is_empty() { first } else { choices.choose(rng)? };
        let next: Vec<&String> = pool.tokens.iter().filter(|token| !passed.contains(token)).collect();
        at.clone_from(*next.choose(rng)?);
        passed.push(at.clone());
        path.push(pool);
    }
    Some((path, start, at))
}

/// Everything but a path is left out, so that the answer is about it.
fn request(pools: &[Pool], path: &[&Pool], ends: (&str, &str), amount: Amount) -> QuoteRequest {
    let others = pools.iter().filter(|pool| path.iter().all(|part| part.pool_id != pool.pool_id));
    QuoteRequest {
        token_in: ends.0.to_owned(),
        token_out: ends.1.to_owned(),
        amount: Some(amount),
        max_hops: u32::try_from(path.len()).unwrap(),
        max_splits: 1,
        excluded_pools: others.map(|pool| pool.pool_id.clone()).collect(),
        timeout_ms: 5_000,
        ..QuoteRequest::default()
    }
}

async fn ask(client: &mut Client, request: &QuoteRequest) -> Quote {
    let request = GetQuoteRequest { quote: Some(request.clone()) };
    client.get_quote(request).await.unwrap().into_inner().quote.unwrap()
}

/// An amount of any size, the small ones as likely as the large.
fn amount(rng: &mut StdRng) -> U256 {
    U256::from(rng.random::<u128>()).wrapping_shr(rng.random_range(48..126)).max(U256::ONE)
}

/// How often each way of comparing was taken.
#[derive(Debug, Default)]
struct Counts {
    exact_in: usize,
    exact_out: usize,
    hops: [usize; 3],
    ticks: u32,
    mixed: usize,
    refused: usize,
}

/// Holds random paths against the contracts.
async fn compare(house: &House, head: B256, (paths, rng): (usize, &mut StdRng), counts: &mut Counts) {
    let mut client = client(house).await;
    let contracts = Contracts::at(house, head);
    let pools = pools(&mut client).await;
    for protocol in ["uniswap.v2", "uniswap.v3", "uniswap.v4", "balancer.v2.weighted", "erc4626", "weth9"] {
        assert!(pools.iter().any(|pool| pool.protocol == protocol), "{protocol}");
    }
    for pool in &pools {
        contracts.compare(pool).await;
    }
    let mut done = 0;
    while done < paths {
        let Some((path, from, to)) = path(&pools, rng) else { continue };
        let exact_in = rng.random();
        let text = amount(rng).to_string();
        let amount = if exact_in { Amount::AmountIn(text) } else { Amount::AmountOut(text) };
        let request = request(&pools, &path, (&from, &to), amount);
        let quote = ask(&mut client, &request).await;
        assert_eq!(quote.as_of.as_ref().unwrap().block.as_ref().unwrap().hash, format!("{head:#x}"));
        done += 1;
        match quote.status() {
            QuoteStatus::Ok => compare_quote(&contracts, &pools, (&quote, exact_in), counts).await,
            QuoteStatus::InsufficientLiquidity | QuoteStatus::AmountTooSmall => {
                counts.refused += 1;
                compare_refusal(&contracts, &path, (&request, &quote)).await;
            }
            other => panic!("{other:?} {quote:?} {request:?}"),
        }
    }
}

async fn compare_quote(
    contracts: &Contracts<'_>,
    pools: &[Pool],
    (quote, exact_in): (&Quote, bool),
    counts: &mut Counts,
) {
    assert_eq!(quote.routes.len(), 1);
    let hops = &quote.routes[0].hops;
    let of = |hop: &wire::Hop| pools.iter().find(|pool| pool.pool_id == hop.pool_id).unwrap();
    for hop in hops {
        let told = contracts.swap(of(hop), hop, exact_in).await.unwrap_or_else(|| panic!("reverts: {hop:?}"));
        let ours = number::<U256>(if exact_in { &hop.amount_out } else { &hop.amount_in });
        let price =
            hop.sqrt_price_x96_after.as_ref().map(|price| (number(price), hop.ticks_crossed.unwrap()));
        assert_eq!(
            Truth { amount: ours, price: price.filter(|_| told.price.is_some()) },
            told,
            "{hop:?}, seed {SEED}"
        );
        counts.ticks += hop.ticks_crossed.unwrap_or_default();
    }
    assert!(hops.windows(2).all(|pair| pair[0].amount_out == pair[1].amount_in));
    assert_eq!((&quote.amount_in, &quote.amount_out), (&hops[0].amount_in, &hops.last().unwrap().amount_out));
    if exact_in {
        let path: Vec<&Pool> = hops.iter().map(of).collect();
        if let Some(told) = contracts.mixed(&path, hops).await {
            assert_eq!(told.to_string(), quote.amount_out, "{hops:?}");
            counts.mixed += 1;
        }
        counts.exact_in += 1;
    } else {
        counts.exact_out += 1;
    }
    counts.hops[hops.len() - 1] += 1;
}

/// One pool that refuses does so on the chain, too; and what is said to be fillable can be filled.
async fn compare_refusal(
    contracts: &Contracts<'_>,
    path: &[&Pool],
    (request, quote): (&QuoteRequest, &Quote),
) {
    let [pool] = path else { return };
    let (amount, exact_in) = match request.amount.as_ref().unwrap() {
        Amount::AmountIn(amount) => (amount, true),
        Amount::AmountOut(amount) => (amount, false),
    };
    let hop = wire::Hop {
        pool_id: pool.pool_id.clone(),
        token_in: request.token_in.clone(),
        token_out: request.token_out.clone(),
        amount_in: amount.clone(),
        amount_out: amount.clone(),
        ..wire::Hop::default()
    };
    let told = contracts.swap(pool, &hop, exact_in).await;
    if quote.status() == QuoteStatus::AmountTooSmall {
        assert!(told.is_none_or(|told| told.amount.is_zero()), "{told:?} {quote:?}");
    } else if pool.protocol != "uniswap.v2" {
        assert_eq!(told, None, "{quote:?} {hop:?}");
        let most = quote.max_fillable.as_ref().unwrap_or_else(|| panic!("{quote:?} {pool:?}"));
        let hop = wire::Hop { amount_in: most.clone(), amount_out: most.clone(), ..hop };
        assert!(contracts.swap(pool, &hop, exact_in).await.is_some(), "{most} {pool:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_are_the_contracts_own_through_traffic_and_reorgs() {
    let options = Options { seed: SEED, venues: true, transactions_per_block: 8, ..Options::default() };
    let mut house = House::open(options).await;
    let mut client = client(&house).await;
    let (mut rng, mut counts) = (StdRng::seed_from_u64(SEED), Counts::default());
    let head = level(&house, &mut client).await;
    compare(&house, head, (800, &mut rng), &mut counts).await;
    for round in 0..5 {
        for _ in 0..6 {
            house.devnet.step().await.unwrap();
        }
        match round {
            1 => house.devnet.reorg(4).await.unwrap(),
            3 => house.devnet.reorg_postponing(5).await.unwrap(),
            _ => {}
        }
        let head = level(&house, &mut client).await;
        compare(&house, head, (650, &mut rng), &mut counts).await;
    }
    let Counts { exact_in, exact_out, hops, ticks, mixed, refused } = counts;
    let told = format!("{counts:?}, seed {SEED}");
    assert!(exact_in + exact_out >= 2_000 && exact_out > 500 && refused > 100, "{told}");
    assert!(hops.iter().all(|count| *count > 100) && ticks > 500 && mixed > 200, "{told}");
    println!("{told}");
    house.stop().await;
}

//! Routes among some 20 pools: how long the best one and a split take, and how good the split is.

use std::{collections::HashMap, time::Instant};

use anyhow::{Context, Result};
use capstan_primitives::{Address, U256};
use capstan_quoter::domain::{
    pool::PoolId,
    quote::{Ask, GasNow, Given, Quote, Status, quote},
    route::Side,
    state::{Entry, Pools},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    greedy,
    options::Options,
    pools::{TIERS, Token, concentrated, pair, tokens, two, weighted},
};
use crate::say;

/// Pools of each kind: V3 and V2 between hubs, V3 and V2 of a hub and another token, weighted ones between hubs.
const KINDS: [usize; 5] = [12, 4, 2, 1, 1];
const HUBS: usize = 4;
const HOPS: usize = 3;
/// Dollars of a quote.
const DOLLARS: (u64, u64) = (100, 2_000_000);

/// What was measured.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Milliseconds of single and of split quotes, by run, shortest first.
    pub(super) single: Vec<Vec<f64>>,
    pub(super) split: Vec<Vec<f64>>,
    /// Complete paths of a query, on average.
    pub(super) candidates: f64,
    /// Basis points by which a split is worse than the best greedy one, best first.
    pub(super) worse_bp: Vec<f64>,
}

/// Measures single routes, splits, and what splits leave.
pub(super) fn run(options: &Options) -> Result<Results> {
    let dice = &mut ChaCha8Rng::seed_from_u64(options.seed);
    let tokens = tokens();
    let pools = some(dice, &tokens)?;
    let asks = asks(dice, &tokens, &pools, options.routes as usize)?;
    let counts = asks.iter().map(|ask| Ok(greedy::every_path(&pools, ask, HOPS)?.len()));
    let counts = counts.collect::<Result<Vec<usize>>>()?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than a float counts exactly")]
    let candidates = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    say(&format!("{} quotes over {} pools, {candidates:.1} paths each", asks.len(), pools.len()));
    let mut results = Results { candidates, ..Results::default() };
    for run in 1..=options.runs {
        results.single.push(timed(&pools, &asks, 1));
        results.split.push(timed(&pools, &asks, options.split_routes));
        let last =
            [&results.single, &results.split].map(|runs| runs.last().and_then(|times| percentile(times, 99)));
        say(&format!("  run {run}: 99 of 100 single and split quotes took at most {last:?} ms"));
    }
    results.worse_bp = compared(&pools, &asks, options)?;
    say(&format!("  splits worse than the best greedy one by {:?} bp at most", results.worse_bp.last()));
    Ok(results)
}

fn some(dice: &mut ChaCha8Rng, tokens: &[Token]) -> Result<Pools> {
    let (hubs, others) = tokens.split_at_checked(HUBS).context("too few tokens")?;
    let [hub_ticks, hub_pairs, ticks, pairs, weights] = KINDS;
    let mut pools = Pools::default();
    let mut tiers = TIERS.into_iter().cycle();
    let mut other = others.iter().cycle();
    for number in 0..hub_ticks + ticks {
        let hub = two(dice, hubs)?;
        let ends = if number < hub_ticks { hub } else { (hub.0, *other.next().context("no token")?) };
        add(&mut pools, concentrated(dice, ends, tiers.next().context("no tier")?)?);
    }
    for number in 0..hub_pairs + pairs {
        let hub = two(dice, hubs)?;
        let ends = if number < hub_pairs { hub } else { (hub.1, *other.next().context("no token")?) };
        add(&mut pools, pair(dice, ends)?);
    }
    for _ in 0..weights {
        let ends = two(dice, hubs)?;
        add(&mut pools, weighted(dice, ends)?);
    }
    Ok(pools)
}

/// Adds a pool at an address of its own.
pub(super) fn add(pools: &mut Pools, pool: std::sync::Arc<dyn capstan_quoter::domain::pool::Pool>) {
    let mut address = [0xee; 20];
    for (byte, of_number) in address.iter_mut().zip(pools.len().to_be_bytes()) {
        *byte = of_number;
    }
    let id = PoolId::Contract(Address::from(address));
    pools.add(Entry { id, factory: None, pool, problem: None });
}

/// Questions between random tokens that have an answer.
fn asks(dice: &mut ChaCha8Rng, tokens: &[Token], pools: &Pools, count: usize) -> Result<Vec<Ask>> {
    let mut asks = Vec::new();
    while asks.len() < count {
        let (first, second) = two(dice, tokens)?;
        let (from, to) = if dice.random() { (first, second) } else { (second, first) };
        let dollars = (DOLLARS.1 >> dice.random_range(0..14)).max(DOLLARS.0);
        let ask = ask((from.address, to.address), from.worth(dice.random_range(dollars / 2..dollars)), HOPS);
        if answered(pools, &ask, 1).status == Status::Ok {
            asks.push(ask);
        }
    }
    Ok(asks)
}

/// A question for an exact input, gross of gas.
pub(super) const fn ask((token_in, token_out): (Address, Address), amount: U256, max_hops: usize) -> Ask {
    Ask {
        router: None,
        token_in,
        token_out,
        side: Side::In,
        amount,
        slippage_bps: 50,
        max_hops,
        max_splits: 1,
        is_net: false,
        protocols: Vec::new(),
        excluded_pools: Vec::new(),
        excluded_tokens: Vec::new(),
        gas_price: None,
        min_block: None,
        max_staleness_ms: None,
        timeout_ms: 10_000,
    }
}

/// The answer with so many routes at most.
pub(super) fn answered(pools: &Pools, ask: &Ask, max_splits: usize) -> Quote {
    let refused_tokens = HashMap::new();
    let given = Given { pools, refused_tokens: &refused_tokens, gas: GasNow::default(), coin: None };
    quote(given, &Ask { max_splits, ..ask.clone() }, &|| false)
}

/// Milliseconds of every answer, shortest first.
fn timed(pools: &Pools, asks: &[Ask], max_splits: usize) -> Vec<f64> {
    let time = |ask: &Ask| {
        let begun = Instant::now();
        std::hint::black_box(answered(pools, ask, max_splits));
        begun.elapsed().as_secs_f64() * 1e3
    };
    let mut times: Vec<f64> = asks.iter().map(time).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// The value that so many percent do not exceed, of sorted ones.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

fn compared(pools: &Pools, asks: &[Ask], options: &Options) -> Result<Vec<f64>> {
    let count = options.splits as usize;
    let mut worse = Vec::new();
    // Spread over all of them.
    for ask in asks.iter().step_by(asks.len().div_ceil(count).max(1)) {
        let ours = answered(pools, ask, options.split_routes).amount_out;
        let reference = greedy::best(pools, ask, HOPS)?;
        // Thousandths of a basis point, of amounts that are far below 2^200.
        let scale = |amount: U256| amount * U256::from(10_000_000) / reference.max(U256::ONE);
        let (whole, part) = (i64::try_from(scale(reference))?, i64::try_from(scale(ours))?);
        worse.push(f64::from(i32::try_from(whole - part)?) / 1e3);
    }
    worse.sort_by(f64::total_cmp);
    Ok(worse)
}

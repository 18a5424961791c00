//! Paths through V3 pools that every side quotes, and what it takes them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use capstan_primitives::U256;
use capstan_quoter::domain::pool::{Pool, Way};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    options::Options,
    peer::Peer,
    pools::{TIERS, Token, concentrated, tokens, two},
    sdk::Sdk,
};
use crate::{process::cpu_s, say};

const POOLS: usize = 28;
/// Of ten paths, so many have one hop, two, and three: 2.2 on average.
const LENGTHS: [usize; 10] = [1, 1, 2, 2, 2, 2, 3, 3, 3, 3];
/// Lengths of paths.
pub(super) const HOPS: [usize; 3] = [1, 2, 3];
/// Amounts are the most that a pool takes, halved so often at most: down to about a cent.
const HALVINGS: u32 = 30;

/// A pool as its event log tells it.
#[derive(Debug, Clone)]
pub(super) struct V3 {
    pub(super) pool: Arc<dyn Pool>,
    pub(super) tokens: (Token, Token),
    pub(super) fee: u32,
    pub(super) spacing: i32,
}

/// Pools in a row, by their places, with the amount that goes in.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) hops: Vec<(usize, Way)>,
    pub(super) amount: U256,
}

/// What everybody quotes.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) pools: Vec<V3>,
    /// By their length, the shortest first.
    pub(super) paths: Vec<Path>,
    /// What comes out of each.
    pub(super) outputs: Vec<U256>,
}

/// Microseconds of processor time of one quote, by the length of paths.
pub(super) type Costs = [f64; 3];

/// Costs of all runs.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) ours: Vec<Costs>,
    pub(super) sdk: Vec<Costs>,
    pub(super) peer: Vec<Costs>,
    /// How many paths there are of each length.
    pub(super) counts: [usize; 3],
    pub(super) exhausted: usize,
}

/// Quotes the same paths by all sides in turns, after it was seen that all say the same.
pub(super) async fn run(options: &Options) -> Result<Results> {
    let dice = &mut ChaCha8Rng::seed_from_u64(options.seed);
    let pools = made(dice)?;
    let peers = pools.iter().map(Peer::of).collect::<Result<Vec<_>>>()?;
    let (workload, exhausted) = Workload::drawn(dice, pools, &peers, options.paths as usize)?;
    let counts = HOPS.map(|hops| workload.of_length(hops).count());
    say(&format!(
        "{} paths through {POOLS} pools, {counts:?} by hops; {exhausted} left out",
        workload.paths.len()
    ));
    let sdk = Sdk::prepare(&workload)?;
    let mut results = Results { counts, exhausted, ..Results::default() };
    let least = Duration::from_millis(options.cpu_ms.into());
    for run in 1..=options.runs {
        results.ours.push(timed(&workload, least, |path| quoted(&workload.pools, path))?);
        results.peer.push(timed(&workload, least, |path| super::peer::quoted(&peers, path).ok()?)?);
        results.sdk.push(sdk.run(&workload, least).await?);
        let last = [&results.ours, &results.peer, &results.sdk].map(|costs| costs.last().copied());
        say(&format!("  run {run}: microseconds of us, the crate's loop and the SDK by hops: {last:?}"));
    }
    Ok(results)
}

fn made(dice: &mut ChaCha8Rng) -> Result<Vec<V3>> {
    let tokens = tokens();
    let hubs = tokens.get(..4).context("too few tokens")?;
    let tiers = TIERS.iter().cycle().take(POOLS).enumerate();
    let pool = |(place, (fee, spacing)): (usize, &(u32, i32))| {
        let pair = two(dice, if place % 2 == 0 { hubs } else { &tokens })?;
        let pool = concentrated(dice, pair, (*fee, *spacing))?;
        Ok(V3 { pool, tokens: pair, fee: *fee, spacing: *spacing })
    };
    tiers.map(pool).collect()
}

impl Workload {
    /// Paths that can be filled, and how many were drawn that cannot; the peer has to say the same of every one.
    fn drawn(dice: &mut ChaCha8Rng, pools: Vec<V3>, peers: &[Peer], count: usize) -> Result<(Self, usize)> {
        let (mut drawn, mut exhausted) = (Vec::new(), 0);
        while drawn.len() < count {
            let length = LENGTHS.get(drawn.len() % LENGTHS.len()).copied().context("no length")?;
            let Some(path) = random(dice, &pools, length) else { continue };
            let (ours, theirs) = (quoted(&pools, &path), super::peer::quoted(peers, &path)?);
            ensure!(ours == theirs, "{path:?} gives {ours:?} by us and {theirs:?} by uniswap_v3_math");
            match ours {
                Some(output) if !output.is_zero() => drawn.push((path, output)),
                // Nothing is no amount for a swap.
                Some(_) => {}
                None => exhausted += 1,
            }
        }
        drawn.sort_by_key(|(path, _)| path.hops.len());
        let (paths, outputs) = drawn.into_iter().unzip();
        Ok((Self { pools, paths, outputs }, exhausted))
    }

    pub(super) fn of_length(&self, hops: usize) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(move |path| path.hops.len() == hops)
    }
}

/// A walk that comes to no token twice.
fn random(dice: &mut ChaCha8Rng, pools: &[V3], length: usize) -> Option<Path> {
    let mut place = dice.random_range(0..pools.len());
    let mut way = if dice.random() { Way::DOWN } else { Way::UP };
    let (mut hops, mut passed) = (Vec::new(), Vec::new());
    loop {
        let pool = pools.get(place)?;
        let (given, wanted) = if way == Way::DOWN { pool.tokens } else { (pool.tokens.1, pool.tokens.0) };
        hops.push((place, way));
        passed.push(given.address);
        if hops.len() == length {
            break;
        }
        let leads_on = |(place, pool): (usize, &V3)| {
            let (first, second) = (pool.tokens.0.address, pool.tokens.1.address);
            let ways = [(Way::DOWN, first, second), (Way::UP, second, first)];
            let mut ways =
                ways.into_iter().filter(|(_, from, to)| *from == wanted.address && !passed.contains(to));
            ways.next().map(|(way, ..)| (place, way))
        };
        let next: Vec<(usize, Way)> = pools.iter().enumerate().filter_map(leads_on).collect();
        (place, way) = *next.get(dice.random_range(0..next.len().max(1)))?;
    }
    let (first, way) = *hops.first()?;
    let most = pools.get(first)?.pool.max_in(way);
    let amount = (most >> dice.random_range(0..HALVINGS)) * U256::from(dice.random_range(500..1_000_u32))
        / U256::from(1_000);
    (!amount.is_zero()).then_some(Path { hops, amount })
}

/// What comes out by our own pools; nothing when they have not enough.
fn quoted(pools: &[V3], path: &Path) -> Option<U256> {
    path.hops.iter().try_fold(path.amount, |amount, (place, way)| {
        let swap = pools.get(*place)?.pool.quote_exact_in(*way, amount).ok()?;
        Some(swap.amount_out)
    })
}

/// Quotes all paths of each length over and over, and says what one takes.
fn timed(workload: &Workload, least: Duration, quote: impl Fn(&Path) -> Option<U256>) -> Result<Costs> {
    let mut costs = Costs::default();
    for (cost, hops) in costs.iter_mut().zip(HOPS) {
        let paths: Vec<&Path> = workload.of_length(hops).collect();
        let (begun, mut quotes, mut used) = (cpu_s("self")?, 0_u32, 0.0);
        while used < least.as_secs_f64() {
            // The clock is coarse, and looking at it takes time.
            for path in std::iter::repeat_n(&paths, 20).flatten() {
                std::hint::black_box(quote(std::hint::black_box(path)));
                quotes += 1;
            }
            used = cpu_s("self")? - begun;
        }
        *cost = used * 1e6 / f64::from(quotes);
    }
    Ok(costs)
}

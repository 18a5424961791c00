//! Routes through a graph like mainnet's: a handful of hub tokens that sit in hundreds of pools each.

use anyhow::{Context, Result};
use capstan_quoter::domain::{
    quote::{Ask, Status},
    state::Pools,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    options::Options,
    pools::{TIERS, Token, concentrated, pair, two},
    routes::{add, answered, ask},
};
use crate::{process::cpu_s, say};

const TOKENS: u16 = 500;
const POOLS: usize = 2_000;
/// Ether, three coins of a dollar, bitcoin: every second token has one of these, and they have most pools.
const HUBS: [(u8, u64); 5] = [(18, 2_500), (6, 1), (6, 1), (18, 1), (8, 60_000)];
/// Decimals of other tokens.
const OTHERS: [u8; 5] = [18, 18, 18, 8, 6];
/// Of ten pools, so many are between hubs and between others; the rest have one hub.
const BETWEEN_HUBS: usize = 1;
const BETWEEN_OTHERS: usize = 1;
const HOPS: usize = 3;
/// Routes of one run.
const ROUTES: u32 = 500;

/// Routes a second of processor time, by run.
pub(super) fn run(options: &Options) -> Result<Vec<f64>> {
    let dice = &mut ChaCha8Rng::seed_from_u64(options.seed);
    let tokens = tokens(dice);
    let pools = made(dice, &tokens)?;
    let degrees = tokens.iter().filter_map(|token| pools.graph().token(&token.address));
    let mut degrees: Vec<usize> = degrees.map(|token| pools.graph().from(token).len()).collect();
    degrees.sort_unstable();
    let hubs: Vec<&usize> = degrees.iter().rev().take(HUBS.len()).collect();
    say(&format!("{} pools of {} tokens; the hubs sit in {hubs:?}", pools.len(), degrees.len()));
    let mut runs = Vec::new();
    for run in 1..=options.runs {
        let asks = asks(dice, &tokens)?;
        let begun = cpu_s("self")?;
        let ok = asks.iter().filter(|ask| answered(&pools, ask, 1).status == Status::Ok).count();
        runs.push(f64::from(ROUTES) / (cpu_s("self")? - begun));
        say(&format!("  run {run}: {:?} routes a second, {ok} of {ROUTES} found", runs.last()));
    }
    Ok(runs)
}

fn tokens(dice: &mut ChaCha8Rng) -> Vec<Token> {
    let mut kind = |place: u16| match HUBS.get(usize::from(place)) {
        Some((decimals, dollars)) => Token::at(place, *decimals, *dollars),
        None => {
            let decimals = OTHERS.get(dice.random_range(0..OTHERS.len())).copied().unwrap_or(18);
            Token::at(place, decimals, dice.random_range(1..200))
        }
    };
    (0..TOKENS).map(&mut kind).collect()
}

/// Half of the pools are pairs, the others have positions.
fn made(dice: &mut ChaCha8Rng, tokens: &[Token]) -> Result<Pools> {
    let (hubs, others) = tokens.split_at(HUBS.len());
    let mut pools = Pools::default();
    for number in 0..POOLS {
        let ends = match number % 10 {
            kind if kind < BETWEEN_HUBS => two(dice, hubs)?,
            kind if kind < BETWEEN_HUBS + BETWEEN_OTHERS => two(dice, others)?,
            // Every other token has a pool with a hub at least.
            _ => (*hubs.get(dice.random_range(0..hubs.len())).context("no hub")?, other(others, number)?),
        };
        let tier = *TIERS.get(dice.random_range(0..TIERS.len())).context("no tier")?;
        let pool = if number % 2 == 0 { pair(dice, ends)? } else { concentrated(dice, ends, tier)? };
        add(&mut pools, pool);
    }
    Ok(pools)
}

fn other(others: &[Token], number: usize) -> Result<Token> {
    others.get(number * 7 % others.len()).copied().context("no token")
}

/// Questions between random tokens, few of which are hubs.
fn asks(dice: &mut ChaCha8Rng, tokens: &[Token]) -> Result<Vec<Ask>> {
    let ask = |_| {
        let (first, second) = two(dice, tokens)?;
        let (from, to) = if dice.random() { (first, second) } else { (second, first) };
        Ok(ask((from.address, to.address), from.worth(dice.random_range(100..10_000)), HOPS))
    };
    (0..ROUTES).map(ask).collect()
}

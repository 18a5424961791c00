//! What splits are held against: an amount in equal chunks, each by the path that gives most for it, through pools that
//! change with every chunk. Plain and slow.

use std::sync::Arc;

use anyhow::{Context, Result};
use capstan_primitives::U256;
use capstan_quoter::domain::{
    graph::{Edge, Token},
    pool::Pool,
    quote::Ask,
    route::{Route, Side, along},
    state::Pools,
};

/// Chunks that an amount is cut into.
const CHUNKS: std::ops::RangeInclusive<u64> = 2..=200;

/// The most that comes out, in one piece or in any number of chunks.
pub(super) fn best(pools: &Pools, ask: &Ask, hops: usize) -> Result<U256> {
    let paths = every_path(pools, ask, hops)?;
    let outputs = std::iter::once(1).chain(CHUNKS).map(|chunks| in_chunks(pools, &paths, ask.amount, chunks));
    Ok(outputs.flatten().max().unwrap_or_default())
}

/// What comes out in so many chunks, the last of which has the rest; nothing when one of them finds no path.
fn in_chunks(pools: &Pools, paths: &[Vec<Edge>], amount: U256, chunks: u64) -> Option<U256> {
    let mut state: Vec<Arc<dyn Pool>> = pools.iter().map(|entry| Arc::clone(&entry.pool)).collect();
    let chunk = amount / U256::from(chunks);
    let mut out = U256::ZERO;
    for number in 1..=chunks {
        let chunk = if number == chunks { amount - chunk * U256::from(chunks - 1) } else { chunk };
        let quoted =
            |path: &Vec<Edge>| along(path, (Side::In, chunk), |place| state.get(place as usize)).ok();
        let best: Route = paths.iter().filter_map(quoted).max_by_key(Route::amount_out)?;
        out += best.amount_out();
        for hop in &best.hops {
            let pool = state.get_mut(hop.edge.pool as usize)?;
            *pool = pool.after(&hop.swap);
        }
    }
    Some(out)
}

/// Every path between the tokens of a question that comes to no token twice.
pub(super) fn every_path(pools: &Pools, ask: &Ask, hops: usize) -> Result<Vec<Vec<Edge>>> {
    let place = |address| pools.graph().token(address).context("no pool has this token");
    let (from, to) = (place(&ask.token_in)?, place(&ask.token_out)?);
    let mut found = Vec::new();
    follow(pools, (from, to), hops, &mut (Vec::new(), vec![from]), &mut found);
    Ok(found)
}

fn follow(
    pools: &Pools,
    (at, goal): (Token, Token),
    left: usize,
    passed: &mut (Vec<Edge>, Vec<Token>),
    found: &mut Vec<Vec<Edge>>,
) {
    for edge in pools.graph().from(at).iter().filter(|_| left > 0) {
        if passed.1.contains(&edge.to) {
            continue;
        }
        passed.0.push(*edge);
        passed.1.push(edge.to);
        if edge.to == goal {
            found.push(passed.0.clone());
        } else {
            follow(pools, (edge.to, goal), left - 1, passed, found);
        }
        passed.0.pop();
        passed.1.pop();
    }
}

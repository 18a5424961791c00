//! The mid price of a token in another, through the deepest pools that lead there.

use std::collections::HashMap;

use capstan_primitives::U256;

use super::{Everything, Excluded, usable};
use crate::domain::{
    graph::{Edge, Token},
    rate::Rate,
    state::Pools,
};

/// Most pools in a row: a price is not carried further.
const MOST_HOPS: usize = 3;
/// A pool's depth is what moves its price so far, in hundredths of a percent.
const MOVE_BPS: u32 = 100;

/// A price and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricePath {
    /// Units of the reference for one unit of the token.
    pub price: Rate,
    /// The pools that lead there.
    pub path: Vec<Edge>,
}

#[derive(Debug, Clone)]
struct Way {
    price: Rate,
    /// Units of the first token that move the price of the shallowest pool.
    depth: U256,
    path: Vec<Edge>,
}

/// The price of `token` in `reference`: of the way whose shallowest pool is deepest.
#[must_use]
pub fn price(pools: &Pools, token: Token, reference: Token) -> Option<PricePath> {
    let start = Way { price: Rate::ONE, depth: U256::MAX, path: Vec::new() };
    if token == reference {
        return Some(PricePath { price: start.price, path: start.path });
    }
    let mut best: Option<Way> = None;
    let mut front = HashMap::from([(token, start)]);
    for _ in 0..MOST_HOPS {
        let mut next: HashMap<Token, Way> = HashMap::new();
        for (from, way) in &front {
            for edge in pools.graph().from(*from) {
                let Some(longer) = longer(pools, way, edge).filter(|_| edge.to != token) else { continue };
                let known = if edge.to == reference { best.as_ref() } else { next.get(&edge.to) };
                if known.is_some_and(|known| known.depth >= longer.depth) {
                    continue;
                }
                if edge.to == reference {
                    best = Some(longer);
                } else {
                    next.insert(edge.to, longer);
                }
            }
        }
        front = next;
    }
    best.map(|way| PricePath { price: way.price, path: way.path })
}

fn longer(pools: &Pools, way: &Way, edge: &Edge) -> Option<Way> {
    let entry = pools.at(edge.pool).filter(|entry| usable(entry).is_ok() && !Everything.pool(entry))?;
    if way.path.iter().any(|passed| passed.pool == edge.pool) {
        return None;
    }
    let spot = entry.pool.spot_price(edge.way)?;
    // One that nothing moves, as wrapping, is as deep as any.
    let depth = match entry.pool.moving(edge.way, MOVE_BPS) {
        Some(swap) => Rate::scaled(swap.amount_in, 0).over(way.price)?.of(U256::ONE),
        None if entry.pool.max_in(edge.way) == U256::MAX => U256::MAX,
        None => return None,
    };
    let path = way.path.iter().copied().chain([*edge]).collect();
    Some(Way { price: way.price.times(spot), depth: depth.min(way.depth), path })
}

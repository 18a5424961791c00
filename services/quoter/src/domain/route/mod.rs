//! The search for routes: the best single one, and several that share an amount.

mod best;
mod depth;
mod fillable;
mod objective;
mod price;
mod search;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use capstan_primitives::U256;

pub use self::{
    best::{best, candidates, small},
    depth::{Level, depth},
    fillable::fillable,
    objective::{Objective, Score},
    price::{PricePath, price},
    search::{Found, search},
    split::split,
};
use super::{
    graph::{Edge, Token},
    pool::{Pool, Refusal, Swap},
    state::{Entry, Pools, Problem},
};

/// Most pools in a row.
pub const MOST_HOPS: usize = 4;

/// Which amount of a quote is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// What goes in.
    In,
    /// What comes out.
    Out,
}

/// What is searched for.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "what is excluded, and the clock, are functions")]
pub struct Query<'a> {
    /// The pools.
    pub pools: &'a Pools,
    /// Token that is given.
    pub from: Token,
    /// Token that is wanted.
    pub to: Token,
    /// Which amount is known.
    pub side: Side,
    /// The amount.
    pub amount: U256,
    /// Most pools in a row, 1 to [`MOST_HOPS`].
    pub max_hops: usize,
    /// What is best.
    pub objective: Objective,
    /// What must not be used.
    pub excluded: &'a dyn Excluded,
    /// Whether the time is up.
    pub is_late: &'a dyn Fn() -> bool,
}

/// What a caller does not want.
pub trait Excluded: Sync {
    /// Whether a pool is left out.
    fn pool(&self, entry: &Entry) -> bool;
    /// Whether a token is not to be passed through.
    fn token(&self, token: Token) -> bool;
    /// Whether a route is left out whose pools are not all of one protocol, but for wrapping at its ends.
    fn mixtures(&self) -> bool {
        false
    }
}

/// Nothing is excluded.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

impl Excluded for Everything {
    fn pool(&self, _entry: &Entry) -> bool {
        false
    }

    fn token(&self, _token: Token) -> bool {
        false
    }
}

/// One swap of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The way.
    pub edge: Edge,
    /// The swap.
    pub swap: Swap,
}

/// A way through pools with its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The swaps in a row.
    pub hops: Vec<Hop>,
    /// Gas of the swaps.
    pub gas: u64,
}

impl Route {
    /// What is given.
    #[must_use]
    pub fn amount_in(&self) -> U256 {
        self.hops.first().map_or(U256::ZERO, |hop| hop.swap.amount_in)
    }

    /// What comes out.
    #[must_use]
    pub fn amount_out(&self) -> U256 {
        self.hops.last().map_or(U256::ZERO, |hop| hop.swap.amount_out)
    }

    /// The ways without amounts.
    #[must_use]
    pub fn path(&self) -> Vec<Edge> {
        self.hops.iter().map(|hop| hop.edge).collect()
    }
}

/// Quotes an amount along a path, through pools in whatever state `pool` gives.
///
/// # Errors
/// When a pool refuses, or would pass nothing on.
pub fn along<'p>(
    path: &[Edge],
    (side, amount): (Side, U256),
    pool: impl Fn(u32) -> Option<&'p Arc<dyn Pool>>,
) -> Result<Route, Refusal> {
    let (mut hops, mut gas) = (Vec::with_capacity(path.len()), 0_u64);
    walk(path, (side, amount), pool, |edge, pool, swap| {
        gas = gas.saturating_add(pool.gas(&swap));
        hops.push(Hop { edge: *edge, swap });
    })?;
    if side == Side::Out {
        hops.reverse();
    }
    Ok(Route { hops, gas })
}

/// The amount that comes out of a path, or goes into it where the output is given.
///
/// # Errors
/// As [`along`].
pub fn result_along<'p>(
    path: &[Edge],
    given: (Side, U256),
    pool: impl Fn(u32) -> Option<&'p Arc<dyn Pool>>,
) -> Result<U256, Refusal> {
    walk(path, given, pool, |_, _, _| {})
}

/// Walks along a path from the amount that is given, and gives the one at its other end.
fn walk<'p>(
    path: &[Edge],
    (side, mut amount): (Side, U256),
    pool: impl Fn(u32) -> Option<&'p Arc<dyn Pool>>,
    mut each: impl FnMut(&Edge, &Arc<dyn Pool>, Swap),
) -> Result<U256, Refusal> {
    let mut take = |edge: &Edge| {
        let pool = pool(edge.pool).ok_or(Refusal::Way)?;
        let swap = match side {
            Side::In => pool.quote_exact_in(edge.way, amount)?,
            Side::Out => pool.quote_exact_out(edge.way, amount)?,
        };
        amount = if side == Side::In { swap.amount_out } else { swap.amount_in };
        if amount.is_zero() {
            return Err(Refusal::Nothing);
        }
        each(edge, pool, swap);
        Ok(())
    };
    match side {
        Side::In => path.iter().try_for_each(&mut take)?,
        Side::Out => path.iter().rev().try_for_each(&mut take)?,
    }
    Ok(amount)
}

/// Whether a pool can be in a route, and why not.
fn usable(entry: &Entry) -> Result<(), Problem> {
    entry.problem.as_ref().map_or(Ok(()), |(problem, _)| Err(*problem))
}

//! Sharing an amount among routes: chunk by chunk to the best marginal price, with pools that change under way, then
//! finer shifts, and only so many legs as are worth their gas.

mod fill;
mod plan;

use std::sync::Arc;

use capstan_primitives::U256;

use self::{
    fill::{Distribution, Leg},
    plan::Plan,
};
use super::{Query, Route, Side, along, result_along};
use crate::domain::{
    graph::Edge,
    math::mul_div,
    pool::{Pool, Refusal},
};

/// Routes that are tried at most.
const PATHS: usize = 56;
/// Chunks that find the paths which are worth it, and chunks that share the amount among those.
const COARSE: u64 = 20;
const FINE: u64 = 64;

/// Shares the amount of a query among at most `most` of some paths. The routes are in the order of their execution,
/// and their amounts sum to the query's; `None` when together they cannot take it.
#[must_use]
pub fn split(query: &Query<'_>, paths: &[Vec<Edge>], most: usize) -> Option<Vec<Route>> {
    let paths = paths.get(..paths.len().min(PATHS))?;
    let all: Vec<usize> = (0..paths.len()).collect();
    let table = Table { query, paths };
    let Distribution { mut legs, last } = table.distribute(&all, COARSE)?;
    legs.sort_by_key(|leg| std::cmp::Reverse(leg.amount));
    let worth = table.worth_their_gas(legs.get(..legs.len().min(most))?, last);
    let mut best = table.first_plan(legs.iter().map(|leg| leg.path).collect(), worth)?;
    while let Some(plan) = table.without_smallest(&best) {
        best = plan;
    }
    Some(best.routes)
}

/// Paths by number, and how much each takes, in the order of execution.
type Legs = Vec<(usize, U256)>;

struct Table<'a> {
    query: &'a Query<'a>,
    paths: &'a [Vec<Edge>],
}

/// Pools that were changed by earlier legs.
#[derive(Default)]
pub(super) struct Overlay(Vec<(u32, Arc<dyn Pool>)>);

impl Overlay {
    pub(super) fn pool<'p>(&'p self, query: &'p Query<'_>, place: u32) -> Option<&'p Arc<dyn Pool>> {
        let changed = self.0.iter().find(|(changed, _)| *changed == place);
        changed.map(|(_, pool)| pool).or_else(|| query.pools.at(place).map(|entry| &entry.pool))
    }

    pub(super) fn take(&mut self, query: &Query<'_>, route: &Route) {
        for hop in &route.hops {
            let Some(after) = self.pool(query, hop.edge.pool).map(|pool| pool.after(&hop.swap)) else {
                continue;
            };
            match self.0.iter_mut().find(|(changed, _)| *changed == hop.edge.pool) {
                Some((_, pool)) => *pool = after,
                None => self.0.push((hop.edge.pool, after)),
            }
        }
    }
}

impl Table<'_> {
    fn path(&self, path: usize) -> &[Edge] {
        self.paths.get(path).map_or(&[], Vec::as_slice)
    }

    fn route(&self, overlay: &Overlay, path: usize, amount: U256) -> Result<Route, Refusal> {
        along(self.path(path), (self.query.side, amount), |place| overlay.pool(self.query, place))
    }

    /// The amount that a path has beside the one that is given.
    fn result(&self, overlay: &Overlay, path: usize, amount: U256) -> Option<U256> {
        result_along(self.path(path), (self.query.side, amount), |place| overlay.pool(self.query, place)).ok()
    }

    /// How many legs of a rough distribution, the largest first, are worth their gas. Those are for certain that make more of
    /// their amount than the last chunk made of itself, by their gas: the others would make less of it. Whether more are
    /// is tried.
    fn worth_their_gas(&self, legs: &[Leg], last: (U256, U256)) -> usize {
        let (chunk, result) = last;
        let gain = |leg: &Leg| {
            let others = mul_div(leg.amount, result, chunk).unwrap_or(U256::MAX);
            match self.query.side {
                Side::In => leg.result.saturating_sub(others),
                Side::Out => others.saturating_sub(leg.result),
            }
        };
        let is_certain = |leg: &&Leg| gain(leg) >= self.query.objective.cost(leg.gas);
        let certain = legs.iter().take_while(is_certain).count();
        if certain == legs.len() {
            return certain;
        }
        let rough = |count: usize| {
            let among: Vec<usize> = legs.iter().take(count).map(|leg| leg.path).collect();
            self.plan(self.distribute(&among, COARSE)?.shares()).ok().map(|plan| plan.score)
        };
        let mut worth = certain.max(1);
        let mut best = rough(worth);
        for count in worth + 1..=legs.len() {
            let score = rough(count);
            if score > best {
                (worth, best) = (count, score);
            } else if count > worth + 1 || (self.query.is_late)() {
                break;
            }
        }
        // Too few may not be able to take it, which the look says of all that it tried.
        if best.is_none() { legs.len() } else { worth }
    }

    /// The best plan of the first paths that can be executed one after the other: chunks in turn may fit where whole
    /// legs do not.
    fn first_plan(&self, mut ranked: Vec<usize>, most: usize) -> Option<Plan> {
        loop {
            match self.shared(ranked.get(..ranked.len().min(most))?) {
                Ok(plan) => return Some(plan),
                Err(Some(refused)) if !(self.query.is_late)() => ranked.retain(|path| *path != refused),
                Err(_) => return None,
            }
        }
    }

    /// The best plan of some paths, or the one that is refused behind the others.
    fn shared(&self, among: &[usize]) -> Result<Plan, Option<usize>> {
        let shares = self.distribute(among, FINE).ok_or(None)?;
        let mut plan = self.plan(shares.shares())?;
        self.shift(&mut plan);
        Ok(plan)
    }
}

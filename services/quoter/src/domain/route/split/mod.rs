//! Sharing an amount among routes: chunk by chunk to the best marginal price, with pools that change under way, then
//! finer shifts, and only so many legs as are worth their gas.

mod fill;
mod plan;

use std::sync::Arc;

use capstan_primitives::U256;

use self::plan::Plan;
use super::{Query, Route, Side, along, result_along};
use crate::domain::{
    graph::Edge,
    pool::{Pool, Refusal},
};

/// Routes that are tried at most.
const PATHS: usize = 48;
/// Chunks that find the paths which are worth it, and chunks that share the amount among those.
const COARSE: u64 = 24;
const FINE: u64 = 64;

/// Shares the amount of a query among at most `most` of some paths. The routes are in the order of their execution,
/// and their amounts sum to the query's; `None` when together they cannot take it.
#[must_use]
pub fn split(query: &Query<'_>, paths: &[Vec<Edge>], most: usize) -> Option<Vec<Route>> {
    let paths = paths.get(..paths.len().min(PATHS))?;
    let all: Vec<usize> = (0..paths.len()).collect();
    let table = Table { query, paths };
    let mut legs = table.distribute(&all, COARSE)?;
    legs.sort_by_key(|(_, amount)| std::cmp::Reverse(*amount));
    let ranked: Vec<usize> = legs.iter().map(|(path, _)| *path).collect();
    let worth = table.worth_their_gas(&ranked, most);
    let mut best = table.first_plan(ranked, worth)?;
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

    /// How many of the first paths are worth their gas together, by a rough look; all where gas does not count.
    fn worth_their_gas(&self, ranked: &[usize], most: usize) -> usize {
        let most = most.min(ranked.len());
        if self.query.objective.gas_cost.is_none() {
            return most;
        }
        let rough = |count: usize| {
            let legs = self.distribute(ranked.get(..count)?, COARSE)?;
            self.plan(legs).ok().map(|plan| plan.score)
        };
        let (mut worth, mut best) = (1, rough(1));
        for count in 2..=most {
            let score = rough(count);
            if score > best {
                (worth, best) = (count, score);
            } else if count > worth + 1 || (self.query.is_late)() {
                break;
            }
        }
        // Too few may not be able to take it, which the look says of all that it tried.
        if best.is_none() { most } else { worth }
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
        let mut plan = self.plan(self.distribute(among, FINE).ok_or(None)?)?;
        self.shift(&mut plan);
        Ok(plan)
    }
}

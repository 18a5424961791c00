//! Sharing an amount among routes: chunk by chunk to the best marginal price, with pools that change under way, then
//! finer shifts, then without legs that are not worth their gas.

use std::sync::Arc;

use capstan_primitives::U256;

use super::{Query, Route, Score, Side, along};
use crate::domain::{
    graph::Edge,
    pool::{Pool, Refusal},
};

/// Routes that are tried at most.
const PATHS: usize = 48;
/// Chunks that find the paths which are worth it, and chunks that share the amount among those.
const COARSE: u64 = 24;
const FINE: u64 = 64;
/// Part of the whole that is not halved any more.
const LEAST: u64 = 2_048;
/// Parts of the whole that are shifted between legs, the largest first, each so often at most.
const SHIFTS: [u64; 4] = [128, 256, 512, 2_048];
const MOST_SHIFTS: usize = 6;

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
    let mut best = table.first_plan(ranked, most)?;
    let mut kept: Vec<usize> = best.legs.iter().map(|(path, _)| *path).collect();
    // Gas is what makes a leg more a loss.
    while query.objective.gas_cost.is_some() && kept.len() > 1 && !(query.is_late)() {
        kept = best.without_smallest();
        match table.shared(&kept).ok().filter(|plan| plan.score >= best.score) {
            Some(plan) => best = plan,
            None => break,
        }
    }
    Some(best.routes)
}

/// Paths by number, and how much each takes, in the order of execution.
type Legs = Vec<(usize, U256)>;

/// A distribution with its result.
struct Plan {
    legs: Legs,
    routes: Vec<Route>,
    score: Score,
}

impl Plan {
    /// The paths of all legs but the smallest.
    fn without_smallest(&self) -> Vec<usize> {
        let smallest = self.legs.iter().min_by_key(|(_, amount)| *amount).map(|(path, _)| *path);
        self.legs.iter().map(|(path, _)| *path).filter(|path| Some(*path) != smallest).collect()
    }
}

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
    fn tried(&self, overlay: &Overlay, path: usize, amount: U256) -> Result<Route, Refusal> {
        let path = self.paths.get(path).ok_or(Refusal::Way)?;
        along(path, (self.query.side, amount), |place| overlay.pool(self.query, place))
    }

    fn quote(&self, overlay: &Overlay, path: usize, amount: U256) -> Option<Route> {
        self.tried(overlay, path, amount).ok()
    }

    /// The amount that a route has beside the one that is given.
    fn result(&self, route: &Route) -> U256 {
        match self.query.side {
            Side::In => route.amount_out(),
            Side::Out => route.amount_in(),
        }
    }

    fn is_better(&self, result: U256, than: U256) -> bool {
        match self.query.side {
            Side::In => result > than,
            Side::Out => result < than,
        }
    }

    /// Gives chunk after chunk to the path that does most with it.
    fn distribute(&self, among: &[usize], chunks: u64) -> Option<Legs> {
        let mut overlay = Overlay::default();
        let mut legs: Legs = Vec::new();
        let mut known: Vec<Option<Option<Route>>> = vec![None; among.len()];
        let mut last_chunk = U256::ZERO;
        for number in 0..chunks {
            let chunk = part(self.query.amount, number + 1, chunks) - part(self.query.amount, number, chunks);
            if chunk.is_zero() {
                continue;
            }
            // Chunks differ by a unit, which their results are compared without.
            if chunk.abs_diff(last_chunk) > U256::ONE {
                known.fill(None);
            }
            last_chunk = chunk;
            let Some(place) = self.best(&overlay, among, &mut known, chunk) else {
                let rest = self.query.amount - part(self.query.amount, number, chunks);
                return self.squeezed((overlay, legs), among, (rest, chunk));
            };
            let path = *among.get(place)?;
            let route = self.quote(&overlay, path, chunk)?;
            overlay.take(self.query, &route);
            self.forget(&mut known, among, &route);
            add(&mut legs, path, chunk);
            if (self.query.is_late)() {
                return None;
            }
        }
        Some(legs)
    }

    /// Fills paths up with ever smaller chunks, when none can take a whole one any more.
    fn squeezed(
        &self,
        (mut overlay, mut legs): (Overlay, Legs),
        among: &[usize],
        (mut rest, mut chunk): (U256, U256),
    ) -> Option<Legs> {
        while !rest.is_zero() {
            let amount = chunk.min(rest);
            match self.best(&overlay, among, &mut vec![None; among.len()], amount) {
                Some(place) => {
                    let path = *among.get(place)?;
                    overlay.take(self.query, &self.quote(&overlay, path, amount)?);
                    add(&mut legs, path, amount);
                    rest -= amount;
                }
                None if chunk > self.query.amount / U256::from(LEAST) => chunk /= U256::from(2),
                None => return self.with_rest(legs, rest),
            }
            if (self.query.is_late)() {
                return None;
            }
        }
        Some(legs)
    }

    /// Gives what no path makes anything of to the first leg that can take it: a drained pair takes any amount.
    fn with_rest(&self, legs: Legs, rest: U256) -> Option<Legs> {
        let given = |place: usize| {
            let mut legs = legs.clone();
            legs.get_mut(place)?.1 += rest;
            Some(self.plan(legs).ok()?.legs)
        };
        (0..legs.len()).find_map(given)
    }

    /// The path, by its place among some, that does most with a chunk.
    fn best(
        &self,
        overlay: &Overlay,
        among: &[usize],
        known: &mut [Option<Option<Route>>],
        chunk: U256,
    ) -> Option<usize> {
        let mut best: Option<(usize, U256)> = None;
        for (place, (path, known)) in among.iter().zip(known).enumerate() {
            let route = known.get_or_insert_with(|| self.quote(overlay, *path, chunk));
            let Some(result) = route.as_ref().map(|route| self.result(route)) else { continue };
            if best.is_none_or(|(_, best)| self.is_better(result, best)) {
                best = Some((place, result));
            }
        }
        best.map(|(place, _)| place)
    }

    /// Forgets what is known of paths that share a pool with a route.
    fn forget(&self, known: &mut [Option<Option<Route>>], among: &[usize], route: &Route) {
        for (path, known) in among.iter().zip(known) {
            let edges = self.paths.get(*path).map_or(&[][..], Vec::as_slice);
            if edges.iter().any(|edge| route.hops.iter().any(|hop| hop.edge.pool == edge.pool)) {
                *known = None;
            }
        }
    }

    /// Executes legs one after the other. A leg of which earlier ones leave nothing is given to the first.
    ///
    /// # Errors
    /// With the path that is refused.
    fn plan(&self, mut legs: Legs) -> Result<Plan, Option<usize>> {
        loop {
            let place = match self.executed(&legs) {
                Ok((routes, score)) => return Ok(Plan { legs, routes, score }),
                Err((Refusal::Nothing, place)) if place > 0 => place,
                Err((_, place)) => return Err(legs.get(place).map(|(path, _)| *path)),
            };
            let (_, amount) = legs.remove(place);
            legs.first_mut().ok_or(None)?.1 += amount;
        }
    }

    /// The routes of legs with their score, or the leg that is refused.
    fn executed(&self, legs: &Legs) -> Result<(Vec<Route>, Score), (Refusal, usize)> {
        let mut overlay = Overlay::default();
        let mut routes = Vec::with_capacity(legs.len());
        let (mut sum, mut gas) = (U256::ZERO, 0_u64);
        for (place, (path, amount)) in legs.iter().enumerate() {
            let route = self.tried(&overlay, *path, *amount).map_err(|refusal| (refusal, place))?;
            overlay.take(self.query, &route);
            sum = sum.checked_add(self.result(&route)).ok_or((Refusal::Liquidity, place))?;
            gas = gas.saturating_add(route.gas);
            routes.push(route);
        }
        Ok((routes, self.query.objective.score(self.query.side, sum, gas)))
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

    /// Shifts ever smaller parts from leg to leg as long as that is better.
    fn shift(&self, best: &mut Plan) {
        for parts in SHIFTS {
            let size = self.query.amount / U256::from(parts);
            for _ in 0..MOST_SHIFTS {
                let shifted = self.shifted(&best.legs, size).and_then(|legs| self.plan(legs).ok());
                match shifted.filter(|plan| plan.score > best.score && !(self.query.is_late)()) {
                    Some(plan) => *best = plan,
                    None => break,
                }
            }
        }
    }

    /// The legs with a part less where it is missed least and more where it does most.
    fn shifted(&self, legs: &Legs, size: U256) -> Option<Legs> {
        if size.is_zero() || legs.len() < 2 {
            return None;
        }
        let mut overlay = Overlay::default();
        let (mut gains, mut losses) = (Vec::new(), Vec::new());
        for (place, (path, amount)) in legs.iter().enumerate() {
            let now = self.quote(&overlay, *path, *amount)?;
            if let Some(more) = self.quote(&overlay, *path, amount.checked_add(size)?) {
                gains.push((place, self.result(&more).abs_diff(self.result(&now))));
            }
            let less = amount.checked_sub(size).filter(|left| !left.is_zero());
            if let Some(less) = less.and_then(|left| self.quote(&overlay, *path, left)) {
                losses.push((place, self.result(&now).abs_diff(self.result(&less))));
            }
            overlay.take(self.query, &now);
        }
        // With a fixed output a leg gains by taking less input.
        let order = |(_, result): &(usize, U256)| {
            if self.query.side == Side::In { *result } else { U256::MAX - *result }
        };
        let to = gains.into_iter().max_by_key(order)?.0;
        let from = losses.into_iter().filter(|(place, _)| *place != to).min_by_key(order)?.0;
        let mut legs = legs.clone();
        legs.get_mut(from)?.1 -= size;
        legs.get_mut(to)?.1 += size;
        Some(legs)
    }
}

fn add(legs: &mut Legs, path: usize, amount: U256) {
    match legs.iter_mut().find(|(leg, _)| *leg == path) {
        Some((_, sum)) => *sum += amount,
        None => legs.push((path, amount)),
    }
}

/// `number / of` of an amount, rounded down.
fn part(amount: U256, number: u64, of: u64) -> U256 {
    let (whole, rest) = amount.div_rem(U256::from(of.max(1)));
    whole * U256::from(number) + rest * U256::from(number) / U256::from(of.max(1))
}

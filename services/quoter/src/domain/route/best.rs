//! The best single route, or several that share the amount when they are better.

use std::{cmp::Reverse, collections::HashMap};

use capstan_primitives::U256;

use super::{Found, Query, Route, Score, Side, search, split};
use crate::domain::graph::Edge;

/// A small part of an amount, which tells prices before they move.
const PART: u64 = 32;
/// Paths of each kind that could share the amount.
const OF_EACH: usize = 24;
/// Paths through a pool before one is left out whose pools have all so many.
const OF_POOL: usize = 2;
/// Less gas no route takes.
const LEAST_GAS: u64 = 45_000;

/// The best single route, or several when they are better, at most `most`.
#[must_use]
pub fn best(query: &Query<'_>, found: &Found, most: usize) -> Vec<Route> {
    let single: Vec<Route> = found.routes.first().cloned().into_iter().collect();
    if most < 2 {
        return single;
    }
    let small = small(query);
    if !can_gain(query, found, &small) {
        return single;
    }
    let shared = split(query, &candidates(found, &small), most);
    let score = |routes: &[Route]| -> Option<Score> {
        let sum = routes.iter().try_fold(U256::ZERO, |sum, route| sum.checked_add(result(query, route)))?;
        let gas = routes.iter().fold(0_u64, |sum, route| sum.saturating_add(route.gas));
        (!routes.is_empty()).then(|| query.objective.score(query.side, sum, gas))
    };
    // Of equals the first is taken: the fewest routes.
    let choices = [single, shared.unwrap_or_default()];
    let best = choices.into_iter().filter_map(|routes| Some((score(&routes)?, routes)));
    best.min_by_key(|(score, _)| Reverse(*score)).map(|(_, routes)| routes).unwrap_or_default()
}

/// What is found for a small part of the amount.
#[must_use]
pub fn small(query: &Query<'_>) -> Found {
    let amount = query.amount / U256::from(PART);
    if amount.is_zero() { Found::default() } else { search(&Query { amount, ..*query }) }
}

/// Paths that could share the amount: those that are best for all of it, for a small part, and those that are too small
/// for all of it. Of many through the same pools only a few are taken: what they can take together is little more.
#[must_use]
pub fn candidates(found: &Found, small: &Found) -> Vec<Vec<Edge>> {
    let part = different(small.routes.iter().map(Route::path));
    let whole = different(found.routes.iter().map(Route::path));
    let refused = different(found.refused.iter().cloned());
    let mut paths: Vec<Vec<Edge>> = Vec::new();
    for path in part.into_iter().chain(whole).chain(refused) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The first paths with some pool each that few before had.
fn different(paths: impl Iterator<Item = Vec<Edge>>) -> Vec<Vec<Edge>> {
    let mut uses: HashMap<u32, usize> = HashMap::new();
    let mut is_different = |path: &Vec<Edge>| {
        let is_new = path.iter().any(|edge| uses.get(&edge.pool).is_none_or(|uses| *uses < OF_POOL));
        if is_new {
            path.iter().for_each(|edge| *uses.entry(edge.pool).or_default() += 1);
        }
        is_new
    };
    paths.filter(|path| is_different(path)).take(OF_EACH).collect()
}

/// Whether sharing can gain more than the gas of one more route: all that moves the price is what it can gain, and that is
/// told by a small part. Its own move of the price is allowed for twice.
fn can_gain(query: &Query<'_>, found: &Found, small: &Found) -> bool {
    let results = |found: &Found| found.routes.iter().map(|route| result(query, route)).collect::<Vec<_>>();
    let best = |results: Vec<U256>| match query.side {
        Side::In => results.into_iter().max(),
        Side::Out => results.into_iter().min(),
    };
    let Some((whole, part)) = best(results(found)).zip(best(results(small))) else { return true };
    let Some(all) = part.checked_mul(U256::from(PART)) else { return true };
    let gain = match query.side {
        Side::In => all.saturating_sub(whole),
        Side::Out => whole.saturating_sub(all),
    };
    // So many units may come of rounding a part.
    gain > U256::from(PART) && gain.saturating_mul(U256::from(2)) > query.objective.cost(LEAST_GAS)
}

fn result(query: &Query<'_>, route: &Route) -> U256 {
    match query.side {
        Side::In => route.amount_out(),
        Side::Out => route.amount_in(),
    }
}

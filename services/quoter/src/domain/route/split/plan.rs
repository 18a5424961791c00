//! Legs as they are executed, one after the other, and how they are made better.

use capstan_primitives::U256;

use super::{Legs, Overlay, Side, Table};
use crate::domain::{
    pool::Refusal,
    route::{Route, Score},
};

/// Parts of the whole that are shifted between legs, the largest first, each so often at most.
const SHIFTS: [u64; 4] = [128, 256, 512, 2_048];
const MOST_SHIFTS: usize = 6;
/// Smaller shifts gain less: when one gains less than this part of the result, it was the last, a part of 0.01 bp.
const WORTH: usize = 20;

/// A distribution with its result.
pub(super) struct Plan {
    pub(super) legs: Legs,
    pub(super) routes: Vec<Route>,
    pub(super) score: Score,
    /// The amount that is compared, without gas.
    sum: U256,
}

/// What becomes of legs.
struct Executed {
    routes: Vec<Route>,
    score: Score,
    sum: U256,
}

impl Table<'_> {
    /// Executes legs one after the other. A leg of which earlier ones leave nothing is given to the first.
    ///
    /// # Errors
    /// With the path that is refused.
    pub(super) fn plan(&self, mut legs: Legs) -> Result<Plan, Option<usize>> {
        loop {
            let place = match self.executed(&legs) {
                Ok(Executed { routes, score, sum }) => return Ok(Plan { legs, routes, score, sum }),
                Err((Refusal::Nothing, place)) if place > 0 => place,
                Err((_, place)) => return Err(legs.get(place).map(|(path, _)| *path)),
            };
            let (_, amount) = legs.remove(place);
            legs.first_mut().ok_or(None)?.1 += amount;
        }
    }

    /// The routes of legs with their score, or the leg that is refused.
    fn executed(&self, legs: &Legs) -> Result<Executed, (Refusal, usize)> {
        let mut overlay = Overlay::default();
        let mut routes = Vec::with_capacity(legs.len());
        let (mut sum, mut gas) = (U256::ZERO, 0_u64);
        for (place, (path, amount)) in legs.iter().enumerate() {
            let route = self.route(&overlay, *path, *amount).map_err(|refusal| (refusal, place))?;
            overlay.take(self.query, &route);
            sum = sum.checked_add(self.compared(&route)).ok_or((Refusal::Liquidity, place))?;
            gas = gas.saturating_add(route.gas);
            routes.push(route);
        }
        Ok(Executed { routes, score: self.query.objective.score(self.query.side, sum, gas), sum })
    }

    /// The amount that a route has beside the one that is given.
    pub(super) fn compared(&self, route: &Route) -> U256 {
        match self.query.side {
            Side::In => route.amount_out(),
            Side::Out => route.amount_in(),
        }
    }

    /// Shifts ever smaller parts from leg to leg as long as that is better.
    pub(super) fn shift(&self, best: &mut Plan) {
        for parts in SHIFTS {
            let size = self.query.amount / U256::from(parts);
            for _ in 0..MOST_SHIFTS {
                let shifted = self.shifted(best, size).and_then(|legs| self.plan(legs).ok());
                let Some(plan) = shifted.filter(|plan| plan.score > best.score) else { break };
                let is_last = plan.sum.abs_diff(best.sum) < best.sum.wrapping_shr(WORTH);
                *best = plan;
                if is_last || (self.query.is_late)() {
                    return;
                }
            }
        }
    }

    /// The legs with a part less where it is missed least and more where it does most.
    fn shifted(&self, plan: &Plan, size: U256) -> Option<Legs> {
        if size.is_zero() || plan.legs.len() < 2 {
            return None;
        }
        let mut overlay = Overlay::default();
        let (mut gains, mut losses) = (Vec::new(), Vec::new());
        for (place, ((path, amount), route)) in plan.legs.iter().zip(&plan.routes).enumerate() {
            let now = self.compared(route);
            if let Some(more) = self.result(&overlay, *path, amount.checked_add(size)?) {
                gains.push((place, more.abs_diff(now)));
            }
            let less = amount.checked_sub(size).filter(|left| !left.is_zero());
            if let Some(less) = less.and_then(|left| self.result(&overlay, *path, left)) {
                losses.push((place, now.abs_diff(less)));
            }
            overlay.take(self.query, route);
        }
        // With a fixed output a leg gains by taking less input.
        let order = |(_, result): &(usize, U256)| {
            if self.query.side == Side::In { *result } else { U256::MAX - *result }
        };
        let to = gains.into_iter().max_by_key(order)?.0;
        let from = losses.into_iter().filter(|(place, _)| *place != to).min_by_key(order)?.0;
        let mut legs = plan.legs.clone();
        legs.get_mut(from)?.1 -= size;
        legs.get_mut(to)?.1 += size;
        Some(legs)
    }

    /// The plan without its smallest leg, whose amount goes where it does most; `None` when that is no better.
    pub(super) fn without_smallest(&self, plan: &Plan) -> Option<Plan> {
        self.query.objective.gas_cost?;
        let (place, _) = plan.legs.iter().enumerate().min_by_key(|(_, (_, amount))| *amount)?;
        let mut legs = plan.legs.clone();
        let (_, rest) = legs.remove(place);
        let given = |place: usize| {
            let mut legs = legs.clone();
            legs.get_mut(place)?.1 += rest;
            self.plan(legs).ok()
        };
        let mut best = (0..legs.len()).filter_map(given).max_by_key(|plan| plan.score)?;
        if best.score < plan.score {
            return None;
        }
        self.shift(&mut best);
        Some(best)
    }
}

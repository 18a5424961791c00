//! What routes would give at the prices before they are taken.

use capstan_primitives::U256;

use crate::domain::{rate::Rate, route::Route, state::Pools};

/// Prices of routes before they are taken, weighted by what they take.
pub(super) struct Prices {
    pub(super) mid: Rate,
    pub(super) after_fees: Rate,
}

impl Prices {
    pub(super) fn of(pools: &Pools, routes: &[Route], amount_in: U256) -> Self {
        let mut prices = Self { mid: Rate::ZERO, after_fees: Rate::ZERO };
        for route in routes {
            let (mut mid, mut kept) = (Rate::ONE, Rate::ONE);
            for hop in &route.hops {
                let Some(pool) = pools.at(hop.edge.pool).map(|entry| &entry.pool) else { continue };
                mid = mid.times(pool.spot_price(hop.edge.way).unwrap_or(Rate::ZERO));
                let fee = pool.fee_ppm(hop.edge.way);
                let part = U256::from(1_000_000_u32.saturating_sub(fee));
                kept = kept.times(Rate::ratio(part, U256::from(1_000_000)).unwrap_or(Rate::ZERO));
            }
            let share = Rate::ratio(route.amount_in(), amount_in).unwrap_or(Rate::ZERO);
            prices.mid = prices.mid.plus(mid.times(share));
            prices.after_fees = prices.after_fees.plus(mid.times(share).times(kept));
        }
        prices
    }
}

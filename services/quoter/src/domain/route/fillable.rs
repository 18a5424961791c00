//! How much paths can take at most, when an amount was too much for them.

use capstan_primitives::U256;

use super::{Query, Side, along, split::Overlay};
use crate::domain::{graph::Edge, pool::Pool};

/// Paths that are filled.
const PATHS: usize = 16;

/// A lower bound of what some paths can take together, or give when the query is for what comes out.
#[must_use]
pub fn fillable(query: &Query<'_>, paths: &[Vec<Edge>]) -> U256 {
    let mut overlay = Overlay::default();
    let mut sum = U256::ZERO;
    for path in paths.iter().take(PATHS) {
        let pool = |edge: &Edge| overlay.pool(query, edge.pool).map(AsRef::as_ref);
        let most = if query.side == Side::In { most_in(path, pool) } else { most_out(path, pool) };
        let route = most.and_then(|amount| {
            // Amounts that are led through several pools are off by their roundings.
            let a_little_less = amount - amount / U256::from(1_000);
            let try_one = |amount| along(path, (query.side, amount), |place| overlay.pool(query, place)).ok();
            try_one(amount).or_else(|| try_one(a_little_less))
        });
        let Some(route) = route else { continue };
        overlay.take(query, &route);
        sum = sum.saturating_add(if query.side == Side::In { route.amount_in() } else { route.amount_out() });
    }
    sum
}

/// The most that a path can give when that is what is asked for.
fn most_out<'p>(path: &[Edge], pool: impl Fn(&Edge) -> Option<&'p dyn Pool>) -> Option<U256> {
    let mut most: Option<U256> = None;
    for edge in path {
        let pool = pool(edge)?;
        let own = pool.max_out(edge.way);
        let needs = || pool.quote_exact_out(edge.way, own).map(|swap| swap.amount_in);
        most = Some(match most {
            Some(most) if needs().is_ok_and(|needed| needed > most) => {
                pool.quote_exact_in(edge.way, most).ok()?.amount_out
            }
            _ => own,
        });
    }
    most
}

/// The most that a path can take.
fn most_in<'p>(path: &[Edge], pool: impl Fn(&Edge) -> Option<&'p dyn Pool>) -> Option<U256> {
    let mut most: Option<U256> = None;
    for edge in path.iter().rev() {
        let pool = pool(edge)?;
        most = Some(match most {
            Some(most) if pool.max_out(edge.way) > most => {
                pool.quote_exact_out(edge.way, most).ok()?.amount_in
            }
            _ => pool.max_in(edge.way),
        });
    }
    most
}

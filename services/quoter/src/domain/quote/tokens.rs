//! What a user should know of the tokens on the way.

use std::collections::BTreeSet;

use capstan_primitives::Address;

use crate::domain::{route::Route, state::Pools};

/// Tokens on the way of which it is not known whether everything that is sent arrives.
pub(super) fn unchecked(pools: &Pools, routes: &[Route]) -> Vec<String> {
    let Some(exact) = pools.exact() else { return Vec::new() };
    let hops = routes.iter().flat_map(|route| &route.hops);
    let ways = hops.filter_map(|hop| Some((pools.at(hop.edge.pool)?.pool.tokens(), hop.swap.way)));
    let tokens =
        ways.flat_map(|(tokens, way)| [way.from, way.to].map(|place| tokens.get(usize::from(place))));
    let unknown: BTreeSet<&Address> = tokens.flatten().filter(|token| !exact.contains(*token)).collect();
    let warning = |token| format!("token {token} has not been checked for fees on transfer");
    unknown.into_iter().map(warning).collect()
}

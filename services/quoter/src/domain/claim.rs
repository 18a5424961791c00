//! A quote as a caller has it, to be held against what the contracts say.

use std::collections::HashSet;

use capstan_primitives::{Address, Hash, U256};

use super::{pool::PoolId, route::Side};

/// A quote that somebody was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which amount was given.
    pub side: Side,
    /// The block that it is of.
    pub block: Hash,
    /// Hops by route, in order of execution.
    pub routes: Vec<Vec<ClaimedHop>>,
}

/// A swap with one pool, as a quote says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedHop {
    /// The pool.
    pub pool: PoolId,
    /// Token that is given.
    pub from: Address,
    /// Token that comes out.
    pub to: Address,
    /// What is given.
    pub amount_in: U256,
    /// What comes out.
    pub amount_out: U256,
}

impl Claim {
    /// Every hop with its route, its place in it, and whether the block's state is that which it starts from: an earlier
    /// hop with the same pool leaves another one.
    pub fn hops(&self) -> impl Iterator<Item = (usize, usize, &ClaimedHop, bool)> {
        let mut seen = HashSet::new();
        let all = self.routes.iter().enumerate();
        let all = all
            .flat_map(|(route, hops)| hops.iter().enumerate().map(move |(place, hop)| (route, place, hop)));
        all.map(move |(route, place, hop)| (route, place, hop, seen.insert(hop.pool)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_hop_with_a_pool_starts_from_the_state_of_the_block() {
        let hop = |pool: u8| ClaimedHop {
            pool: PoolId::Contract(Address::from([pool; 20])),
            from: Address::from([1; 20]),
            to: Address::from([2; 20]),
            amount_in: U256::ONE,
            amount_out: U256::ONE,
        };
        let routes = vec![vec![hop(1), hop(2)], vec![hop(3), hop(2)]];
        let claim = Claim { side: Side::In, block: Hash::from([0; 32]), routes };
        let fresh: Vec<_> = claim.hops().map(|(route, place, _, fresh)| (route, place, fresh)).collect();
        assert_eq!(fresh, [(0, 0, true), (0, 1, true), (1, 0, true), (1, 1, false)]);
    }
}

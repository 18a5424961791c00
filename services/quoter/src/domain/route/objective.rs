//! What makes a route better than another.

use std::cmp::Reverse;

use capstan_primitives::U256;

use super::Side;
use crate::domain::rate::Rate;

/// What is best: the amount alone, or after what the gas costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objective {
    /// What one gas costs in the token that is compared; `None`: gas does not count.
    pub gas_cost: Option<Rate>,
}

/// How good a result is; more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Score {
    /// The gas costs so much more than what comes out.
    Loss(Reverse<U256>),
    /// What comes out after the gas, or what is left of everything there could be after what goes in.
    Gain(U256),
}

impl Objective {
    /// What `gas` costs in the token that is compared.
    #[must_use]
    pub fn cost(&self, gas: u64) -> U256 {
        self.gas_cost.map_or(U256::ZERO, |rate| rate.of(U256::from(gas)))
    }

    /// How good it is that so much goes in or comes out: the amount that is not given by `side`.
    #[must_use]
    pub fn score(&self, side: Side, amount: U256, gas: u64) -> Score {
        let cost = self.cost(gas);
        match side {
            Side::In if amount >= cost => Score::Gain(amount - cost),
            Side::In => Score::Loss(Reverse(cost - amount)),
            Side::Out => Score::Gain(U256::MAX - amount.saturating_add(cost)),
        }
    }
}

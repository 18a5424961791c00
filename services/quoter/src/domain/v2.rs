//! Uniswap V2 pairs and their forks, of any fee.

use std::sync::Arc;

use capstan_primitives::{Address, U256};

use super::{
    change::{Change, Unusable},
    pool::{Pool, Protocol, Refusal, State, Swap, Way},
    rate::Rate,
};

const WHOLE: u32 = 1_000_000;
/// Gas of a swap with one pair, its transfers included.
const GAS: u64 = 75_000;
/// Reserves are kept in so many bits.
const RESERVE_BITS: usize = 112;

/// A pair.
#[derive(Debug, Clone)]
pub struct Pair {
    tokens: [Address; 2],
    fee_ppm: u32,
    reserves: [U256; 2],
}

impl Pair {
    /// An empty pair; its fee in millionths.
    #[must_use]
    pub const fn new(tokens: [Address; 2], fee_ppm: u32) -> Self {
        Self { tokens, fee_ppm, reserves: [U256::ZERO; 2] }
    }

    /// Reserves of the token that is given and of the one that is wanted.
    fn sides(&self, way: Way) -> Result<(U256, U256), Refusal> {
        let [first, second] = self.reserves;
        let (given, wanted) = match way {
            Way::DOWN => (first, second),
            Way::UP => (second, first),
            _ => return Err(Refusal::Way),
        };
        if given.is_zero() || wanted.is_zero() { Err(Refusal::Liquidity) } else { Ok((given, wanted)) }
    }

    const fn kept(&self) -> U256 {
        U256::from_limbs([WHOLE.saturating_sub(self.fee_ppm) as u64, 0, 0, 0])
    }

    fn out_for(&self, (given, wanted): (U256, U256), amount: U256) -> Option<U256> {
        let net = amount.checked_mul(self.kept())?;
        let denominator = given.checked_mul(U256::from(WHOLE))?.checked_add(net)?;
        net.checked_mul(wanted)?.checked_div(denominator)
    }

    fn in_for(&self, (given, wanted): (U256, U256), amount: U256) -> Option<U256> {
        let left = wanted.checked_sub(amount).filter(|left| !left.is_zero())?;
        let numerator = given.checked_mul(amount)?.checked_mul(U256::from(WHOLE))?;
        numerator.checked_div(left.checked_mul(self.kept())?)?.checked_add(U256::ONE)
    }

    /// The most that the given side has room for.
    fn room(given: U256) -> U256 {
        (U256::ONE.wrapping_shl(RESERVE_BITS) - U256::ONE).saturating_sub(given)
    }
}

impl Pool for Pair {
    fn protocol(&self) -> Protocol {
        Protocol::UniswapV2
    }

    fn tokens(&self) -> &[Address] {
        &self.tokens
    }

    fn fee_ppm(&self, _way: Way) -> u32 {
        self.fee_ppm
    }

    fn quote_exact_in(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        let sides = self.sides(way)?;
        if amount > Self::room(sides.0) {
            return Err(Refusal::Liquidity);
        }
        let amount_out = self.out_for(sides, amount).ok_or(Refusal::Liquidity)?;
        Ok(Swap { way, amount_in: amount, amount_out, end: None })
    }

    fn quote_exact_out(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        let sides = self.sides(way)?;
        let amount_in = self.in_for(sides, amount).filter(|needed| *needed <= Self::room(sides.0));
        Ok(Swap { way, amount_in: amount_in.ok_or(Refusal::Liquidity)?, amount_out: amount, end: None })
    }

    fn after(&self, swap: &Swap) -> Arc<dyn Pool> {
        let [first, second] = self.reserves;
        let reserves = match swap.way {
            Way::DOWN => [first.saturating_add(swap.amount_in), second.saturating_sub(swap.amount_out)],
            _ => [first.saturating_sub(swap.amount_out), second.saturating_add(swap.amount_in)],
        };
        Arc::new(Self { reserves, ..self.clone() })
    }

    fn applied(&self, change: &Change) -> Result<Arc<dyn Pool>, Unusable> {
        match change {
            Change::Reserves(reserves) => Ok(Arc::new(Self { reserves: *reserves, ..self.clone() })),
            _ => Err(Unusable::kind(change)),
        }
    }

    fn spot_price(&self, way: Way) -> Option<Rate> {
        let (given, wanted) = self.sides(way).ok()?;
        Rate::ratio(wanted, given)
    }

    fn gas(&self, _swap: &Swap) -> u64 {
        GAS
    }

    fn max_in(&self, way: Way) -> U256 {
        self.sides(way).map_or(U256::ZERO, |(given, _)| Self::room(given))
    }

    fn max_out(&self, way: Way) -> U256 {
        let most = |sides: (U256, U256)| self.out_for(sides, Self::room(sides.0)).unwrap_or_default();
        self.sides(way).map_or(U256::ZERO, most)
    }

    fn moving(&self, way: Way, bps: u32) -> Option<Swap> {
        // The price is wanted / given, and their product stays: given grows by the root of 10,000 / (10,000 - bps).
        let (given, _) = self.sides(way).ok()?;
        let left = 10_000_u64.checked_sub(bps.into()).filter(|left| *left > 0)?;
        let root = U256::from(10_000).wrapping_shl(192).checked_div(U256::from(left))?.root(2);
        let grown = super::math::mul_shift_96(given, root)?;
        let net = grown.checked_sub(given)?;
        let gross = super::math::mul_div(net, U256::from(WHOLE), self.kept())?;
        self.quote_exact_in(way, gross.min(Self::room(given))).ok()
    }

    fn state(&self) -> State {
        State::Reserves { amounts: self.reserves.to_vec(), weights: Vec::new(), swap_fee: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(first: u64, second: u64) -> Pair {
        let tokens = [Address::from([1; 20]), Address::from([2; 20])];
        Pair { reserves: [U256::from(first), U256::from(second)], ..Pair::new(tokens, 3_000) }
    }

    #[test]
    fn amounts_are_the_routers() {
        let pool = pair(1_000_000, 2_000_000);
        // 1000 × 997 × 2000000 / (1000000 × 1000 + 1000 × 997)
        assert_eq!(pool.quote_exact_in(Way::DOWN, U256::from(1_000)).unwrap().amount_out, U256::from(1_992));
        // 1000000 × 1992 × 1000 / ((2000000 - 1992) × 997) + 1
        assert_eq!(pool.quote_exact_out(Way::DOWN, U256::from(1_992)).unwrap().amount_in, U256::from(1_000));
        assert_eq!(pool.quote_exact_out(Way::DOWN, U256::from(2_000_000)), Err(Refusal::Liquidity));
        assert_eq!(pair(0, 0).quote_exact_in(Way::DOWN, U256::from(1)), Err(Refusal::Liquidity));
    }

    proptest! {
        #[test]
        fn nobody_profits_from_there_and_back(first in 1_u64.., second in 1_u64.., amount in 1_u64..) {
            let pool = pair(first, second);
            let there = pool.quote_exact_in(Way::DOWN, U256::from(amount)).unwrap();
            let back = pool.after(&there).quote_exact_in(Way::UP, there.amount_out);
            prop_assert!(back.map_or(U256::ZERO, |back| back.amount_out) <= U256::from(amount));
            if let Ok(needed) = pool.quote_exact_out(Way::DOWN, there.amount_out) {
                prop_assert!(needed.amount_in <= U256::from(amount) + U256::from(1));
                let out = pool.quote_exact_in(Way::DOWN, needed.amount_in).unwrap().amount_out;
                prop_assert!(out >= there.amount_out);
            }
        }
    }
}

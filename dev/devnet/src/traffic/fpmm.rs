//! The market maker's arithmetic, as far as trades are sized by it.

use alloy::primitives::U256;

const ONE: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Price of every outcome, between 0 and 1; empty when the pool is.
pub(super) fn prices(pools: &[U256]) -> Vec<f64> {
    if pools.iter().any(|pool| pool.is_zero()) {
        return Vec::new();
    }
    let inverse: Vec<f64> = pools.iter().map(|pool| 1.0 / f64::from(*pool)).collect();
    let total: f64 = inverse.iter().sum();
    inverse.iter().map(|weight| weight / total).collect()
}

/// The largest collateral amount for which at most `tokens` of an outcome must be sold; zero when there is none.
pub(super) fn return_for(pools: &[U256], outcome: usize, tokens: U256, fee: U256) -> U256 {
    let (mut possible, mut impossible) = (U256::ZERO, tokens + U256::from(1));
    while impossible - possible > U256::from(1) {
        let middle = (possible + impossible) / U256::from(2);
        match tokens_for(pools, outcome, middle, fee) {
            Some(needed) if needed <= tokens => possible = middle,
            _ => impossible = middle,
        }
    }
    possible
}

/// `calcSellAmount`: tokens to be sold for an exact return; none when the pool cannot pay it.
fn tokens_for(pools: &[U256], outcome: usize, returned: U256, fee: U256) -> Option<U256> {
    let with_fee = returned.checked_mul(ONE)? / ONE.checked_sub(fee)?;
    let own = *pools.get(outcome)?;
    let mut ending = own.checked_mul(ONE)?;
    for (_, pool) in pools.iter().enumerate().filter(|(index, _)| *index != outcome) {
        let left = pool.checked_sub(with_fee).filter(|left| !left.is_zero())?;
        ending = ending.checked_mul(*pool)?.div_ceil(left);
    }
    with_fee.checked_add(ending.div_ceil(ONE))?.checked_sub(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_the_largest_that_the_tokens_pay_for() {
        let pools = [U256::from(20_000_000_000_u64), U256::from(15_000_000_000_u64)];
        let fee = ONE / U256::from(50);
        let tokens = U256::from(123_456_789_u64);
        let returned = return_for(&pools, 0, tokens, fee);
        assert!(tokens_for(&pools, 0, returned, fee).unwrap() <= tokens);
        assert!(tokens_for(&pools, 0, returned + U256::from(1), fee).unwrap() > tokens);
    }

    #[test]
    fn prices_add_up_to_one_and_the_scarcer_outcome_costs_more() {
        let prices = prices(&[U256::from(3), U256::from(1)]);
        assert_eq!(prices, [0.25, 0.75]);
    }
}

//! Marginal prices of a fixed product pool.

use bigdecimal::num_bigint::BigUint;
use capstan_primitives::{Amount, Price, U256};

/// Marginal price of every outcome: what an infinitely small purchase costs, before fees.
///
/// The price of an outcome is the product of the other balances over the sum of such products
/// Prices are rounded down to 18 decimals; what is missing to exactly
/// 1 goes to the largest remainders, one unit each, to the lower index among equal ones. None when
/// two balances are empty, because then no price is defined.
pub(crate) fn marginal(balances: &[Amount]) -> Option<Vec<Price>> {
    let weights = products_of_the_others(balances);
    let sum: BigUint = weights.iter().sum();
    if sum == BigUint::ZERO {
        return None;
    }
    let one = BigUint::from_bytes_be(&Price::ONE.units().to_be_bytes::<32>());
    let mut shares: Vec<Share> = weights
        .into_iter()
        .enumerate()
        .map(|(index, weight)| {
            let scaled = weight * &one;
            Share { index, units: &scaled / &sum, remainder: scaled % &sum }
        })
        .collect();
    let missing = one - shares.iter().map(|share| &share.units).sum::<BigUint>();
    shares.sort_by(|a, b| b.remainder.cmp(&a.remainder).then(a.index.cmp(&b.index)));
    let missing = usize::try_from(missing).unwrap_or_default();
    shares.iter_mut().take(missing).for_each(|share| share.units += 1u32);
    shares.sort_by_key(|share| share.index);
    Some(shares.iter().map(|share| Price::from_units(to_u256(&share.units))).collect())
}

/// What the tokens of a pool are worth together at their marginal prices, rounded down: each outcome as much as
/// every other, the product of all balances over the sum of the products of the others. None when no price is
/// defined, or over 2^256 - 1.
pub(crate) fn worth(balances: &[Amount]) -> Option<Amount> {
    let sum: BigUint = products_of_the_others(balances).iter().sum();
    if sum == BigUint::ZERO {
        return None;
    }
    let number = |amount: &Amount| BigUint::from_bytes_be(&amount.0.to_be_bytes::<32>());
    let product: BigUint = balances.iter().map(number).product();
    let worth = product * BigUint::from(balances.len()) / sum;
    U256::try_from_be_slice(&worth.to_bytes_be()).map(Amount)
}

struct Share {
    index: usize,
    units: BigUint,
    remainder: BigUint,
}

fn products_of_the_others(balances: &[Amount]) -> Vec<BigUint> {
    let numbers: Vec<BigUint> =
        balances.iter().map(|amount| BigUint::from_bytes_be(&amount.0.to_be_bytes::<32>())).collect();
    let running = |numbers: &mut dyn Iterator<Item = &BigUint>| -> Vec<BigUint> {
        let products = numbers.scan(BigUint::from(1u32), |product, number| {
            let before = product.clone();
            *product *= number;
            Some(before)
        });
        products.collect()
    };
    let before = running(&mut numbers.iter());
    let after = running(&mut numbers.iter().rev());
    before.into_iter().zip(after.into_iter().rev()).map(|(before, after)| before * after).collect()
}

/// For numbers that are at most one in units of a price.
fn to_u256(number: &BigUint) -> U256 {
    U256::try_from_be_slice(&number.to_bytes_be()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(balances: &[u64]) -> Option<Vec<String>> {
        let amounts: Vec<Amount> = balances.iter().copied().map(Amount::from).collect();
        Some(marginal(&amounts)?.iter().map(Price::to_string).collect())
    }

    #[test]
    fn a_binary_price_is_the_other_balance_over_both() {
        assert_eq!(texts(&[1, 3]).unwrap(), ["0.75", "0.25"]);
        assert_eq!(texts(&[5, 5]).unwrap(), ["0.5", "0.5"]);
    }

    #[test]
    fn thirds_give_their_missing_unit_to_the_lowest_index() {
        assert_eq!(
            texts(&[1, 1, 1]).unwrap(),
            ["0.333333333333333334", "0.333333333333333333", "0.333333333333333333"]
        );
    }

    #[test]
    fn a_pool_is_worth_what_its_tokens_are_together() {
        let worth = |balances: &[u64]| worth(&balances.iter().copied().map(Amount::from).collect::<Vec<_>>());
        assert_eq!(worth(&[5, 5]), Some(Amount::from(5)));
        assert_eq!(worth(&[100, 300]), Some(Amount::from(150)), "100 × 0.75 + 300 × 0.25");
        assert_eq!((worth(&[0, 7]), worth(&[0, 0])), (Some(Amount::ZERO), None));
    }

    #[test]
    fn an_empty_pool_has_no_prices() {
        assert_eq!(texts(&[0, 0]), None);
        assert_eq!(texts(&[0, 0, 7]), None);
        assert_eq!(texts(&[0, 7]).unwrap(), ["1", "0"]);
    }

    fn balance() -> impl Strategy<Value = Amount> {
        (any::<[u64; 4]>(), 0usize..256)
            .prop_map(|(limbs, shift)| Amount((U256::from_limbs(limbs) >> shift) | U256::from(1)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn prices_sum_to_exactly_one(balances in prop::collection::vec(balance(), 2..20)) {
            let prices = marginal(&balances).unwrap();
            let sum = prices.iter().fold(U256::ZERO, |sum, price| sum + price.units());
            prop_assert_eq!(sum, Price::ONE.units());
        }

        #[test]
        fn every_price_is_within_a_unit_of_the_exact_ratio(a in 1u64.., b in 1u64..) {
            let prices = marginal(&[a.into(), b.into()]).unwrap();
            let one = u128::from(1_000_000_000_000_000_000u64);
            let exact = U256::from(b) * U256::from(one) / (U256::from(a) + U256::from(b));
            prop_assert!(prices[0].units() == exact || prices[0].units() == exact + U256::from(1));
        }
    }

    #[test]
    fn two_hundred_and_fifty_six_huge_balances_do_not_overflow() {
        let prices = marginal(&vec![Amount(U256::MAX); 256]).unwrap();
        assert_eq!(prices.iter().fold(U256::ZERO, |sum, price| sum + price.units()), Price::ONE.units());
    }
}

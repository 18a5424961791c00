//! Payouts of combinations of outcomes.

use capstan_primitives::Amount;

/// Payout numerators of every combination of outcomes of resolved conditions: the products of the
/// numerators of the single conditions, in the order of the position ids of a pool. One condition
/// gives its own numerators.
///
/// A product over 2^256 - 1 is held there: `ConditionalTokens` itself cannot pay such out.
pub(crate) fn of_combinations(conditions: &[Vec<Amount>]) -> Vec<Amount> {
    let Some((first, rest)) = conditions.split_first() else { return Vec::new() };
    rest.iter().fold(first.clone(), |inner, outer| {
        let times = |a: Amount, b: Amount| Amount(a.0.saturating_mul(b.0));
        outer.iter().flat_map(|outer| inner.iter().map(|inner| times(*inner, *outer))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(numbers: &[u64]) -> Vec<Amount> {
        numbers.iter().copied().map(Amount::from).collect()
    }

    #[test]
    fn one_condition_gives_its_own_numerators() {
        assert_eq!(of_combinations(&[amounts(&[1, 0, 3])]), amounts(&[1, 0, 3]));
    }

    #[test]
    fn the_first_condition_counts_fastest() {
        let payouts = of_combinations(&[amounts(&[1, 2]), amounts(&[0, 1, 5])]);
        assert_eq!(payouts, amounts(&[0, 0, 1, 2, 5, 10]));
    }
}

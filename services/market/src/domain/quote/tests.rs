//! What holds of every quote. That they are the contract's own is shown on a chain.

use proptest::prelude::*;

use super::*;

fn amounts(numbers: &[u64]) -> Vec<Amount> {
    numbers.iter().copied().map(Amount::from).collect()
}

fn number(of: u64) -> Amount {
    Amount::from(of)
}

#[test]
fn a_pool_without_tokens_trades_nothing() {
    for balances in [amounts(&[0, 0]), amounts(&[0, 7]), amounts(&[7, 0])] {
        let pool = Pool { balances: &balances, fee: Amount::ZERO };
        let wishes = [Wish::Collateral(number(1)), Wish::Tokens(number(1))];
        for (side, wish) in [(Side::Buy, wishes[0]), (Side::Sell, wishes[0]), (Side::Sell, wishes[1])] {
            assert_eq!(pool.quote(side, 0, wish), None, "{balances:?} {side:?} {wish:?}");
        }
    }
}

#[test]
fn an_outcome_that_is_not_there_and_a_sale_of_more_than_the_pool_has_are_no_trades() {
    let balances = amounts(&[1_000, 1_000]);
    let pool = Pool { balances: &balances, fee: Amount::ZERO };
    assert_eq!(pool.quote(Side::Buy, 2, Wish::Collateral(number(1))), None);
    assert_eq!(pool.quote(Side::Sell, 0, Wish::Collateral(number(1_000))), None);
    let all = pool.quote(Side::Sell, 0, Wish::Collateral(number(999))).unwrap();
    assert_eq!(all.tokens, number(999_999));
    let whole_fee = Pool { balances: &balances, fee: Amount(ONE) };
    assert_eq!(whole_fee.quote(Side::Sell, 0, Wish::Collateral(number(1))), None);
}

#[test]
fn numbers_that_the_contract_cannot_hold_are_no_trade() {
    let huge = Amount(U256::from(1) << 200);
    let balances = [huge, huge];
    let pool = Pool { balances: &balances, fee: Amount::ZERO };
    assert_eq!(pool.quote(Side::Buy, 0, Wish::Collateral(number(1))), None);
    assert_eq!(pool.quote(Side::Buy, 0, Wish::Tokens(number(1))), None);
}

#[test]
fn guards_are_rounded_in_favour_of_the_trade() {
    let quote = Quote { collateral: number(100), tokens: number(333), fee: number(2), after: Vec::new() };
    assert_eq!((quote.guard(Side::Buy, 100), quote.guard(Side::Sell, 100)), (number(329), number(337)));
    assert_eq!((quote.guard(Side::Buy, 0), quote.guard(Side::Sell, 0)), (number(333), number(333)));
    assert_eq!(quote.guard(Side::Buy, 20_000), Amount::ZERO);
}

fn pools() -> impl Strategy<Value = (Vec<Amount>, Amount)> {
    let balance =
        (1u64..u64::MAX, 0u32..64).prop_map(|(number, shift)| Amount::from((number >> shift).max(1)));
    let fee = prop_oneof![Just(0), Just(20_000_000_000_000_000), 0u64..900_000_000_000_000_000];
    (prop::collection::vec(balance, 2..6), fee.prop_map(Amount::from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_least_that_buys_so_many_tokens_is_the_least((balances, fee) in pools(), tokens in 1u64..u64::MAX) {
        let pool = Pool { balances: &balances, fee };
        if let Some(quote) = pool.quote(Side::Buy, 0, Wish::Tokens(number(tokens))) {
            prop_assert!(quote.tokens >= number(tokens));
            if let Some(less) = quote.collateral.0.checked_sub(U256::from(1)) {
                let less = pool.buy(less, 0);
                prop_assert!(less.is_none_or(|less| less.tokens < number(tokens)));
            }
            prop_assert_eq!(pool.quote(Side::Buy, 0, Wish::Collateral(quote.collateral)), Some(quote));
        }
    }

    #[test]
    fn the_most_that_so_many_tokens_sell_for_is_the_most((balances, fee) in pools(), tokens in 1u64..u64::MAX) {
        let pool = Pool { balances: &balances, fee };
        if let Some(quote) = pool.quote(Side::Sell, 0, Wish::Tokens(number(tokens))) {
            prop_assert!(quote.tokens <= number(tokens));
            let more = pool.sell(quote.collateral.0 + U256::from(1), 0);
            prop_assert!(more.is_none_or(|more| more.tokens > number(tokens)));
        }
    }

    #[test]
    fn a_trade_never_takes_from_the_product_and_never_beats_the_marginal_price(
        (balances, fee) in pools(), amount in 1u64..u64::MAX, side in prop_oneof![Just(Side::Buy), Just(Side::Sell)]
    ) {
        let pool = Pool { balances: &balances, fee };
        let Some(quote) = pool.quote(side, 0, Wish::Collateral(number(amount))) else { return Ok(()) };
        let product = |balances: &[Amount]| {
            use bigdecimal::num_bigint::BigUint;
            let number = |amount: &Amount| BigUint::from_bytes_be(&amount.0.to_be_bytes::<32>());
            balances.iter().map(number).product::<BigUint>()
        };
        prop_assert!(product(&quote.after) >= product(&balances));
        // What prices lack to one is spread in units, so that one may be a unit off.
        let unit = U256::from(1);
        let before = price::marginal(&balances).unwrap()[0].units();
        let after = quote.prices_after().unwrap()[0].units();
        match side {
            Side::Buy => prop_assert!(after + unit >= before),
            Side::Sell => prop_assert!(after <= before + unit),
        }
    }
}

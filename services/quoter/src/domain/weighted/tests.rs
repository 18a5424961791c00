//! Limits and round trips of weighted pools.

use proptest::prelude::*;

use super::*;
use crate::domain::pool::Pool;

/// What a pool may lose by the error that it allows for in powers, as parts of a balance: 10^14 / 4.
const ERROR: u64 = 25_000_000_000_000;

fn token(number: u8) -> Address {
    Address::from([number; 20])
}

fn pool(arithmetic: Arithmetic, parts: &[(u8, u64, u128)], fee: u64) -> Weighted {
    let weight = |hundredths: u64| U256::from(hundredths * 10_000_000_000_000_000);
    let listed: Vec<Part> = (1..)
        .zip(parts)
        .map(|(number, (decimals, hundredths, _))| Part {
            token: token(number),
            decimals: *decimals,
            weight: weight(*hundredths),
        })
        .collect();
    let added = |(number, (_, _, balance)): (u8, &(u8, u64, u128))| BalanceChange {
        token: token(number),
        added: U256::from(*balance),
        removed: U256::ZERO,
    };
    let changes: Vec<BalanceChange> = (1..).zip(parts).map(added).collect();
    Weighted::new(arithmetic, &listed, U256::from(fee)).unwrap().with_balances(&changes).unwrap()
}

fn any_pool() -> impl Strategy<Value = Weighted> {
    pool_of(20)
}

/// A pool with balances of over so many bits.
fn pool_of(bits: u32) -> impl Strategy<Value = Weighted> {
    let arithmetic = prop::sample::select(vec![Arithmetic::Logarithms, Arithmetic::Shortcuts]);
    let weights = prop::sample::select(vec![50_u64, 80, 20, 1, 99, 33, 67]);
    let decimals = || prop::sample::select(vec![6_u8, 8, 18]);
    let balance = move || {
        let any = (1_u128 << 109..1 << 110, 0..109 - bits);
        any.prop_map(|(balance, shift)| balance >> shift)
    };
    let fee = 1_000_000_000_000_u64..100_000_000_000_000_000;
    (arithmetic, weights, (decimals(), decimals()), (balance(), balance()), fee).prop_map(
        |(arithmetic, weight, (first, second), balances, fee)| {
            pool(arithmetic, &[(first, weight, balances.0), (second, 100 - weight, balances.1)], fee)
        },
    )
}

fn part(of: U256, thousandths: u64) -> U256 {
    of * U256::from(thousandths) / U256::from(1_000)
}

#[test]
fn half_and_half_is_a_product_that_stays() {
    let ether = 1_000_000_000_000_000_000_u128;
    let pool = pool(Arithmetic::Shortcuts, &[(18, 50, 1_000 * ether), (18, 50, 2_000 * ether)], 0);
    let swap = pool.quote_exact_in(Way::DOWN, U256::from(100 * ether)).unwrap();
    // 2000 × (1 - 1000 / 1100), the quotient rounded up to 18 digits.
    assert_eq!(swap.amount_out, U256::from(181_818_181_818_181_818_000_u128));
    assert_eq!(pool.spot_price(Way::DOWN), Rate::ratio(U256::from(2), U256::from(1)));
}

#[test]
fn tokens_that_a_pool_has_not_are_refused() {
    let pool = pool(Arithmetic::Shortcuts, &[(18, 50, 1 << 80), (18, 30, 1 << 80), (6, 20, 0)], 1 << 50);
    let one = U256::from(1 << 20);
    for way in [Way { from: 0, to: 3 }, Way { from: 3, to: 0 }, Way { from: 1, to: 1 }] {
        assert_eq!(pool.quote_exact_in(way, one), Err(Refusal::Way));
        assert_eq!(pool.max_in(way), U256::ZERO);
    }
    assert!(pool.quote_exact_in(Way { from: 1, to: 0 }, one).is_ok());
    assert_eq!(pool.quote_exact_in(Way { from: 1, to: 2 }, one), Err(Refusal::Liquidity));
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let pool = pool(Arithmetic::Shortcuts, &[(18, 50, 1_000), (18, 50, 1_000)], 0);
    let gone = |number, removed: u64| {
        Change::Balances(vec![BalanceChange {
            token: token(number),
            added: U256::ONE,
            removed: U256::from(removed),
        }])
    };
    assert!(pool.applied(&gone(1, 1_001)).is_ok());
    assert!(pool.applied(&gone(1, 1_002)).is_err());
    assert!(pool.applied(&gone(3, 0)).is_err());
    assert!(pool.applied(&Change::SwapFee(ONE)).is_err());
    assert_eq!(pool.applied(&Change::SwapFee(U256::from(2 * MILLIONTH))).unwrap().fee_ppm(Way::UP), 2);
    let odd = Part { token: token(1), decimals: 19, weight: ONE };
    assert!(Weighted::new(Arithmetic::Shortcuts, &[odd], U256::ZERO).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_profits_from_there_and_back(pool in any_pool(), share in 1_u64..=1_000) {
        let amount = part(pool.max_in(Way::DOWN), share);
        let there = pool.quote_exact_in(Way::DOWN, amount).unwrap();
        let back = pool.after(&there).quote_exact_in(Way::UP, there.amount_out);
        prop_assert!(back.map_or(U256::ZERO, |back| back.amount_out) <= amount);
    }

    #[test]
    fn what_is_asked_for_costs_what_it_gives_but_for_the_error(pool in any_pool(), share in 1_u64..=1_000) {
        let wanted = part(pool.max_out(Way::DOWN), share);
        let needed = pool.quote_exact_out(Way::DOWN, wanted).unwrap();
        if let Ok(given) = pool.quote_exact_in(Way::DOWN, needed.amount_in) {
            let State::Reserves { amounts, .. } = pool.state() else { panic!() };
            let allowed = amounts[1] / U256::from(ERROR) + U256::from(2);
            prop_assert!(given.amount_out + allowed >= wanted, "{} of {}", given.amount_out, wanted);
        }
    }

    #[test]
    fn more_in_gives_no_less_out(pool in any_pool(), share in 1_u64..=1_000, more in 1_u64..1 << 60) {
        let most = pool.max_in(Way::UP);
        let amount = part(most, share);
        let less = pool.quote_exact_in(Way::UP, amount).unwrap();
        let more = pool.quote_exact_in(Way::UP, (amount + U256::from(more)).min(most)).unwrap();
        prop_assert!(less.amount_out <= more.amount_out, "{} and {}", less.amount_out, more.amount_out);
    }

    #[test]
    fn limits_are_the_last_that_go(pool in any_pool()) {
        for way in [Way::DOWN, Way::UP] {
            let (most_in, most_out) = (pool.max_in(way), pool.max_out(way));
            prop_assert!(pool.quote_exact_in(way, most_in).is_ok());
            prop_assert!(pool.quote_exact_in(way, most_in + U256::ONE).is_err());
            prop_assert!(pool.quote_exact_out(way, most_out).is_ok());
            prop_assert!(pool.quote_exact_out(way, most_out + U256::ONE).is_err());
        }
    }

    #[test]
    fn a_price_is_moved_as_far_as_asked(pool in pool_of(50), bps in 1_u32..500) {
        let pool = pool.with_swap_fee(U256::ZERO).unwrap();
        let swap = pool.moving(Way::DOWN, bps).unwrap();
        let moved = pool.after(&swap).spot_price(Way::DOWN).unwrap().below(pool.spot_price(Way::DOWN).unwrap());
        let wanted = u64::from(bps) * 10_000;
        let is_all = swap.amount_in == pool.max_in(Way::DOWN);
        prop_assert!(is_all && moved <= wanted || moved.abs_diff(wanted) <= 20, "{} instead of {}", moved, wanted);
    }
}

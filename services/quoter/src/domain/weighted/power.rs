//! Powers of fixed-point numbers, as Balancer's LogExpMath has them: what it truncates is truncated here.

use capstan_primitives::U256;
use ruint::uint;

uint! {
    /// One, with the 18 digits of arguments and results.
    const ONE_18: U256 = 1000000000000000000_U256;
    /// One, with the 20 digits within.
    const ONE_20: U256 = 100000000000000000000_U256;
    /// One, with the 36 digits of logarithms near one.
    const ONE_36: U256 = 1000000000000000000000000000000000000_U256;
    const HUNDRED: U256 = 100_U256;
    const TWO: U256 = 2_U256;

    /// Between these, exclusively, logarithms have 36 digits.
    const NEAR_ONE: (U256, U256) = (900000000000000000_U256, 1100000000000000000_U256);
    /// Results are from e^-41 to e^130.
    const LARGEST: U256 = 130000000000000000000_U256;
    const SMALLEST: U256 = 41000000000000000000_U256;
    /// 2^254 / 10^20, which exponents are below.
    const TOO_LARGE: U256 = 289480223093290488558927462521719769633174961664101410098_U256;

    /// 2^7 and 2^6 with 18 digits, and e to their power as whole numbers.
    const LARGE: [(U256, U256); 2] = [
        (128000000000000000000_U256, 38877084059945950922200000000000000000000000000000000000_U256),
        (64000000000000000000_U256, 6235149080811616882910000000_U256),
    ];
    /// 2^5 to 2^-4 and e to their power, all with 20 digits.
    const SMALL: [(U256, U256); 10] = [
        (3200000000000000000000_U256, 7896296018268069516100000000000000_U256),
        (1600000000000000000000_U256, 888611052050787263676000000_U256),
        (800000000000000000000_U256, 298095798704172827474000_U256),
        (400000000000000000000_U256, 5459815003314423907810_U256),
        (200000000000000000000_U256, 738905609893065022723_U256),
        (100000000000000000000_U256, 271828182845904523536_U256),
        (50000000000000000000_U256, 164872127070012814685_U256),
        (25000000000000000000_U256, 128402541668774148407_U256),
        (12500000000000000000_U256, 113314845306682631683_U256),
        (6250000000000000000_U256, 106449445891785942956_U256),
    ];
}

/// So many of [`SMALL`] are taken out of an exponent; the series does the rest.
const TAKEN_OUT: usize = 8;
/// The last power of the series of the exponential.
const LAST_POWER: u64 = 12;
/// Divisors of the series of the logarithm, with 20 digits.
const ODD: [u64; 5] = [3, 5, 7, 9, 11];
/// Those with 36.
const MORE_ODD: [u64; 7] = [3, 5, 7, 9, 11, 13, 15];

/// A number and its sign. The contract's signed divisions truncate towards zero, as those of numbers without a sign do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signed {
    size: U256,
    is_negative: bool,
}

/// `base` to the power of `exponent`, all with 18 digits, as far off as the contract's; `None` where that reverts.
pub(super) fn power(base: U256, exponent: U256) -> Option<U256> {
    if exponent.is_zero() {
        return Some(ONE_18);
    }
    if base.is_zero() {
        return Some(U256::ZERO);
    }
    if base.bit(255) || exponent >= TOO_LARGE {
        return None;
    }
    exponential(logarithm_times(base, exponent))
}

/// The natural logarithm of `base`, times `exponent`. Within the bounds of [`power`] nothing of it overflows.
fn logarithm_times(base: U256, exponent: U256) -> Signed {
    if NEAR_ONE.0 < base && base < NEAR_ONE.1 {
        let Signed { size, is_negative } = logarithm_near_one(base);
        let (whole, rest) = size.div_rem(ONE_18);
        let product = whole.wrapping_mul(exponent).wrapping_add(rest.wrapping_mul(exponent) / ONE_18);
        return Signed { size: product / ONE_18, is_negative };
    }
    let Signed { size, is_negative } = if base < ONE_18 {
        Signed { size: logarithm(ONE_36 / base), is_negative: true }
    } else {
        Signed { size: logarithm(base), is_negative: false }
    };
    Signed { size: size.wrapping_mul(exponent) / ONE_18, is_negative }
}

/// e to the power of `exponent`.
fn exponential(exponent: Signed) -> Option<U256> {
    if exponent.is_negative {
        return (exponent.size <= SMALLEST).then(|| ONE_36.checked_div(growth(exponent.size)))?;
    }
    (exponent.size <= LARGEST).then(|| growth(exponent.size))
}

/// e to a power from 0 to 130.
fn growth(exponent: U256) -> U256 {
    let (mut rest, mut whole) = (exponent, U256::ONE);
    if let Some((part, factor)) = LARGE.iter().find(|(part, _)| exponent >= *part) {
        (rest, whole) = (rest.wrapping_sub(*part), *factor);
    }
    rest = rest.wrapping_mul(HUNDRED);
    let mut product = ONE_20;
    for (part, factor) in SMALL.iter().take(TAKEN_OUT) {
        if rest >= *part {
            rest = rest.wrapping_sub(*part);
            product = times(product, *factor, ONE_20);
        }
    }
    let (mut term, mut sum) = (rest, ONE_20.wrapping_add(rest));
    for power in 2..=LAST_POWER {
        term = times(term, rest, ONE_20) / U256::from(power);
        sum = sum.wrapping_add(term);
    }
    times(product, sum, ONE_20).wrapping_mul(whole) / HUNDRED
}

/// The natural logarithm of a number from one.
fn logarithm(number: U256) -> U256 {
    let (mut rest, mut sum) = (number, U256::ZERO);
    for (part, factor) in &LARGE {
        if rest >= factor.wrapping_mul(ONE_18) {
            (rest, sum) = (rest / *factor, sum.wrapping_add(*part));
        }
    }
    (rest, sum) = (rest.wrapping_mul(HUNDRED), sum.wrapping_mul(HUNDRED));
    for (part, factor) in &SMALL {
        if rest >= *factor {
            (rest, sum) = (rest.wrapping_mul(ONE_20) / *factor, sum.wrapping_add(*part));
        }
    }
    let z = rest.wrapping_sub(ONE_20).wrapping_mul(ONE_20) / rest.wrapping_add(ONE_20);
    sum.wrapping_add(series(z, &ODD, ONE_20)) / HUNDRED
}

/// The natural logarithm of a number near one, with 36 digits.
fn logarithm_near_one(number: U256) -> Signed {
    let number = number.wrapping_mul(ONE_18);
    let z = number.abs_diff(ONE_36).wrapping_mul(ONE_36) / number.wrapping_add(ONE_36);
    Signed { size: series(z, &MORE_ODD, ONE_36), is_negative: number < ONE_36 }
}

/// 2 (z + z³/3 + z⁵/5 …), which is the logarithm of (1 + z) / (1 - z).
fn series(z: U256, divisors: &[u64], one: U256) -> U256 {
    let square = times(z, z, one);
    let (mut power, mut sum) = (z, z);
    for divisor in divisors {
        power = times(power, square, one);
        sum = sum.wrapping_add(power / U256::from(*divisor));
    }
    sum.wrapping_mul(TWO)
}

/// The product of numbers of which `one` is one.
fn times(a: U256, b: U256, one: U256) -> U256 {
    a.wrapping_mul(b) / one
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(value: u64) -> U256 {
        U256::from(value) * ONE_18
    }

    #[test]
    fn powers_end_where_the_contract_reverts() {
        assert_eq!(power(U256::ZERO, U256::ZERO), Some(ONE_18));
        assert_eq!(power(U256::ZERO, U256::ONE), Some(U256::ZERO));
        assert_eq!(power(U256::ONE << 255, U256::ONE), None);
        assert_eq!(power(ONE_18, TOO_LARGE), None);
        assert!(power(ONE_18, TOO_LARGE - U256::ONE).is_some());
        assert_eq!(TOO_LARGE, (U256::ONE << 254) / ONE_20);
        // 10^56 is below e^130 and 10^57 is over it; so it is with 10^-17 and e^-41.
        assert!(power(number(10), number(56)).is_some() && power(number(10), number(57)).is_none());
        let tenth = ONE_18 / U256::from(10);
        assert!(power(tenth, number(17)).is_some() && power(tenth, number(18)).is_none());
    }

    proptest! {
        #[test]
        fn whole_powers_are_products(base in 500_000_000_000_000_000_u64..2_000_000_000_000_000_000, times in 1_u64..40) {
            let base = U256::from(base);
            let exact = (0..times).try_fold(ONE_36, |product, _| product.checked_mul(base).map(|product| product / ONE_18));
            let (exact, found) = (exact.unwrap() / ONE_18, power(base, number(times)).unwrap());
            // A part in 10^14 and the last digit: the error that the pools allow for.
            let allowed = exact / U256::from(100_000_000_000_000_u64) + U256::ONE;
            prop_assert!(exact.abs_diff(found) <= allowed, "{} instead of {}", found, exact);
        }

        #[test]
        fn roots_lead_back(base in 1_u64.., exponent in 10_000_000_000_000_000_u64..1_000_000_000_000_000_000) {
            let (base, exponent) = (U256::from(base).max(ONE_18 / U256::from(2)), U256::from(exponent));
            let there = power(base, exponent).unwrap();
            let back = power(there, ONE_36 / exponent).unwrap();
            // The last digit of the root is so much of the result as the exponent is small.
            let allowed = base / U256::from(1_000_000_000_000_u64);
            prop_assert!(base.abs_diff(back) <= allowed, "{} instead of {}", back, base);
        }
    }
}

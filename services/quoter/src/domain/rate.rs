//! Rates between smallest units, for comparisons and for people: 128 significant bits, rounded down.

use std::{cmp::Ordering, fmt};

use capstan_primitives::U256;

/// Units of one token for one unit of another: `mantissa` × 2^`exponent`, the mantissa's highest bit set. Zero has
/// the mantissa zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    mantissa: u128,
    exponent: i32,
}

/// Significant digits of the text.
const DIGITS: usize = 36;

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };
    /// One for one.
    pub const ONE: Self = Self { mantissa: 1 << 127, exponent: -127 };

    /// `value` × 2^`exponent`.
    #[must_use]
    pub fn scaled(value: U256, exponent: i32) -> Self {
        let bits = i32::try_from(value.bit_len()).unwrap_or(256);
        if bits == 0 {
            return Self::ZERO;
        }
        let shift = bits - 128;
        let places = usize::try_from(shift.unsigned_abs()).unwrap_or_default();
        let mantissa = if shift > 0 { value.wrapping_shr(places) } else { value.wrapping_shl(places) };
        Self { mantissa: low(mantissa), exponent: exponent.saturating_add(shift) }
    }

    /// `numerator / denominator`; `None` without a denominator.
    #[must_use]
    pub fn ratio(numerator: U256, denominator: U256) -> Option<Self> {
        Self::scaled(numerator, 0).over(Self::scaled(denominator, 0))
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let product = U256::from(self.mantissa).wrapping_mul(U256::from(other.mantissa));
        Self::scaled(product, self.exponent.saturating_add(other.exponent))
    }

    /// The quotient; `None` when `other` is zero.
    #[must_use]
    pub fn over(self, other: Self) -> Option<Self> {
        let quotient = U256::from(self.mantissa).wrapping_shl(128).checked_div(U256::from(other.mantissa))?;
        Some(Self::scaled(quotient, self.exponent.saturating_sub(other.exponent).saturating_sub(128)))
    }

    /// The sum, rounded down.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (large, small) = if self >= other { (self, other) } else { (other, self) };
        if small.mantissa == 0 {
            return large;
        }
        let apart = usize::try_from(large.exponent.saturating_sub(small.exponent)).unwrap_or(usize::MAX);
        // The larger one keeps 64 bits more than it needs.
        let wide = U256::from(large.mantissa).wrapping_shl(64);
        let addend = U256::from(small.mantissa).wrapping_shl(64);
        let addend = if apart < 256 { addend.wrapping_shr(apart) } else { U256::ZERO };
        Self::scaled(wide.saturating_add(addend), large.exponent.saturating_sub(64))
    }

    /// What `amount` is worth, rounded down; the largest number when it does not fit.
    #[must_use]
    pub fn of(self, amount: U256) -> U256 {
        let Self { mantissa, exponent } = self.times(Self::scaled(amount, 0));
        let places = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
        match (mantissa, exponent) {
            (0, _) => U256::ZERO,
            (_, ..0) => U256::from(mantissa).wrapping_shr(places),
            (_, 0..=128) => U256::from(mantissa).wrapping_shl(places),
            _ => U256::MAX,
        }
    }

    /// How far `self` is below `other`, in units of 10^-8 of it, which is a ten-thousandth of a basis point; 0 when
    /// it is not below.
    #[must_use]
    pub fn below(self, other: Self) -> u64 {
        const WHOLE: u64 = 100_000_000;
        const FINER: u64 = 1_000;
        let share = self.over(other).map_or(U256::ZERO, |share| share.of(U256::from(WHOLE * FINER)));
        // To the nearest: the rates themselves are rounded.
        let share = u64::try_from(share).map_or(WHOLE, |share| share.saturating_add(FINER / 2) / FINER);
        WHOLE - share.min(WHOLE)
    }
}

fn low(value: U256) -> u128 {
    let [low, high, ..] = *value.as_limbs();
    u128::from(high) << 64 | u128::from(low)
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.mantissa, other.mantissa) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            (ours, theirs) => (self.exponent, ours).cmp(&(other.exponent, theirs)),
        }
    }
}

impl fmt::Display for Rate {
    /// Decimal text of 36 significant digits at most, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Scaled by a power of ten so that the whole part has the digits.
        let ten = Self::scaled(U256::from(10), 0);
        let most = Self::scaled(U256::from(10).pow(U256::from(DIGITS)), 0);
        let least = Self::scaled(U256::from(10).pow(U256::from(DIGITS - 1)), 0);
        let (mut scaled, mut places) = (*self, 0_usize);
        if self.mantissa == 0 {
            return f.write_str("0");
        }
        let mut zeros = 0_usize;
        while scaled < least && places < 200 {
            (scaled, places) = (scaled.times(ten), places + 1);
        }
        while scaled >= most {
            let Some(smaller) = scaled.over(ten) else { break };
            (scaled, zeros) = (smaller, zeros + 1);
        }
        let digits = scaled.of(U256::ONE).to_string();
        if places == 0 {
            return write!(f, "{digits}{}", "0".repeat(zeros));
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(places));
        match fraction.trim_end_matches('0') {
            "" => f.write_str(whole),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratio(numerator: u64, denominator: u64) -> Rate {
        Rate::ratio(U256::from(numerator), U256::from(denominator)).unwrap()
    }

    #[test]
    fn rates_are_written_as_decimals() {
        assert_eq!(ratio(1, 1), Rate::ONE);
        assert_eq!(ratio(3, 2).to_string(), "1.5");
        assert_eq!(ratio(2_500, 1).to_string(), "2500");
        assert_eq!(Rate::ZERO.to_string(), "0");
        assert!(ratio(1, 3).to_string().starts_with("0.33333333333333333333333333333333333"));
        assert!(
            Rate::ratio(U256::from(1), U256::from(10).pow(U256::from(30))).unwrap().to_string().len() > 30
        );
        assert_eq!(Rate::ratio(U256::ONE, U256::ZERO), None);
    }

    #[test]
    fn what_is_below_is_said_in_parts_of_the_other() {
        assert_eq!(ratio(99, 100).below(Rate::ONE), 1_000_000);
        assert_eq!(ratio(2, 1).below(Rate::ONE), 0);
        assert_eq!(Rate::ZERO.below(Rate::ONE), 100_000_000);
    }

    proptest! {
        #[test]
        fn order_and_worth_are_those_of_fractions(a in 1_u64.., b in 1_u64.., c in 1_u64.., d in 1_u64..) {
            let cross = (u128::from(a) * u128::from(d)).cmp(&(u128::from(c) * u128::from(b)));
            let (left, right) = (ratio(a, b), ratio(c, d));
            if cross != Ordering::Equal {
                prop_assert_eq!(left.cmp(&right), cross);
            }
            let exact = U256::from(a) * U256::from(d) / U256::from(b);
            let off = exact.abs_diff(left.of(U256::from(d)));
            prop_assert!(off <= U256::ONE, "{} off", off);
            prop_assert!(ratio(a, b).times(ratio(b, a)) <= Rate::ONE);
            let sum = left.plus(right);
            prop_assert!(sum >= left && sum >= right && sum.of(U256::ONE) <= U256::from(a / b + c / d + 2));
        }
    }
}

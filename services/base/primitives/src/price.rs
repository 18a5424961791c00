//! Prices as exact decimals with 18 fractional digits.

use std::fmt;

use ruint::aliases::U256;

use crate::Amount;

/// A price in collateral per token, an integer of 10^-18 units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(U256);

impl Price {
    /// Fractional digits of every price.
    pub const DECIMALS: usize = 18;

    /// One: a token that is worth exactly one collateral.
    pub const ONE: Self = Self(U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]));

    /// From an integer of 10^-18 units.
    #[must_use]
    pub const fn from_units(units: U256) -> Self {
        Self(units)
    }

    /// As an integer of 10^-18 units.
    #[must_use]
    pub const fn units(self) -> U256 {
        self.0
    }

    /// `collateral / tokens`, rounded down; `None` when there are no tokens or the ratio is over
    /// 2^256 - 1 units.
    #[must_use]
    pub fn ratio(collateral: Amount, tokens: Amount) -> Option<Self> {
        use ruint::aliases::U512;
        let scaled = U512::from(collateral.0).checked_mul(U512::from(Self::ONE.0))?;
        let quotient = scaled.checked_div(U512::from(tokens.0))?;
        U256::checked_from_limbs_slice(quotient.as_limbs()).map(Self)
    }

    /// What `tokens` cost at this price, rounded down; `None` over 2^256 - 1.
    #[must_use]
    pub fn of(self, tokens: Amount) -> Option<Amount> {
        use ruint::aliases::U512;
        let scaled = U512::from(tokens.0).checked_mul(U512::from(self.0))?;
        let quotient = scaled.checked_div(U512::from(Self::ONE.0))?;
        U256::checked_from_limbs_slice(quotient.as_limbs()).map(Amount)
    }
}

impl fmt::Display for Price {
    /// Decimal text without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>19}", self.0.to_string());
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(Self::DECIMALS));
        match fraction.trim_end_matches('0') {
            "" => f.write_str(whole),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_rounded_down() {
        let third = Price::ratio(Amount::from(1), Amount::from(3)).unwrap();
        assert_eq!(third.to_string(), "0.333333333333333333");
        assert_eq!(Price::ratio(Amount::from(7), Amount::from(2)).unwrap().to_string(), "3.5");
        assert_eq!(Price::ONE.to_string(), "1");
    }

    #[test]
    fn the_cost_of_tokens_is_rounded_down() {
        let third = Price::ratio(Amount::from(1), Amount::from(3)).unwrap();
        assert_eq!(third.of(Amount::from(3)), Some(Amount::ZERO));
        assert_eq!(third.of(Amount::from(4)), Some(Amount::from(1)));
        assert_eq!(Price::ONE.of(Amount(U256::MAX)), Some(Amount(U256::MAX)));
        assert_eq!(Price::from_units(U256::MAX).of(Amount(U256::MAX)), None);
    }

    #[test]
    fn no_tokens_have_no_price() {
        assert_eq!(Price::ratio(Amount::from(1), Amount::ZERO), None);
        assert_eq!(Price::ratio(Amount(U256::MAX), Amount::from(1)), None);
    }
}

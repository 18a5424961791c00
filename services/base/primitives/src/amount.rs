//! Amounts of tokens as integers of their smallest unit.

use std::{fmt, str::FromStr};

use ruint::aliases::U256;
use serde::{Deserialize, Serialize};

/// A number of smallest units of some token, 0 to 2^256 - 1. Decimal text on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(pub U256);

/// Why an amount cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is not a decimal integer from 0 to 2^256 - 1.
    #[error("not a decimal integer from 0 to 2^256 - 1")]
    NotAnAmount,
    /// A sum is over 2^256 - 1.
    #[error("{left} + {right} is over 2^256 - 1")]
    Overflow {
        /// Left operand.
        left: Amount,
        /// Right operand.
        right: Amount,
    },
    /// A difference is below zero.
    #[error("{left} - {right} is below zero")]
    Underflow {
        /// Left operand.
        left: Amount,
        /// Right operand.
        right: Amount,
    },
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// Whether this is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Adds exactly.
    ///
    /// # Errors
    /// When the sum is over 2^256 - 1.
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow { left: self, right: other })
    }

    /// Subtracts exactly.
    ///
    /// # Errors
    /// When the difference is below zero.
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Underflow { left: self, right: other })
    }
}

impl From<U256> for Amount {
    fn from(value: U256) -> Self {
        Self(value)
    }
}

impl From<u64> for Amount {
    fn from(value: u64) -> Self {
        Self(U256::from(value))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::NotAnAmount);
        }
        U256::from_str_radix(text, 10).map(Self).map_err(|_| AmountError::NotAnAmount)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

impl TryFrom<String> for Amount {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_amount_reads_what_it_writes() {
        let largest = Amount(U256::MAX);
        assert_eq!(largest.to_string().parse(), Ok(largest));
        assert!(largest.plus(Amount::from(1)).is_err());
    }

    #[test]
    fn what_is_not_a_decimal_integer_is_refused() {
        for text in ["", "-1", "1.0", "0x1", "1e3", "+1", "١"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::NotAnAmount), "{text}");
        }
        assert!(Amount::ZERO.minus(Amount::from(1)).is_err());
    }
}

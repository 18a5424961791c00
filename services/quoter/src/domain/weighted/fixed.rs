//! Arithmetic of numbers with 18 digits, as Balancer's FixedPoint and WeightedMath have it.

use capstan_primitives::U256;
use ruint::uint;

use super::{Arithmetic, power::power};
use crate::domain::math::div_up;

uint! {
    /// One.
    pub(super) const ONE: U256 = 1000000000000000000_U256;
    const TWO: U256 = 2000000000000000000_U256;
    const FOUR: U256 = 4000000000000000000_U256;
    /// How far a power may be off, as a part of it: 10^-14.
    const POWER_ERROR: U256 = 10000_U256;
    /// The part of a balance that one swap may bring or take.
    const LARGEST_PART: U256 = 300000000000000000_U256;
}

/// The product, rounded down; `None` when it does not fit before it is divided, as then the contract reverts.
pub(super) fn mul_down(a: U256, b: U256) -> Option<U256> {
    a.checked_mul(b)?.checked_div(ONE)
}

/// The product, rounded up.
pub(super) fn mul_up(a: U256, b: U256) -> Option<U256> {
    div_up(a.checked_mul(b)?, ONE)
}

/// The quotient, rounded down.
pub(super) fn div_down(a: U256, b: U256) -> Option<U256> {
    a.checked_mul(ONE)?.checked_div(b)
}

/// The quotient, rounded up.
pub(super) fn divided_up(a: U256, b: U256) -> Option<U256> {
    div_up(a.checked_mul(ONE)?, b)
}

/// A power that is not below the true one.
pub(super) fn power_up(arithmetic: Arithmetic, base: U256, exponent: U256) -> Option<U256> {
    if arithmetic == Arithmetic::Shortcuts {
        match exponent {
            ONE => return Some(base),
            TWO => return mul_up(base, base),
            FOUR => return mul_up(base, base).and_then(|square| mul_up(square, square)),
            _ => {}
        }
    }
    let raw = power(base, exponent)?;
    raw.checked_add(largest_error(raw)?)
}

/// A power that is not above the true one.
pub(super) fn power_down(base: U256, exponent: U256) -> Option<U256> {
    let raw = power(base, exponent)?;
    Some(raw.saturating_sub(largest_error(raw)?))
}

fn largest_error(raw: U256) -> Option<U256> {
    mul_up(raw, POWER_ERROR)?.checked_add(U256::ONE)
}

/// What a pool has of a token, with 18 digits, and how much that counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) balance: U256,
    pub(super) weight: U256,
}

impl Side {
    /// The most that one swap may bring or take.
    pub(super) fn limit(self) -> Option<U256> {
        mul_down(self.balance, LARGEST_PART)
    }
}

/// What comes out for `amount`, rounded down.
pub(super) fn out_given_in(
    arithmetic: Arithmetic,
    (given, wanted): (Side, Side),
    amount: U256,
) -> Option<U256> {
    if amount > given.limit()? {
        return None;
    }
    let base = divided_up(given.balance, given.balance.checked_add(amount)?)?;
    let exponent = div_down(given.weight, wanted.weight)?;
    let left = power_up(arithmetic, base, exponent)?;
    mul_down(wanted.balance, ONE.saturating_sub(left))
}

/// What has to come in for `amount`, rounded up.
pub(super) fn in_given_out(
    arithmetic: Arithmetic,
    (given, wanted): (Side, Side),
    amount: U256,
) -> Option<U256> {
    if amount > wanted.limit()? {
        return None;
    }
    let base = divided_up(wanted.balance, wanted.balance.checked_sub(amount)?)?;
    let exponent = divided_up(wanted.weight, given.weight)?;
    let grown = power_up(arithmetic, base, exponent)?;
    mul_up(given.balance, grown.checked_sub(ONE)?)
}

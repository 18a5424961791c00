//! Amounts and prices within one stretch of constant liquidity, as Uniswap's SqrtPriceMath and SwapMath have them.

use capstan_primitives::U256;

use super::SqrtPrice;
use crate::domain::math::{div_up, mul_div, mul_div_up, mul_shift_96, mul_shift_96_up};

/// Millionths.
pub(crate) const WHOLE_FEE: u32 = 1_000_000;

/// Which way the price goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The first token is given for the second.
    Down,
    /// The second token is given for the first.
    Up,
}

/// Which way an amount is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Up,
    Down,
}

/// A stretch of the curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) direction: Direction,
    /// Liquidity, over zero.
    pub(crate) liquidity: u128,
    /// Fee in millionths, under [`WHOLE_FEE`].
    pub(crate) fee: u32,
}

impl Stretch {
    /// What is given, without the fee, to move the price from `from` to `to`.
    pub(crate) fn input(&self, from: SqrtPrice, to: SqrtPrice) -> Option<U256> {
        match self.direction {
            Direction::Down => amount0(to, from, self.liquidity, Round::Up),
            Direction::Up => amount1(from, to, self.liquidity, Round::Up),
        }
    }

    /// What comes out when the price moves from `from` to `to`.
    pub(crate) fn output(&self, from: SqrtPrice, to: SqrtPrice) -> Option<U256> {
        match self.direction {
            Direction::Down => amount1(to, from, self.liquidity, Round::Down),
            Direction::Up => amount0(from, to, self.liquidity, Round::Down),
        }
    }

    /// The input with the fee on top.
    pub(crate) fn gross(&self, input: U256) -> Option<U256> {
        let fee = mul_div_up(input, U256::from(self.fee), U256::from(WHOLE_FEE - self.fee))?;
        input.checked_add(fee)
    }

    /// What of a gross input moves the price.
    pub(crate) fn less_fee(&self, gross: U256) -> Option<U256> {
        mul_div(gross, U256::from(WHOLE_FEE - self.fee), U256::from(WHOLE_FEE))
    }

    /// The price after `input`, without the fee.
    pub(crate) fn after_input(&self, from: SqrtPrice, input: U256) -> Option<SqrtPrice> {
        match self.direction {
            Direction::Down => after_amount0_in(from, self.liquidity, input),
            Direction::Up => {
                let moved =
                    shifted(input, |shifted, liquidity| shifted.checked_div(liquidity), self.liquidity)?;
                from.checked_add(moved)
            }
        }
    }

    /// The price after `output`, which the stretch must have.
    pub(crate) fn after_output(&self, from: SqrtPrice, output: U256) -> Option<SqrtPrice> {
        match self.direction {
            Direction::Down => {
                from.checked_sub(shifted(output, div_up, self.liquidity)?).filter(|price| !price.is_zero())
            }
            Direction::Up => {
                let numerator = U256::from(self.liquidity).wrapping_shl(96);
                let denominator = numerator.checked_sub(output.checked_mul(from)?)?;
                mul_div_up(numerator, from, denominator)
            }
        }
    }

    /// Whether `input` moves the price from `from` at least to `to`.
    pub(crate) fn reaches(
        &self,
        (from, to): (SqrtPrice, SqrtPrice),
        input: U256,
    ) -> Option<Option<SqrtPrice>> {
        // Where nothing overflows, the price after the input tells it: it is at or past `to` exactly when the input is at
        // least what the way takes, rounded up.
        if input.bit_len() < 96 {
            let next = self.after_input(from, input)?;
            let is_short = match self.direction {
                Direction::Down => next > to,
                Direction::Up => next < to,
            };
            return Some(is_short.then_some(next));
        }
        if input >= self.input(from, to)? {
            return Some(None);
        }
        self.after_input(from, input).map(Some)
    }
}

/// `amount × 2^96 / liquidity` by a division that rounds as it should.
fn shifted(amount: U256, divide: fn(U256, U256) -> Option<U256>, liquidity: u128) -> Option<U256> {
    let liquidity = U256::from(liquidity);
    if amount.bit_len() <= 160 {
        return divide(amount.wrapping_shl(96), liquidity);
    }
    mul_div(amount, U256::ONE.wrapping_shl(96), liquidity)
}

/// The price is rounded up, so that it never passes what the input pays for.
fn after_amount0_in(from: SqrtPrice, liquidity: u128, input: U256) -> Option<SqrtPrice> {
    if input.is_zero() {
        return Some(from);
    }
    let numerator = U256::from(liquidity).wrapping_shl(96);
    let exact = input.checked_mul(from).and_then(|product| numerator.checked_add(product));
    match exact {
        Some(denominator) => mul_div_up(numerator, from, denominator),
        None => div_up(numerator, numerator.checked_div(from)?.checked_add(input)?),
    }
}

/// The first token between two prices.
fn amount0(low: SqrtPrice, high: SqrtPrice, liquidity: u128, round: Round) -> Option<U256> {
    let (numerator, width) = (U256::from(liquidity).wrapping_shl(96), high.checked_sub(low)?);
    match round {
        Round::Up => div_up(mul_div_up(numerator, width, high)?, low),
        Round::Down => mul_div(numerator, width, high)?.checked_div(low),
    }
}

/// The second token between two prices.
fn amount1(low: SqrtPrice, high: SqrtPrice, liquidity: u128, round: Round) -> Option<U256> {
    let (liquidity, width) = (U256::from(liquidity), high.checked_sub(low)?);
    match round {
        Round::Up => mul_shift_96_up(liquidity, width),
        Round::Down => mul_shift_96(liquidity, width),
    }
}

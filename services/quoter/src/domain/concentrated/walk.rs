//! Swaps along a ladder: a step to the first rung, a search in the sums, and a step into the last stretch.

use capstan_primitives::U256;

use super::{SqrtPrice, curve::Ladder, step::Direction};
use crate::domain::pool::{End, Refusal};

/// Where a swap begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) sqrt_price: SqrtPrice,
    /// The price is that of a tick, and the pool is in the tick below.
    pub(crate) is_below: bool,
}

/// A swap's amounts, and where it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) taken: U256,
    pub(crate) given: U256,
    pub(crate) end: End,
}

/// Which of a swap's amounts is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fixed {
    Input,
    Output,
}

impl Ladder {
    /// The swap that takes exactly `amount`.
    pub(crate) fn exact_in(&self, start: Start, amount: U256) -> Result<Walk, Refusal> {
        self.walk(start, Fixed::Input, amount).ok_or(Refusal::Liquidity)
    }

    /// The swap that gives exactly `amount`.
    pub(crate) fn exact_out(&self, start: Start, amount: U256) -> Result<Walk, Refusal> {
        self.walk(start, Fixed::Output, amount).ok_or(Refusal::Liquidity)
    }

    /// What the whole rest of the ladder takes and gives.
    pub(crate) fn rest(&self, start: Start) -> Option<Walk> {
        let first = self.first(start.sqrt_price, start.is_below);
        let (rung, last) = (self.rungs.get(first)?, self.rungs.last()?);
        let (taken, given) = self.stretch(rung.liquidity).whole(start.sqrt_price, rung.sqrt_price)?;
        Some(Walk {
            taken: taken.saturating_add(last.taken.saturating_sub(rung.taken)),
            given: given.saturating_add(last.given.saturating_sub(rung.given)),
            end: self.at(self.rungs.len().checked_sub(1)?)?,
        })
    }

    /// The swap that moves the price to `to`, or as far as the ladder goes.
    pub(crate) fn to_price(&self, start: Start, to: SqrtPrice) -> Option<Walk> {
        let first = self.first(start.sqrt_price, start.is_below);
        let rung = self.rungs.get(first)?;
        let past = |price: SqrtPrice| match self.direction {
            Direction::Down => price <= to,
            Direction::Up => price >= to,
        };
        let stop = first + self.rungs.get(first..)?.partition_point(|rung| !past(rung.sqrt_price));
        let Some(last) = self.rungs.get(stop) else { return self.rest(start) };
        let end =
            End { sqrt_price: to, is_below: false, steps: u32::try_from(stop - first).unwrap_or(u32::MAX) };
        if stop == first {
            let (taken, given) = self.stretch(rung.liquidity).whole(start.sqrt_price, to)?;
            return Some(Walk { taken, given, end });
        }
        let before = self.rungs.get(stop.checked_sub(1)?)?;
        let begin = self.stretch(rung.liquidity).whole(start.sqrt_price, rung.sqrt_price)?;
        let finish = self.stretch(last.liquidity).whole(before.sqrt_price, to)?;
        let between = (before.taken.checked_sub(rung.taken)?, before.given.checked_sub(rung.given)?);
        let taken = begin.0.checked_add(between.0)?.checked_add(finish.0)?;
        Some(Walk { taken, given: begin.1.checked_add(between.1)?.checked_add(finish.1)?, end })
    }

    /// `None` when the ladder ends before the amount is used up.
    fn walk(&self, start: Start, fixed: Fixed, amount: U256) -> Option<Walk> {
        let first = self.first(start.sqrt_price, start.is_below);
        let rung = self.rungs.get(first)?;
        let begun = self.step(start, first, fixed, amount)?;
        let left = amount.checked_sub(begun.of(fixed))?;
        if begun.end.is_some() || left.is_zero() {
            return begun.ended(self.at(first)?, 0);
        }
        // The first rung at which nothing more is left.
        let sum = |rung: &super::curve::Rung| match fixed {
            Fixed::Input => rung.taken,
            Fixed::Output => rung.given,
        };
        let wanted = sum(rung).checked_add(left)?;
        let last = first + self.rungs.get(first..)?.partition_point(|rung| sum(rung) < wanted);
        let reached = self.rungs.get(last)?;
        if sum(reached) == wanted {
            let whole =
                Part { taken: reached.taken - rung.taken, given: reached.given - rung.given, end: None };
            return begun.and(whole)?.ended(self.at(last)?, last - first);
        }
        let before = self.rungs.get(last.checked_sub(1)?)?;
        let whole = Part { taken: before.taken - rung.taken, given: before.given - rung.given, end: None };
        let from = Start { sqrt_price: before.sqrt_price, is_below: self.direction == Direction::Down };
        let rest = self.step(from, last, fixed, left.checked_sub(whole.of(fixed))?)?;
        begun.and(whole)?.and(rest)?.ended(self.at(last)?, last - first)
    }

    /// One step of the contract: from a price towards the rung at `place`, as far as the amount goes.
    fn step(&self, start: Start, place: usize, fixed: Fixed, amount: U256) -> Option<Part> {
        let Start { sqrt_price: from, is_below } = start;
        let rung = self.rungs.get(place)?;
        if rung.liquidity == 0 || from == rung.sqrt_price {
            return Some(Part::default());
        }
        let (stretch, to) = (self.stretch(rung.liquidity), rung.sqrt_price);
        let next = match fixed {
            Fixed::Input => stretch.reaches((from, to), stretch.less_fee(amount)?)?,
            Fixed::Output if stretch.output(from, to)? <= amount => None,
            Fixed::Output => Some(stretch.after_output(from, amount)?),
        };
        let Some(next) = next else {
            let (taken, given) = stretch.whole(from, to)?;
            return Some(Part { taken, given, end: None });
        };
        // An output may round to the price of the rung itself, which is crossed then.
        let stays = is_below && next == from;
        let end =
            if next == to { self.at(place)? } else { End { sqrt_price: next, is_below: stays, steps: 0 } };
        Some(match fixed {
            Fixed::Input => Part { taken: amount, given: stretch.output(from, next)?, end: Some(end) },
            Fixed::Output => {
                Part { taken: stretch.gross(stretch.input(from, next)?)?, given: amount, end: Some(end) }
            }
        })
    }

    /// The end of a swap that stops at a rung.
    fn at(&self, place: usize) -> Option<End> {
        let rung = self.rungs.get(place)?;
        let is_below = self.direction == Direction::Down;
        Some(End { sqrt_price: rung.sqrt_price, is_below, steps: 0 })
    }
}

/// A part of a swap; it has an end when the amount is used up in the middle of a stretch.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    taken: U256,
    given: U256,
    end: Option<End>,
}

impl Part {
    const fn of(&self, fixed: Fixed) -> U256 {
        match fixed {
            Fixed::Input => self.taken,
            Fixed::Output => self.given,
        }
    }

    fn and(self, next: Self) -> Option<Self> {
        let taken = self.taken.checked_add(next.taken)?;
        Some(Self { taken, given: self.given.checked_add(next.given)?, end: next.end })
    }

    fn ended(self, otherwise: End, steps: usize) -> Option<Walk> {
        let end = End { steps: u32::try_from(steps).unwrap_or(u32::MAX), ..self.end.unwrap_or(otherwise) };
        Some(Walk { taken: self.taken, given: self.given, end })
    }
}

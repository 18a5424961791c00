//! Liquidity over prices, and what whole stretches of it take and give, so that a swap that crosses many ticks is a
//! search in sums and two steps.

use std::sync::OnceLock;

use capstan_primitives::U256;

use super::{
    SqrtPrice,
    step::{Direction, Stretch, WHOLE_FEE},
    tick::{MAX_SQRT_PRICE, MIN_SQRT_PRICE, sqrt_price_at},
};
use crate::domain::pool::TickState;

/// Ticks that are searched for at once by the contract: one word of its bitmap.
const WORD: i32 = 256;

/// Why a change cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Impossible {
    /// More liquidity is taken away than there is.
    #[error("more liquidity leaves a tick than it has")]
    Liquidity,
    /// A tick is not a multiple of the spacing, out of range, or above the other.
    #[error("a position has wrong ticks")]
    Ticks,
}

/// Initialized ticks with the sums over them; it changes with positions, never with the price.
#[derive(Debug)]
pub(crate) struct Curve {
    spacing: i32,
    /// Fees of both directions, down and up.
    fees: [u32; 2],
    ticks: Vec<TickState>,
    down: OnceLock<Ladder>,
    up: OnceLock<Ladder>,
}

impl Curve {
    pub(crate) fn new(spacing: i32, fees: [u32; 2]) -> Self {
        Self { spacing: spacing.max(1), fees, ticks: Vec::new(), down: OnceLock::new(), up: OnceLock::new() }
    }

    pub(crate) const fn spacing(&self) -> i32 {
        self.spacing
    }

    pub(crate) const fn fee(&self, direction: Direction) -> u32 {
        let [down, up] = self.fees;
        match direction {
            Direction::Down => down,
            Direction::Up => up,
        }
    }

    pub(crate) fn ticks(&self) -> &[TickState] {
        &self.ticks
    }

    /// The same with other fees.
    pub(crate) fn with_fees(&self, fees: [u32; 2]) -> Self {
        Self { fees, ticks: self.ticks.clone(), ..Self::new(self.spacing, fees) }
    }

    /// The curve with a position of `lower` to `upper` more, or less.
    pub(crate) fn with_position(&self, (lower, upper): (i32, i32), delta: i128) -> Result<Self, Impossible> {
        if lower >= upper || lower % self.spacing != 0 || upper % self.spacing != 0 {
            return Err(Impossible::Ticks);
        }
        let mut ticks = self.ticks.clone();
        change(&mut ticks, lower, delta, delta)?;
        change(&mut ticks, upper, delta, delta.checked_neg().ok_or(Impossible::Liquidity)?)?;
        Ok(Self { ticks, ..Self::new(self.spacing, self.fees) })
    }

    /// The curve with these ticks, lowest first, and no others.
    pub(crate) fn with_ticks(&self, ticks: &[TickState]) -> Result<Self, Impossible> {
        let is_rising = ticks.iter().zip(ticks.iter().skip(1)).all(|(lower, upper)| lower.tick < upper.tick);
        let fits = |state: &TickState| state.tick % self.spacing == 0 && state.gross > 0;
        if !is_rising || !ticks.iter().all(fits) {
            return Err(Impossible::Ticks);
        }
        Ok(Self { ticks: ticks.to_vec(), ..Self::new(self.spacing, self.fees) })
    }

    /// Liquidity in the range of a tick.
    pub(crate) fn liquidity_at(&self, tick: i32) -> u128 {
        let begun = self.ticks.iter().take_while(|state| state.tick <= tick);
        let liquidity = begun.fold(0_i128, |sum, state| sum.saturating_add(state.net));
        u128::try_from(liquidity).unwrap_or_default()
    }

    /// The stretches in a direction, summed when they are first asked for.
    pub(crate) fn ladder(&self, direction: Direction) -> &Ladder {
        match direction {
            Direction::Down => self.down.get_or_init(|| Ladder::of(self, Direction::Down)),
            Direction::Up => self.up.get_or_init(|| Ladder::of(self, Direction::Up)),
        }
    }

    /// Initialized ticks that a swap crosses from a tick to another, as Uniswap's PoolTicksCounter counts them: it rounds
    /// negative ticks towards zero.
    pub(crate) fn crossed(&self, before: i32, after: i32) -> u32 {
        let place = |tick: i32| tick / self.spacing;
        let (from, to) = (place(before).min(place(after)), place(before).max(place(after)));
        let begin = self.ticks.partition_point(|state| place(state.tick) < from);
        let end = self.ticks.partition_point(|state| place(state.tick) <= to);
        let is_initialized = |tick: i32| self.ticks.binary_search_by_key(&tick, |state| state.tick).is_ok();
        let not_counted = usize::from(before > after && is_initialized(after))
            + usize::from(before < after && is_initialized(before));
        u32::try_from(end.saturating_sub(begin).saturating_sub(not_counted)).unwrap_or_default()
    }

    /// Ticks where the contract ends a step: initialized ones and the ends of words, lowest first, from the lowest
    /// initialized one to the highest.
    fn stops(&self, direction: Direction) -> Vec<i32> {
        let (Some(first), Some(last)) = (self.ticks.first(), self.ticks.last()) else { return Vec::new() };
        let word = WORD.saturating_mul(self.spacing);
        let offset = match direction {
            Direction::Down => 0,
            Direction::Up => word - self.spacing,
        };
        let first_word = first.tick.saturating_sub(offset).div_euclid(word);
        let ends = (first_word..).map(|number| number.saturating_mul(word).saturating_add(offset));
        let ends = ends.skip_while(|end| *end <= first.tick).take_while(|end| *end < last.tick);
        let mut stops: Vec<i32> = self.ticks.iter().map(|state| state.tick).chain(ends).collect();
        stops.sort_unstable();
        stops.dedup();
        stops
    }
}

/// Adds to an end of a position.
fn change(ticks: &mut Vec<TickState>, tick: i32, gross: i128, net: i128) -> Result<(), Impossible> {
    let place = ticks.partition_point(|state| state.tick < tick);
    if ticks.get(place).is_none_or(|state| state.tick != tick) {
        ticks.insert(place, TickState { tick, net: 0, gross: 0 });
    }
    let Some(state) = ticks.get_mut(place) else { return Err(Impossible::Ticks) };
    state.gross = state.gross.checked_add_signed(gross).ok_or(Impossible::Liquidity)?;
    state.net = state.net.checked_add(net).ok_or(Impossible::Liquidity)?;
    if state.gross == 0 {
        ticks.remove(place);
    }
    Ok(())
}

/// The end of a stretch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rung {
    /// Its price, or the last one that a swap may reach.
    pub(crate) sqrt_price: SqrtPrice,
    /// Liquidity of the stretch that ends here.
    pub(crate) liquidity: u128,
    /// What all stretches from the first rung to this one take, fees included.
    pub(crate) taken: U256,
    /// What they give.
    pub(crate) given: U256,
}

/// The stretches in one direction, in the order in which a swap passes them.
#[derive(Debug)]
pub(crate) struct Ladder {
    pub(crate) direction: Direction,
    pub(crate) fee: u32,
    pub(crate) rungs: Vec<Rung>,
}

impl Ladder {
    fn of(curve: &Curve, direction: Direction) -> Self {
        let fee = curve.fee(direction);
        let mut stops = curve.stops(direction);
        let mut ladder = Self { direction, fee, rungs: Vec::with_capacity(stops.len()) };
        // A fee of everything swaps nothing.
        if fee >= WHOLE_FEE {
            return ladder;
        }
        if direction == Direction::Down {
            stops.reverse();
        }
        let mut liquidity = 0_i128;
        for tick in stops {
            ladder.rungs.push(ladder.next(tick, u128::try_from(liquidity).unwrap_or_default()));
            let net = curve.ticks.binary_search_by_key(&tick, |state| state.tick);
            let net = net.ok().and_then(|at| curve.ticks.get(at)).map_or(0, |state| state.net);
            liquidity = match direction {
                Direction::Down => liquidity.saturating_sub(net),
                Direction::Up => liquidity.saturating_add(net),
            };
        }
        ladder
    }

    /// The rung at `tick` after the last one.
    fn next(&self, tick: i32, liquidity: u128) -> Rung {
        let one = U256::from(1);
        let sqrt_price = sqrt_price_at(tick).clamp(MIN_SQRT_PRICE + one, MAX_SQRT_PRICE - one);
        let Some(last) = self.rungs.last().filter(|_| liquidity > 0) else {
            let (taken, given) =
                self.rungs.last().map_or_else(Default::default, |last| (last.taken, last.given));
            return Rung { sqrt_price, liquidity, taken, given };
        };
        let whole =
            self.stretch(liquidity).whole(last.sqrt_price, sqrt_price).unwrap_or((U256::MAX, U256::ZERO));
        let taken = last.taken.saturating_add(whole.0);
        Rung { sqrt_price, liquidity, taken, given: last.given.saturating_add(whole.1) }
    }

    pub(crate) const fn stretch(&self, liquidity: u128) -> Stretch {
        Stretch { direction: self.direction, liquidity, fee: self.fee }
    }

    /// The first rung that a swap from a price comes to. `is_below`: the price is that of a tick, and the pool is in the
    /// tick below.
    pub(crate) fn first(&self, sqrt_price: SqrtPrice, is_below: bool) -> usize {
        self.rungs.partition_point(|rung| match self.direction {
            Direction::Down => rung.sqrt_price > sqrt_price || is_below && rung.sqrt_price == sqrt_price,
            Direction::Up => rung.sqrt_price < sqrt_price || !is_below && rung.sqrt_price == sqrt_price,
        })
    }
}

impl Stretch {
    /// What the way from a price to another takes, fee included, and gives.
    pub(crate) fn whole(&self, from: SqrtPrice, to: SqrtPrice) -> Option<(U256, U256)> {
        if self.liquidity == 0 {
            return Some((U256::ZERO, U256::ZERO));
        }
        Some((self.gross(self.input(from, to)?)?, self.output(from, to)?))
    }
}

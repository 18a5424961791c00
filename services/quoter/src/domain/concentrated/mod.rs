//! Concentrated liquidity: Uniswap V3 and its forks, and V4 without hooks, to the last unit.

mod curve;
mod step;
#[cfg(test)]
mod tests;
mod tick;
mod walk;

use std::sync::Arc;

use capstan_primitives::{Address, U256};

use self::{
    curve::{Curve, Ladder},
    step::Direction,
    tick::{MIN_TICK, sqrt_price_at, tick_within},
    walk::{Start, Walk},
};
use super::{
    change::{Change, Unusable},
    pool::{Crossed, Pool, Protocol, Refusal, State, Swap, Way},
    rate::Rate,
};

pub(crate) use self::tick::MAX_TICK;

/// Square root of a price, times 2^96.
type SqrtPrice = U256;

/// Gas of a swap with one pool, its transfers included, without ticks.
const GAS: u64 = 95_000;
/// Gas of a V4 swap, whose tokens move once for all hops.
const GAS_V4: u64 = 60_000;
/// Gas of a stretch more: looking for the next tick, and mostly crossing it.
const GAS_STEP: u64 = 24_000;

/// A pool of concentrated liquidity.
#[derive(Debug, Clone)]
pub struct Concentrated {
    protocol: Protocol,
    tokens: [Address; 2],
    /// The pool's own fee, in millionths.
    lp_fee: u32,
    curve: Arc<Curve>,
    /// Zero before the pool has a price.
    sqrt_price: SqrtPrice,
    is_below: bool,
}

impl Concentrated {
    /// A pool without a price and positions.
    #[must_use]
    pub fn new(protocol: Protocol, tokens: [Address; 2], fee_ppm: u32, tick_spacing: i32) -> Self {
        let curve = Arc::new(Curve::new(tick_spacing, [fee_ppm, fee_ppm]));
        Self { protocol, tokens, lp_fee: fee_ppm, curve, sqrt_price: U256::ZERO, is_below: false }
    }

    /// The same at a price.
    #[must_use]
    pub fn priced(self, sqrt_price: SqrtPrice, tick: i32) -> Self {
        let is_below = sqrt_price_at(tick.saturating_add(1)) == sqrt_price;
        Self { sqrt_price, is_below, ..self }
    }

    const fn start(&self) -> Start {
        Start { sqrt_price: self.sqrt_price, is_below: self.is_below }
    }

    fn ladder(&self, way: Way) -> Result<&Ladder, Refusal> {
        let direction = direction(way).ok_or(Refusal::Way)?;
        if self.sqrt_price.is_zero() {
            return Err(Refusal::Liquidity);
        }
        Ok(self.curve.ladder(direction))
    }

    fn rest(&self, way: Way) -> Option<Walk> {
        self.ladder(way).ok()?.rest(self.start())
    }

    fn tick(&self) -> i32 {
        tick_of(self.sqrt_price, self.is_below)
    }

    fn with_curve(&self, curve: Curve) -> Arc<dyn Pool> {
        Arc::new(Self { curve: Arc::new(curve), ..self.clone() })
    }
}

/// The protocol takes its fee first, and the pool its own of what is left: Uniswap V4's ProtocolFeeLibrary.
fn both_fees(lp_fee: u32, protocol: u32) -> u32 {
    let product = u64::from(lp_fee) * u64::from(protocol) / 1_000_000;
    lp_fee.saturating_add(protocol).saturating_sub(u32::try_from(product).unwrap_or_default())
}

fn tick_of(sqrt_price: SqrtPrice, is_below: bool) -> i32 {
    tick_within(sqrt_price, MIN_TICK, MAX_TICK - 1) - i32::from(is_below)
}

const fn direction(way: Way) -> Option<Direction> {
    match way {
        Way::DOWN => Some(Direction::Down),
        Way::UP => Some(Direction::Up),
        _ => None,
    }
}

const fn swap(way: Way, walk: Walk) -> Swap {
    Swap { way, amount_in: walk.taken, amount_out: walk.given, end: Some(walk.end) }
}

impl Pool for Concentrated {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn tokens(&self) -> &[Address] {
        &self.tokens
    }

    fn fee_ppm(&self, way: Way) -> u32 {
        self.curve.fee(direction(way).unwrap_or(Direction::Down))
    }

    fn quote_exact_in(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        self.ladder(way)?.exact_in(self.start(), amount).map(|walk| swap(way, walk))
    }

    fn quote_exact_out(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        self.ladder(way)?.exact_out(self.start(), amount).map(|walk| swap(way, walk))
    }

    fn after(&self, swap: &Swap) -> Arc<dyn Pool> {
        let end = swap.end.map_or((self.sqrt_price, self.is_below), |end| (end.sqrt_price, end.is_below));
        Arc::new(Self { sqrt_price: end.0, is_below: end.1, ..self.clone() })
    }

    fn applied(&self, change: &Change) -> Result<Arc<dyn Pool>, Unusable> {
        match change {
            Change::Price { sqrt_price, tick } => Ok(Arc::new(self.clone().priced(*sqrt_price, *tick))),
            Change::Position { lower, upper, delta } => {
                let curve = self.curve.with_position((*lower, *upper), *delta);
                Ok(self.with_curve(curve.map_err(|error| Unusable(error.to_string()))?))
            }
            Change::ProtocolFees { down, up } => {
                let fees = [down, up].map(|protocol| both_fees(self.lp_fee, *protocol));
                Ok(self.with_curve(self.curve.with_fees(fees)))
            }
            Change::Whole(State::Concentrated { sqrt_price, tick, liquidity, ticks, .. }) => {
                let curve = self.curve.with_ticks(ticks).map_err(|error| Unusable(error.to_string()))?;
                let sum = curve.liquidity_at(*tick);
                if sum != *liquidity {
                    return Err(Unusable(format!("liquidity is {liquidity}, that of the ticks {sum}")));
                }
                let curve = Arc::new(curve);
                Ok(Arc::new(Self { curve, ..self.clone() }.priced(*sqrt_price, *tick)))
            }
            _ => Err(Unusable::kind(change)),
        }
    }

    fn spot_price(&self, way: Way) -> Option<Rate> {
        if self.sqrt_price.is_zero() {
            return None;
        }
        let root = Rate::scaled(self.sqrt_price, -96);
        let price = root.times(root);
        match direction(way)? {
            Direction::Down => Some(price),
            Direction::Up => Rate::ONE.over(price),
        }
    }

    fn gas(&self, swap: &Swap) -> u64 {
        let base = if self.protocol == Protocol::UniswapV4 { GAS_V4 } else { GAS };
        base.saturating_add(GAS_STEP.saturating_mul(swap.end.map_or(0, |end| end.steps.into())))
    }

    fn max_in(&self, way: Way) -> U256 {
        self.rest(way).map_or(U256::ZERO, |walk| walk.taken)
    }

    fn max_out(&self, way: Way) -> U256 {
        self.rest(way).map_or(U256::ZERO, |walk| walk.given)
    }

    fn moving(&self, way: Way, bps: u32) -> Option<Swap> {
        let direction = direction(way)?;
        let to = moved(self.sqrt_price, direction, bps)?;
        self.ladder(way).ok()?.to_price(self.start(), to).map(|walk| swap(way, walk))
    }

    fn crossed(&self, swap: &Swap) -> Option<Crossed> {
        let end = swap.end?;
        let tick = tick_of(end.sqrt_price, end.is_below);
        Some(Crossed { ticks: self.curve.crossed(self.tick(), tick), tick })
    }

    fn state(&self) -> State {
        let tick = if self.sqrt_price.is_zero() { 0 } else { self.tick() };
        State::Concentrated {
            sqrt_price: self.sqrt_price,
            tick,
            liquidity: self.curve.liquidity_at(tick),
            tick_spacing: self.curve.spacing(),
            lp_fee_ppm: self.lp_fee,
            ticks: self.curve.ticks().to_vec(),
        }
    }
}

/// The root of a price that is so many hundredths of a percent lower, or higher.
fn moved(sqrt_price: SqrtPrice, direction: Direction, bps: u32) -> Option<SqrtPrice> {
    const WHOLE: u64 = 10_000;
    let share = match direction {
        Direction::Down => WHOLE.checked_sub(bps.into())?,
        Direction::Up => WHOLE + u64::from(bps),
    };
    // The root of share/10,000, times 2^96.
    let root = U256::from(share).wrapping_shl(192).checked_div(U256::from(WHOLE))?.root(2);
    super::math::mul_shift_96(sqrt_price, root)
}

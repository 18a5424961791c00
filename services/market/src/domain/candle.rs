//! How the prices of a pool developed in equal spans of time.

use std::collections::BTreeMap;

use capstan_primitives::{Address, Amount, AmountError, BlockRef, Price};

use super::{market::PoolState, price, state::Snapshot};

/// Lengths of a candle that clients can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    Minute,
    FiveMinutes,
    Hour,
    SixHours,
    Day,
}

/// A span that candles are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kept {
    Minute,
    Hour,
}

impl Kept {
    pub(crate) const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }
}

impl Interval {
    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::Hour => 3_600,
            Self::SixHours => 21_600,
            Self::Day => 86_400,
        }
    }

    /// The kept ones that it is made of.
    pub(crate) const fn kept(self) -> Kept {
        match self {
            Self::Minute | Self::FiveMinutes => Kept::Minute,
            Self::Hour | Self::SixHours | Self::Day => Kept::Hour,
        }
    }

    /// How many of those at most.
    pub(crate) const fn parts(self) -> u64 {
        match self {
            Self::Minute | Self::Hour => 1,
            Self::FiveMinutes => 5,
            Self::SixHours => 6,
            Self::Day => 24,
        }
    }

    /// Begin of the span in which a moment is, in seconds since 1970.
    pub(crate) const fn start_of(self, time: u64) -> u64 {
        start_of(time, self.seconds())
    }
}

/// A pool in one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candle {
    /// Begin, seconds since 1970.
    pub(crate) start: u64,
    /// The first block of it that changed the pool.
    pub(crate) first_block: u64,
    /// The last one.
    pub(crate) last_block: u64,
    /// None when the pool had no price all the time.
    pub(crate) prices: Option<Prices>,
    pub(crate) volume: Amount,
    pub(crate) trades: u64,
}

/// Prices of every outcome: before the first block of the span that changed the pool, the highest and the
/// lowest after its blocks and before the first, and after the last. Where there was none before, the first
/// one is what it begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) open: Vec<Price>,
    pub(crate) high: Vec<Price>,
    pub(crate) low: Vec<Price>,
    pub(crate) close: Vec<Price>,
}

impl Prices {
    fn of(prices: Vec<Price>) -> Self {
        Self { open: prices.clone(), high: prices.clone(), low: prices.clone(), close: prices }
    }

    fn join(&mut self, later: Self) {
        let each = |ours: &mut Vec<Price>, theirs: &[Price], better: fn(Price, Price) -> Price| {
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = better(*ours, *theirs));
        };
        each(&mut self.high, &later.high, Ord::max);
        each(&mut self.low, &later.low, Ord::min);
        self.close = later.close;
    }
}

impl Candle {
    /// Adds a later part of the same span.
    ///
    /// # Errors
    /// When the volume leaves 256 bits.
    pub(crate) fn join(&mut self, later: Self) -> Result<(), AmountError> {
        self.last_block = later.last_block;
        self.volume = self.volume.plus(later.volume)?;
        self.trades = self.trades.saturating_add(later.trades);
        match (&mut self.prices, later.prices) {
            (Some(ours), Some(theirs)) => ours.join(theirs),
            (Some(_), None) => {}
            (ours @ None, theirs) => *ours = theirs,
        }
        Ok(())
    }

    /// What one block, in which `after` is the state of a pool that was `before`, is of a span.
    fn of(
        block: BlockRef,
        before: Option<&PoolState>,
        after: &PoolState,
        seconds: u64,
    ) -> Result<Self, AmountError> {
        let price = |state: &PoolState| price::marginal(&state.balances);
        let prices = before.and_then(price).into_iter().chain(price(after)).map(Prices::of);
        let prices = prices.reduce(|mut earlier, later| {
            earlier.join(later);
            earlier
        });
        let (volume, trades) = before.map_or((Amount::ZERO, 0), |state| (state.volume, state.trades));
        Ok(Self {
            start: start_of(block.time.0, seconds),
            first_block: block.number,
            last_block: block.number,
            prices,
            volume: after.volume.minus(volume)?,
            trades: after.trades.saturating_sub(trades),
        })
    }
}

/// Candles by pool and begin.
pub(crate) type Candles = BTreeMap<(Address, u64), Candle>;

/// The candles that pools came to in some blocks, which are in order.
///
/// # Errors
/// When a volume shrinks or leaves 256 bits.
pub(crate) fn of<'a>(
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
    kept: Kept,
) -> Result<Candles, AmountError> {
    let mut candles = Candles::new();
    for Snapshot { pool, block, before, state } in snapshots {
        let part = Candle::of(*block, before.as_ref(), state, kept.seconds())?;
        match candles.entry((*pool, part.start)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(part);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().join(part)?,
        }
    }
    Ok(candles)
}

/// Candles of a longer interval, of kept ones that are in order.
///
/// # Errors
/// When a volume leaves 256 bits.
pub(crate) fn joined(
    kept: impl IntoIterator<Item = Candle>,
    interval: Interval,
) -> Result<Vec<Candle>, AmountError> {
    let mut candles: Vec<Candle> = Vec::new();
    for part in kept {
        let start = interval.start_of(part.start);
        match candles.last_mut().filter(|last| last.start == start) {
            Some(last) => last.join(part)?,
            None => candles.push(Candle { start, ..part }),
        }
    }
    Ok(candles)
}

const fn start_of(time: u64, seconds: u64) -> u64 {
    match time.checked_rem(seconds) {
        Some(past) => time.saturating_sub(past),
        None => time,
    }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash};

    use super::*;

    fn state(balances: &[u64], volume: u64, trades: u64) -> PoolState {
        let balances = balances.iter().copied().map(Amount::from).collect();
        PoolState { balances, volume: Amount::from(volume), trades }
    }

    fn snapshots(states: &[(u64, PoolState)]) -> Vec<Snapshot> {
        let mut before = None;
        let mut snapshots = Vec::new();
        for (number, (time, state)) in (1..).zip(states) {
            let block = BlockRef { number, hash: Hash::ZERO, time: BlockTime(*time) };
            let state = state.clone();
            snapshots.push(Snapshot { pool: Address::ZERO, block, before, state: state.clone() });
            before = Some(state);
        }
        snapshots
    }

    fn texts(candle: &Candle) -> [Vec<String>; 4] {
        let Prices { open, high, low, close } = candle.prices.clone().unwrap();
        [open, high, low, close].map(|prices| prices.iter().map(Price::to_string).collect())
    }

    #[test]
    fn a_candle_opens_with_the_price_before_it() {
        let states = [
            (60, state(&[1, 1], 0, 0)),
            (119, state(&[1, 3], 5, 1)),
            (120, state(&[3, 1], 12, 3)),
            (130, state(&[1, 1], 12, 3)),
        ];
        let candles: Vec<Candle> = of(&snapshots(&states), Kept::Minute).unwrap().into_values().collect();
        assert_eq!(candles.iter().map(|candle| candle.start).collect::<Vec<_>>(), [60, 120]);
        assert_eq!(texts(&candles[0]), [["0.5", "0.5"], ["0.75", "0.5"], ["0.5", "0.25"], ["0.75", "0.25"]]);
        assert_eq!(
            texts(&candles[1]),
            [["0.75", "0.25"], ["0.75", "0.75"], ["0.25", "0.25"], ["0.5", "0.5"]]
        );
        assert_eq!((candles[0].volume, candles[0].trades), (Amount::from(5), 1));
        assert_eq!((candles[1].volume, candles[1].trades), (Amount::from(7), 2));
        assert_eq!((candles[1].first_block, candles[1].last_block), (3, 4));

        let hour = of(&snapshots(&states), Kept::Hour).unwrap().into_values().collect::<Vec<_>>();
        let day = joined(hour.clone(), Interval::Day).unwrap();
        assert_eq!(joined(candles, Interval::FiveMinutes).unwrap(), day);
        assert_eq!(hour, day);
    }

    #[test]
    fn without_liquidity_there_is_no_price_and_what_was_there_stays_the_last() {
        let states = [(10, state(&[0, 0], 0, 0)), (70, state(&[1, 3], 0, 0)), (75, state(&[0, 0], 0, 0))];
        let candles: Vec<Candle> = of(&snapshots(&states), Kept::Minute).unwrap().into_values().collect();
        assert_eq!(candles[0].prices, None);
        assert_eq!(texts(&candles[1]), [["0.75", "0.25"]; 4]);
        let next = [(80, state(&[0, 0], 0, 0)), (190, state(&[1, 1], 0, 0))];
        let later: Vec<Candle> = of(&snapshots(&next), Kept::Minute).unwrap().into_values().collect();
        assert_eq!(texts(&later[1]), [["0.5", "0.5"]; 4]);
    }

    #[test]
    fn a_volume_that_shrinks_is_an_error() {
        let states = [(10, state(&[1, 1], 9, 1)), (20, state(&[1, 1], 8, 1))];
        assert!(of(&snapshots(&states), Kept::Minute).is_err());
    }
}

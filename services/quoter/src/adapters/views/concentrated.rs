//! How concentrated liquidity is asked: price, liquidity, ticks, and the bitmap that says which ticks there are.

use std::collections::BTreeSet;

use capstan_chain::ContractCall;
use capstan_primitives::U256;

use super::{Answers, Kind, Next};
use crate::domain::{
    change::{Change, Unusable},
    check::{Difference, Draw},
    concentrated::MAX_TICK,
    pool::{State, TickState, Way},
    repair::Reading,
    state::Entry,
};

/// Ticks on either side of the price that are compared.
const NEAREST: usize = 2;
/// Others, chosen by the block.
const OTHERS: usize = 4;
/// Ticks of a word of the bitmap.
const WORD: i32 = 256;

/// What is asked in one round: the pool's price and liquidity, and these words and ticks.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) words: Vec<i16>,
    pub(super) ticks: Vec<i32>,
}

/// What a contract says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) sqrt_price: U256,
    pub(super) tick: i32,
    pub(super) liquidity: u128,
    /// What the protocol takes, where that is a part of the pool's fee.
    pub(super) fees: Option<Change>,
    pub(super) words: Vec<U256>,
    /// Gross and net, in the order in which they were asked for.
    pub(super) ticks: Vec<(u128, i128)>,
}

/// Where a contract keeps what all pools of this kind have.
pub(super) trait Layout: Sync {
    /// The calls that ask for price, liquidity and parts.
    fn calls(&self, entry: &Entry, parts: &Parts) -> Result<Vec<ContractCall>, Unusable>;

    /// Reads their answers.
    fn told(&self, answers: &[Vec<u8>], parts: &Parts) -> Result<Told, Unusable>;
}

/// A pool of concentrated liquidity.
pub(super) struct Concentrated<L>(pub(super) L);

impl<L: Layout> Kind for Concentrated<L> {
    fn compare(
        &self,
        entry: &Entry,
        draw: Draw,
        answers: &Answers,
    ) -> Result<Next<Option<Difference>>, Unusable> {
        let ours = Ours::of(entry)?;
        let parts = ours.some(draw);
        let Some(round) = answers.first() else {
            return Ok(Next::Ask(self.0.calls(entry, &parts)?));
        };
        let told = self.0.told(round, &parts)?;
        let fees = told.fees.as_ref().map_or(Ok(None), |fees| other_fee(entry, fees))?;
        Ok(Next::Done(ours.differs(&told, &parts).or(fees)))
    }

    fn read(&self, entry: &Entry, answers: &Answers) -> Result<Next<Reading>, Unusable> {
        let Ours { spacing, lp_fee, .. } = Ours::of(entry)?;
        let words = Parts {
            words: (word_of(-MAX_TICK, spacing)..=word_of(MAX_TICK, spacing)).collect(),
            ticks: Vec::new(),
        };
        let [first, rest @ ..] = answers else {
            return Ok(Next::Ask(self.0.calls(entry, &words)?));
        };
        let found = self.0.told(first, &words)?;
        let ticks: Vec<i32> = words
            .words
            .iter()
            .zip(&found.words)
            .flat_map(|(word, bits)| ticks_of(*word, *bits, spacing))
            .collect();
        let parts = Parts { words: Vec::new(), ticks };
        let [second, ..] = rest else {
            return Ok(Next::Ask(self.0.calls(entry, &parts)?));
        };
        let Told { sqrt_price, tick, liquidity, fees, ticks, .. } = self.0.told(second, &parts)?;
        let ticks = parts.ticks.iter().zip(ticks);
        let ticks = ticks.map(|(tick, (gross, net))| TickState { tick: *tick, net, gross }).collect();
        let (tick_spacing, lp_fee_ppm) = (spacing, lp_fee);
        let state = State::Concentrated { sqrt_price, tick, liquidity, tick_spacing, lp_fee_ppm, ticks };
        let changes = std::iter::once(Change::Whole(state)).chain(fees).collect();
        Ok(Next::Done(Reading { changes, is_paused: false }))
    }
}

/// The pool as it is kept.
struct Ours {
    sqrt_price: U256,
    tick: i32,
    liquidity: u128,
    spacing: i32,
    /// The pool's own fee, which never changes.
    lp_fee: u32,
    ticks: Vec<TickState>,
}

impl Ours {
    fn of(entry: &Entry) -> Result<Self, Unusable> {
        match entry.pool.state() {
            State::Concentrated { sqrt_price, tick, liquidity, tick_spacing, lp_fee_ppm, ticks } => {
                let spacing = tick_spacing.max(1);
                Ok(Self { sqrt_price, tick, liquidity, spacing, lp_fee: lp_fee_ppm, ticks })
            }
            State::Reserves { .. } => Err(Unusable("it has no ticks".to_owned())),
        }
    }

    /// The ticks and words nearest to the price, and some other ticks.
    fn some(&self, mut draw: Draw) -> Parts {
        let above = self.ticks.partition_point(|state| state.tick <= self.tick);
        let is_near = |place: usize| place + NEAREST >= above && place < above + NEAREST;
        let numbered = self.ticks.iter().enumerate();
        let (near, far): (Vec<_>, Vec<_>) = numbered.partition(|(place, _)| is_near(*place));
        let others = draw.some(far, OTHERS);
        let ticks = near.into_iter().chain(others).map(|(_, state)| state.tick).collect();
        let words: BTreeSet<i16> = [-1, 0, 1]
            .map(|step: i32| {
                word_of(self.tick.saturating_add(step.saturating_mul(WORD * self.spacing)), self.spacing)
            })
            .into();
        Parts { words: words.into_iter().collect(), ticks }
    }

    fn differs(&self, told: &Told, parts: &Parts) -> Option<Difference> {
        let price =
            Difference::of(|| "square root of the price".to_owned(), &self.sqrt_price, &told.sqrt_price);
        let tick = || Difference::of(|| "tick".to_owned(), &self.tick, &told.tick);
        let liquidity = || Difference::of(|| "liquidity".to_owned(), &self.liquidity, &told.liquidity);
        let words = || {
            let mut words = parts.words.iter().zip(&told.words);
            words.find_map(|(word, theirs)| {
                Difference::of(|| format!("word {word} of the ticks"), &self.bits(*word), theirs)
            })
        };
        let ticks = || {
            let mut ticks = parts.ticks.iter().zip(&told.ticks);
            ticks.find_map(|(tick, theirs)| self.tick_differs(*tick, *theirs))
        };
        price.or_else(tick).or_else(liquidity).or_else(words).or_else(ticks)
    }

    fn tick_differs(&self, tick: i32, (gross, net): (u128, i128)) -> Option<Difference> {
        let place = self.ticks.binary_search_by_key(&tick, |state| state.tick).ok()?;
        let ours = self.ticks.get(place)?;
        Difference::of(|| format!("gross liquidity of tick {tick}"), &ours.gross, &gross)
            .or_else(|| Difference::of(|| format!("net liquidity of tick {tick}"), &ours.net, &net))
    }

    /// A word of the bitmap, as our ticks would have it.
    fn bits(&self, word: i16) -> U256 {
        let places = self.ticks.iter().map(|state| state.tick.div_euclid(self.spacing));
        let here = places.filter(|place| place.div_euclid(WORD) == i32::from(word));
        here.fold(U256::ZERO, |bits, place| {
            bits | U256::ONE.wrapping_shl(usize::try_from(place.rem_euclid(WORD)).unwrap_or_default())
        })
    }
}

/// The word of the bitmap that says whether a tick is initialized.
fn word_of(tick: i32, spacing: i32) -> i16 {
    i16::try_from(tick.div_euclid(spacing).div_euclid(WORD)).unwrap_or(i16::MAX)
}

/// The ticks that a word says are initialized, lowest first.
fn ticks_of(word: i16, bits: U256, spacing: i32) -> Vec<i32> {
    let first = i32::from(word).saturating_mul(WORD);
    let set = (0..WORD).filter(|bit| usize::try_from(*bit).is_ok_and(|bit| bits.bit(bit)));
    set.map(|bit| first.saturating_add(bit).saturating_mul(spacing)).collect()
}

/// Fees that are not those of the contract.
fn other_fee(entry: &Entry, fees: &Change) -> Result<Option<Difference>, Unusable> {
    let theirs = entry.pool.applied(fees)?;
    let differs = |way| Difference::of(|| "fee".to_owned(), &entry.pool.fee_ppm(way), &theirs.fee_ppm(way));
    Ok(differs(Way::DOWN).or_else(|| differs(Way::UP)))
}

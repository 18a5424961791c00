//! What a projector knows of the tables without asking them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash as Hashed,
};

use capstan_primitives::{Address, Hash};

use crate::domain::{
    candle::{Candle, Kept},
    costs::Costs,
    interest::Backing,
    market::MarketId,
    state::{Holding, State},
};

/// How many keys are remembered before all is forgotten, which takes some 30 MiB.
const MOST: usize = 100_000;

/// What was loaded for earlier steps and changed by them: busy pools are in every step. It is true as long as nobody
/// else writes, which the cursor and the position prove at the begin of each step.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Position of the newest event that was applied.
    position: u64,
    pub(crate) state: State,
    pub(super) known: Known,
    pub(super) books: BTreeMap<Holding, Costs>,
    /// The newest candle of a pool.
    pub(super) candles: HashMap<(Kept, Address), Candle>,
}

/// Keys of what was loaded; what is not in the state does not exist.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) addresses: HashSet<Address>,
    pub(super) creators: HashSet<Address>,
    pub(super) conditions: HashSet<Hash>,
    pub(super) resolved: HashSet<Hash>,
    pub(super) markets: HashSet<MarketId>,
    pub(super) holdings: HashSet<Holding>,
    pub(super) backings: HashSet<Backing>,
    pub(super) books: HashSet<Holding>,
}

impl Memory {
    /// Forgets everything when it is of another position in the log, or much.
    pub(super) fn prepare(&mut self, position: u64) {
        let Known { addresses, holdings, books, .. } = &self.known;
        let sizes = [addresses.len(), holdings.len(), books.len(), self.state.collections.len()];
        let keys: usize = sizes.iter().sum();
        if self.position != position || keys > MOST {
            *self = Self { position, ..Self::default() };
        }
    }

    /// Everything through an event is applied.
    pub(super) const fn applied(&mut self, position: u64) {
        self.position = position;
    }
}

/// Those of `keys` that were not known; they are from now on.
pub(super) fn unknown<K: Copy + Eq + Hashed>(
    known: &mut HashSet<K>,
    keys: impl IntoIterator<Item = K>,
) -> Vec<K> {
    keys.into_iter().filter(|key| known.insert(*key)).collect()
}

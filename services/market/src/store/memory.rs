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

/// How many keys are remembered before all is forgotten: some 25 MiB, measured on a busy log.
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

impl Known {
    fn len(&self) -> usize {
        let Self { addresses, creators, conditions, resolved, markets, holdings, backings, books } = self;
        let names = [addresses.len(), creators.len(), conditions.len(), resolved.len(), markets.len()];
        let amounts = [holdings.len(), backings.len(), books.len()];
        names.into_iter().chain(amounts).sum()
    }
}

impl Memory {
    /// Forgets everything when it is of another position in the log, or much.
    pub(super) fn prepare(&mut self, position: u64) {
        let keys = self.known.len().saturating_add(self.state.collections.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with_conditions(count: usize) -> Memory {
        let mut memory = Memory::default();
        memory.prepare(7);
        let conditions = (0..count).map(|number| capstan_primitives::keccak256(&[&number.to_be_bytes()]));
        assert_eq!(unknown(&mut memory.known.conditions, conditions).len(), count);
        memory
    }

    #[test]
    fn what_is_remembered_stays_at_its_position_and_goes_at_another() {
        let mut memory = with_conditions(3);
        memory.prepare(7);
        assert_eq!(memory.known.conditions.len(), 3);
        memory.applied(9);
        memory.prepare(9);
        assert_eq!(memory.known.conditions.len(), 3);
        memory.prepare(8);
        assert_eq!((memory.known.conditions.len(), memory.position), (0, 8));
    }

    #[test]
    fn keys_of_one_kind_are_enough_to_be_too_many() {
        let mut memory = with_conditions(MOST + 1);
        memory.prepare(7);
        assert!(memory.known.conditions.is_empty());
    }
}

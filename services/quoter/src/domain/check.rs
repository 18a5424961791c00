//! Which pools, and which parts of them, are held against their contracts next.

use std::collections::HashSet;

use super::{
    pool::PoolId,
    state::{Entry, Pools},
};

/// Numbers that look like chance and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone, Copy)]
pub struct Draw(u64);

impl Draw {
    /// Begins with whatever bytes.
    #[must_use]
    pub fn seeded(parts: &[&[u8]]) -> Self {
        let hash = capstan_primitives::keccak256(parts);
        Self(hash.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Some of the items, each at most once; all when they are not more.
    pub fn some<T>(&mut self, mut items: Vec<T>, most: usize) -> Vec<T> {
        let mut some = Vec::with_capacity(most.min(items.len()));
        while some.len() < most && !items.is_empty() {
            let left = u64::try_from(items.len()).unwrap_or(u64::MAX);
            let place = self.next().checked_rem(left).and_then(|place| usize::try_from(place).ok());
            some.push(items.swap_remove(place.unwrap_or_default()));
        }
        some
    }
}

/// Rounds in which every pool comes once, in an order that the blocks' hashes decide.
#[derive(Debug, Default)]
pub struct Rounds {
    done: HashSet<PoolId>,
}

impl Rounds {
    /// The pools that come next: those that `can_be` looked at and did not come in this round, or else begin another one.
    pub fn next(
        &mut self,
        pools: &Pools,
        (draw, most): (&mut Draw, usize),
        can_be: impl Fn(&Entry) -> bool,
    ) -> Vec<Entry> {
        let can_be: Vec<&Entry> = pools.iter().filter(|entry| entry.is_followed() && can_be(entry)).collect();
        let (done, waiting): (Vec<&Entry>, _) =
            can_be.iter().partition(|entry| self.done.contains(&entry.id));
        let mut next = draw.some(waiting, most);
        let rest = most.saturating_sub(next.len());
        if rest == 0 {
            self.done.extend(next.iter().map(|entry| entry.id));
        } else {
            let more = draw.some(done, rest);
            self.done = more.iter().map(|entry| entry.id).collect();
            next.extend(more);
        }
        next.into_iter().cloned().collect()
    }
}

/// The first thing that a pool and its contract do not say alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {theirs} in the contract and {ours} here")]
pub struct Difference {
    /// What it is.
    pub field: String,
    /// What the pool says.
    pub ours: String,
    /// What the contract says.
    pub theirs: String,
}

impl Difference {
    /// The difference of two values, if there is one.
    pub fn of<T: PartialEq + ToString>(field: impl FnOnce() -> String, ours: &T, theirs: &T) -> Option<Self> {
        let told = || Self { field: field(), ours: ours.to_string(), theirs: theirs.to_string() };
        (ours != theirs).then(told)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use capstan_primitives::Address;

    use super::*;
    use crate::domain::{state::Problem, v2::Pair};

    fn pools(count: u8) -> Pools {
        let mut pools = Pools::default();
        for number in 1..=count {
            let tokens = [Address::from([101; 20]), Address::from([102; 20])];
            let id = PoolId::Contract(Address::from([number; 20]));
            pools.add(Entry { id, factory: None, pool: Arc::new(Pair::new(tokens, 3_000)), problem: None });
        }
        pools
    }

    fn ids(entries: &[Entry]) -> Vec<PoolId> {
        entries.iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn every_pool_comes_once_in_a_round() {
        let (pools, mut rounds) = (pools(50), Rounds::default());
        let mut counts = std::collections::HashMap::<PoolId, usize>::new();
        for block in 0..25_u8 {
            let next = rounds.next(&pools, (&mut Draw::seeded(&[&[block]]), 8), |_| true);
            assert_eq!(next.iter().map(|entry| entry.id).collect::<HashSet<_>>().len(), 8);
            ids(&next).into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
        }
        assert_eq!((counts.len(), counts.values().all(|count| *count == 4)), (50, true), "{counts:?}");
    }

    #[test]
    fn the_same_block_chooses_the_same_pools_and_another_one_others() {
        let pools = pools(50);
        let of =
            |seed: u8| ids(&Rounds::default().next(&pools, (&mut Draw::seeded(&[&[seed]]), 8), |_| true));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn what_is_not_followed_or_cannot_be_asked_is_never_chosen() {
        let mut pools = pools(4);
        let all: Vec<PoolId> = pools.iter().map(|entry| entry.id).collect();
        pools.mark(&all[0], Some((Problem::Hooks, "".into())));
        pools.pause(&all[1], true);
        let can_be = |entry: &Entry| entry.id != all[2];
        let next = Rounds::default().next(&pools, (&mut Draw::seeded(&[]), 8), can_be);
        let next: HashSet<PoolId> = ids(&next).into_iter().collect();
        assert_eq!(next, HashSet::from([all[1], all[3]]));
    }

    #[test]
    fn a_difference_names_both_sides() {
        assert_eq!(Difference::of(|| "tick".to_owned(), &5, &5), None);
        let told = Difference::of(|| "tick".to_owned(), &5, &7).unwrap().to_string();
        assert_eq!(told, "tick is 7 in the contract and 5 here");
    }
}

//! Pools that were not as their contracts said, and their way back: what a contract said at the end of a block, and the
//! events since.

use std::{collections::HashMap, sync::Arc};

use capstan_primitives::BlockRef;

use super::{
    change::{Change, Unusable},
    history::{Deed, Event},
    pool::{Pool, PoolId},
};

/// A pool that drifted so often stays out: what it does is not known.
pub const MOST_DRIFTS: u32 = 3;

/// All of a pool's state, as its contract tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What makes it of any state of the pool.
    pub changes: Vec<Change>,
    /// Whether the contract is paused.
    pub is_paused: bool,
}

/// A pool in one block: its state, and whether its contract is paused.
type Told = (Arc<dyn Pool>, bool);

/// A pool as its contract said, and as events changed it since.
#[derive(Debug)]
pub struct Repaired {
    first: (u64, Told),
    since: Vec<(u64, Told)>,
}

impl Repaired {
    /// What it was at the end of a block; none of those before its contract was read.
    #[must_use]
    pub fn at(&self, block: u64) -> Option<Told> {
        let states = std::iter::once(&self.first).chain(&self.since);
        states.take_while(|(number, _)| *number <= block).last().map(|(_, told)| told.clone())
    }

    /// What it is now.
    #[must_use]
    pub fn last(&self) -> Told {
        self.since.last().unwrap_or(&self.first).1.clone()
    }
}

/// Why a pool is not repaired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrepaired {
    /// The block left the chain, or the repair was begun again; it can be tried again.
    #[error("the block that its contract was read in left the chain")]
    Orphaned,
    /// What the contract says cannot be of this kind of pool.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

/// The pools of a chain that drifted.
#[derive(Debug, Default)]
pub struct Repairs {
    drifts: HashMap<PoolId, Drift>,
    begun: HashMap<PoolId, Journal>,
}

#[derive(Debug)]
struct Drift {
    times: u32,
    why: Arc<str>,
}

/// What happens to a pool while its contract is read.
#[derive(Debug)]
struct Journal {
    from: BlockRef,
    since: Vec<(u64, Deed)>,
}

impl Repairs {
    /// Counts a drift, and gives what is to be told of it.
    pub fn found(&mut self, id: PoolId, why: &str) -> Arc<str> {
        let drift = self.drifts.entry(id).or_insert_with(|| Drift { times: 0, why: "".into() });
        drift.times = drift.times.saturating_add(1);
        drift.why = match drift.times < MOST_DRIFTS {
            true => why.into(),
            false => format!("{why}; it drifted {} times and stays out", drift.times).into(),
        };
        Arc::clone(&drift.why)
    }

    /// Every pool that drifted, and what was told of it.
    pub fn all(&self) -> impl Iterator<Item = (&PoolId, &Arc<str>)> {
        self.drifts.iter().map(|(id, drift)| (id, &drift.why))
    }

    /// Pools that drifted and may be repaired.
    pub fn hopeful(&self) -> impl Iterator<Item = &PoolId> {
        self.drifts.iter().filter(|(_, drift)| drift.times < MOST_DRIFTS).map(|(id, _)| id)
    }

    /// Begins to repair a pool with what its contract says at the end of a block, to which everything was applied so far.
    pub fn begin(&mut self, id: PoolId, from: BlockRef) {
        self.begun.insert(id, Journal { from, since: Vec::new() });
    }

    /// Remembers an event that will be applied on top of what a contract said.
    pub fn note(&mut self, event: &Event) {
        let Ok(deed) = &event.deed else { return };
        if let Some(journal) = deed.pool().and_then(|id| self.begun.get_mut(&id)) {
            journal.since.push((event.block.number, deed.clone()));
        }
    }

    /// Takes back blocks above `last_valid`.
    pub fn undo(&mut self, last_valid: Option<u64>) {
        let stays = |number: u64| last_valid.is_some_and(|last| number <= last);
        self.begun.retain(|_, journal| stays(journal.from.number));
        self.begun.values_mut().for_each(|journal| journal.since.retain(|(number, _)| stays(*number)));
    }

    /// The log is read from its beginning, and pools may prove to be as it says.
    pub fn restart(&mut self) {
        self.begun.clear();
        self.drifts.values_mut().for_each(|drift| drift.times = 0);
    }

    /// The pool as its contract said at the end of block `from`, with what happened since.
    ///
    /// # Errors
    /// When the block left the chain, or what was said cannot be of this pool.
    pub fn finish(
        &mut self,
        (id, pool): (&PoolId, &Arc<dyn Pool>),
        from: BlockRef,
        reading: &Reading,
    ) -> Result<Repaired, Unrepaired> {
        let journal = self.begun.remove(id).filter(|journal| journal.from == from);
        let Journal { since, .. } = journal.ok_or(Unrepaired::Orphaned)?;
        let apply = |pool: Arc<dyn Pool>, change: &Change| pool.applied(change);
        let (mut pool, mut is_paused) =
            (reading.changes.iter().try_fold(Arc::clone(pool), apply)?, reading.is_paused);
        let mut repaired =
            Repaired { first: (from.number, (Arc::clone(&pool), is_paused)), since: Vec::new() };
        for (number, deed) in since {
            match deed {
                Deed::Changed(_, change) => pool = pool.applied(&change)?,
                Deed::Paused(_, now) => is_paused = now,
                Deed::Announced(_) | Deed::Created(_) => continue,
            }
            repaired.since.push((number, (Arc::clone(&pool), is_paused)));
        }
        Ok(repaired)
    }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{Address, BlockTime, Hash, U256};

    use super::*;
    use crate::domain::{
        history::History,
        state::{Entry, Pools},
        v2::Pair,
    };

    const ID: PoolId = PoolId::Key(Hash::ZERO);

    fn block(number: u64, salt: u8) -> BlockRef {
        BlockRef { number, hash: Hash::from([salt; 32]), time: BlockTime(number) }
    }

    fn event(block: BlockRef, deed: Deed) -> Event {
        Event { block, log_index: 0, address: Address::ZERO, deed: Ok(deed) }
    }

    fn reserves(amount: u64) -> Change {
        Change::Reserves([U256::from(amount), U256::from(amount)])
    }

    fn pair() -> Arc<dyn Pool> {
        Arc::new(Pair::new([Address::from([1; 20]), Address::from([2; 20])], 3_000))
    }

    /// A log of one pair that has its block's number in reserves.
    struct Log {
        history: History,
        repairs: Repairs,
    }

    impl Log {
        fn of(blocks: u64) -> Self {
            let mut pools = Pools::default();
            pools.add(Entry { id: ID, factory: None, pool: pair(), problem: None });
            let mut log = Self { history: History::new(pools, 64), repairs: Repairs::default() };
            (1..=blocks).for_each(|number| log.apply(block(number, 1), number));
            log
        }

        fn apply(&mut self, block: BlockRef, amount: u64) {
            let event = event(block, Deed::Changed(ID, reserves(amount)));
            self.repairs.note(&event);
            self.history.apply(event).unwrap();
        }

        fn undo(&mut self, last_valid: u64) {
            self.repairs.undo(Some(last_valid));
            self.history.undo(Some(last_valid)).unwrap();
        }

        fn drift(&mut self) {
            let why = self.repairs.found(ID, "a lie");
            self.history.drifted(&ID, &why);
        }

        fn finish(&mut self, from: BlockRef, amount: u64) -> Result<(), Unrepaired> {
            let reading = Reading { changes: vec![reserves(amount)], is_paused: false };
            let repaired = self.repairs.finish((&ID, &pair()), from, &reading)?;
            self.history.restore(&ID, &repaired);
            Ok(())
        }

        /// The reserve, and whether the pair is out.
        fn shown(&self) -> (String, bool) {
            let entry = self.history.pools().get(&ID).unwrap();
            (format!("{:?}", entry.pool.state()), entry.has_drifted())
        }

        fn is(&self, amount: u64) -> bool {
            let pair = pair().applied(&reserves(amount)).unwrap();
            self.shown() == (format!("{:?}", pair.state()), false)
        }
    }

    #[test]
    fn what_a_contract_said_and_what_happened_since_is_put_in_block_by_block() {
        let mut log = Log::of(5);
        log.drift();
        assert!(log.shown().1);
        log.repairs.begin(ID, block(5, 1));
        log.finish(block(5, 1), 500).unwrap();
        assert!(log.is(500));
        log.repairs.begin(ID, block(5, 1));
        log.drift();
        for number in 6..9 {
            log.apply(block(number, 1), number * 100);
        }
        log.finish(block(5, 1), 501).unwrap();
        assert!(log.is(800));
        log.undo(6);
        assert!(log.is(600));
        log.undo(5);
        assert!(log.is(501));
    }

    #[test]
    fn an_undo_to_before_the_reading_does_not_bring_back_what_drifted() {
        let mut log = Log::of(5);
        log.drift();
        log.repairs.begin(ID, block(5, 1));
        log.finish(block(5, 1), 500).unwrap();
        log.apply(block(6, 1), 600);
        log.undo(4);
        assert!(log.shown().1, "{:?}", log.shown());
        log.apply(block(5, 2), 700);
        assert!(log.shown().1);
        log.repairs.begin(ID, block(5, 2));
        log.finish(block(5, 2), 700).unwrap();
        assert!(log.is(700));
    }

    #[test]
    fn a_reorg_below_the_reading_voids_it_and_one_above_takes_back_what_happened_since() {
        let mut log = Log::of(5);
        log.drift();
        log.repairs.begin(ID, block(5, 1));
        log.undo(4);
        log.apply(block(5, 2), 50);
        assert_eq!(log.finish(block(5, 1), 500), Err(Unrepaired::Orphaned));
        log.repairs.begin(ID, block(5, 2));
        (6..9).for_each(|number| log.apply(block(number, 2), number));
        log.undo(6);
        log.apply(block(7, 3), 77);
        log.finish(block(5, 2), 500).unwrap();
        assert!(log.is(77));
        log.undo(6);
        assert!(log.is(6));
    }

    #[test]
    fn what_drifts_again_and_again_stays_out_and_says_so() {
        let mut repairs = Repairs::default();
        for _ in 1..MOST_DRIFTS {
            assert_eq!(&*repairs.found(ID, "a lie"), "a lie");
            assert_eq!(repairs.hopeful().count(), 1);
        }
        assert_eq!(&*repairs.found(ID, "a lie"), "a lie; it drifted 3 times and stays out");
        assert_eq!((repairs.hopeful().count(), repairs.all().count()), (0, 1));
        repairs.restart();
        assert_eq!(repairs.hopeful().count(), 1);
    }

    #[test]
    fn a_reading_that_cannot_be_of_the_pool_is_refused() {
        let mut log = Log::of(1);
        log.drift();
        log.repairs.begin(ID, block(1, 1));
        let reading = Reading { changes: vec![Change::SwapFee(U256::ZERO)], is_paused: false };
        let refused = log.repairs.finish((&ID, &pair()), block(1, 1), &reading);
        assert!(matches!(refused, Err(Unrepaired::Unusable(_))));
        assert!(log.shown().1);
    }
}

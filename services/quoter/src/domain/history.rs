//! The pools block by block, so that a reorg takes back exactly what it should.

use std::{collections::VecDeque, sync::Arc};

use capstan_primitives::{Address, BlockRef};

use super::{
    change::{Change, Unusable},
    pool::PoolId,
    repair::Repaired,
    state::{Entry, Pools},
};

/// An event of the log.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its block.
    pub block: BlockRef,
    /// Its index in the block.
    pub log_index: u32,
    /// The contract that it is of.
    pub address: Address,
    /// What happened.
    pub deed: Result<Deed, Unusable>,
}

/// What an event says.
#[derive(Debug, Clone)]
pub enum Deed {
    /// There is another pool, of which its contract has to be asked.
    Announced(Address),
    /// There is another pool.
    Created(Box<Entry>),
    /// A pool changed.
    Changed(PoolId, Change),
    /// A pool's contract is paused, or is so no more.
    Paused(PoolId, bool),
}

impl Deed {
    /// The pool that changed.
    #[must_use]
    pub const fn pool(&self) -> Option<PoolId> {
        match self {
            Self::Changed(id, _) | Self::Paused(id, _) => Some(*id),
            Self::Announced(_) | Self::Created(_) => None,
        }
    }
}

/// Blocks left the chain that are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reorg goes back to before block {kept_from}, the oldest that is kept")]
pub struct TooDeep {
    /// The oldest block whose pools are kept.
    pub kept_from: u64,
}

/// The pools now, and at the ends of the last blocks that changed them.
#[derive(Debug)]
pub struct History {
    pools: Pools,
    /// What there is before the first event.
    beginning: Pools,
    /// The newest block that an event was applied of, and the pools at the end of each before it.
    open: Option<BlockRef>,
    kept: VecDeque<(BlockRef, Pools)>,
    most: usize,
    /// Whether something older than what is kept was let go.
    forgot: bool,
}

impl History {
    /// One that keeps the pools of so many blocks.
    #[must_use]
    pub fn new(pools: Pools, most: usize) -> Self {
        Self {
            beginning: pools.clone(),
            pools,
            open: None,
            kept: VecDeque::new(),
            most: most.max(1),
            forgot: false,
        }
    }

    /// The pools now.
    #[must_use]
    pub const fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Applies an event; one that cannot be applied is given back with the reason, and marks its pool.
    ///
    /// # Errors
    /// When the event does not fit: the pool is not used any more then.
    pub fn apply(&mut self, event: Event) -> Result<(), Unusable> {
        if self.open != Some(event.block) {
            self.close();
            self.open = Some(event.block);
        }
        match event.deed? {
            Deed::Announced(pool) => return Err(Unusable(format!("the contract of {pool} was not asked"))),
            Deed::Created(entry) => self.pools.add(*entry),
            Deed::Changed(id, change) => self.change(&id, &change)?,
            Deed::Paused(id, is_paused) => self.pools.pause(&id, is_paused),
        }
        Ok(())
    }

    fn change(&mut self, id: &PoolId, change: &Change) -> Result<(), Unusable> {
        self.pools.apply(id, change).inspect_err(|error| {
            if self.pools.get(id).is_some_and(Entry::is_followed) {
                self.pools.drifted(id, &error.0.as_str().into());
            }
        })
    }

    /// Puts what was read from a node in, outside of any block's events.
    pub fn amend(&mut self, amend: impl Fn(&mut Pools)) {
        amend(&mut self.pools);
        amend(&mut self.beginning);
        // What an older block had stays out of date, but says so no less than before.
        self.kept.iter_mut().for_each(|(_, pools)| amend(pools));
    }

    /// Whether the events of a block after this one were applied.
    #[must_use]
    pub fn is_past(&self, block: u64) -> bool {
        self.open.is_some_and(|open| open.number > block)
    }

    /// Takes a pool out, in every block that is kept.
    pub fn drifted(&mut self, id: &PoolId, why: &Arc<str>) {
        self.amend(|pools| pools.drifted(id, why));
    }

    /// Puts a pool back that drifted. In blocks before its contract was read it stays out: what it was there is not known.
    pub fn restore(&mut self, id: &PoolId, repaired: &Repaired) {
        for (block, pools) in &mut self.kept {
            if let Some(state) = repaired.at(block.number) {
                pools.restore(id, state);
            }
        }
        self.pools.restore(id, repaired.last());
    }

    /// Takes back every block above `last_valid`; all of them when it is absent.
    ///
    /// # Errors
    /// When the pools at that block are not kept any more; everything has to be read again.
    pub fn undo(&mut self, last_valid: Option<u64>) -> Result<(), TooDeep> {
        let stays = |block: &BlockRef| last_valid.is_some_and(|last| block.number <= last);
        if self.open.as_ref().is_none_or(stays) {
            return Ok(());
        }
        while let Some((block, pools)) = self.kept.pop_back() {
            self.pools = pools;
            if stays(&block) {
                self.open = Some(block);
                return Ok(());
            }
        }
        if self.forgot {
            let kept_from = self.open.map_or(0, |block| block.number);
            return Err(TooDeep { kept_from });
        }
        self.pools = self.beginning.clone();
        self.open = None;
        Ok(())
    }

    /// Keeps the pools at the end of the open block.
    fn close(&mut self) {
        let Some(block) = self.open else { return };
        self.kept.push_back((block, self.pools.clone()));
        if self.kept.len() > self.most {
            self.forgot = self.kept.pop_front().is_some();
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash, U256};

    use super::*;
    use crate::domain::v2::Pair;

    fn block(number: u64, salt: u8) -> BlockRef {
        BlockRef { number, hash: Hash::from([salt; 32]), time: BlockTime(number) }
    }

    fn id() -> PoolId {
        PoolId::Contract(Address::from([9; 20]))
    }

    fn event(block: BlockRef, deed: Deed) -> Event {
        Event { block, log_index: 0, address: Address::ZERO, deed: Ok(deed) }
    }

    fn created() -> Deed {
        let pool = Arc::new(Pair::new([Address::from([1; 20]), Address::from([2; 20])], 3_000));
        Deed::Created(Box::new(Entry { id: id(), factory: None, pool, problem: None }))
    }

    fn reserves(amount: u64) -> Deed {
        Deed::Changed(id(), Change::Reserves([U256::from(amount), U256::from(amount)]))
    }

    fn shown(history: &History) -> Option<String> {
        history.pools().get(&id()).map(|entry| format!("{:?}", entry.pool.state()))
    }

    #[test]
    fn an_undo_gives_exactly_what_there_was() {
        let mut history = History::new(Pools::default(), 64);
        history.apply(event(block(1, 1), created())).unwrap();
        let mut states = vec![shown(&history)];
        for number in 2..10 {
            history.apply(event(block(number, 1), reserves(number))).unwrap();
            history.apply(event(block(number, 1), reserves(number * 100))).unwrap();
            states.push(shown(&history));
        }
        history.undo(Some(20)).unwrap();
        assert_eq!(shown(&history), states[8]);
        history.undo(Some(5)).unwrap();
        assert_eq!(shown(&history), states[4]);
        history.apply(event(block(6, 2), reserves(7))).unwrap();
        history.undo(Some(5)).unwrap();
        assert_eq!(shown(&history), states[4]);
        history.undo(None).unwrap();
        assert_eq!(shown(&history), None);
    }

    #[test]
    fn what_no_event_announced_stays_when_everything_is_taken_back() {
        let mut beginning = Pools::default();
        let Deed::Created(entry) = created() else { panic!() };
        beginning.add(*entry);
        let mut history = History::new(beginning, 64);
        let before = shown(&history);
        history.apply(event(block(5, 1), reserves(7))).unwrap();
        history.undo(Some(4)).unwrap();
        assert_eq!((shown(&history), before.is_some()), (before, true));
    }

    #[test]
    fn a_reorg_below_what_is_kept_is_said_so() {
        let mut history = History::new(Pools::default(), 3);
        history.apply(event(block(1, 1), created())).unwrap();
        for number in 2..10 {
            history.apply(event(block(number, 1), reserves(number))).unwrap();
        }
        history.undo(Some(6)).unwrap();
        assert!(history.undo(Some(2)).is_err());
    }

    #[test]
    fn an_event_that_does_not_fit_takes_its_pool_out() {
        let mut history = History::new(Pools::default(), 3);
        history.apply(event(block(1, 1), created())).unwrap();
        let wrong = Deed::Changed(id(), Change::SwapFee(U256::ZERO));
        assert!(history.apply(event(block(2, 1), wrong)).is_err());
        assert!(history.pools().get(&id()).unwrap().problem.is_some());
        let unknown = Deed::Changed(PoolId::Contract(Address::ZERO), Change::SwapFee(U256::ZERO));
        assert!(history.apply(event(block(2, 1), unknown)).is_err());
    }
}

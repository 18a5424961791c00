//! Pools that drifted: out of the state at once, and back as their contracts say.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use capstan_primitives::BlockRef;

use super::{Projector, live::Checks};
use crate::{
    domain::{
        pool::PoolId,
        repair::{Reading, Repaired, Unrepaired},
        state::Entry,
    },
    metrics,
};

/// The one who changes the state, for those who have to: each change is made alone.
#[derive(Debug, Clone)]
pub(crate) struct Writer(Arc<Mutex<Projector>>);

impl Writer {
    pub(crate) fn new(projector: Projector) -> Self {
        Self(Arc::new(Mutex::new(projector)))
    }

    /// Changes the state. A change that panicked ends the task that made it, and with it the service.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Projector) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Checks {
    pub(super) fn count(counter: &AtomicU64, pools: usize) {
        counter.fetch_add(u64::try_from(pools).unwrap_or_default(), Ordering::Relaxed);
    }
}

impl Projector {
    /// Takes a pool out that was not as its contract said at the end of `block`.
    pub(super) fn drifted(&mut self, id: PoolId, block: BlockRef, difference: &str) {
        // Somebody else may have found it, too.
        if self.history.pools().get(&id).is_some_and(Entry::is_followed) {
            let why = format!("{difference}, in block {} {}", block.number, block.hash);
            self.take_out(id, block, &why);
        }
    }

    /// Counts a drift, and takes the pool out of every state.
    pub(super) fn take_out(&mut self, id: PoolId, block: BlockRef, why: &str) {
        let Some(entry) = self.history.pools().get(&id) else { return };
        metrics::drifted(self.live.chain, (id, entry.pool.protocol()), block, why);
        Checks::count(&self.live.checks.drifted, 1);
        let why = self.repairs.found(id, why);
        self.history.drifted(&id, &why);
        self.live.amend(|pools, _| pools.drifted(&id, &why));
    }

    /// What drifted is not believed when it comes anew from the log that it came from before.
    pub(super) fn distrust(&mut self) {
        for (id, why) in self.repairs.all() {
            self.history.drifted(id, why);
        }
    }

    /// Pools that are out and may be repaired.
    pub(super) fn broken(&self) -> Vec<PoolId> {
        let pools = self.history.pools();
        let is_out = |id: &&PoolId| pools.get(id).is_some_and(Entry::has_drifted);
        let mut broken: Vec<PoolId> = self.repairs.hopeful().filter(is_out).copied().collect();
        broken.sort_unstable();
        broken
    }

    /// Begins to repair a pool: gives it, and the block at whose end its contract is to be read. None in the middle of a
    /// block.
    pub(super) fn begin_repair(&mut self, id: PoolId) -> Option<(Entry, BlockRef)> {
        let block = self.live.snapshot()?.block;
        let entry = self.history.pools().get(&id).filter(|entry| entry.has_drifted())?.clone();
        if self.history.is_past(block.number) {
            return None;
        }
        self.repairs.begin(id, block);
        Some((entry, block))
    }

    /// Puts a pool back as its contract said at the end of `block`, with what happened since.
    ///
    /// # Errors
    /// When the block left the chain, or what was said cannot be of this pool; that counts as a drift, too.
    pub(super) fn finish_repair(
        &mut self,
        entry: &Entry,
        block: BlockRef,
        reading: &Reading,
    ) -> Result<(), Unrepaired> {
        let Entry { id, pool, .. } = entry;
        match self.repairs.finish((id, pool), block, reading) {
            Ok(repaired) => {
                self.put_back(*id, &repaired);
                metrics::repaired(self.live.chain, (*id, pool.protocol()), block);
                Ok(())
            }
            Err(error) => {
                if let Unrepaired::Unusable(why) = &error {
                    let why = format!("its contract cannot be followed from block {}: {why}", block.number);
                    self.take_out(*id, block, &why);
                }
                Err(error)
            }
        }
    }

    fn put_back(&mut self, id: PoolId, repaired: &Repaired) {
        self.history.restore(&id, repaired);
        self.live.amend(|pools, block| {
            if let Some(state) = repaired.at(block.number) {
                pools.restore(&id, state);
            }
        });
    }
}

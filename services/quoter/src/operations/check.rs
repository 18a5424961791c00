//! The self-check: pools are held against their contracts, and those that drifted are read again.

use std::{error::Error, sync::Arc};

use capstan_chain::ChainError;
use capstan_primitives::Hash;

use super::{Live, Snapshot, Watcher, Writer, live::Checks};
use crate::{
    adapters::views::{Compared, Views},
    domain::{
        check::{Draw, Rounds},
        pool::PoolId,
        repair::Unrepaired,
        state::Entry,
    },
    metrics,
};

/// Holds the pools of a chain against their contracts.
#[derive(Debug)]
pub(crate) struct Checker {
    live: Arc<Live>,
    writer: Writer,
    views: Views,
    /// Once in so many blocks; 0: never.
    every: u64,
    /// Pools at once.
    most: usize,
    rounds: Rounds,
    /// The block of the last check, and the last one in which pools were repaired.
    checked: Option<u64>,
    repaired: Option<Hash>,
}

impl Watcher for Checker {
    /// Looks at a state: compares some pools when it is time, and repairs those that are out, once a block.
    async fn look(&mut self, snapshot: &Snapshot) {
        let number = snapshot.block.number;
        // After a reorg the count begins anew.
        let is_due = self.checked.is_none_or(|last| number < last || number - last >= self.every);
        let mut has_drifted = false;
        if is_due {
            self.checked = Some(number);
            has_drifted = self.check(snapshot).await;
        }
        if has_drifted || self.repaired != Some(snapshot.block.hash) {
            self.repaired = Some(snapshot.block.hash);
            let broken = self.writer.with(|projector| projector.broken());
            for id in broken.into_iter().take(self.most) {
                // While no node answers there is nothing to wait for.
                if self.repair(id).await.is_err() {
                    break;
                }
            }
        }
    }
}

impl Checker {
    pub(crate) fn new(live: Arc<Live>, writer: Writer, views: Views, (every, most): (u64, usize)) -> Self {
        let rounds = Rounds::default();
        Self { live, writer, views, every, most, rounds, checked: None, repaired: None }
    }

    /// Compares the pools whose turn it is, and says whether some drifted.
    async fn check(&mut self, snapshot: &Snapshot) -> bool {
        let hash = snapshot.block.hash;
        let mut draw = Draw::seeded(&[hash.as_bytes()]);
        let pools = self.rounds.next(&snapshot.pools, (&mut draw, self.most), Views::know);
        let compared = match self.views.compare(hash, &pools).await {
            Ok(compared) => compared,
            Err(error) => return self.failed(pools.len(), &error),
        };
        let suspects: Vec<Entry> = pools
            .iter()
            .zip(&compared)
            .filter(|(_, compared)| matches!(compared, Compared::Differs(_)))
            .map(|(entry, _)| entry.clone())
            .collect();
        for error in compared.iter().filter_map(Compared::failure) {
            self.count(1, error);
        }
        let told = compared.iter().filter(|compared| compared.failure().is_none()).count();
        Checks::count(&self.live.checks.compared, told);
        metrics::compared(self.live.chain, told);
        !suspects.is_empty() && self.accuse(snapshot, &suspects).await
    }

    /// A pool is out when its contract says twice that it is not as it should be.
    async fn accuse(&mut self, snapshot: &Snapshot, suspects: &[Entry]) -> bool {
        let compared = match self.views.compare_alone(snapshot.block.hash, suspects).await {
            Ok(compared) => compared,
            Err(error) => return self.failed(suspects.len(), &error),
        };
        let mut has_drifted = false;
        for (entry, compared) in suspects.iter().zip(compared) {
            if let Compared::Differs(difference) = compared {
                has_drifted = true;
                let told = difference.to_string();
                self.writer.with(|projector| projector.drifted(entry.id, snapshot.block, &told));
            }
        }
        has_drifted
    }

    /// Reads a pool from its contract and puts it back.
    async fn repair(&self, id: PoolId) -> Result<(), ChainError> {
        let Some((entry, block)) = self.writer.with(|projector| projector.begin_repair(id)) else {
            return Ok(());
        };
        let reading = self.views.read(block.hash, &entry).await.inspect_err(|error| self.count(1, error))?;
        let reading = match reading {
            Ok(reading) => reading,
            Err(error) => {
                self.count(1, &error);
                return Ok(());
            }
        };
        match self.writer.with(|projector| projector.finish_repair(&entry, block, &reading)) {
            Ok(()) => {}
            Err(Unrepaired::Orphaned) => {
                tracing::debug!(%id, block = block.number, "repair voided by a reorg")
            }
            Err(error) => tracing::debug!(%id, block = block.number, %error, "pool not repaired"),
        }
        Ok(())
    }

    /// Nothing is known of pools that could not be compared, so none drifted.
    fn failed(&self, pools: usize, error: &(dyn Error + 'static)) -> bool {
        self.count(pools, error);
        false
    }

    fn count(&self, pools: usize, error: &(dyn Error + 'static)) {
        metrics::not_compared(self.live.chain, pools, error);
        Checks::count(&self.live.checks.failed, pools);
    }
}

//! Letting go what is no longer to be kept.

use capstan_primitives::BlockRef;
use capstan_runtime::platform::Retention;

use super::{Ingest, makes_pools};
use crate::{
    domain::{Position, place},
    error::Error,
    metrics,
};

const DAY_SECONDS: u64 = 86_400;

impl Ingest {
    /// Removes a part of what is no longer to be kept; whether there is more. With `anew` it looks first
    /// how much that is.
    ///
    /// # Errors
    /// When the store does not answer; nothing is half done then, and a later call goes on.
    pub async fn retain(&mut self, anew: bool) -> Result<bool, Error> {
        Ok(self.forget_transactions().await? | self.let_go(anew).await?)
    }

    async fn forget_transactions(&self) -> Result<bool, Error> {
        let after = i64::try_from(self.plan.transaction_forgotten_after.as_millis()).unwrap_or(i64::MAX);
        let before = self.clock.now().timestamp_millis().saturating_sub(after);
        let (forgotten, more) = self.store.forget_transactions(&self.progress, before).await?;
        metrics::forgotten(self.plan.id, forgotten);
        Ok(more)
    }

    async fn let_go(&mut self, anew: bool) -> Result<bool, Error> {
        if let Some(retention) = self.plan.retention.filter(|_| anew) {
            let before = self.progress.earliest;
            let earliest = self.first_kept(retention).await?.max(before);
            if earliest > before {
                self.progress = self.store.raise_earliest(&self.progress, earliest).await?;
            }
            metrics::pruned(self.plan.id, earliest, earliest.saturating_sub(before));
        }
        if !self.progress.is_pruned() {
            return Ok(false);
        }
        let (progress, more) = self.store.let_go(&self.progress).await?;
        self.progress = progress;
        if !more {
            metrics::dropped(self.plan.id, self.store.drop_partitions(&self.progress).await?);
        }
        Ok(more)
    }

    /// The oldest block that is to be kept. Everything that can still leave the chain is, and everything
    /// that the indexer's own readers of the log have not read.
    async fn first_kept(&self, retention: Retention) -> Result<u64, Error> {
        let (earliest, window) = (self.progress.earliest, self.plan.window);
        let read = self.read_through().await?;
        let (Some(indexed), Some(last_final), Some(read)) =
            (self.progress.indexed, self.progress.finalized, read)
        else {
            return Ok(earliest);
        };
        let (blocks, seconds) = match retention {
            Retention::Blocks(blocks) => (blocks.saturating_sub(1), 0),
            Retention::Days(days) => (0, days.saturating_mul(DAY_SECONDS)),
        };
        let newest = indexed.number.saturating_sub(blocks.max(window.blocks));
        let newest = newest.min(last_final.number).min(read);
        // A known block stays at or below what is final: the lowest at which a reorg can end.
        let Some(junction) = self.known(last_final.number).await? else { return Ok(earliest) };
        let newest = newest.min(junction.number);
        let since = indexed.time.0.saturating_sub(seconds.max(window.seconds));
        let (first, known) = self.first_since(since, newest).await?;
        match (retention, known) {
            (Retention::Blocks(_), _) => Ok(first),
            // Of what is between two known blocks the time is not known.
            (Retention::Days(_), known) => Ok(known.map_or(earliest, |known| known.number.saturating_add(1))),
        }
    }

    /// How far the indexer's own readers of the log have come; nothing while one has to begin, or to
    /// begin again.
    async fn read_through(&self) -> Result<Option<u64>, Error> {
        if self.pending.is_any() {
            return Ok(None);
        }
        let mut through = u64::MAX;
        if makes_pools(&self.roots) {
            let Some(cursor) = self.store.pool_cursor(self.plan.id).await? else { return Ok(None) };
            let covered = self.store.covered(self.plan.id).await?;
            let is_level = covered.iter().all(|covered| covered.added <= cursor.at.history);
            let Some(number) = self.level(cursor.at).filter(|_| is_level) else { return Ok(None) };
            through = number;
        }
        if let Some(topic) = &self.plan.topic {
            let Some(number) = self.published(topic).await?.and_then(|at| self.level(at)) else {
                return Ok(None);
            };
            through = through.min(number);
        }
        Ok(Some(through))
    }

    /// The block through which a reader of the log at `at` has read it, unless it has to hear of a reorg.
    fn level(&self, at: Position) -> Option<u64> {
        let is_level = (at.log_id, at.fork) == (self.progress.log_id, self.progress.fork);
        is_level.then(|| place::number_of(at.place))
    }

    /// The first block, at most `newest`, that has no known block below it of the time `since` or later,
    /// and the known block below it, by bisection.
    async fn first_since(&self, since: u64, newest: u64) -> Result<(u64, Option<BlockRef>), Error> {
        let (mut low, mut high) = (self.progress.earliest, newest);
        let mut below = None;
        while low < high {
            let middle = high.saturating_sub((high - low) / 2);
            match self.known(middle.saturating_sub(1)).await? {
                Some(known) if known.time.0 >= since => high = middle.saturating_sub(1),
                known => (low, below) = (middle, known),
            }
        }
        Ok((low, below))
    }

    async fn known(&self, number: u64) -> Result<Option<BlockRef>, Error> {
        self.store.block_at_or_below(self.plan.id, number).await
    }
}

//! The way back to where the chain still is.

use capstan_chain::{ChainError, Header};
use capstan_primitives::BlockRef;

use super::ingest::Ingest;
use crate::{domain::Undo, error::Error, metrics};

impl Ingest {
    /// Goes back to the newest block that the node still has.
    pub(super) async fn roll_back(&mut self, indexed: BlockRef, head: Header) -> Result<bool, Error> {
        let highest = indexed.number.min(head.block.number);
        match self.junction(indexed, highest).await? {
            // Another answer said that this block is no more.
            Some(junction) if junction.number >= highest => {
                let BlockRef { number, hash, .. } = junction;
                let reason = format!("block {number} is {hash} in one answer and another one in the next");
                Err(ChainError::Inconsistent { reason }.into())
            }
            Some(junction) => self.take_back(junction).await.map(|_| true),
            None => Err(self.too_deep(indexed, highest).await?),
        }
    }

    /// The newest block at or below `highest` that log and node have, or that before the log; nothing when
    /// a reorg may not reach as far as the lowest block that only the log has.
    async fn junction(&self, indexed: BlockRef, highest: u64) -> Result<Option<BlockRef>, Error> {
        let last_final = self.progress.finalized.map(|last| last.number);
        let mut number = highest;
        while let Some(known) = self.known_at_or_below(number).await? {
            let theirs = self.node.header(known.number).await?;
            let theirs = theirs.ok_or(ChainError::BehindRequest { number: known.number })?;
            if theirs.block.hash == known.hash {
                return Ok(Some(known));
            }
            let may_go =
                last_final.is_none_or(|last| known.number > last) && self.plan.window.reaches(known, indexed);
            let Some(below) = known.number.checked_sub(1).filter(|_| may_go) else { return Ok(None) };
            number = below;
        }
        self.before_the_first().await
    }

    /// The node's block before the first one of the log: with it as the junction nothing is left. Nothing
    /// where the chain begins with the log, or the beginning is no longer kept.
    pub(super) async fn before_the_first(&self) -> Result<Option<BlockRef>, Error> {
        let number = self.progress.first_block.checked_sub(1).filter(|_| !self.progress.is_pruned());
        let Some(number) = number else { return Ok(None) };
        let header = self.node.header(number).await?.ok_or(ChainError::BehindRequest { number })?;
        Ok(Some(header.block))
    }

    /// The block of the log that is nearest to a height, from below, and not below what is final.
    pub(super) async fn known_at_or_below(&self, number: u64) -> Result<Option<BlockRef>, Error> {
        let known = self.store.block_at_or_below(self.plan.id, number).await?;
        let last_final = self.progress.finalized.filter(|last| last.number <= number);
        Ok(last_final.into_iter().chain(known).max_by_key(|block| block.number))
    }

    /// Why the chain cannot go on; another error when one endpoint alone says so.
    async fn too_deep(&self, indexed: BlockRef, highest: u64) -> Result<Error, Error> {
        let floor = self.progress.finalized.map_or(self.progress.first_block, |last| last.number);
        let number = floor.min(highest);
        let at_indexed = self.node.agreed(indexed.number).await?;
        if self.node.agreed(number).await?.is_none() {
            return Ok(ChainError::BehindRequest { number }.into());
        }
        if at_indexed == Some(indexed.hash) {
            let reason = format!("block {} left the chain in one answer only", indexed.number);
            return Ok(ChainError::Inconsistent { reason }.into());
        }
        Ok(Error::ReorgTooDeep { chain_id: self.plan.id, indexed, floor })
    }

    /// Takes back what stands above `junction`, a block that is known or the one before the log.
    pub(super) async fn take_back(&mut self, junction: BlockRef) -> Result<Undo, Error> {
        self.ahead.clear();
        self.seen = None;
        self.audit.cut(junction.number);
        self.pending.cut(junction.number);
        self.contracts_changed = true;
        let now = self.clock.now().timestamp_millis();
        let (progress, undo) = self.store.roll_back(&self.progress, junction, now).await?;
        self.progress = progress;
        self.reload_contracts().await?;
        metrics::reorg(self.plan.id, &undo);
        Ok(undo)
    }
}

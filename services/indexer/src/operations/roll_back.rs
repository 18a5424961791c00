//! The way back to where the chain still is.

use capstan_chain::Header;
use capstan_primitives::BlockRef;

use super::ingest::Ingest;
use crate::{domain::Undo, error::Error, metrics};

impl Ingest {
    /// Goes back to the newest block that the node still has.
    pub(super) async fn roll_back(&mut self, indexed: BlockRef, head: Header) -> Result<bool, Error> {
        let floor =
            self.progress.finalized.map_or(self.plan.start_block, |block| block.number).min(indexed.number);
        let junction = self.junction(indexed, indexed.number.min(head.block.number), floor).await?;
        let junction = junction.ok_or(Error::ReorgTooDeep { chain_id: self.plan.id, indexed, floor })?;
        self.take_back(junction).await.map(|_| true)
    }

    async fn junction(&self, indexed: BlockRef, from: u64, floor: u64) -> Result<Option<BlockRef>, Error> {
        let mut number = from;
        while let Some(known) = self.store.block_at_or_below(self.plan.id, number).await? {
            if known.number < floor || !self.plan.window.reaches(known, indexed) {
                return Ok(None);
            }
            let theirs = self.node.header(known.number).await?;
            if theirs.is_some_and(|header| header.block.hash == known.hash) {
                return Ok(Some(known));
            }
            let Some(below) = known.number.checked_sub(1) else { return Ok(None) };
            number = below;
        }
        Ok(None)
    }

    /// Takes back what stands above `junction`, a block that is known.
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

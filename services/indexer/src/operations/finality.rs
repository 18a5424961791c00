//! What of the log is final: what the chain calls final, once the log has the same block there and nothing
//! below it is still to be proved.

use capstan_chain::{ChainError, Header};
use capstan_primitives::BlockRef;

use super::{ahead::Part, ingest::Ingest};
use crate::{error::Error, metrics};

impl Ingest {
    /// The newest final block once the blocks of `headers`, which came as `part`, are in the log. Doubts
    /// about blocks that were not final when they were read hold up finality, and nothing else.
    ///
    /// # Errors
    /// When the store does not answer, and when endpoints disagree on blocks that are final when they are read.
    pub(super) async fn finalized(
        &mut self,
        part: Option<Part>,
        headers: &[Header],
    ) -> Result<Option<BlockRef>, Error> {
        match self.last_final(part, headers).await {
            Ok(finalized) => {
                self.dispute.clear();
                Ok(finalized)
            }
            Err(Error::Chain(error)) if !matches!(part, Some(Part::Range(..))) => {
                metrics::disputed(self.plan.id, &error);
                self.dispute = error.to_string();
                Ok(self.progress.finalized)
            }
            Err(error) => Err(error),
        }
    }

    async fn last_final(&self, part: Option<Part>, headers: &[Header]) -> Result<Option<BlockRef>, Error> {
        let before = self.progress.finalized;
        let is_new = |block: &BlockRef| before.is_none_or(|before| before.number < block.number);
        let Some(told) = self.told_final().filter(is_new) else { return Ok(before) };
        let newest = headers.last().map(|header| header.block).or(self.progress.indexed);
        let ours = match newest {
            // Blocks were read up to here because they are final.
            Some(newest) if newest.number < told.number => {
                Some(newest).filter(|_| matches!(part, Some(Part::Range(..))))
            }
            _ => self.same(told, headers).await?,
        };
        let Some(ours) = ours.filter(is_new) else { return Ok(before) };
        // How history is believed is decided where it is read.
        if !matches!(part, Some(Part::Range(..))) {
            self.node.confirm(ours).await?;
        }
        match self.audit.first().filter(|first| *first <= ours.number) {
            // All below it is of the same chain.
            Some(first) => {
                let proved = self.known_at_or_below(first.saturating_sub(1)).await?;
                Ok(proved.filter(is_new).or(before))
            }
            None => Ok(Some(ours)),
        }
    }

    /// The log's block at the height of a final one; nothing when it does not know that one.
    async fn same(&self, told: BlockRef, headers: &[Header]) -> Result<Option<BlockRef>, Error> {
        let new = headers.iter().map(|header| header.block).find(|block| block.number == told.number);
        let ours = match new {
            Some(block) => Some(block),
            None => self.store.block_at(self.plan.id, told.number).await?,
        };
        match ours {
            Some(ours) if ours.hash != told.hash => {
                let BlockRef { number, hash, .. } = ours;
                let reason = format!(
                    "endpoints disagree on final block {number}: {hash} of the log, {} told",
                    told.hash
                );
                Err(ChainError::Inconsistent { reason }.into())
            }
            ours => Ok(ours),
        }
    }
}

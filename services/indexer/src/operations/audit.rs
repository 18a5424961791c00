//! Looking again at reversible blocks that were taken from a range, or by an earlier process: each
//! is compared with what its hash proves, before it may become final.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use capstan_chain::{ChainError, Log};
use capstan_primitives::{BlockRef, ChainId, Hash};

use super::SharedContracts;
use crate::{
    adapters::Node,
    domain::{Followed, place, sort_out},
    error::Error,
    store::{RawEvent, Span, Store, Wanted},
};

/// Blocks of one step.
const BLOCKS_A_STEP: u64 = 8;
/// So long a node is left alone that could not say.
const REST: Duration = Duration::from_secs(2);

/// Blocks that are still to be looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Audit {
    left: Option<(u64, u64)>,
    /// When to go on, after a failure.
    due: Option<Instant>,
    problem: String,
}

/// The log and the chain that are compared.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) store: &'a Store,
    pub(super) node: &'a Node,
    pub(super) contracts: &'a SharedContracts,
    pub(super) followed: &'a Followed,
    pub(super) chain_id: ChainId,
}

impl Audit {
    /// Blocks `first` to `last` are to be looked at too.
    pub(super) fn add(&mut self, first: u64, last: u64) {
        if first <= last {
            let (low, high) = self.left.unwrap_or((first, last));
            self.left = Some((low.min(first), high.max(last)));
        }
    }

    /// Blocks above `last` are no more.
    pub(super) fn cut(&mut self, last: u64) {
        self.left = self.left.map(|(low, high)| (low, high.min(last))).filter(|(low, high)| low <= high);
    }

    /// The newest block that may be final, of `finalized` and what was final `before`.
    pub(super) fn allows(&self, finalized: Option<BlockRef>, before: Option<BlockRef>) -> Option<BlockRef> {
        finalized.filter(|block| self.left.is_none_or(|(low, _)| block.number < low)).or(before)
    }

    /// Whether there is something to look at now.
    pub(super) fn is_due(&self) -> bool {
        self.left.is_some() && self.due.is_none_or(|due| due <= Instant::now())
    }

    /// How many blocks are to be looked at.
    pub(super) fn blocks(&self) -> u64 {
        self.left.map_or(0, |(low, high)| high.saturating_sub(low).saturating_add(1))
    }

    /// Why it does not go on; empty when nothing is wrong.
    pub(super) fn problem(&self) -> &str {
        &self.problem
    }

    /// Waits a while after a failure.
    pub(super) fn rest(&mut self, error: &ChainError) {
        self.due = Some(Instant::now() + REST);
        let first = self.left.map_or(0, |(first, _)| first);
        self.problem = format!("block {first} cannot be final before it is proved: {error}");
    }

    /// Looks at the next blocks, and names the first one in which the log has something else than the chain.
    ///
    /// # Errors
    /// When store or node do not answer.
    pub(super) async fn step(&mut self, subject: Subject<'_>) -> Result<Option<u64>, Error> {
        let Some((low, high)) = self.left else { return Ok(None) };
        let last = high.min(low.saturating_add(BLOCKS_A_STEP - 1));
        for number in low..=last {
            if !subject.is_right(number).await? {
                return Ok(Some(number));
            }
        }
        *self = Self { left: (last < high).then_some((last.saturating_add(1), high)), ..Self::default() };
        Ok(None)
    }
}

impl Subject<'_> {
    /// Whether the log has of a block what its hash proves.
    async fn is_right(self, number: u64) -> Result<bool, Error> {
        // A block that the node does not have is the parent check's to notice.
        let Some(header) = self.node.header(number).await? else { return Ok(true) };
        let segment = self.node.block(header, self.followed).await?;
        let proved = {
            let contracts = self.contracts.read().unwrap_or_else(PoisonError::into_inner);
            sort_out(segment.logs, &contracts)
        };
        let span = Span {
            after: place::before(number),
            floor: None,
            until: place::end_of(number),
            newest_first: false,
            limit: u64::from(u32::MAX),
        };
        let stored = self.store.list(self.chain_id, &Wanted::default(), span).await?;
        let stored = stored.map(|(_, events, _)| events).unwrap_or_default();
        let proved = proved.events.iter().map(|event| &event.log);
        let same = |(stored, proved): (&RawEvent, &Log)| is_same(stored, proved);
        Ok(stored.len() == proved.len() && stored.iter().zip(proved).all(same))
    }
}

fn is_same(stored: &RawEvent, proved: &Log) -> bool {
    let id = (stored.of.topic != Hash::ZERO).then_some(&stored.of.topic);
    stored.block.hash == proved.block_hash
        && place::index_of(stored.place) == proved.log_index
        && stored.transaction == proved.transaction
        && stored.address == proved.address
        && id.into_iter().chain(&stored.topics).eq(&proved.topics)
        && stored.data == proved.data
}

#[cfg(test)]
mod tests {
    use capstan_primitives::BlockTime;

    use super::*;

    #[test]
    fn nothing_becomes_final_before_it_was_looked_at() {
        let block = |number| Some(BlockRef { number, hash: Hash::ZERO, time: BlockTime(0) });
        let mut audit = Audit::default();
        assert_eq!(audit.allows(block(9), block(3)), block(9));
        audit.add(5, 20);
        audit.add(21, 30);
        assert_eq!(audit.allows(block(9), block(3)), block(3));
        assert_eq!(audit.allows(block(4), block(3)), block(4));
        audit.cut(4);
        assert_eq!(audit.allows(block(9), block(3)), block(9));
        audit.add(7, 6);
        assert_eq!(audit.allows(block(9), None), block(9));
    }
}

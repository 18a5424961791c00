//! How far a chain is indexed.

use capstan_primitives::{Address, BlockRef, ChainId, Hash};

use super::{Event, Position, Undo, place};

/// The cursor of a chain, as stored with the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainProgress {
    /// Chain.
    pub chain_id: ChainId,
    /// Made at random with the log.
    pub log_id: u64,
    /// Reorgs since the log began.
    pub fork: u64,
    /// How often history was added to what was indexed, or is read in another way.
    pub history: u64,
    /// Number of the process that may write the log; it grows with every change.
    pub writer: u64,
    /// Newest indexed block.
    pub indexed: Option<BlockRef>,
    /// Newest finalized block.
    pub finalized: Option<BlockRef>,
    /// First block of the log.
    pub first_block: u64,
    /// Oldest block that is kept.
    pub earliest: u64,
    /// Oldest fork of whose cursors it is known what became of their blocks.
    pub earliest_fork: u64,
    /// Newest fork of which blocks that it took back are forgotten.
    pub forgotten_fork: u64,
    /// Blocks of one partition of the log.
    pub partition_blocks: u64,
    /// When the row was written, milliseconds since 1970.
    pub indexed_at: i64,
    /// Logs that are part of the chain.
    pub events: u64,
    /// Logs in quarantine.
    pub decode_failures: u64,
}

impl ChainProgress {
    /// Whether everything after `at` is kept, and what became of the blocks before it.
    #[must_use]
    pub fn keeps(&self, at: Position) -> bool {
        (at.is_unread() || at.fork >= self.earliest_fork) && self.keeps_after(at.place)
    }

    /// Whether every log after `place` is kept.
    #[must_use]
    pub fn keeps_after(&self, place: u64) -> bool {
        !self.is_pruned() || place >= place::before(self.earliest).unwrap_or_default()
    }

    /// Whether the log is kept from block `first` on.
    #[must_use]
    pub const fn keeps_from(&self, first: u64) -> bool {
        !self.is_pruned() || first >= self.earliest
    }

    /// Whether the beginning of the log is no longer kept.
    #[must_use]
    pub const fn is_pruned(&self) -> bool {
        self.earliest > self.first_block
    }
}

/// A part of the log after a cursor, as of one snapshot of the store.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// The chain's cursor in the same snapshot.
    pub progress: ChainProgress,
    /// Newest block that the node calls safe.
    pub safe: Option<u64>,
    /// Blocks to take back before anything else.
    pub undo: Option<Undo>,
    /// Events in order.
    pub events: Vec<Event>,
    /// How far they reach.
    pub coverage: Coverage,
}

/// How far a page of the log reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// The newest block of which something is in the page or before it.
    pub block: Option<BlockRef>,
    /// Place through which the log was read.
    pub through: u64,
    /// Whether every matching event of `block` is in the page or before it.
    pub block_complete: bool,
    /// Whether the page reaches the end of what may be read.
    pub complete: bool,
}

/// How much of a configured contract's history is in the log, or of events of any contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// The contract, or the key of a [`super::Pattern`].
    pub address: Address,
    /// How its logs are read: [`super::Definition::fingerprint`].
    pub definition: Hash,
    /// First block of its history.
    pub start_block: u64,
    /// First block whose logs are not in the log yet; none when all are.
    pub next_block: Option<u64>,
    /// [`ChainProgress::history`] when it became readable as it is.
    pub added: u64,
}

impl Covered {
    /// Whether it is of events of any contract.
    #[must_use]
    pub fn is_of_pattern(&self) -> bool {
        self.address.as_bytes().len() > Address::ZERO.as_bytes().len()
    }
}

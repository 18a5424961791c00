//! How far a chain is indexed.

use capstan_primitives::{BlockRef, ChainId};

use super::Entry;

/// The cursor of a chain, as stored with the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainProgress {
    /// Chain.
    pub chain_id: ChainId,
    /// Made at random with the log.
    pub log_id: u64,
    /// Position that the next entry gets.
    pub next_position: u64,
    /// Newest indexed block.
    pub indexed: Option<BlockRef>,
    /// Newest finalized block.
    pub finalized: Option<BlockRef>,
    /// When the row was written, milliseconds since 1970.
    pub indexed_at: i64,
    /// Events that are part of the chain.
    pub events: u64,
    /// Reorgs since the log began.
    pub reorgs: u64,
    /// Logs in quarantine.
    pub decode_failures: u64,
}

/// What a batch of the log adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// The newest block whose matching events are all in the page or before it.
    pub block: Option<BlockRef>,
    /// Position through which the log was read.
    pub through: u64,
    /// Whether the page reaches the end of the log.
    pub complete: bool,
}

/// Entries of the log after a position, as of one snapshot of the store. A block is never split.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The chain's cursor in the same snapshot.
    pub progress: ChainProgress,
    /// Entries in order.
    pub entries: Vec<Entry>,
    /// How far they reach.
    pub coverage: Coverage,
}

//! Chains, blocks and the identity of what happens in them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Hash;

/// Id of a chain (EIP-155).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u64);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Time of a block header in seconds since 1970; chain time, not wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlockTime(pub u64);

/// One block of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash; two blocks are the same when their hashes are, never by number alone.
    pub hash: Hash,
    /// Time of the header.
    pub time: BlockTime,
}

/// How certain it is that a block stays part of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finality {
    /// A reorg can still take it back.
    Latest,
    /// At or below the node's safe block.
    Safe,
    /// Never taken back.
    Finalized,
}

impl Finality {
    /// Finality of block `number` when everything through `finalized` is final.
    #[must_use]
    pub fn of(number: u64, finalized: Option<u64>) -> Self {
        match finalized {
            Some(finalized) if number <= finalized => Self::Finalized,
            _ => Self::Latest,
        }
    }

    /// The same where the node calls everything through `safe` safe.
    #[must_use]
    pub fn of_safe(number: u64, safe: Option<u64>, finalized: Option<u64>) -> Self {
        match Self::of(number, finalized) {
            Self::Latest if safe.is_some_and(|safe| number <= safe) => Self::Safe,
            finality => finality,
        }
    }
}

/// Identity of an event. Never the transaction hash, which can be mined again after a reorg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Chain.
    pub chain_id: ChainId,
    /// Block.
    pub block_hash: Hash,
    /// Index of the log in the block.
    pub log_index: u32,
}

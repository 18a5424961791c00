//! Event logs and which of them to ask for.

use capstan_primitives::{Address, BlockTime, Hash, Topics, TransactionId};

use crate::{ChainError, ranges::check_order};

/// One event log of a block that was part of the chain when the node was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Height of the block.
    pub block_number: u64,
    /// Hash of the block.
    pub block_hash: Hash,
    /// Time of the block; absent when the node sends no `blockTimestamp` and the header was not asked for.
    pub block_time: Option<BlockTime>,
    /// Transaction that emitted the log.
    pub transaction: TransactionId,
    /// Index of the transaction in the block.
    pub transaction_index: u32,
    /// Index of the log in the block.
    pub log_index: u32,
    /// Contract that emitted the log, 20 bytes.
    pub address: Address,
    /// Topics; the first is the event's id unless the event is anonymous.
    pub topics: Topics,
    /// ABI-encoded arguments that are not indexed.
    pub data: Vec<u8>,
}

/// Which logs to ask for: those that satisfy both fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// Emitting contracts; empty for any.
    pub addresses: Vec<Address>,
    /// Alternatives for each topic, from the first on; none at a place for any topic there. A log may
    /// have more topics than there are places, and must have as many.
    pub topics: Vec<Vec<Hash>>,
}

impl LogFilter {
    /// Whether this asks for a log of the contract at `address` with these topics.
    #[must_use]
    pub fn takes(&self, address: &Address, topics: &[Hash]) -> bool {
        let is_one_of = |(wanted, topic): (&Vec<Hash>, &Hash)| wanted.is_empty() || wanted.contains(topic);
        (self.addresses.is_empty() || self.addresses.contains(address))
            && self.topics.len() <= topics.len()
            && self.topics.iter().zip(topics).all(is_one_of)
    }

    /// Whether this asks for `log`.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        self.takes(&log.address, &log.topics)
    }
}

/// The logs of several answers about the same blocks, in the order of the chain, each once.
///
/// # Errors
/// [`ChainError::Inconsistent`] when the answers contradict each other.
pub fn merge_logs(mut logs: Vec<Log>) -> Result<Vec<Log>, ChainError> {
    logs.sort_by_key(|log| (log.block_number, log.log_index));
    logs.dedup();
    check_order(&logs)?;
    Ok(logs)
}

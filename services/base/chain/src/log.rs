//! Event logs and which of them to ask for.

use capstan_primitives::{Address, BlockTime, Hash, TransactionId};

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
    /// Topics, at most four; the first is the event's id unless the event is anonymous.
    pub topics: Vec<Hash>,
    /// ABI-encoded arguments that are not indexed.
    pub data: Vec<u8>,
}

/// Which logs to ask for: those that satisfy both fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// Emitting contracts; empty for any.
    pub addresses: Vec<Address>,
    /// Alternatives for the first topic; empty for any.
    pub topics: Vec<Hash>,
}

impl LogFilter {
    /// Whether this asks for `log`.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        let of_address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        let first = log.topics.first();
        of_address && (self.topics.is_empty() || first.is_some_and(|topic| self.topics.contains(topic)))
    }
}

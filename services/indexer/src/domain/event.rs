//! Events and undo signals: the entries of the log.

use std::sync::Arc;

use capstan_primitives::{Address, BlockRef, Hash, Topics, TransactionId};

use super::{ArgumentFilter, Definition};

/// A log that is part of the chain, with what it means.
#[derive(Debug, Clone)]
pub struct Event {
    /// Place in the chain.
    pub place: u64,
    /// Block.
    pub block: BlockRef,
    /// Transaction.
    pub transaction: TransactionId,
    /// Index of the transaction in the block.
    pub transaction_index: u32,
    /// Index of the log in the block.
    pub log_index: u32,
    /// Emitting contract.
    pub address: Address,
    /// How the log is read.
    pub definition: Arc<Definition>,
    /// Tokens that the contract trades, when they are known: as [`super::Contract::tokens`].
    pub tokens: Arc<[Address]>,
    /// Canonical kind.
    pub kind: Arc<str>,
    /// Topics, with the event's id where it has one.
    pub topics: Topics,
    /// Data.
    pub data: Vec<u8>,
}

/// Blocks that left the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undo {
    /// Reorgs through this one.
    pub fork: u64,
    /// Newest block that stayed.
    pub last_valid: BlockRef,
    /// Blocks taken back.
    pub depth: u64,
}

/// Which events are wanted; an empty list matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Emitting contracts.
    pub addresses: Vec<Address>,
    /// Canonical kinds.
    pub kinds: Vec<String>,
    /// Protocols.
    pub protocols: Vec<String>,
    /// Values of indexed arguments.
    pub arguments: Vec<ArgumentFilter>,
    /// Transaction.
    pub transaction: Option<TransactionId>,
    /// First block.
    pub from_block: Option<u64>,
    /// Last block.
    pub to_block: Option<u64>,
}

impl EventFilter {
    /// Whether an event of this protocol and kind is wanted, as far as they decide.
    #[must_use]
    pub fn takes(&self, protocol: &str, kind: &str) -> bool {
        let matches = |list: &[String], of: &str| list.is_empty() || list.iter().any(|one| one == of);
        matches(&self.protocols, protocol) && matches(&self.kinds, kind)
    }

    /// A text that is the same for filters that mean the same; cursors and page tokens are bound to it.
    #[must_use]
    pub fn binding(&self) -> String {
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list.join(",")
        };
        let mut arguments: Vec<String> = self.arguments.iter().map(ArgumentFilter::binding).collect();
        arguments.sort();
        // Those of before there were any stay as they were.
        let arguments = match arguments.is_empty() {
            true => String::new(),
            false => format!(" arguments={arguments:?}"),
        };
        format!(
            "addresses={} kinds={} protocols={} transaction={:?} blocks={:?}..{:?}{arguments}",
            sorted(self.addresses.iter().map(ToString::to_string).collect()),
            sorted(self.kinds.clone()),
            sorted(self.protocols.clone()),
            self.transaction,
            self.from_block,
            self.to_block,
        )
    }
}

/// Kinds of logs by the number that rows carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventType {
    /// What the log is filed under: [`Definition::source`].
    pub source: Arc<str>,
    /// First topic; zero when the event has no id.
    pub topic: Hash,
}

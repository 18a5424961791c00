//! Events and undo signals: the entries of the log.

use capstan_primitives::{Address, BlockRef, TransactionId};

/// A decoded log that has no position in the log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
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
    /// Protocol of the contract.
    pub protocol: String,
    /// Canonical kind.
    pub kind: String,
    /// Name in the ABI.
    pub name: String,
    /// Arguments as a JSON list of [name, type, value].
    pub arguments: serde_json::Value,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the chain's log; the first is 1.
    pub position: u64,
    /// What happened.
    pub event: NewEvent,
}

/// Blocks that left the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undo {
    /// Position in the chain's log.
    pub position: u64,
    /// Newest block that stayed.
    pub last_valid: BlockRef,
    /// Blocks taken back.
    pub depth: u64,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Something happened.
    Event(Box<Event>),
    /// Blocks left the chain.
    Undo(Undo),
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
    /// Transaction.
    pub transaction: Option<TransactionId>,
    /// First block.
    pub from_block: Option<u64>,
    /// Last block.
    pub to_block: Option<u64>,
}

impl EventFilter {
    /// A text that is the same for filters that mean the same; cursors and page tokens are bound to it.
    #[must_use]
    pub fn binding(&self) -> String {
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list.join(",")
        };
        format!(
            "addresses={} kinds={} protocols={} transaction={:?} blocks={:?}..{:?}",
            sorted(self.addresses.iter().map(ToString::to_string).collect()),
            sorted(self.kinds.clone()),
            sorted(self.protocols.clone()),
            self.transaction,
            self.from_block,
            self.to_block,
        )
    }
}

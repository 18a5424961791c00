//! What can go wrong in the indexer, and what its callers are told.

use std::time::Duration;

use capstan_chain::ChainError;
use capstan_kafka as kafka;
use capstan_primitives::{Address, BlockRef, ChainId, PageTokenError, TransactionId};
use capstan_runtime::status::Failure;
use sea_orm::DbErr;
use tonic::{Code, Status};

const DOMAIN: &str = "indexer.capstan";

/// A failure of the indexer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the store does not answer: {0}")]
    Store(#[from] DbErr),
    /// The node does not answer, or not as it should.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The broker does not take what is published.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The log cannot be published further for now.
    #[error("publishing: {0}")]
    Publishing(String),
    /// A task of the indexer ended in a way that it never should.
    #[error("a request ended unfinished: {0}")]
    Task(String),
    /// Another process writes the log of this chain, or it is not where this one left it.
    #[error("another indexer writes the log of chain {0}; this one stands by")]
    OtherWriter(ChainId),
    /// A row cannot be read as what it should be.
    #[error("the store holds a malformed row: {0}")]
    Row(String),
    /// A reorg that reaches below what is final or known.
    #[error(
        "chain {chain_id} left a block that was final: indexed block {} ({}) and every known block above \
         block {floor} are not on the node's chain. Either the node serves another chain than before, or the \
         finality of [[chains]] is set too low. Nothing was changed. Check rpc_urls; to accept the node's \
         chain, call IndexerAdminService.ResetChain with a block that it still has (docs/operations.md)",
        indexed.number, indexed.hash
    )]
    ReorgTooDeep {
        /// Chain.
        chain_id: ChainId,
        /// Newest indexed block.
        indexed: BlockRef,
        /// Lowest block that a reorg may not touch.
        floor: u64,
    },
    /// Another process writes the log, so that nothing can be changed here.
    #[error("chain {0} is not written by this process; ask the one whose status says so")]
    NotWrittenHere(ChainId),
    /// A contract that is followed in another way than it is to be added.
    #[error("address: {0} is followed already, with another protocol, ABI, kinds or start block")]
    ContractExists(Address),
    /// A contract that only a change of the configuration removes.
    #[error(
        "address: the configuration says to follow the contract at {0}; remove it there, then send SIGHUP or \
         restart"
    )]
    ContractConfigured(Address),
    /// A contract that nobody added.
    #[error("address: no contract was added at {0}")]
    ContractNotAdded(Address),
    /// What was indexed at a block is no longer kept.
    #[error("block: {block} is below what is kept of chain {chain_id}; the oldest block is {earliest}")]
    BlockPruned {
        /// Chain.
        chain_id: ChainId,
        /// The block that was asked for.
        block: u64,
        /// Oldest block that is kept.
        earliest: u64,
    },
    /// A chain that is not configured.
    #[error("chain_id: chain {0} is not configured")]
    UnknownChain(u64),
    /// No chain was named although there are several, or none.
    #[error("chain_id: name one of the {0} configured chains")]
    ChainNotNamed(usize),
    /// A field of a request is wrong.
    #[error("{field}: {description}")]
    Field {
        /// The field as in the contract.
        field: String,
        /// What is wrong with it.
        description: String,
    },
    /// A page token is not of this request.
    #[error("page_token: {0}")]
    PageToken(PageTokenError),
    /// A page token of a log that is no more.
    #[error("page_token: of an event log that was replaced; start again without one")]
    PageOfOtherLog,
    /// A part of the pages before the one that is asked for left the chain.
    #[error("blocks that the pages before were of left the chain; start again without page_token")]
    PageReorged,
    /// A stream cursor cannot be used.
    #[error("cursor: {0}")]
    Cursor(PageTokenError),
    /// What was asked for begins before the oldest block that is kept.
    #[error(
        "a part of what was asked for of chain {chain_id} is no longer kept; the oldest block is {earliest}. \
         Who can do without it starts again with from_block = {earliest}; who cannot needs an indexer that \
         keeps more (retention of [[chains]])"
    )]
    CursorPruned {
        /// Chain.
        chain_id: ChainId,
        /// Oldest block that is kept.
        earliest: u64,
    },
    /// A stream cursor from before history was added that the stream would have had.
    #[error(
        "cursor: history was added to chain {0} since it was made, or is read in another way; \
         start again without a cursor"
    )]
    CursorHistoryAdded(ChainId),
    /// A log of a block that is not the indexed one: the node is on another fork.
    #[error("the node has another block {0} than the one that is indexed")]
    OtherBlock(u64),
    /// A consumer that never committed a cursor.
    #[error("consumer_id: {0:?} has committed no cursor")]
    UnknownConsumer(String),
    /// A consumer more than are kept.
    #[error("consumer_id: {0} consumers have committed cursors, and more are not kept")]
    TooManyConsumers(u64),
    /// A pool that no followed factory made.
    #[error("address: no followed factory made a pool at {0}")]
    UnknownPool(Address),
    /// A transaction that nobody registered.
    #[error("hash: transaction {0} is not registered")]
    UnknownTransaction(TransactionId),
    /// A transaction that was registered with another label.
    #[error("label: transaction {0} is registered with another label")]
    RegisteredOtherwise(TransactionId),
    /// A stream cursor of a log that is no more.
    #[error("cursor: of an event log that was replaced; start again without a cursor")]
    CursorOfOtherLog,
}

impl Error {
    /// Whether waiting cannot help: the chain stops until an operator acts.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::ReorgTooDeep { .. })
    }

    /// Longest pause before what failed so is tried again: the store is near and takes any number of
    /// questions, a node may count them.
    #[must_use]
    pub const fn longest_wait(&self) -> Duration {
        match self {
            // Nobody is asked while no endpoint serves the chain, except whether one does by now.
            Self::Store(_) | Self::Chain(ChainError::NoneServesChain) => Duration::from_secs(2),
            _ => Duration::from_secs(10),
        }
    }

    /// Whether what was derived with a cursor cannot be continued with it.
    #[must_use]
    pub const fn starts_over(&self) -> bool {
        matches!(self, Self::Cursor(_) | Self::CursorHistoryAdded(_) | Self::CursorOfOtherLog)
    }

    fn failure(&self) -> Failure {
        let text = self.to_string();
        match self {
            Self::Store(_) | Self::Row(_) => Failure::store_unavailable(),
            Self::Chain(_)
            | Self::Task(_)
            | Self::Kafka(_)
            | Self::Publishing(_)
            | Self::OtherBlock(_)
            | Self::OtherWriter(_)
            | Self::ReorgTooDeep { .. } => {
                Failure::new(Code::Unavailable, "CHAIN_UNAVAILABLE", "the chain is not being indexed")
            }
            Self::UnknownChain(chain) => {
                Failure::new(Code::NotFound, "CHAIN_NOT_CONFIGURED", text).with_metadata("chain_id", chain)
            }
            Self::ChainNotNamed(count) => {
                Failure::invalid_field("chain_id", format!("name one of the {count} configured chains"))
            }
            Self::Field { field, description } => Failure::invalid_field(field, description),
            Self::PageToken(error) => {
                Failure::invalid_field("page_token", error).with_reason("PAGE_TOKEN_INVALID")
            }
            Self::PageOfOtherLog => in_field("page_token", &text).with_reason("PAGE_TOKEN_INVALID"),
            Self::PageReorged => Failure::new(Code::Aborted, "PAGE_REORGED", text),
            Self::Cursor(error @ PageTokenError::OtherRequest) => {
                Failure::invalid_field("cursor", error).with_reason("CURSOR_FILTER_MISMATCH")
            }
            Self::Cursor(error) => Failure::invalid_field("cursor", error).with_reason("CURSOR_INVALID"),
            Self::CursorPruned { chain_id, earliest } => {
                Failure::new(Code::FailedPrecondition, "CURSOR_PRUNED", text)
                    .with_metadata("chain_id", chain_id)
                    .with_metadata("earliest", earliest)
            }
            Self::CursorHistoryAdded(_) => in_field("cursor", &text).with_reason("CURSOR_HISTORY_ADDED"),
            Self::NotWrittenHere(chain) => {
                Failure::new(Code::FailedPrecondition, "CHAIN_NOT_WRITTEN_HERE", text)
                    .with_metadata("chain_id", chain)
            }
            Self::BlockPruned { chain_id, earliest, .. } => {
                Failure::new(Code::FailedPrecondition, "BLOCK_PRUNED", text)
                    .with_metadata("chain_id", chain_id)
                    .with_metadata("earliest", earliest)
            }
            Self::ContractExists(_) => Failure::new(Code::AlreadyExists, "CONTRACT_EXISTS", text),
            Self::ContractConfigured(_) => {
                Failure::new(Code::FailedPrecondition, "CONTRACT_CONFIGURED", text)
            }
            Self::ContractNotAdded(_) => Failure::new(Code::NotFound, "CONTRACT_NOT_ADDED", text),
            Self::UnknownConsumer(_) => Failure::new(Code::NotFound, "CONSUMER_UNKNOWN", text),
            Self::TooManyConsumers(_) => Failure::new(Code::ResourceExhausted, "CONSUMERS_EXHAUSTED", text),
            Self::UnknownPool(_) => Failure::new(Code::NotFound, "POOL_UNKNOWN", text),
            Self::UnknownTransaction(_) => Failure::new(Code::NotFound, "TRANSACTION_NOT_REGISTERED", text),
            Self::RegisteredOtherwise(_) => {
                Failure::new(Code::AlreadyExists, "TRANSACTION_REGISTERED_OTHERWISE", text)
            }
            Self::CursorOfOtherLog => in_field("cursor", &text).with_reason("CURSOR_INVALID"),
        }
    }
}

/// A failure whose text begins with the field that is wrong.
fn in_field(field: &str, text: &str) -> Failure {
    let description = text.strip_prefix(field).and_then(|text| text.strip_prefix(": ")).unwrap_or(text);
    Failure::invalid_field(field, description)
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let failure = error.failure().into_status(DOMAIN);
        match failure.code() {
            Code::Unavailable | Code::Internal => tracing::error!(%error, "request failed"),
            _ => tracing::debug!(%error, "request refused"),
        }
        failure
    }
}

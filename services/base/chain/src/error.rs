//! Why a node could not answer, and whether asking again can help.

use std::time::Duration;

use capstan_primitives::{ChainId, Hash};

/// A cause that only matters to a reader of the log.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a chain could not be read. Texts name an endpoint by scheme and host, never by its key.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A configured endpoint is not a URL of a node.
    #[error("rpc url {position} is not an endpoint: {reason}")]
    InvalidUrl {
        /// Place in the configured list, from 0.
        position: usize,
        /// What is wrong.
        reason: String,
    },
    /// No endpoint is configured.
    #[error("no rpc url is configured")]
    NoUrl,
    /// An endpoint serves another chain than the one configured.
    #[error("{url} serves chain {found}, expected {expected}")]
    WrongChain {
        /// Scheme, host and port.
        url: String,
        /// Configured chain.
        expected: ChainId,
        /// Chain that the node named.
        found: ChainId,
    },
    /// An endpoint names the right chain but its first block is not that of the others.
    #[error("{url} has first block {found}, others have {expected}")]
    OtherGenesis {
        /// Scheme, host and port.
        url: String,
        /// First block of the endpoint that was asked before.
        expected: Hash,
        /// First block of this one.
        found: Hash,
    },
    /// No endpoint proved to serve the chain so far, or the only ones left came back as another chain.
    #[error(
        "no endpoint is known to serve the configured chain; its endpoints are down or serve another one"
    )]
    NoneServesChain,
    /// No endpoint that serves requests said which chain it serves.
    #[error("cannot ask {url} for its chain")]
    Unreachable {
        /// Scheme, host and port.
        url: String,
        /// Why not.
        source: Box<ChainError>,
    },
    /// The connection could not be opened or broke before an answer was complete.
    #[error("{method}: connection to the node failed")]
    Connection {
        /// JSON-RPC method.
        method: &'static str,
        /// Failure of the transport.
        source: Cause,
    },
    /// A WebSocket closed while an answer was awaited, as it does when a message is over the size limit.
    #[error("{method}: the node's websocket closed before it answered")]
    Closed {
        /// JSON-RPC method.
        method: &'static str,
    },
    /// No answer in time.
    #[error("{method}: no answer within {} ms", after.as_millis())]
    Timeout {
        /// JSON-RPC method.
        method: &'static str,
        /// Configured deadline of a request.
        after: Duration,
    },
    /// The node, or a proxy before it, refused with an HTTP status.
    #[error("{method}: http status {status}")]
    HttpStatus {
        /// JSON-RPC method.
        method: &'static str,
        /// Status code.
        status: u16,
    },
    /// Too many requests for the account or the address.
    #[error("{method}: rate limited by the node")]
    RateLimited {
        /// JSON-RPC method.
        method: &'static str,
        /// Wait that the node asked for.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than the configured limit; the rest was not read.
    #[error("{method}: answer is over {limit} bytes")]
    TooLarge {
        /// JSON-RPC method.
        method: &'static str,
        /// Configured limit in bytes.
        limit: usize,
    },
    /// The node refuses this many blocks, or this many logs, at once.
    #[error("the node refuses the range: {message}")]
    RangeTooLarge {
        /// What the node says would work.
        hint: Option<RangeHint>,
        /// The node's text.
        message: String,
    },
    /// `from` is after `to`.
    #[error("blocks {from} to {to} are no range")]
    EmptyRange {
        /// First block asked for.
        from: u64,
        /// Last block asked for.
        to: u64,
    },
    /// The node has not seen a block that was asked for.
    #[error("the node has not seen block {number}")]
    BehindRequest {
        /// Block that is missing.
        number: u64,
    },
    /// The node knows no block of this hash, or no longer.
    #[error("the node knows no block {hash}")]
    UnknownBlock {
        /// Hash asked for.
        hash: Hash,
    },
    /// The node no longer holds the blocks asked for.
    #[error("the node does not keep history this old: {message}")]
    HistoryUnavailable {
        /// The node's text.
        message: String,
    },
    /// Parts of an answer contradict each other or the question: a reorg in between, or nodes that
    /// disagree behind one address.
    #[error("inconsistent answer: {reason}")]
    Inconsistent {
        /// What contradicts what.
        reason: String,
    },
    /// Two endpoints say different things of final blocks, and nothing says which is right.
    #[error(
        "{one} and {other} disagree on block {block}, and nothing on this chain proves which is right; \
         a third endpoint in rpc_urls would decide"
    )]
    Disagreement {
        /// Scheme, host and port of one.
        one: String,
        /// Scheme, host and port of the other.
        other: String,
        /// First block that they disagree on.
        block: u64,
    },
    /// Only one endpoint could answer for final blocks, and nothing proves that it is right.
    #[error(
        "no second endpoint confirms blocks {from} to {to}, and nothing on this chain proves them \
         ({why}); look at rpc_urls and its endpoints"
    )]
    NoWitness {
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
        /// Why no second one did.
        why: Box<ChainError>,
    },
    /// No other endpoint works that could confirm what one said.
    #[error("no other endpoint works now")]
    NoOther,
    /// A header does not have the hash that Ethereum's would have, on a chain of which it is not known yet
    /// whether that means anything.
    #[error("it is not known yet how this chain hashes its headers, such as that of block {number}")]
    FormatUnknown {
        /// Number of the block.
        number: u64,
    },
    /// The answer is not of the form that the protocol prescribes.
    #[error("{method}: malformed answer: {reason}")]
    Malformed {
        /// JSON-RPC method.
        method: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The contract that was called reverted.
    #[error("the call reverted: {message}")]
    Reverted {
        /// The node's text, shortened.
        message: String,
    },
    /// Any other refusal of the node.
    #[error("{method}: node error {code}: {message}")]
    Node {
        /// JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The node's text, shortened.
        message: String,
    },
}

/// What to do about a [`ChainError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Ask again later, or for less.
    Transient,
    /// Asking again cannot help until someone changes the configuration or the node.
    Misconfigured,
    /// The answer cannot be believed: look at the chain afresh before asking again.
    Inconsistent,
}

/// The range that a node says would work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeHint {
    /// These blocks, both included.
    Blocks {
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
    },
    /// At most this many blocks.
    AtMost(u64),
}

impl ChainError {
    /// What to do about this error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { source, .. } => source.class(),
            Self::InvalidUrl { .. }
            | Self::NoUrl
            | Self::WrongChain { .. }
            | Self::OtherGenesis { .. }
            | Self::EmptyRange { .. }
            | Self::Reverted { .. }
            | Self::HistoryUnavailable { .. } => ErrorClass::Misconfigured,
            Self::HttpStatus { status, .. } => class_of_status(*status),
            Self::Node { code, message, .. } => class_of_node_error(*code, message),
            Self::Inconsistent { .. }
            | Self::Malformed { .. }
            | Self::UnknownBlock { .. }
            | Self::Disagreement { .. } => ErrorClass::Inconsistent,
            Self::Connection { .. }
            | Self::Closed { .. }
            | Self::Timeout { .. }
            | Self::RateLimited { .. }
            | Self::TooLarge { .. }
            | Self::RangeTooLarge { .. }
            | Self::NoneServesChain
            | Self::NoWitness { .. }
            | Self::NoOther
            | Self::FormatUnknown { .. }
            | Self::BehindRequest { .. } => ErrorClass::Transient,
        }
    }

    /// Whether the same question about fewer blocks may be answered; look here before [`Self::class`].
    /// True also for refusals of `eth_getLogs` in words that are not known: no endpoint had better ones.
    #[must_use]
    pub fn smaller_range_may_help(&self) -> bool {
        match self {
            Self::RangeTooLarge { .. } | Self::TooLarge { .. } | Self::Timeout { .. } => true,
            Self::Closed { .. } | Self::Node { method: "eth_getLogs", .. } => true,
            Self::HttpStatus { status, .. } => matches!(status, 504 | 524),
            _ => false,
        }
    }
}

fn class_of_status(status: u16) -> ErrorClass {
    match status {
        408 | 425 | 429 | 500.. => ErrorClass::Transient,
        _ => ErrorClass::Misconfigured,
    }
}

fn class_of_node_error(code: i64, message: &str) -> ErrorClass {
    const NOT_ALLOWED: [&str; 5] =
        ["unauthorized", "api key", "authenticat", "not supported", "does not exist/is not available"];
    let text = message.to_ascii_lowercase();
    let refused = matches!(code, -32602..=-32600) || NOT_ALLOWED.iter().any(|part| text.contains(part));
    if refused { ErrorClass::Misconfigured } else { ErrorClass::Transient }
}

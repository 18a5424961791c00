//! What can go wrong with one request.

use std::time::Duration;

use crate::Provider;

/// What happens to one HTTP request, which may hold a batch of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The last log of every answer with logs is missing, be it of `eth_getLogs` or of
    /// `eth_getBlockReceipts`; the lies about logs below are told in both, too.
    DropLog,
    /// Every answer with logs has none.
    EmptyLogs,
    /// The data of every log is changed in its last byte.
    AlterData,
    /// The last topic of every log is changed.
    AlterTopic,
    /// The last log of an answer is there once more, under the next index.
    InventLog,
    /// The data of logs is changed in receipts only.
    AlterReceipts,
    /// The value of every transaction in a block is changed.
    AlterTransactions,
    /// The state root of every block is changed, and its hash is not.
    AlterHeader,
    /// The hash of every block and of the block of every log is changed.
    WrongHash,
    /// The node says that it serves this chain.
    OtherChain(u64),
    /// The node has not seen this many of the newest blocks: it names an older head, knows nothing
    /// above it, and answers for logs above it with none, as nodes behind load balancers do.
    Lag(u64),
    /// Status 429, with the seconds of `Retry-After`.
    RateLimit(Option<u64>),
    /// Status 503.
    Unavailable,
    /// The right answer, but only after so long.
    Delay(Duration),
    /// No answer, ever; the connection stays open.
    Silence,
    /// The connection is reset.
    Reset,
    /// The right answer, cut in half, with the length of the half.
    TruncatedJson,
    /// A body that is no JSON.
    InvalidJson,
    /// A web page with status 200.
    Html,
    /// A body of so many bytes, streamed without a length.
    Oversize(u64),
    /// Ranges of more blocks than this are refused in the words of a provider.
    RangeLimit(Provider, u64),
    /// Calls of this method are refused with this code and text, whatever is asked.
    Refuse(&'static str, i64, &'static str),
    /// Several calls in one request are refused as a whole, with this code and text.
    RefuseBatch(i64, &'static str),
}

//! What can be set in `[indexer]`.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use capstan_chain::{History, Verification};
use serde::{Deserialize, Serialize};

/// `[indexer]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Most blocks of one log request while reading history.
    pub batch_blocks: u64,
    /// About how many bytes the answer to one log request is to have; ranges are cut to fit.
    pub batch_bytes: u64,
    /// Log requests at a time while reading history. Memory grows with this times `batch_bytes`.
    pub prefetch: usize,
    /// How often the node is asked for its head, in milliseconds; a WebSocket endpoint wakes the
    /// indexer in between.
    pub poll_interval_ms: u64,
    /// Longest wait for an answer of the node, in milliseconds.
    pub request_timeout_ms: u64,
    /// Largest answer of the node that is read, in bytes.
    pub max_response_bytes: usize,
    /// Blocks that a reorg may reach back where the chain's finality does not forbid it earlier.
    pub reorg_window: u64,
    /// Seconds of chain time that a reorg may reach back, where that is more than `reorg_window`.
    pub reorg_window_seconds: u64,
    /// How often blocks are let go that are no longer to be kept, in milliseconds.
    pub retention_interval_ms: u64,
    /// Seconds after which a registered transaction that no node has counts as dropped.
    pub transaction_dropped_after_seconds: u32,
    /// Days after which a registered transaction is deleted that is final, replaced for good or dropped,
    /// or that no node ever had.
    pub transaction_forgotten_after_days: NonZeroU32,
    /// After which time without a sign of life another process takes over from the one that writes, in
    /// milliseconds.
    pub takeover_after_ms: u64,
    /// How far logs of reversible blocks are checked against the block's hash.
    pub verify_blocks: Verify,
    /// What makes blocks believable that are final when they are read.
    pub verify_history: VerifyHistory,
}

/// How far logs are checked against the hash of their block, where the chain's format is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Only that they carry it.
    Off,
    /// That the header's bloom allows them, and their absence.
    Bloom,
    /// They are taken from receipts whose root is in the header: none can be missing or altered.
    Receipts,
}

/// What makes history believable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyHistory {
    /// One node tells it.
    Off,
    /// Two nodes tell it alike, or receipts prove it; as `Off` where only one node is configured.
    Agreement,
    /// One node tells it, and every header with its bloom allows it.
    Bloom,
    /// One node tells it, and receipts whose roots are in the headers prove it.
    Receipts,
}

impl From<VerifyHistory> for History {
    fn from(verify: VerifyHistory) -> Self {
        match verify {
            VerifyHistory::Off => Self::Checked(Verification::Off),
            VerifyHistory::Agreement => Self::Agreed,
            VerifyHistory::Bloom => Self::Checked(Verification::Bloom),
            VerifyHistory::Receipts => Self::Checked(Verification::Receipts),
        }
    }
}

impl From<Verify> for Verification {
    fn from(verify: Verify) -> Self {
        match verify {
            Verify::Off => Self::Off,
            Verify::Bloom => Self::Bloom,
            Verify::Receipts => Self::Receipts,
        }
    }
}

const THIRTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            batch_blocks: 10_000,
            batch_bytes: 28 << 20,
            prefetch: 2,
            poll_interval_ms: 1_000,
            request_timeout_ms: 4_000,
            max_response_bytes: 64 << 20,
            reorg_window: 256,
            reorg_window_seconds: 600,
            retention_interval_ms: 60_000,
            transaction_dropped_after_seconds: 600,
            transaction_forgotten_after_days: THIRTY,
            takeover_after_ms: 3_500,
            verify_blocks: Verify::Receipts,
            verify_history: VerifyHistory::Agreement,
        }
    }
}

impl Config {
    /// How often the node is asked for its head.
    #[must_use]
    pub const fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms)
    }

    /// How often blocks are let go that are no longer to be kept.
    #[must_use]
    pub const fn retention_interval(&self) -> Duration {
        Duration::from_millis(self.retention_interval_ms)
    }

    /// After which time a registered transaction that no node has counts as dropped.
    #[must_use]
    pub fn transaction_dropped_after(&self) -> Duration {
        Duration::from_secs(self.transaction_dropped_after_seconds.into())
    }

    /// After which time a registered transaction is deleted that nobody expects anything of any more.
    #[must_use]
    pub fn transaction_forgotten_after(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.transaction_forgotten_after_days.get()))
    }

    /// Longest wait for an answer of the node.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}

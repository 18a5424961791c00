//! What can be set in `[market]`.

use std::{net::SocketAddr, time::Duration};

use capstan_primitives::{Address, ChainId};
use serde::{Deserialize, Serialize};

/// `[market]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Longest silence of a stream, in milliseconds; the contract promises at most 10,000.
    pub heartbeat_ms: u64,
    /// What is known of contracts that announce markets.
    pub factories: Vec<Factory>,
}

/// `[[market.factories]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factory {
    /// The chain.
    pub chain_id: ChainId,
    /// Address of the market factory, or of the factory of pools that no market factory announces.
    pub address: Address,
    /// Category of its markets that say none themselves, 1 to 100 bytes.
    pub category: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50053)),
            heartbeat_ms: 10_000,
            factories: Vec::new(),
        }
    }
}

impl Config {
    /// Longest silence of a stream.
    #[must_use]
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }
}

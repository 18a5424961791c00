//! Reads real chains of anvil, and answers of nodes that no real one gives on demand.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in what the tests share"
)]

mod agreement;
mod anvil;
mod canned;
mod connecting;
mod details;
mod faults;
mod fees;
mod heads;
mod lies;
mod limits;
mod logs;
mod pool;
mod reading;
mod simulating;
mod views;

use std::time::Duration;

use capstan_chain::{EvmOptions, EvmUrl};
use capstan_primitives::ChainId;

/// Id of anvil's chains.
const CHAIN: ChainId = ChainId(31_337);

/// Options under which nothing but a broken test waits long.
fn options(urls: &[&str]) -> EvmOptions {
    EvmOptions {
        urls: urls.iter().map(|url| EvmUrl::from(*url)).collect(),
        chain_id: CHAIN,
        request_timeout: Duration::from_secs(20),
        hedge_after: Duration::from_secs(3600),
        poll_interval: Duration::from_secs(3600),
        max_response_bytes: 16 << 20,
        may_be_away: false,
    }
}

//! How a devnet is set up.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What a devnet is made of; the default is right for tests.
#[derive(Clone, Debug)]
pub struct Options {
    /// Chain id. Permit2's canonical bytecode has a wrong cached domain on 31337, so that id is refused.
    pub chain_id: u64,
    /// Same seed, same options: same block hashes.
    pub seed: u64,
    /// Where the journal lives; without it the chain ends with the process.
    pub state_dir: Option<PathBuf>,
    /// Port of anvil on loopback; 0 lets the system choose.
    pub port: u16,
    /// The folder with `node_modules` and `contracts/out`, made by `dev/install`.
    pub dev_dir: PathBuf,
    /// Pause between blocks in [`crate::Devnet::run`]; also the difference of block times, at least one second.
    pub block_interval: Duration,
    /// Transactions aimed at in each block of traffic.
    pub transactions_per_block: usize,
    /// Deploys the exchanges of [`crate::Venues`] as well, and trades at them. Fixed for ever by the first start with a
    /// journal.
    pub venues: bool,
    /// Unix seconds of the genesis block; a fixed date unless set. Fixed for ever by the first start with a journal.
    pub genesis_time: Option<u64>,
    /// In [`crate::Devnet::run`], stamp blocks with the wall clock instead of `block_interval` after the parent.
    pub wall_clock: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chain_id: 13370,
            seed: 7,
            state_dir: None,
            port: 0,
            dev_dir: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            block_interval: Duration::from_secs(1),
            transactions_per_block: 3,
            venues: false,
            genesis_time: None,
            wall_clock: false,
        }
    }
}

impl Options {
    /// Blocks carry the wall clock in [`crate::Devnet::run`], and a new chain begins early enough that `history` blocks
    /// of traffic end about `now` (Unix seconds).
    #[must_use]
    pub fn ending_at(mut self, now: u64, history: u64) -> Self {
        let venues = if self.venues { Self::VENUE_BLOCKS } else { 0 };
        let blocks = history + Self::SET_UP_BLOCKS + venues;
        self.wall_clock = true;
        self.genesis_time = Some(now.saturating_sub(blocks * self.block_seconds()));
        self
    }

    /// Rather too many: block times never run ahead of the clock.
    const SET_UP_BLOCKS: u64 = 10;
    const VENUE_BLOCKS: u64 = 13;
    /// 2026-01-01T00:00:00Z.
    const DEFAULT_GENESIS_TIME: u64 = 1_767_225_600;

    pub(crate) fn genesis_time(&self) -> u64 {
        self.genesis_time.unwrap_or(Self::DEFAULT_GENESIS_TIME)
    }

    pub(crate) fn block_seconds(&self) -> u64 {
        self.block_interval.as_secs().max(1)
    }
}

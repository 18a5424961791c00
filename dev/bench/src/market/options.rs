//! What of the market is measured, and on how much; everything comes from the environment.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::options::beside_this_program;

/// Measures the market. Needs a PostgreSQL server (dev/with-postgres).
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Runs of the projection; the median is reported.
    #[arg(long, env = "RUNS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) runs: u32,
    /// Events in the log that is projected, at least.
    #[arg(long, env = "BENCH_EVENTS", default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(super) events: u64,
    /// Markets that lists are read from.
    #[arg(long, env = "BENCH_MARKETS", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(100..))]
    pub(super) markets: u64,
    /// Trades in them.
    #[arg(long, env = "BENCH_TRADES", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(50_000..))]
    pub(super) trades: u64,
    /// Pages of every list that are read by one client, and again by each of four.
    #[arg(long, env = "BENCH_READS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..))]
    pub(super) reads: u32,
    /// Subscribers of changes.
    #[arg(long, env = "BENCH_SUBSCRIBERS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) subscribers: u32,
    /// Blocks that they are told of.
    #[arg(long, env = "BENCH_LIVE_BLOCKS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) live_blocks: u32,
    /// Only these parts.
    #[arg(long, env = "BENCH_ONLY", value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// The PostgreSQL server that everything writes to.
    #[arg(long, env = "TEST_DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: String,
    /// A database that was seeded already, as long as it is read only; a new one is made by default.
    #[arg(long, env = "BENCH_SEEDED_URL", hide_env_values = true)]
    pub(super) seeded_url: Option<String>,
    /// The binary to measure; the one beside this program by default.
    #[arg(long, env = "BENCH_BINARY")]
    binary: Option<PathBuf>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Events into tables of PostgreSQL.
    Postgres,
    /// Events into tables of SQLite.
    Sqlite,
    /// Pages of lists, and single markets.
    Reads,
    /// From a block to its messages.
    Streams,
}

impl Options {
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The `capstan` binary.
    pub(super) fn binary(&self) -> anyhow::Result<PathBuf> {
        beside_this_program(self.binary.as_ref())
    }
}

//! What of the indexer is measured and how often; everything comes from the environment.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// Logs in every block that has any.
pub(crate) const LOGS_A_BLOCK: u64 = 120;

/// Measures the indexer. Needs a PostgreSQL server (dev/with-postgres) and dev/install.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Runs of every measurement; the median is reported.
    #[arg(long, env = "RUNS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Runs of the peer, which takes a minute each.
    #[arg(long, env = "BENCH_PEER_RUNS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) peer_runs: u32,
    /// 0 leaves the peer out.
    #[arg(long, env = "BENCH_PEER", default_value_t = 1)]
    pub(crate) peer: u8,
    /// Logs on the chain, rounded up to whole blocks.
    #[arg(long, env = "BENCH_ROWS", default_value_t = 240_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,
    /// Blocks that are mined while the live latency is measured.
    #[arg(long, env = "BENCH_LIVE_BLOCKS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) live_blocks: u64,
    /// Only these parts.
    #[arg(long, env = "BENCH_ONLY", value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// The PostgreSQL server that everything writes to.
    #[arg(long, env = "TEST_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
    /// The binary to measure; the one beside this program by default.
    #[arg(long, env = "BENCH_BINARY")]
    binary: Option<PathBuf>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Download, decode and write, without an indexer.
    Floor,
    /// The indexer on PostgreSQL.
    Postgres,
    /// The indexer on SQLite.
    Sqlite,
    /// The indexer on PostgreSQL, with the node as two endpoints that have to agree.
    Agreement,
    /// The indexer on PostgreSQL, before a slow node that limits it.
    Latency,
    /// Reading the whole log over gRPC.
    Stream,
    /// From the announcement of a block to its last event at a subscriber.
    Live,
    /// The peer.
    Ponder,
}

impl Options {
    pub(crate) fn wants(&self, part: Part) -> bool {
        let named = self.only.is_empty() || self.only.contains(&part);
        named && (part != Part::Ponder || self.peer != 0)
    }

    /// Blocks with logs.
    pub(crate) fn blocks(&self) -> u64 {
        self.rows.div_ceil(LOGS_A_BLOCK)
    }

    /// The `capstan` binary.
    pub(crate) fn binary(&self) -> anyhow::Result<PathBuf> {
        beside_this_program(self.binary.as_ref())
    }

    /// The folder of the development tools.
    pub(crate) fn dev_dir() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }
}

/// The `capstan` binary that was named, or the one beside this program.
pub(crate) fn beside_this_program(named: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    match named {
        Some(binary) => Ok(binary.clone()),
        None => Ok(std::env::current_exe()?.with_file_name("capstan")),
    }
}

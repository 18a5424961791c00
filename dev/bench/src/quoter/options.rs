//! What of the quoter is measured, and on how much; everything comes from the environment.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::options::beside_this_program;

/// Measures the quoter.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Runs of every measurement; medians are reported.
    #[arg(long, env = "RUNS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) runs: u32,
    /// Paths that are quoted by every side.
    #[arg(long, env = "BENCH_PATHS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(super) paths: u32,
    /// Processor time of one side, for paths of one length, in one run.
    #[arg(long, env = "BENCH_CPU_MS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(50..))]
    pub(super) cpu_ms: u32,
    /// Quotes of routes that are timed in one run.
    #[arg(long, env = "BENCH_ROUTES", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(super) routes: u32,
    /// Split quotes that are compared with the best of greedy splits.
    #[arg(long, env = "BENCH_SPLITS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) splits: u32,
    /// Most routes of a split; the service's default.
    #[arg(long, env = "BENCH_SPLIT_ROUTES", default_value_t = 8)]
    pub(super) split_routes: usize,
    /// Quotes that are asked for over gRPC in a second.
    #[arg(long, env = "BENCH_GRPC_RATE", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) grpc_rate: u32,
    /// Seconds of one run over gRPC.
    #[arg(long, env = "BENCH_GRPC_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) grpc_seconds: u32,
    /// The `capstan` binary; the one beside this program when absent.
    #[arg(long, env = "BENCH_BINARY")]
    binary: Option<PathBuf>,
    /// What numbers are drawn from.
    #[arg(long, env = "BENCH_SEED", default_value_t = 4)]
    pub(super) seed: u64,
    /// Only these parts.
    #[arg(long, env = "BENCH_ONLY", value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// The same paths by us, Uniswap's SDK and a loop over a crate.
    Paths,
    /// Single and split routes among some 20 pools.
    Routes,
    /// Routes through a graph of 2,000 pools.
    Graph,
    /// Quotes over gRPC, of a quoter that follows a chain.
    Grpc,
}

impl Options {
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The `capstan` binary.
    pub(super) fn binary(&self) -> Result<PathBuf> {
        beside_this_program(self.binary.as_ref())
    }
}

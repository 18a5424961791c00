//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A self-hosted DeFi backend: point it at chains and contracts.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every service in one process; with no chain configured, on a local one with traffic.
    Up(Up),
    /// Run the indexer: follows chains and serves their events.
    Indexer(Role),
    /// Run the market service: prices, trades and positions of prediction markets.
    Market(Role),
    /// Run the quoter: exact quotes and best routes over the pools of a chain.
    Quoter(Role),
    /// Run the gateway: REST, gRPC-web and the browser app.
    Gateway(Role),
    /// Bring the database of a service up to date, or back.
    Migrate(Migrate),
}

/// Options of every role.
#[derive(Debug, Args)]
pub(crate) struct Role {
    /// Configuration file; `capstan.toml` of the working directory when there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the configuration with all defaults, without secrets, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Options of `capstan up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) role: Role,
    /// Directory of the databases and of the local chain; `data` of the working directory by default.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Transactions a block on the local chain.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) devnet_transactions: usize,
    /// Milliseconds between blocks of the local chain.
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    pub(crate) devnet_interval_ms: u64,
}

/// Options of `capstan migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The service whose database it is.
    pub(crate) service: Stateful,
    /// What to do.
    #[arg(default_value = "status")]
    pub(crate) direction: Direction,
    /// Configuration file; `capstan.toml` of the working directory when there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Services that have a database.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Stateful {
    /// The event log.
    Indexer,
    /// Markets, trades and positions.
    Market,
}

/// What to do with migrations.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Direction {
    /// List what is applied and what is pending.
    Status,
    /// Apply what is pending.
    Up,
    /// Take back the newest one.
    Down,
}

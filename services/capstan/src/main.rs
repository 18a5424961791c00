//! The `capstan` command: one role, or every service in one process.

mod chain;
mod cli;
mod configuration;
mod migrate;
mod progress;
mod up;

use std::{io::Write, process::ExitCode};

use capstan_gateway::Gateway;
use capstan_indexer::Indexer;
use capstan_market::Market;
use capstan_quoter::Quoter;
use clap::Parser;

use crate::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    match dispatch(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody to tell when stderr is closed.
            let _closed = writeln!(std::io::stderr(), "error: {}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Up(up) => up::up(up).await,
        Command::Indexer(role) => configuration::run::<Indexer>(role).await,
        Command::Market(role) => configuration::run::<Market>(role).await,
        Command::Quoter(role) => configuration::run::<Quoter>(role).await,
        Command::Gateway(role) => configuration::run::<Gateway>(role).await,
        Command::Migrate(migrate) => migrate::migrate(migrate).await,
    }
}

/// The error with its causes in one line; a cause that the text already tells is not told twice.
fn explain(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .reduce(|text, cause| match text.contains(&cause) {
            true => text,
            false => format!("{text}: {cause}"),
        })
        .unwrap_or_default()
}

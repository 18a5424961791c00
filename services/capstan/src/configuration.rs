//! Finding, checking and printing the configuration.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use capstan_gateway::Gateway;
use capstan_indexer::Indexer;
use capstan_market::Market;
use capstan_quoter::Quoter;
use capstan_runtime::{Platform, Service, config::Settings};
use serde::Serialize;

use crate::cli::Role;

const DEFAULT_FILE: &str = "capstan.toml";

/// Reads the file that was named, or the default one when it is there, and the environment.
pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Settings> {
    let default = Path::new(DEFAULT_FILE);
    let file = file.or_else(|| default.exists().then_some(default));
    Ok(Settings::load(file)?)
}

/// Runs one service as a process.
pub(crate) async fn run<S: Service>(role: Role) -> anyhow::Result<()> {
    let settings = load(role.config.as_deref())?;
    if role.print_config {
        return print(&settings);
    }
    Ok(capstan_runtime::run::<S>(&settings).await?)
}

/// The data directory of `capstan up`: the one of the command line, or of the configured SQLite URL.
pub(crate) fn data_directory(named: Option<PathBuf>, platform: &Platform) -> PathBuf {
    let configured = || platform.database.url.strip_prefix("sqlite://").map(PathBuf::from);
    named.or_else(configured).unwrap_or_else(|| PathBuf::from("data"))
}

/// The whole configuration as every role sees it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    platform: Platform,
    indexer: <Indexer as Service>::Config,
    market: <Market as Service>::Config,
    quoter: <Quoter as Service>::Config,
    gateway: <Gateway as Service>::Config,
}

impl Whole {
    fn read(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            platform: settings.platform()?,
            indexer: settings.section(Indexer::NAME)?,
            market: settings.section(Market::NAME)?,
            quoter: settings.section(Quoter::NAME)?,
            gateway: settings.section(Gateway::NAME)?,
        })
    }
}

/// Refuses a configuration in which anything is wrong, before anything starts.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<Platform> {
    Ok(Whole::read(settings)?.platform)
}

/// Prints the configuration with its defaults; secrets are masked by their types.
pub(crate) fn print(settings: &Settings) -> anyhow::Result<()> {
    std::io::stdout().write_all(toml::to_string(&Whole::read(settings)?)?.as_bytes())?;
    Ok(())
}

//! The market under measurement: `capstan market` with a configuration file, as an operator runs it.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use capstan_proto::market::{ListUserPositionsRequest, market_service_client::MarketServiceClient};
use tempfile::TempDir;
use tokio::{process::Command, time::sleep};
use tonic::transport::{Channel, Endpoint};

use super::log::CHAIN_ID;
use crate::process::{Process, Usage};

const POLL: Duration = Duration::from_millis(100);
const LONGEST_RUN: Duration = Duration::from_secs(600);
/// An account that never did anything.
const NOBODY: &str = "0x0000000000000000000000000000000000000001";

/// Client of the market's contract.
pub(super) type Client = MarketServiceClient<Channel>;

/// A running market.
pub(super) struct Market {
    process: Process,
    url: String,
    client: Client,
    _directory: TempDir,
}

impl Market {
    /// Starts a market on a database, or on SQLite in a temporary directory, that follows an indexer.
    pub(super) fn start(binary: &Path, database_url: Option<&str>, indexer_url: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let sqlite = format!("sqlite://{}", directory.path().join("data").display());
        let database = database_url.unwrap_or(&sqlite);
        let configuration = format!(
            "[database]\nurl = {database:?}\n\n[market]\nlisten = \"{listen}\"\n\n[peers]\nindexer = {indexer_url:?}\n\n\
             [[chains]]\nid = {CHAIN_ID}\nname = \"bench\"\nrpc_urls = [\"http://127.0.0.1:1\"]\n"
        );
        fs::write(directory.path().join("capstan.toml"), configuration)?;
        let log = directory.path().join("market.log");
        let process = Process::spawn(binary, &["market"], &[], directory.path(), log)?;
        let url = format!("http://{listen}");
        let client = Client::new(endpoint(&url)?.connect_lazy());
        Ok(Self { process, url, client, _directory: directory })
    }

    /// Waits until the answers are as of a block. Returns what the process had used each time.
    pub(super) async fn until(&mut self, block: u64, mut seen: impl FnMut(u64, Usage)) -> Result<Usage> {
        let deadline = Instant::now() + LONGEST_RUN;
        loop {
            self.process.check().context("the market")?;
            // It does not listen at first.
            if let Some(newest) = self.newest_block().await {
                let usage = self.usage()?;
                seen(newest, usage);
                if newest >= block {
                    return Ok(usage);
                }
                if Instant::now() > deadline {
                    bail!("the market is stuck at block {newest}\n{}", self.process.last_lines());
                }
            }
            sleep(POLL).await;
        }
    }

    /// The block that answers are as of, asked by the cheapest question.
    async fn newest_block(&mut self) -> Option<u64> {
        let request = ListUserPositionsRequest { address: NOBODY.to_owned(), ..Default::default() };
        let answer = self.client.list_user_positions(request).await.ok()?.into_inner();
        Some(answer.as_of.first()?.block.as_ref().map_or(0, |block| block.number))
    }

    /// What the process has used so far.
    pub(super) fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// When the process was spawned.
    pub(super) fn started(&self) -> Instant {
        self.process.started
    }

    /// A client on the connection that all share.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client on a connection of its own.
    pub(super) async fn connect(&self) -> Result<Client> {
        Ok(Client::new(endpoint(&self.url)?.connect().await?))
    }

    /// Kills the process.
    pub(super) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

/// Makes the tables of a market in an empty database.
pub(super) async fn migrate(binary: &Path, database_url: &str) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(binary);
    command.args(["migrate", "market", "up"]).env("DATABASE_URL", database_url);
    let ended = command.current_dir(directory.path()).stdin(Stdio::null()).output().await?;
    ensure!(ended.status.success(), "capstan migrate: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

fn endpoint(url: &str) -> Result<Endpoint> {
    Ok(Endpoint::from_shared(url.to_owned())?.tcp_nodelay(true))
}

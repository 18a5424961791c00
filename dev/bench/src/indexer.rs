//! The indexer under measurement: `capstan indexer` with a configuration file, as an operator runs it.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use capstan_proto::indexer::{
    ChainState, ChainStatus, GetStatusRequest, indexer_service_client::IndexerServiceClient,
};
use tempfile::TempDir;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint};

use crate::{
    node::{CHAIN_ID, Node},
    process::{Process, Usage},
};

const POLL: Duration = Duration::from_millis(20);
const LONGEST_RUN: Duration = Duration::from_secs(600);

/// Client of the indexer's contract.
pub(crate) type Client = IndexerServiceClient<Channel>;

/// What an indexer follows and where it writes.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The `capstan` binary.
    pub(crate) binary: PathBuf,
    /// URL of an empty database; absent: SQLite in a temporary directory.
    pub(crate) database_url: Option<String>,
    /// Endpoints of the node.
    pub(crate) rpc_urls: Vec<String>,
}

/// A running indexer.
pub(crate) struct Indexer {
    process: Process,
    client: Client,
    _directory: TempDir,
}

/// How an indexer got level with its node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Synced {
    /// From the spawn of the process until every event was in its log.
    pub(crate) wall: Duration,
    /// What the process had used by then.
    pub(crate) usage: Usage,
}

impl Indexer {
    /// Starts an indexer that follows the emitter of `node`.
    pub(crate) fn start(setup: Setup, node: &Node) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let sqlite = format!("sqlite://{}", directory.path().join("data").display());
        let database = setup.database_url.unwrap_or(sqlite);
        let emitter = node.emitter();
        let Setup { binary, rpc_urls, .. } = setup;
        let configuration = format!(
            "[database]\nurl = {database:?}\n\n[indexer]\nlisten = \"{listen}\"\n\n[[chains]]\nid = {CHAIN_ID}\n\
             name = \"bench\"\nrpc_urls = {rpc_urls:?}\n\n[[chains.contracts]]\n\
             protocol = \"erc20\"\naddress = \"{emitter}\"\n"
        );
        fs::write(directory.path().join("capstan.toml"), configuration)?;
        let log = directory.path().join("indexer.log");
        let process = Process::spawn(&binary, &["indexer"], &[], directory.path(), log)?;
        let channel = Endpoint::from_shared(format!("http://{listen}"))?
            // As Capstan's own services set it: a batch is up to 1 MiB.
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(8 << 20)
            .connect_lazy();
        Ok(Self { process, client: Client::new(channel), _directory: directory })
    }

    /// Waits until the log holds all transfers of `node`.
    pub(crate) async fn synced(&mut self, node: &Node) -> Result<Synced> {
        let expected = node.transfers();
        let events = self.until(|status| status.events >= expected).await?.events;
        let synced = Synced { wall: self.process.started.elapsed(), usage: self.process.usage()? };
        ensure!(events == expected, "the indexer has {events} events instead of {expected}");
        Ok(synced)
    }

    /// Waits until the indexer is level with its node.
    pub(crate) async fn live(&mut self) -> Result<()> {
        self.until(|status| status.state() == ChainState::Live).await.map(drop)
    }

    async fn until(&mut self, reached: impl Fn(&ChainStatus) -> bool) -> Result<ChainStatus> {
        let deadline = Instant::now() + LONGEST_RUN;
        loop {
            self.process.check().context("the indexer")?;
            // It does not listen at first.
            if let Ok(status) = self.client.get_status(GetStatusRequest {}).await {
                let status =
                    status.into_inner().chains.into_iter().next().context("no chain in the status")?;
                if reached(&status) {
                    return Ok(status);
                }
                if status.state() == ChainState::Halted || Instant::now() > deadline {
                    bail!("the indexer is stuck: {status:?}\n{}", self.process.last_lines());
                }
            }
            sleep(POLL).await;
        }
    }

    /// What the process has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// A client of this indexer.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Kills the process.
    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

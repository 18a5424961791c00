//! The devnet itself: start, traffic, reorgs, stop.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    Block, Deployment, Options,
    anvil::Anvil,
    chain::Chain,
    config, deploy, discover,
    journal::{Entry, Header, Journal},
    replay,
    rpc::Rpc,
    set_up, traffic,
    wallet::Wallet,
};

const JOURNAL_FORMAT: u32 = 1;

/// A running chain; dropping it stops anvil.
#[derive(Debug)]
pub struct Devnet {
    options: Options,
    chain: Chain,
    deployment: Deployment,
    anvil: Anvil,
}

impl Devnet {
    /// Starts anvil and deploys everything, or rebuilds the chain from the journal in the state folder.
    ///
    /// # Errors
    /// When `dev/install` has not been run, when anvil does not start, when the journal belongs to other options or to
    /// another process, or when it does not give the same block hashes again.
    pub async fn start(options: Options) -> Result<Self> {
        if options.chain_id == 31337 {
            bail!("chain id 31337 makes every Permit2 signature invalid: choose another");
        }
        let (anvil, chain, deployment) = match &options.state_dir {
            Some(folder) => kept(&options, folder).await?,
            None => set_up::copy(&options).await?,
        };
        info!(
            chain = options.chain_id,
            block = chain.tip().number,
            address = anvil.address(),
            "devnet is up"
        );
        Ok(Self { options, chain, deployment, anvil })
    }

    /// JSON-RPC over HTTP.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.anvil.address())
    }

    /// JSON-RPC over WebSocket.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.anvil.address())
    }

    /// The chain's id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.options.chain_id
    }

    /// Height of the newest block that this devnet mined.
    #[must_use]
    pub fn block_number(&self) -> u64 {
        self.chain.tip().number
    }

    /// Every address; the list of markets grows with the traffic.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The `[[chains]]` section of the platform's configuration.
    #[must_use]
    pub fn config_toml(&self) -> String {
        config::chain_section(
            self.options.chain_id,
            self.anvil.address(),
            &self.deployment,
            &self.options.dev_dir,
        )
    }

    /// Mines one block of seeded traffic, together with whatever others have sent to the node.
    ///
    /// # Errors
    /// When anvil does not answer or the journal cannot be written.
    pub async fn step(&mut self) -> Result<Block> {
        let timestamp = self.chain.tip().timestamp + self.options.block_seconds();
        self.step_at(timestamp).await
    }

    /// Mines a block of traffic every `block_interval` until cancelled.
    ///
    /// # Errors
    /// As [`Self::step`]; a block that has begun is finished before the cancellation counts.
    pub async fn run(&mut self, shutdown: CancellationToken) -> Result<()> {
        let mut ticks = tokio::time::interval(self.options.block_interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let next = self.chain.tip().timestamp + self.options.block_seconds();
            let timestamp =
                if self.options.wall_clock { now()?.max(self.chain.tip().timestamp + 1) } else { next };
            self.step_at(timestamp).await?;
        }
        Ok(())
    }

    /// Mines blocks without traffic of ours.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn mine_empty(&mut self, blocks: u64) -> Result<()> {
        for _ in 0..blocks {
            self.chain.mine(self.chain.tip().timestamp + self.options.block_seconds(), &[]).await?;
        }
        Ok(())
    }

    /// Replaces the last `depth` blocks by empty ones at the same heights; their transactions are gone.
    ///
    /// # Errors
    /// When the chain is not that long, or as [`Self::step`].
    pub async fn reorg(&mut self, depth: u64) -> Result<()> {
        self.replace(depth, false).await
    }

    /// Replaces the last `depth` blocks by others in which every transaction is mined again one block later, so that
    /// its hash, nonce and effects stay while its block does not.
    ///
    /// # Errors
    /// As [`Self::reorg`].
    pub async fn reorg_postponing(&mut self, depth: u64) -> Result<()> {
        self.replace(depth, true).await
    }

    /// Stops anvil. Dropping does the same; this one says so in the log.
    ///
    /// # Errors
    /// None so far.
    pub async fn stop(self) -> Result<()> {
        info!(chain = self.options.chain_id, block = self.chain.tip().number, "devnet stopped");
        Ok(())
    }

    async fn replace(&mut self, depth: u64, keep: bool) -> Result<()> {
        self.chain.reorg(depth, keep).await?;
        self.deployment.markets = discover::all(&self.chain.rpc, &self.deployment).await?;
        Ok(())
    }

    async fn step_at(&mut self, timestamp: u64) -> Result<Block> {
        let known = self.chain.tip().number;
        let sends = traffic::plan(&self.chain, &self.deployment, &self.options, timestamp).await?;
        let block = self.chain.mine(timestamp, &sends).await?;
        let mut markets = std::mem::take(&mut self.deployment.markets);
        let found = discover::since(&self.chain.rpc, &self.deployment, known + 1, &mut markets).await;
        self.deployment.markets = markets;
        found.map(|()| block)
    }
}

/// The header of the journal that is there, if it is for these options; else that of a new chain.
fn header(options: &Options, found: Option<&Header>) -> Result<Header> {
    let Some(found) = found else {
        let genesis_time = options.genesis_time();
        return Ok(Header {
            format: JOURNAL_FORMAT,
            chain_id: options.chain_id,
            seed: options.seed,
            genesis_time,
        });
    };
    // The journal fixes the genesis time for ever, so that a demo may ask for another at every start.
    if (found.format, found.chain_id, found.seed) != (JOURNAL_FORMAT, options.chain_id, options.seed) {
        bail!("the state folder holds another chain (id {}, seed {})", found.chain_id, found.seed);
    }
    Ok(found.clone())
}

/// A chain that outlives its process.
async fn kept(options: &Options, folder: &Path) -> Result<(Anvil, Chain, Deployment)> {
    let (mut journal, entries) = Journal::open(folder)?;
    let resumed = replay::deployed(&entries);
    let header = header(options, resumed.map(|(header, _)| header))?;
    if resumed.is_none() {
        // Nobody has seen an unfinished set-up; doing it again gives the same blocks.
        journal.clear()?;
        journal.append(&Entry::Header(header.clone()))?;
    }
    let anvil = Anvil::devnet(options, header.genesis_time, None).await?;
    let rpc = Rpc::new(format!("http://{}", anvil.address()))?;
    let mut chain = Chain::new(rpc, Wallet::new(options.chain_id)?, Some(journal), options.seed).await?;
    let deployment = match resumed {
        Some((_, deployment)) => {
            resume(&mut chain, &entries, deployment).await.context("replay the journal")?
        }
        None => set_up(&mut chain, options).await?,
    };
    Ok((anvil, chain, deployment))
}

async fn set_up(chain: &mut Chain, options: &Options) -> Result<Deployment> {
    let deployment = deploy::deploy(chain, options).await?;
    chain.record(&Entry::Deployed(Box::new(deployment.clone())))?;
    Ok(deployment)
}

async fn resume(chain: &mut Chain, entries: &[Entry], deployment: &Deployment) -> Result<Deployment> {
    replay::replay(chain, entries).await?;
    let mut deployment = deployment.clone();
    deployment.markets = discover::all(&chain.rpc, &deployment).await?;
    Ok(deployment)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo's blocks carry the wall clock; tests never ask for it"
)]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

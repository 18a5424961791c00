//! The set-up of a chain that ends with the process: made once in a process, every chain begins with a copy.

use std::{
    collections::HashMap,
    io::{Read, Write},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use alloy::primitives::Bytes;
use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;

use crate::{Deployment, Options, anvil::Anvil, chain::Chain, deploy, rpc::Rpc, wallet::Wallet};

/// A chain right after its set-up.
#[derive(Debug)]
struct SetUp {
    /// Every block, receipt and state, as anvil reads them.
    state: Vec<u8>,
    deployment: Deployment,
}

/// What a set-up depends on: chain id, seed, genesis time, seconds between blocks, and whether there are venues.
type Key = (u64, u64, u64, u64, bool);

static MADE: LazyLock<Mutex<HashMap<Key, Arc<OnceCell<SetUp>>>>> = LazyLock::new(Mutex::default);

/// A chain after its set-up, with the blocks that setting it up would have given.
pub(crate) async fn copy(options: &Options) -> Result<(Anvil, Chain, Deployment)> {
    let Options { chain_id, seed, venues, .. } = *options;
    let key = (chain_id, seed, options.genesis_time(), options.block_seconds(), venues);
    let cell = {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(key).or_default())
    };
    let set_up = cell.get_or_try_init(|| make(options)).await.context("set the chain up")?;
    let mut file = NamedTempFile::new()?;
    file.write_all(&set_up.state)?;
    let anvil = Anvil::devnet(options, options.genesis_time(), Some(file.path())).await?;
    let chain = chain(&anvil, options).await?;
    Ok((anvil, chain, set_up.deployment.clone()))
}

async fn make(options: &Options) -> Result<SetUp> {
    let options = Options { port: 0, ..options.clone() };
    let anvil = Anvil::devnet(&options, options.genesis_time(), None).await?;
    let mut chain = chain(&anvil, &options).await?;
    let deployment = deploy::deploy(&mut chain, &options).await?;
    // With the states of earlier blocks: a reorg may go below the set-up's last one.
    let packed: Bytes = chain.rpc.call("anvil_dumpState", json!([true])).await?;
    let mut state = Vec::new();
    GzDecoder::new(packed.as_ref()).read_to_end(&mut state)?;
    Ok(SetUp { state, deployment })
}

async fn chain(anvil: &Anvil, options: &Options) -> Result<Chain> {
    let rpc = Rpc::new(format!("http://{}", anvil.address()))?;
    Chain::new(rpc, Wallet::new(options.chain_id)?, None, options.seed).await
}

//! A peer: Uniswap's own SDK in Node, with the program in `uniswap-sdk/`.

use std::{
    path::{Path as File, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use capstan_quoter::domain::pool::{State, Way};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::paths::{Costs, V3, Workload};
use crate::options::Options;

const PROGRAM: &str = "quotes.js";

/// The workload in a file, for Node.
pub(super) struct Sdk {
    project: PathBuf,
    directory: TempDir,
}

/// What the program says.
#[derive(Debug, Deserialize)]
struct Answer {
    outputs: Vec<String>,
    /// Microseconds of one quote by hops.
    costs: Costs,
}

impl Sdk {
    pub(super) fn prepare(workload: &Workload) -> Result<Self> {
        let project = Options::dev_dir().join("bench/uniswap-sdk").canonicalize()?;
        let is_there = project.join("node_modules/@uniswap/v3-sdk").is_dir();
        ensure!(is_there, "the SDK is not installed: npm --prefix dev/bench/uniswap-sdk ci");
        let directory = TempDir::new()?;
        let pools = workload.pools.iter().map(told).collect::<Result<Vec<Value>>>()?;
        let paths = workload.paths.iter().map(|path| {
            let hops: Vec<Value> = path
                .hops
                .iter()
                .map(|(pool, way)| json!({ "pool": pool, "down": *way == Way::DOWN }))
                .collect();
            json!({ "amount": path.amount.to_string(), "hops": hops })
        });
        let told = json!({ "pools": pools, "paths": paths.collect::<Vec<Value>>() });
        std::fs::write(file(&directory), serde_json::to_vec(&told)?)?;
        Ok(Self { project, directory })
    }

    /// Quotes everything once, which has to give what we say, and then over and over.
    pub(super) async fn run(&self, workload: &Workload, least: Duration) -> Result<Costs> {
        let mut command = Command::new("node");
        command.arg(PROGRAM).arg(file(&self.directory)).arg(least.as_millis().to_string());
        command.current_dir(&self.project).env("NODE_ENV", "production");
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = command.output().await.context("start node")?;
        ensure!(output.status.success(), "the SDK's program failed");
        let answer: Answer = serde_json::from_slice(&output.stdout).context("read what the SDK said")?;
        ensure!(answer.outputs.len() == workload.outputs.len(), "the SDK left out paths");
        for ((path, ours), theirs) in workload.paths.iter().zip(&workload.outputs).zip(&answer.outputs) {
            ensure!(ours.to_string() == *theirs, "{path:?} gives {ours} by us and {theirs} by the SDK");
        }
        Ok(answer.costs)
    }
}

fn file(directory: &TempDir) -> PathBuf {
    File::new(directory.path()).join("workload.json")
}

fn told(pool: &V3) -> Result<Value> {
    let State::Concentrated { sqrt_price, tick, liquidity, ticks, .. } = pool.pool.state() else {
        anyhow::bail!("a pool without ticks");
    };
    let token = |token: super::pools::Token| json!({ "address": token.address.to_string(), "decimals": token.decimals });
    let ticks = ticks.iter().map(|tick| {
        json!({
            "index": tick.tick,
            "liquidityNet": tick.net.to_string(),
            "liquidityGross": tick.gross.to_string(),
        })
    });
    Ok(json!({
        "tokens": [token(pool.tokens.0), token(pool.tokens.1)],
        "fee": pool.fee,
        "sqrtPrice": sqrt_price.to_string(),
        "liquidity": liquidity.to_string(),
        "tick": tick,
        "ticks": ticks.collect::<Vec<Value>>(),
    }))
}

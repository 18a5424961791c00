//! Runs a devnet until it is told to stop, and prints the configuration section that follows it.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use capstan_devnet::{Devnet, Options};
use clap::Parser;
use tokio_util::sync::CancellationToken;

/// A local chain with prediction markets, pools and seeded traffic.
#[derive(Parser)]
struct Arguments {
    /// Keep the chain in this folder, so that it survives restarts.
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// Port of the JSON-RPC server; 0 lets the system choose.
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// Seed of the traffic.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Milliseconds between blocks.
    #[arg(long, default_value_t = 1_000)]
    block_ms: u64,
    /// Transactions aimed at in each block.
    #[arg(long, default_value_t = 3)]
    transactions: usize,
    /// Blocks of traffic to mine at once before the first pause.
    #[arg(long, default_value_t = 0)]
    ahead: u64,
    /// Uniswap V4, Balancer V2, an ERC-4626 vault and more pools besides.
    #[arg(long)]
    venues: bool,
    /// Stamp blocks with the wall clock.
    #[arg(long)]
    wall_clock: bool,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the configuration is what this program is asked for")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let options = Options {
        state_dir: arguments.state_dir,
        port: arguments.port,
        seed: arguments.seed,
        block_interval: Duration::from_millis(arguments.block_ms),
        transactions_per_block: arguments.transactions,
        venues: arguments.venues,
        ..Options::default()
    };
    let options = if arguments.wall_clock { options.ending_at(now()?, arguments.ahead) } else { options };
    let mut devnet = Devnet::start(options).await?;
    println!("{}", devnet.config_toml());
    for _ in 0..arguments.ahead {
        devnet.step().await?;
    }
    println!("# block {}", devnet.block_number());
    let shutdown = CancellationToken::new();
    let interrupted = async {
        let interrupted = tokio::signal::ctrl_c().await;
        shutdown.cancel();
        interrupted
    };
    // Not `select!`: a block that has begun is finished.
    tokio::try_join!(devnet.run(shutdown.clone()), async { Ok(interrupted.await?) })?;
    devnet.stop().await
}

#[expect(clippy::disallowed_methods, reason = "the wall clock was asked for")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

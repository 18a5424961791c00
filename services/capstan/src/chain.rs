//! The local chain that `capstan up` follows when none is configured.

use std::path::Path;

use anyhow::Context;
use capstan_runtime::{Tasks, config::Settings};

use crate::{cli::Up, progress::Progress};

/// Blocks of history that a new local chain begins with, so that charts have something to show.
#[cfg(feature = "devnet")]
const HISTORY: u64 = 90;

/// Starts the local chain and completes the settings with its `[[chains]]` section, which is also
/// left in the data directory for roles that run alone.
#[cfg(feature = "devnet")]
pub(crate) async fn local(
    settings: Settings,
    up: &Up,
    data: &Path,
    tasks: &Tasks,
    progress: &Progress,
) -> anyhow::Result<Settings> {
    use std::time::Duration;

    use capstan_devnet::{Devnet, Options};
    use capstan_primitives::Clock;

    progress.say("no chain is configured: starting a local one with contracts and traffic");
    let state = data.join("devnet");
    let options = Options {
        state_dir: Some(state.clone()),
        transactions_per_block: up.devnet_transactions,
        block_interval: Duration::from_millis(up.devnet_interval_ms),
        venues: true,
        ..Options::default()
    };
    let now = u64::try_from(Clock::System.now().timestamp()).unwrap_or_default();
    let options = options.ending_at(now, HISTORY);
    let mut devnet = progress.while_waiting("starting the local chain", Devnet::start(options)).await?;
    while devnet.block_number() < HISTORY {
        let (block, text) =
            (devnet.block_number(), format!("trading on the local chain, block {HISTORY} is next to see"));
        progress.tick(&format!("{text}: {block}"));
        devnet.step().await?;
    }
    let file = state.join("capstan.toml");
    std::fs::write(&file, devnet.config_toml()).with_context(|| format!("write {}", file.display()))?;
    let stopping = tasks.stopping();
    tasks.critical("chain", async move {
        let ended = devnet.run(stopping).await;
        devnet.stop().await?;
        ended
    });
    // It is our own node, and there is no other that could confirm what it says.
    Ok(settings.completed_by(&file)?.or("indexer.verify_history", "off"))
}

/// Without the local chain there is nothing to follow.
#[cfg(not(feature = "devnet"))]
pub(crate) async fn local(
    _: Settings,
    _: &Up,
    _: &Path,
    _: &Tasks,
    _: &Progress,
) -> anyhow::Result<Settings> {
    anyhow::bail!("no chain is configured: add [[chains]] to capstan.toml")
}

//! Follows the contracts of a configuration that was read again.

use capstan_runtime::Platform;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, error::Error, operations::EventLog};

/// Waits for configurations until `stopping`. Of each, the contracts of the chains that are followed take
/// effect; everything else takes a restart.
pub(crate) async fn reload(
    log: EventLog,
    config: Config,
    mut platforms: watch::Receiver<Platform>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            Ok(()) = platforms.changed() => {}
        }
        let platform = platforms.borrow_and_update().clone();
        match log.reconfigure(&platform.chains, &config).await {
            Ok(()) => tracing::info!("the contracts are followed as the configuration now says"),
            Err(error) => tracing::error!(%error, "the configuration is refused; nothing was changed"),
        }
    }
}

//! Keeps the liquidity pools of one chain level with its log.

use capstan_runtime::Backoff;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::view::{changed, until};
use crate::{
    error::Error,
    metrics,
    operations::{ChainView, PoolProjection},
};

/// Reads the log whenever it moves, until `stopping`. After a failure it is opened again.
pub(crate) async fn follow(
    pools: PoolProjection,
    mut view: watch::Receiver<ChainView>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut backoff = Backoff::default();
    loop {
        let level = keep_level(&pools, &mut view, &mut backoff);
        let Some(failed) = stopping.run_until_cancelled(level).await else { return Ok(()) };
        let wait = backoff.failed(failed.longest_wait());
        metrics::pools_retrying(pools.chain_id(), &failed, wait.as_millis());
        stopping.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

/// Goes on until a failure, which it returns.
async fn keep_level(
    pools: &PoolProjection,
    view: &mut watch::Receiver<ChainView>,
    backoff: &mut Backoff,
) -> Error {
    let mut is_open = false;
    loop {
        // The process that writes the log of the chain also reads its pools from it.
        until(view, |view| view.writer).await;
        if !is_open && let Err(error) = pools.open().await {
            return error;
        }
        is_open = true;
        view.borrow_and_update();
        match pools.step().await {
            Ok(is_level) => {
                backoff.worked();
                if is_level {
                    changed(view).await;
                }
            }
            Err(error) => return error,
        }
    }
}

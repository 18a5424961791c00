//! Keeps the liquidity pools of one chain level with its log.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    metrics,
    operations::{ChainView, PoolProjection},
};

const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Reads the log whenever it moves, until `stopping`. After a failure it is opened again.
pub(crate) async fn follow(
    pools: PoolProjection,
    mut view: watch::Receiver<ChainView>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut wait = FIRST_WAIT;
    loop {
        let failed = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            failed = keep_level(&pools, &mut view, &mut wait) => failed,
        };
        metrics::pools_retrying(pools.chain_id(), &failed, wait.as_millis());
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait.mul_f64(rand::random_range(0.8..1.2))) => {}
        }
        wait = wait.saturating_mul(2).min(failed.longest_wait());
    }
}

/// Goes on until a failure, which it returns.
async fn keep_level(
    pools: &PoolProjection,
    view: &mut watch::Receiver<ChainView>,
    wait: &mut Duration,
) -> Error {
    let mut is_open = false;
    loop {
        // The process that writes the log of the chain also reads its pools from it.
        if view.wait_for(|view| view.writer).await.is_err() {
            std::future::pending::<()>().await;
        }
        if !is_open && let Err(error) = pools.open().await {
            return error;
        }
        is_open = true;
        view.borrow_and_update();
        match pools.step().await {
            Ok(is_level) => {
                *wait = FIRST_WAIT;
                // The chain's own worker ends only when everything stops.
                if is_level && view.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Err(error) => return error,
        }
    }
}

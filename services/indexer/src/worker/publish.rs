//! Publishes the log of one chain to a broker, while this process writes it.

use std::{future::Future, time::Duration};

use capstan_primitives::ChainId;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, metrics, operations::ChainView};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Has `publish` go on until `stopping`, with the number of the process that writes the log, whenever
/// this one does. After a failure it is begun again, from what the broker is known to have.
pub(crate) async fn follow<F: Future<Output = Error>>(
    chain_id: ChainId,
    mut view: watch::Receiver<ChainView>,
    stopping: CancellationToken,
    publish: impl Fn(u64) -> F,
) -> Result<(), Error> {
    let mut wait = FIRST_WAIT;
    loop {
        let began = Instant::now();
        let failed = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            failed = turn(&mut view, &publish) => failed,
        };
        let Some(failed) = failed else { continue };
        if began.elapsed() > LONGEST_WAIT {
            wait = FIRST_WAIT;
        }
        metrics::publishing_failed(chain_id, &failed, wait.as_millis());
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait.mul_f64(rand::random_range(0.8..1.2))) => {}
        }
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// Publishes from when this process writes the log until it no longer does, or a failure.
async fn turn<F: Future<Output = Error>>(
    view: &mut watch::Receiver<ChainView>,
    publish: &impl Fn(u64) -> F,
) -> Option<Error> {
    let Ok(writer) = view.wait_for(|view| view.writer).await.map(|view| view.progress.writer) else {
        // The chain's own worker ends only when everything stops.
        return std::future::pending().await;
    };
    tokio::select! {
        failed = publish(writer) => Some(failed),
        _ = view.wait_for(|view| !view.writer || view.progress.writer != writer) => None,
    }
}

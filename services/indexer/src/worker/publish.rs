//! Publishes the log of one chain to a broker, while this process writes it.

use std::{future::Future, time::Duration};

use capstan_primitives::ChainId;
use capstan_runtime::Backoff;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::view::until;
use crate::{error::Error, metrics, operations::ChainView};

const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Has `publish` go on until `stopping`, with the number of the process that writes the log, whenever
/// this one does. After a failure it is begun again, from what the broker is known to have.
pub(crate) async fn follow<F: Future<Output = Error>>(
    chain_id: ChainId,
    mut view: watch::Receiver<ChainView>,
    stopping: CancellationToken,
    publish: impl Fn(u64) -> F,
) -> Result<(), Error> {
    let mut backoff = Backoff::default();
    loop {
        let published = keep_published(&mut view, &publish, &mut backoff);
        let Some(failed) = stopping.run_until_cancelled(published).await else { return Ok(()) };
        let wait = backoff.failed(LONGEST_WAIT);
        metrics::publishing_failed(chain_id, &failed, wait.as_millis());
        stopping.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

/// Publishes whenever this process writes the log, until a failure, which it returns.
async fn keep_published<F: Future<Output = Error>>(
    view: &mut watch::Receiver<ChainView>,
    publish: &impl Fn(u64) -> F,
    backoff: &mut Backoff,
) -> Error {
    loop {
        let writer = until(view, |view| view.writer).await.writer;
        let began = Instant::now();
        tokio::select! {
            failed = publish(writer) => {
                if began.elapsed() > LONGEST_WAIT {
                    backoff.worked();
                }
                return failed;
            }
            _ = until(view, |view| !view.writer || view.progress.writer != writer) => {}
        }
    }
}

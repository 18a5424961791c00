//! Follows the registered transactions of one chain.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::ChainProgress,
    error::Error,
    metrics,
    operations::{ChainView, Outlook, Tracker},
};

const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Takes a step with every change of the log, with every registration and when something is due,
/// until `stopping`. Without anything that can still change, only registrations count.
pub(crate) async fn follow(
    tracker: Tracker,
    mut view: watch::Receiver<ChainView>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut wait = FIRST_WAIT;
    loop {
        let progress = view.borrow_and_update().progress;
        let stepped = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            stepped = tracker.step(&progress) => stepped,
        };
        match stepped {
            Ok(Outlook { is_open, pause }) => {
                wait = FIRST_WAIT;
                tokio::select! {
                    () = stopping.cancelled() => return Ok(()),
                    () = tracker.signals.wait_registered() => {}
                    () = tokio::time::sleep(pause) => {}
                    () = moved(&mut view, progress), if is_open => {}
                }
            }
            Err(error) => {
                metrics::transactions_retrying(tracker.chain_id, &error, wait.as_millis());
                tokio::select! {
                    () = stopping.cancelled() => return Ok(()),
                    () = tokio::time::sleep(wait.mul_f64(rand::random_range(0.8..1.2))) => {}
                }
                wait = wait.saturating_mul(2).min(error.longest_wait());
            }
        }
    }
}

/// Waits until the log is not at `from` any more.
async fn moved(view: &mut watch::Receiver<ChainView>, from: ChainProgress) {
    let at = |progress: &ChainProgress| (progress.indexed, progress.finalized, progress.fork);
    if view.wait_for(|view| at(&view.progress) != at(&from)).await.is_err() {
        // The chain's own worker has ended, which it does only when everything stops.
        std::future::pending().await
    }
}

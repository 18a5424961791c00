//! Follows the registered transactions of one chain, while this process writes its log.

use std::collections::BTreeMap;

use capstan_runtime::Backoff;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::view::until;
use crate::{
    domain::ChainProgress,
    error::Error,
    metrics,
    operations::{ChainView, Tracker},
};

/// Takes a step with every change of the log, with every registration and when something is due,
/// until `stopping`. Without anything that can still change, only registrations count.
pub(crate) async fn follow(
    tracker: Tracker,
    mut view: watch::Receiver<ChainView>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut backoff = Backoff::default();
    loop {
        let tracked = keep_tracked(&tracker, &mut view, &mut backoff);
        let Some(failed) = stopping.run_until_cancelled(tracked).await else { return Ok(()) };
        let wait = backoff.failed(failed.longest_wait());
        metrics::transactions_retrying(tracker.chain_id, &failed, wait.as_millis());
        stopping.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

/// Goes on until a failure, which it returns.
async fn keep_tracked(
    tracker: &Tracker,
    view: &mut watch::Receiver<ChainView>,
    backoff: &mut Backoff,
) -> Error {
    loop {
        if !view.borrow().writer {
            // Whoever writes the log now counts them.
            metrics::open_transactions(tracker.chain_id, &BTreeMap::new());
            until(view, |view| view.writer).await;
        }
        let progress = view.borrow_and_update().progress;
        let outlook = match tracker.step(&progress).await {
            Ok(outlook) => outlook,
            Err(error) => return error,
        };
        backoff.worked();
        tokio::select! {
            () = tracker.signals.wait_registered() => {}
            () = tokio::time::sleep(outlook.pause) => {}
            _ = until(view, |view| is_moved(&view.progress, &progress)), if outlook.is_open => {}
        }
    }
}

/// Whether the log is not at `from` any more.
fn is_moved(now: &ChainProgress, from: &ChainProgress) -> bool {
    let at = |progress: &ChainProgress| (progress.indexed, progress.finalized, progress.fork);
    at(now) != at(from)
}

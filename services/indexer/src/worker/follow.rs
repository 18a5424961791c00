//! Keeps the log of one chain level with its node.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    metrics,
    operations::{ChainState, ChainView, Ingest, Tick},
};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Follows the chain until `stopping`. A failure is tried again with growing waits; one that waiting
/// cannot help halts this chain and leaves the others alone.
pub(crate) async fn follow(
    mut ingest: Ingest,
    view: watch::Sender<ChainView>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut heads = Box::pin(ingest.node().heads());
    let mut wait = FIRST_WAIT;
    loop {
        let stepped = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            stepped = ingest.step() => stepped,
        };
        match stepped {
            Ok(tick) => {
                wait = FIRST_WAIT;
                publish(&view, &ingest, tick);
                if tick.moved {
                    continue;
                }
                tokio::select! {
                    () = stopping.cancelled() => return Ok(()),
                    _ = heads.next() => {}
                }
            }
            Err(error) if error.is_final() => {
                metrics::halted(ingest.progress().chain_id, &error);
                problem(&view, ChainState::Halted, &error);
                stopping.cancelled().await;
                return Ok(());
            }
            Err(error) => {
                metrics::retrying(ingest.progress().chain_id, &error, wait.as_millis());
                problem(&view, ChainState::Stalled, &error);
                tokio::select! {
                    () = stopping.cancelled() => return Ok(()),
                    () = tokio::time::sleep(wait.mul_f64(rand::random_range(0.8..1.2))) => {}
                }
                wait = wait.saturating_mul(2).min(LONGEST_WAIT);
            }
        }
    }
}

fn publish(view: &watch::Sender<ChainView>, ingest: &Ingest, tick: Tick) {
    let progress = *ingest.progress();
    let behind = progress.indexed.is_none_or(|indexed| indexed.number < tick.head.number);
    let now = ChainView {
        state: if behind { ChainState::Syncing } else { ChainState::Live },
        head: Some(tick.head),
        progress,
        contracts: ingest.contracts(),
        problem: String::new(),
    };
    view.send_if_modified(|view| {
        let changed = *view != now;
        *view = now;
        changed
    });
}

fn problem(view: &watch::Sender<ChainView>, state: ChainState, error: &Error) {
    view.send_modify(|view| {
        view.state = state;
        view.problem = error.to_string();
    });
}

//! Keeps the log of one chain level with its node.

use std::time::Duration;

use capstan_primitives::BlockRef;
use capstan_runtime::failpoint;
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
            stepped = step(&mut ingest) => stepped,
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

/// A step toward the head, and one of the history of contracts that came late.
async fn step(ingest: &mut Ingest) -> Result<Tick, Error> {
    let tick = ingest.step().await?;
    let moved = ingest.add_history().await? || tick.moved;
    Ok(Tick { moved, ..tick })
}

fn publish(view: &watch::Sender<ChainView>, ingest: &Ingest, tick: Tick) {
    let progress = *ingest.progress();
    let (state, problem) = state_of(progress.indexed, tick.head);
    let now = ChainView { state, head: Some(tick.head), progress, contracts: ingest.followed(), problem };
    view.send_if_modified(|view| {
        let changed = *view != now;
        *view = now;
        changed
    });
    failpoint("publish.after");
}

/// A node behind what is indexed lags or was reset; nothing can be said of the chain until it is back.
fn state_of(indexed: Option<BlockRef>, head: BlockRef) -> (ChainState, String) {
    match indexed {
        Some(indexed) if indexed.number > head.number => {
            let problem =
                format!("the node is at block {}, behind indexed block {}", head.number, indexed.number);
            (ChainState::Stalled, problem)
        }
        Some(indexed) if indexed.number == head.number => (ChainState::Live, String::new()),
        _ => (ChainState::Syncing, String::new()),
    }
}

fn problem(view: &watch::Sender<ChainView>, state: ChainState, error: &Error) {
    view.send_modify(|view| {
        view.state = state;
        view.problem = error.to_string();
    });
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash};

    use super::*;

    #[test]
    fn a_node_that_is_behind_is_no_live_chain() {
        let block = |number| BlockRef { number, hash: Hash::ZERO, time: BlockTime(0) };
        assert_eq!(state_of(Some(block(5)), block(5)).0, ChainState::Live);
        assert_eq!(state_of(Some(block(4)), block(5)).0, ChainState::Syncing);
        assert_eq!(state_of(None, block(5)).0, ChainState::Syncing);
        let (state, problem) = state_of(Some(block(6)), block(5));
        assert_eq!(
            (state, problem.as_str()),
            (ChainState::Stalled, "the node is at block 5, behind indexed block 6")
        );
    }
}

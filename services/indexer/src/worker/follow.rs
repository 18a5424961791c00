//! Keeps the log of one chain level with its node.

use std::time::{Duration, Instant};

use capstan_primitives::BlockRef;
use futures::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{ChainProgress, Pace, Rate, progress_line},
    error::Error,
    metrics,
    operations::{ChainState, ChainView, Ingest, Tick},
};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often the log says how far reading history has come.
const LOG_EVERY: Duration = Duration::from_secs(5);
/// How often the endpoints are looked at for metrics.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Follows the chain until `stopping`. A failure is tried again with growing waits; one that waiting
/// cannot help halts this chain and leaves the others alone.
pub(crate) async fn follow(
    mut ingest: Ingest,
    view: watch::Sender<ChainView>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let mut heads = Box::pin(ingest.node().heads());
    let mut wait = FIRST_WAIT;
    let mut report = Report::begin();
    loop {
        let stepped = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            stepped = ingest.step() => stepped,
        };
        match stepped {
            Ok(tick) => {
                wait = FIRST_WAIT;
                let rate = report.saw(ingest.progress());
                publish(&view, &ingest, tick, rate);
                report.tell(&ingest, &view.borrow());
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

/// How fast the chain is followed, told to metrics and, while history is read, to the log.
struct Report {
    begun: Instant,
    pace: Pace,
    counted: Duration,
    logged: Duration,
}

impl Report {
    fn begin() -> Self {
        Self { begun: Instant::now(), pace: Pace::default(), counted: Duration::ZERO, logged: Duration::ZERO }
    }

    fn saw(&mut self, progress: &ChainProgress) -> Option<Rate> {
        let indexed = progress.indexed?.number;
        self.pace.saw(self.begun.elapsed(), indexed, progress.events);
        self.pace.rate()
    }

    fn tell(&mut self, ingest: &Ingest, view: &ChainView) {
        let now = self.begun.elapsed();
        if now >= self.counted {
            self.counted = now + COUNT_EVERY;
            metrics::endpoints(view.progress.chain_id, ingest.node().endpoints());
        }
        if view.state != ChainState::Syncing {
            self.logged = now + LOG_EVERY;
        }
        if now >= self.logged {
            self.logged = now + LOG_EVERY;
            let indexed = view.progress.indexed.map_or(0, |block| block.number);
            let head = view.head.map_or(0, |block| block.number);
            metrics::syncing(view.progress.chain_id, &progress_line(ingest.name(), indexed, head, view.rate));
        }
    }
}

fn publish(view: &watch::Sender<ChainView>, ingest: &Ingest, tick: Tick, rate: Option<Rate>) {
    let progress = *ingest.progress();
    let (state, problem) = state_of(progress.indexed, tick.head);
    let now = ChainView {
        state,
        head: Some(tick.head),
        safe: ingest.safe(),
        progress,
        rate,
        writer: true,
        contracts: ingest.followed(),
        problem,
    };
    view.send_if_modified(|view| {
        let changed = *view != now;
        *view = now;
        changed
    });
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

//! Keeps the log of one chain level with its node.

use std::time::{Duration, Instant};

use capstan_chain::HeadSignal;
use capstan_primitives::BlockRef;
use capstan_runtime::{Backoff, failpoint};
use futures::{StreamExt, stream::BoxStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::retain::Retain;
use crate::{
    domain::{ChainProgress, Pace, Rate, progress_line},
    error::Error,
    metrics,
    operations::{ChainState, ChainView, Command, Ingest, Lease, Tick},
};

/// How often the log says how far reading history has come.
const LOG_EVERY: Duration = Duration::from_secs(5);
/// How often the endpoints are looked at for metrics.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How often a standby looks at the store.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Follows the chain until `stopping`, as long as no other process does; otherwise stands by.
pub(crate) async fn follow(
    ingest: Ingest,
    view: watch::Sender<ChainView>,
    commands: mpsc::Receiver<Command>,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let heads = ingest.node().heads().boxed();
    let mut follower = Follower { ingest, view, commands, heads, stopping };
    while let Some(lease) = follower.stand_by().await {
        follower.writes(true);
        let ended = follower.lead(&lease).await;
        follower.writes(false);
        lease.give_up().await;
        if matches!(ended, Ended::Stopping) {
            break;
        }
    }
    Ok(())
}

struct Follower {
    ingest: Ingest,
    view: watch::Sender<ChainView>,
    commands: mpsc::Receiver<Command>,
    heads: BoxStream<'static, HeadSignal>,
    stopping: CancellationToken,
}

/// Why a process no longer writes the log.
enum Ended {
    Stopping,
    /// Another process has it, or the log is not where this one left it.
    Deposed,
}

impl Follower {
    /// Serves the log of another process until it is free; nothing when it is time to stop.
    async fn stand_by(&mut self) -> Option<Lease> {
        loop {
            let looked = tokio::select! {
                () = self.stopping.cancelled() => return None,
                looked = self.ingest.stand_by() => looked,
            };
            match looked {
                Ok(Some(lease)) => return Some(lease),
                Ok(None) => publish(&self.view, standing_by(&self.ingest)),
                Err(error) => problem(&self.view, ChainState::Stalled, &error),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Some(command) = self.commands.recv() => command.refuse(&mut self.ingest),
            }
        }
    }

    /// Has everybody know whether this process writes the log, and how far it is.
    fn writes(&self, is_writer: bool) {
        let progress = *self.ingest.progress();
        metrics::writes(progress.chain_id, is_writer);
        self.view.send_modify(|view| (view.writer, view.progress) = (is_writer, progress));
    }

    /// Writes the log. A failure is tried again with growing waits; one that waiting cannot help halts
    /// this chain and leaves the others alone.
    async fn lead(&mut self, lease: &Lease) -> Ended {
        let mut backoff = Backoff::default();
        let (mut report, mut retain) = (Report::begin(), Retain::begin());
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command).await;
            }
            let stepped = tokio::select! {
                () = self.stopping.cancelled() => return Ended::Stopping,
                () = lease.lost() => return Ended::Deposed,
                stepped = step(&mut self.ingest, &mut retain) => stepped,
            };
            let pause = match stepped {
                Ok(tick) => {
                    backoff.worked();
                    let rate = report.saw(self.ingest.progress());
                    publish(&self.view, leading(&self.ingest, tick, rate));
                    report.tell(&self.ingest, &self.view.borrow());
                    if tick.moved {
                        continue;
                    }
                    Pause::Head
                }
                Err(Error::OtherWriter(_)) => return Ended::Deposed,
                Err(error) => self.failed(&error, &mut backoff),
            };
            tokio::select! {
                () = self.stopping.cancelled() => return Ended::Stopping,
                () = lease.lost() => return Ended::Deposed,
                () = pause.over(&mut self.heads) => {}
                Some(command) = self.commands.recv() => self.obey(command).await,
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        if command.obey(&mut self.ingest).await {
            metrics::resumed(self.ingest.progress().chain_id);
        }
    }

    fn failed(&self, error: &Error, backoff: &mut Backoff) -> Pause {
        let chain = self.ingest.progress().chain_id;
        if error.is_final() {
            metrics::halted(chain, error);
            problem(&self.view, ChainState::Halted, error);
            return Pause::Operator;
        }
        let wait = backoff.failed(error.longest_wait());
        metrics::retrying(chain, error, wait.as_millis());
        problem(&self.view, ChainState::Stalled, error);
        Pause::For(wait)
    }
}

/// What the next step waits for.
enum Pause {
    /// A new block.
    Head,
    /// Better times.
    For(Duration),
    /// An operator.
    Operator,
}

impl Pause {
    async fn over(self, heads: &mut BoxStream<'static, HeadSignal>) {
        match self {
            Self::Head => drop(heads.next().await),
            Self::For(time) => tokio::time::sleep(time).await,
            Self::Operator => std::future::pending().await,
        }
    }
}

/// A step toward the head, and one of the history of contracts that came late. When there is nothing new,
/// something old is let go.
async fn step(ingest: &mut Ingest, retain: &mut Retain) -> Result<Tick, Error> {
    let tick = ingest.step().await?;
    let moved = ingest.add_history().await? || tick.moved;
    let moved = moved || retain.step(ingest).await?;
    Ok(Tick { moved, ..tick })
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
            metrics::disputes(view.progress.chain_id, ingest.node().disputes());
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

fn leading(ingest: &Ingest, tick: Tick, rate: Option<Rate>) -> ChainView {
    let progress = *ingest.progress();
    let (state, mut problem) = state_of(progress.indexed, tick.head);
    if problem.is_empty() {
        ingest.doubt().clone_into(&mut problem);
    }
    ChainView {
        state,
        head: Some(tick.head),
        safe: ingest.safe(),
        progress,
        rate,
        writer: true,
        contracts: ingest.followed(),
        problem,
        history_problem: ingest.history_problem(),
        store_fails: false,
    }
}

fn standing_by(ingest: &Ingest) -> ChainView {
    ChainView {
        state: ChainState::Standby,
        head: None,
        safe: None,
        progress: *ingest.progress(),
        rate: None,
        writer: false,
        contracts: ingest.followed(),
        problem: String::new(),
        history_problem: String::new(),
        store_fails: false,
    }
}

fn publish(view: &watch::Sender<ChainView>, now: ChainView) {
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
        view.store_fails = matches!(error, Error::Store(_));
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

//! Reading ahead: what comes while a step is taken is there when it is done, and is taken together.

use capstan_proto::indexer::EventBatch;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use super::{Step, Steps};

/// Steps that wait. The server stops sending when they are as many.
const WAITING: usize = 8;
/// A step that has so many events is not joined with the next one.
const LARGE: usize = 8_000;

/// Steps that are read by a task of their own.
pub(super) struct Ahead {
    waiting: mpsc::Receiver<Result<Step, Status>>,
    /// Came behind the step that was returned last, and could not be joined with it.
    held: Option<Result<Step, Status>>,
    _reading: AbortOnDropHandle<()>,
}

impl Ahead {
    /// Begins to read.
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with its owner, who sees its end as that of the stream"
    )]
    pub(super) fn of(mut steps: Steps) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        let reading = tokio::spawn(async move {
            while let Some(step) = steps.next().await {
                if sender.send(step).await.is_err() {
                    break;
                }
            }
        });
        Self { waiting, held: None, _reading: AbortOnDropHandle::new(reading) }
    }

    /// The next step, with all events that are there already: many small changes cost more than a large one.
    pub(super) async fn next(&mut self) -> Option<Result<Step, Status>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.waiting.recv().await?,
        };
        let Ok(Step::Apply(mut batch)) = first else { return Some(first) };
        while batch.events.len() < LARGE {
            match self.waiting.try_recv() {
                Ok(Ok(Step::Apply(next))) => join(&mut batch, next),
                Ok(other) => {
                    self.held = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        Some(Ok(Step::Apply(batch)))
    }
}

/// Makes a batch and the one that follows it on the same chain one.
fn join(batch: &mut EventBatch, next: EventBatch) {
    let EventBatch { chain_id, mut events, block, block_complete, finalized, cursor } = next;
    batch.events.append(&mut events);
    batch.chain_id = chain_id;
    (batch.block, batch.block_complete) = (block, block_complete);
    // One that does not say what is final takes nothing back.
    (batch.finalized, batch.cursor) = (finalized.or(batch.finalized.take()), cursor);
}

#[cfg(test)]
mod tests {
    use capstan_proto::{
        indexer::{Event, Heartbeat, UndoSignal},
        primitives::BlockRef,
    };
    use futures::stream;

    use super::*;

    fn batch(positions: std::ops::RangeInclusive<u64>) -> Result<Step, Status> {
        let cursor = positions.end().to_string();
        let events = positions.map(|position| Event { position, ..Event::default() }).collect();
        Ok(Step::Apply(EventBatch { events, cursor, ..EventBatch::default() }))
    }

    /// What each step says: its positions and cursor, or its kind.
    async fn taken(steps: Vec<Result<Step, Status>>) -> Vec<String> {
        let mut ahead = Ahead::of(stream::iter(steps).boxed());
        let mut taken = Vec::new();
        while let Some(step) = ahead.next().await {
            taken.push(match step {
                Ok(Step::Apply(EventBatch { events, cursor, .. })) => {
                    let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
                    assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{positions:?}");
                    format!("{}-{} @{cursor}", positions[0], positions[positions.len() - 1])
                }
                Ok(Step::Undo(_)) => "undo".to_owned(),
                Ok(Step::Pass(_)) => "pass".to_owned(),
                Err(status) => status.message().to_owned(),
            });
        }
        taken
    }

    // On the one thread of these tests, everything that fits waits before the first step is taken.

    #[tokio::test]
    async fn what_waits_is_taken_together() {
        let taken = taken(vec![batch(1..=2), batch(3..=3), batch(4..=9)]).await;
        assert_eq!(taken, ["1-9 @9"]);
    }

    #[test]
    fn a_joined_batch_is_as_of_the_later_one() {
        let block = |number| Some(BlockRef { number, ..BlockRef::default() });
        let mut first = EventBatch { block: block(5), finalized: block(3), ..EventBatch::default() };
        let next = EventBatch { block: block(6), block_complete: true, ..EventBatch::default() };
        join(&mut first, next.clone());
        assert_eq!((&first.block, first.block_complete, &first.finalized), (&block(6), true, &block(3)));
        join(&mut first, EventBatch { finalized: block(4), ..next });
        assert_eq!(first.finalized, block(4));
    }

    #[tokio::test]
    async fn nothing_is_joined_over_what_is_no_batch() {
        let undo = Ok(Step::Undo(UndoSignal::default()));
        let pass = Ok(Step::Pass(Heartbeat::default()));
        let lost = Err(Status::unavailable("lost"));
        let taken =
            taken(vec![batch(1..=2), undo, batch(2..=2), pass, batch(3..=3), batch(4..=4), lost]).await;
        assert_eq!(taken, ["1-2 @2", "undo", "2-2 @2", "pass", "3-4 @4", "lost"]);
    }

    #[tokio::test]
    async fn a_large_step_stays_alone() {
        let large = LARGE as u64;
        let taken =
            taken(vec![batch(1..=large), batch(large + 1..=large + 2), batch(large + 3..=large + 3)]).await;
        assert_eq!(
            taken,
            [format!("1-{large} @{large}"), format!("{}-{} @{}", large + 1, large + 3, large + 3)]
        );
    }
}

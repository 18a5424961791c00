//! Following the event log: every event takes effect exactly once, whatever is killed when.

mod ahead;

use std::{future::Future, time::Duration};

use capstan_proto::indexer::{
    EventBatch, EventFilter, Heartbeat, Payload, StreamEventsRequest, StreamEventsResponse, UndoSignal,
    indexer_service_client::IndexerServiceClient, stream_events_response::Message,
};
use futures::{StreamExt, future::ready, stream::BoxStream};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;
use tracing::{error, info, warn};

use self::ahead::Ahead;
use crate::backoff::{Backoff, jittered};

/// The server sends a heartbeat every 10 seconds; three missed ones mean that it is gone.
const SILENCE: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often a log that no longer has what is needed is asked again: only an operator changes that.
const HALTED_WAIT: Duration = Duration::from_secs(60);
/// A batch of 1,000 events with long arguments is larger than gRPC's default of 4 MiB.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// What a consumer of the log is told. Each carries the cursor to store with its effect.
#[derive(Debug, Clone)]
pub enum Step {
    /// Events to apply.
    Apply(EventBatch),
    /// Blocks to take back.
    Undo(UndoSignal),
    /// Time passed.
    Pass(Heartbeat),
}

/// State derived from the log. Every method keeps data and cursor in one transaction, so that a
/// repeated or interrupted call changes nothing.
pub trait Projection: Send {
    /// Why the state could not be changed; it is tried again from the stored cursor.
    type Error: std::fmt::Display + Send;

    /// The stored cursor; empty before the first step.
    fn cursor(&mut self) -> impl Future<Output = Result<String, Self::Error>> + Send;

    /// Takes one step.
    fn take(&mut self, step: Step) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Forgets everything: the log, or what is wanted of it, is another one now.
    fn reset(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether it stands still until an operator acts, because the log no longer has what it needs.
    fn halted(&mut self, is_halted: bool);
}

/// Which part of the log to follow.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Chain id (EIP-155).
    pub chain_id: u64,
    /// Which events.
    pub filter: EventFilter,
    /// What events carry; none: their arguments.
    pub payloads: Vec<Payload>,
}

/// What follows a cursor; its end, however it comes, is followed by another try.
pub type Steps = BoxStream<'static, Result<Step, Status>>;

/// Where the log is read: the indexer itself, or whatever carries what it says.
pub trait Source: Send {
    /// Reads what follows `cursor`; empty: from the beginning of the log. A cursor is of one source
    /// and one subscription.
    ///
    /// # Errors
    /// As `StreamEvents`, cursor errors included.
    fn open(
        &mut self,
        subscription: &Subscription,
        cursor: String,
    ) -> impl Future<Output = Result<Steps, Status>> + Send;
}

impl Source for Channel {
    async fn open(&mut self, subscription: &Subscription, cursor: String) -> Result<Steps, Status> {
        let request = StreamEventsRequest {
            chain_ids: vec![subscription.chain_id],
            filter: Some(subscription.filter.clone()),
            cursor,
            payloads: subscription.payloads.iter().map(|payload| i32::from(*payload)).collect(),
            ..StreamEventsRequest::default()
        };
        let mut client = IndexerServiceClient::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let messages = client.stream_events(request).await?.into_inner();
        Ok(messages.filter_map(|message| ready(message.map(step).transpose())).boxed())
    }
}

fn step(response: StreamEventsResponse) -> Option<Step> {
    match response.message? {
        Message::Events(batch) => Some(Step::Apply(batch)),
        Message::Undo(undo) => Some(Step::Undo(undo)),
        Message::Heartbeat(heartbeat) => Some(Step::Pass(heartbeat)),
        Message::Session(_) => None,
    }
}

enum Interrupted<E> {
    Stream(Status),
    Silence,
    Projection(E),
}

/// Follows the log into `projection` until `stopping`; reconnects by itself with growing waits. Where the
/// log no longer has what follows the cursor, or its beginning when that is needed, the projection stays as
/// it is: state that is derived from a part of the log would be wrong.
pub async fn follow<S: Source, P: Projection>(
    mut source: S,
    subscription: Subscription,
    mut projection: P,
    stopping: CancellationToken,
) -> Result<(), P::Error> {
    let (mut backoff, mut progress) = (Backoff::default(), Progress::default());
    loop {
        progress.moved = false;
        let session = session(&mut source, &subscription, &mut projection, &mut progress);
        let Some(ended) = stopping.run_until_cancelled(session).await else { return Ok(()) };
        let chain = subscription.chain_id;
        let is_halted = matches!(&ended, Interrupted::Stream(status) if is_pruned(status));
        match ended {
            Interrupted::Stream(status) if is_halted => {
                projection.halted(true);
                error!(
                    chain, %status,
                    "HALTED: what this service has not read is no longer kept; the retention of the log is too \
                     short for it. What is served is complete through the stored cursor and stays as it is. \
                     Raise or remove the retention and have the log made again, see docs/operations.md"
                );
            }
            Interrupted::Stream(status) if must_start_over(&status) => {
                error!(chain, %status, "the event log or what is wanted of it changed; starting from its beginning");
                progress.anew = true;
            }
            Interrupted::Stream(status) if is_refused(&status) => {
                error!(chain, %status, "the event log cannot be followed until an operator acts; trying again");
            }
            Interrupted::Stream(status) => info!(chain, %status, "event stream ended; reconnecting"),
            Interrupted::Silence => warn!(chain, "event stream fell silent; reconnecting"),
            Interrupted::Projection(error) => warn!(chain, %error, "applying events failed; trying again"),
        }
        if progress.moved {
            backoff.worked();
        }
        let pause = if is_halted { jittered(HALTED_WAIT) } else { backoff.failed(LONGEST_WAIT) };
        stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// What sessions leave to each other.
#[derive(Debug, Default)]
struct Progress {
    /// Whether the last one took a step.
    moved: bool,
    /// Whether the next one is to start from the beginning of the log.
    anew: bool,
}

async fn session<S: Source, P: Projection>(
    source: &mut S,
    subscription: &Subscription,
    projection: &mut P,
    progress: &mut Progress,
) -> Interrupted<P::Error> {
    let cursor = match projection.cursor().await {
        Ok(cursor) if !progress.anew => cursor,
        Ok(_) => String::new(),
        Err(error) => return Interrupted::Projection(error),
    };
    let mut steps = match source.open(subscription, cursor).await {
        Ok(steps) => Ahead::of(steps),
        Err(status) => return Interrupted::Stream(status),
    };
    // Not before it is known that there is a beginning: what is derived could not be derived again.
    if progress.anew {
        if let Err(error) = projection.reset().await {
            return Interrupted::Projection(error);
        }
        progress.anew = false;
    }
    projection.halted(false);
    loop {
        let step = match tokio::time::timeout(SILENCE, steps.next()).await {
            Err(_) => return Interrupted::Silence,
            Ok(None) => return Interrupted::Stream(Status::unavailable("the stream ended")),
            Ok(Some(Err(status))) => return Interrupted::Stream(status),
            Ok(Some(Ok(step))) => step,
        };
        if let Err(error) = projection.take(step).await {
            return Interrupted::Projection(error);
        }
        progress.moved = true;
    }
}

/// Whether what was derived cannot be continued: the log is another one, or other events are wanted
/// than those that it was derived from.
#[must_use]
pub fn must_start_over(status: &Status) -> bool {
    const REASONS: [&str; 3] = ["CURSOR_INVALID", "CURSOR_FILTER_MISMATCH", "CURSOR_HISTORY_ADDED"];
    status.code() == Code::InvalidArgument && REASONS.contains(&reason(status).as_str())
}

/// Whether the log no longer has what was asked for.
fn is_pruned(status: &Status) -> bool {
    const REASONS: [&str; 2] = ["CURSOR_PRUNED", "BEGINNING_PRUNED"];
    status.code() == Code::FailedPrecondition && REASONS.contains(&reason(status).as_str())
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Whether trying again cannot help by itself.
fn is_refused(status: &Status) -> bool {
    status.code() == Code::FailedPrecondition
}

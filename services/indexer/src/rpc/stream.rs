//! `StreamEvents`: history and live by one loop over the store. A subscriber costs no memory but
//! the page that it is being sent: what it has not read yet stays in the log.

mod undo;

use std::{collections::BTreeMap, time::Duration};

use capstan_primitives::{BlockRef, ChainId, Finality};
use capstan_proto::{
    encoded::{Message, StreamEventsResponse},
    indexer::{EventBatch, Heartbeat, StreamEventsRequest, StreamSession},
};
use capstan_runtime::Tasks;
use futures::{StreamExt, future::select_all, stream::BoxStream};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use super::{convert, events::EventWriter, protobuf::Wire, request::StreamRequest};
use crate::{
    domain::{Coverage, Cursor, Event, LogPage, Position},
    error::Error,
    metrics,
    operations::{ChainView, EventLog},
};

/// A stream is never silent for longer than this, whatever else goes on meanwhile.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A batch ends before it is larger: gRPC's usual limit is 4 MiB.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// `capstan.indexer.v1.EventBatch.events`
const EVENTS: u32 = 2;

pub(super) type Messages = BoxStream<'static, Result<StreamEventsResponse, Status>>;

/// Checks the request and opens the stream.
pub(super) async fn open(
    log: EventLog,
    request: StreamEventsRequest,
    tasks: Tasks,
) -> Result<Messages, Error> {
    let request = StreamRequest::read(&log, request).await?;
    let watched = |id: &ChainId| log.view(*id);
    let views = request.chains.iter().filter_map(watched).collect();
    let cursor = request.cursor.clone();
    let writer = |id: &ChainId| (*id, EventWriter::new(*id, &request.payloads));
    let writers = request.chains.iter().map(writer).collect();
    let announced = BTreeMap::new();
    let told = Instant::now();
    let session = Session { log, request, cursor, views, writers, announced, next: None, told, tasks };
    Ok(session.messages())
}

struct Session {
    log: EventLog,
    request: StreamRequest,
    cursor: Cursor,
    views: Vec<watch::Receiver<ChainView>>,
    writers: BTreeMap<ChainId, EventWriter>,
    /// Indexed and finalized block of every chain as last told to the client.
    announced: BTreeMap<ChainId, (Option<BlockRef>, Option<BlockRef>)>,
    /// The page after the one that is being sent.
    next: Option<NextPage>,
    /// When the last message was made.
    told: Instant,
    tasks: Tasks,
}

/// A page that is read while the one before it is sent.
struct NextPage {
    chain_id: ChainId,
    at: Position,
    page: AbortOnDropHandle<Result<LogPage, Error>>,
}

impl Session {
    fn messages(mut self) -> Messages {
        let subscriber = Subscriber::begin();
        let stream = async_stream::try_stream! {
            yield self.opening();
            loop {
                let (mut more, mut ended) = (false, true);
                for chain_id in self.request.chains.clone() {
                    let page = self.read(chain_id).await?;
                    more |= !page.coverage.complete;
                    ended &= self.request.ends_at(&page);
                    if let Some(undo) = page.undo {
                        let mut undoing = self.undoing(chain_id, undo, page.progress.fork)?;
                        while let Some(message) = self.next_undo(&mut undoing).await? {
                            yield message;
                        }
                    }
                    for message in self.translate(chain_id, page) {
                        yield message;
                    }
                }
                if ended {
                    break;
                }
                if more {
                    continue;
                }
                match self.wait().await {
                    Wake::Block => {}
                    Wake::Idle => self.announced.clear(),
                    Wake::Stopping => break,
                }
            }
            drop(subscriber);
        };
        stream.boxed()
    }

    fn opening(&self) -> StreamEventsResponse {
        let chains = self.log.chains().filter(|(id, _)| self.request.chains.contains(id));
        let chains = chains.map(|(_, handle)| convert::chain_status(handle)).collect();
        message(Message::Session(StreamSession { chains, cursor: self.text() }))
    }

    fn text(&self) -> String {
        self.cursor.encode(&self.request.binding)
    }

    fn at(&self, chain_id: ChainId) -> Result<Position, Error> {
        self.cursor.chains.get(&chain_id).copied().ok_or(Error::UnknownChain(chain_id.0))
    }

    async fn read(&mut self, chain_id: ChainId) -> Result<LogPage, Error> {
        let at = self.at(chain_id)?;
        let next = self
            .next
            .take_if(|next| (next.chain_id, next.at.fork, next.at.place) == (chain_id, at.fork, at.place));
        let page = match next {
            Some(next) => next.page.await.map_err(|error| Error::Task(error.to_string()))??,
            None => self.log.read(chain_id, at, &self.request.filter, self.request.bounds).await?,
        };
        if !page.coverage.complete {
            let at = Position { fork: page.progress.fork, place: page.coverage.through, ..at };
            let (log, filter, bounds) = (self.log.clone(), self.request.filter.clone(), self.request.bounds);
            let page = self.tasks.part(async move { log.read(chain_id, at, &filter, bounds).await });
            self.next = Some(NextPage { chain_id, at, page });
        }
        Ok(page)
    }

    /// A page as messages: its events in batches, and a heartbeat when the page covers more than
    /// its events say.
    fn translate(&mut self, chain_id: ChainId, page: LogPage) -> Vec<StreamEventsResponse> {
        let LogPage { progress, safe, events, coverage, undo: _ } = page;
        let Coverage { block, through, block_complete, complete } = coverage;
        let finalized = progress.finalized;
        let final_number = finalized.map(|block| block.number);
        let finality = |event: &Event| Finality::of_safe(event.block.number, safe, final_number);
        let mut messages = Vec::new();
        let (mut batch, mut count) = (Wire::default(), 0);
        let mut events = events.iter().peekable();
        while let Some(event) = events.next() {
            let Some(writer) = self.writers.get_mut(&chain_id) else { break };
            writer.write(&mut batch, EVENTS, finality(event), event);
            count += 1;
            let next = events.peek();
            let is_full = count >= self.request.max_batch || batch.len() >= MAX_BATCH_BYTES;
            if next.is_some() && !is_full {
                continue;
            }
            let block_complete = next.map_or(block_complete, |next| next.block != event.block);
            let position = if next.is_none() { through } else { event.place };
            self.advance(chain_id, progress.fork, position, Some(event.block));
            batch.append(&EventBatch {
                chain_id: chain_id.0,
                events: Vec::new(), // they are there
                block: Some(convert::block(event.block)),
                block_complete,
                finalized: finalized.map(convert::block),
                cursor: self.text(),
            });
            let room = if next.is_some() { batch.len() } else { 0 };
            let batch = std::mem::replace(&mut batch, Wire::with_room(room));
            messages.push(message(Message::Events(batch.into_bytes().into())));
            count = 0;
        }
        self.advance(chain_id, progress.fork, through, block);
        let covered = (block, finalized);
        let is_news = complete && self.announced.insert(chain_id, covered) != Some(covered);
        let is_silent = messages.is_empty() && self.told.elapsed() >= HEARTBEAT;
        if is_news || is_silent {
            messages.push(message(Message::Heartbeat(Heartbeat {
                chain_id: chain_id.0,
                block: block.map(convert::block),
                finalized: finalized.map(convert::block),
                cursor: self.text(),
            })));
        }
        if !messages.is_empty() {
            self.told = Instant::now();
        }
        messages
    }

    fn advance(&mut self, chain_id: ChainId, fork: u64, place: u64, block: Option<BlockRef>) {
        if let Some(at) = self.cursor.chains.get_mut(&chain_id) {
            let of_place = block.filter(|block| block.number == crate::domain::place::number_of(place));
            let mark = of_place.map_or(0, |block| Position::mark_of(&block.hash));
            *at = Position { fork, place, mark, ..*at };
        }
    }

    async fn wait(&mut self) -> Wake {
        let stopping = self.tasks.stopping();
        let changes = self.views.iter_mut().map(|view| Box::pin(view.changed()));
        tokio::select! {
            () = stopping.cancelled() => Wake::Stopping,
            () = tokio::time::sleep_until(self.told + HEARTBEAT) => Wake::Idle,
            (changed, ..) = select_all(changes) => if changed.is_ok() { Wake::Block } else { Wake::Stopping },
        }
    }
}

enum Wake {
    Block,
    Idle,
    Stopping,
}

/// Counts a subscriber as long as it lives, however its stream ends.
struct Subscriber;

impl Subscriber {
    fn begin() -> Self {
        metrics::subscribers(1.0);
        Self
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        metrics::subscribers(-1.0);
    }
}

fn message(message: Message) -> StreamEventsResponse {
    StreamEventsResponse { message: Some(message) }
}

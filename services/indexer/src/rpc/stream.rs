//! `StreamEvents`: history and live by one loop over the store. A subscriber costs no memory: what
//! it has not read yet stays in the log.

use std::{collections::BTreeMap, time::Duration};

use capstan_primitives::{BlockRef, ChainId, Finality};
use capstan_proto::indexer::{
    EventBatch, Heartbeat, StreamEventsRequest, StreamEventsResponse, StreamSession, UndoSignal,
    stream_events_response::Message,
};
use futures::{StreamExt, future::select_all, stream::BoxStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::convert;
use crate::{
    domain::{Cursor, Entry, Event, EventFilter, LogPage, Undo},
    error::Error,
    metrics,
    operations::{ChainView, EventLog},
};

const HEARTBEAT: Duration = Duration::from_secs(10);
const DEFAULT_BATCH: u64 = 500;
const MAX_BATCH: u64 = 1_000;

type Messages = BoxStream<'static, Result<StreamEventsResponse, Status>>;

/// Checks the request and opens the stream.
pub(super) async fn open(
    log: EventLog,
    request: StreamEventsRequest,
    stopping: CancellationToken,
) -> Result<Messages, Error> {
    let chains = log.stream_chains(&request.chain_ids)?;
    let filter = convert::stream_filter(request.filter)?;
    let binding = format!("StreamEvents {:?} {}", request.chain_ids, filter.binding());
    let cursor = match request.cursor.as_str() {
        "" => Cursor::default(),
        text => Cursor::decode(text, &binding).map_err(Error::Cursor)?,
    };
    let cursor = log.resume(&chains, cursor).await?;
    let limit = match u64::from(request.max_batch_events) {
        0 => DEFAULT_BATCH,
        events => events.min(MAX_BATCH),
    };
    let watched =
        |id: &ChainId| log.chains().find(|(chain, _)| chain == id).map(|(_, handle)| handle.view.clone());
    let views = chains.iter().filter_map(watched).collect();
    Ok(Session { log, chains, filter, binding, cursor, limit, views, announced: BTreeMap::new(), stopping }
        .messages())
}

struct Session {
    log: EventLog,
    chains: Vec<ChainId>,
    filter: EventFilter,
    binding: String,
    cursor: Cursor,
    limit: u64,
    views: Vec<watch::Receiver<ChainView>>,
    /// Indexed and finalized block of every chain as last told to the client.
    announced: BTreeMap<ChainId, (Option<BlockRef>, Option<BlockRef>)>,
    stopping: CancellationToken,
}

impl Session {
    fn messages(mut self) -> Messages {
        let subscriber = Subscriber::begin();
        let stream = async_stream::try_stream! {
            yield self.opening();
            loop {
                let mut more = false;
                for chain_id in self.chains.clone() {
                    let page = self.read(chain_id).await?;
                    more |= !page.coverage.complete;
                    for message in self.translate(chain_id, page) {
                        yield message;
                    }
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
        let chains = self.log.chains().filter(|(id, _)| self.chains.contains(id));
        let chains = chains.map(|(_, handle)| convert::chain_status(handle)).collect();
        message(Message::Session(StreamSession { chains, cursor: self.cursor.encode(&self.binding) }))
    }

    async fn read(&self, chain_id: ChainId) -> Result<LogPage, Error> {
        let at = self.cursor.chains.get(&chain_id).copied().ok_or(Error::UnknownChain(chain_id.0))?;
        self.log.read(chain_id, at, &self.filter, self.limit).await
    }

    /// A page as messages: runs of events, undos between them, and a heartbeat when the page covers
    /// more than its events say.
    fn translate(&mut self, chain_id: ChainId, page: LogPage) -> Vec<StreamEventsResponse> {
        let finalized = page.progress.finalized;
        let mut messages = Vec::new();
        let mut run: Vec<Event> = Vec::new();
        for entry in page.entries {
            match entry {
                Entry::Event(event) => run.push(*event),
                Entry::Undo(undo) => {
                    messages.extend(self.batch(chain_id, std::mem::take(&mut run), finalized));
                    messages.push(self.undo(chain_id, undo));
                }
            }
        }
        messages.extend(self.batch(chain_id, run, finalized));
        self.advance(chain_id, page.coverage.through);
        let covered = (page.coverage.block, finalized);
        if page.coverage.complete && self.announced.insert(chain_id, covered) != Some(covered) {
            messages.push(message(Message::Heartbeat(Heartbeat {
                chain_id: chain_id.0,
                block: page.coverage.block.map(convert::block),
                finalized: finalized.map(convert::block),
                cursor: self.cursor.encode(&self.binding),
            })));
        }
        messages
    }

    fn batch(
        &mut self,
        chain_id: ChainId,
        events: Vec<Event>,
        finalized: Option<BlockRef>,
    ) -> Option<StreamEventsResponse> {
        let last = events.last()?;
        let (block, position) = (last.event.block, last.position);
        self.advance(chain_id, position);
        let finality = |number| Finality::of(number, finalized.map(|block| block.number));
        let events = events
            .into_iter()
            .map(|event| convert::event(chain_id, finality(event.event.block.number), event))
            .collect();
        Some(message(Message::Events(EventBatch {
            chain_id: chain_id.0,
            events,
            block: Some(convert::block(block)),
            block_complete: true,
            finalized: finalized.map(convert::block),
            cursor: self.cursor.encode(&self.binding),
        })))
    }

    fn undo(&mut self, chain_id: ChainId, undo: Undo) -> StreamEventsResponse {
        self.advance(chain_id, undo.position);
        message(Message::Undo(UndoSignal {
            chain_id: chain_id.0,
            last_valid_block: Some(convert::block(undo.last_valid)),
            depth: undo.depth,
            cursor: self.cursor.encode(&self.binding),
        }))
    }

    fn advance(&mut self, chain_id: ChainId, position: u64) {
        if let Some(at) = self.cursor.chains.get_mut(&chain_id) {
            at.position = at.position.max(position);
        }
    }

    async fn wait(&mut self) -> Wake {
        let changes = self.views.iter_mut().map(|view| Box::pin(view.changed()));
        tokio::select! {
            () = self.stopping.cancelled() => Wake::Stopping,
            () = tokio::time::sleep(HEARTBEAT) => Wake::Idle,
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

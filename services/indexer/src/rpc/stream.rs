//! `StreamEvents`: history and live by one loop over the store. A subscriber costs no memory but
//! the page that it is being sent: what it has not read yet stays in the log.

mod batches;
mod news;
mod pulse;
mod undo;

use std::collections::BTreeMap;

use capstan_primitives::{BlockRef, ChainId};
use capstan_proto::{
    encoded::{Message, StreamEventsResponse},
    indexer::{Heartbeat, StreamEventsRequest, StreamSession},
};
use capstan_runtime::Tasks;
use futures::{StreamExt, stream::BoxStream};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use self::{news::News, pulse::Pulse};
use super::{convert, events::EventWriter, request::StreamRequest};
use crate::{
    domain::{Cursor, LogPage, Position, place},
    error::Error,
    metrics::{self, SubscriberMode},
    operations::EventLog,
};

pub(super) type Messages = BoxStream<'static, Result<StreamEventsResponse, Status>>;

/// Checks the request and opens the stream.
pub(super) async fn open(
    log: EventLog,
    request: StreamEventsRequest,
    tasks: Tasks,
) -> Result<Messages, Error> {
    let request = StreamRequest::read(&log, request).await?;
    let views = request.chains.iter().filter_map(|id| log.view(*id)).collect();
    let news = News::of(views, request.bounds.finality);
    let cursor = request.cursor.clone();
    let writer = |id: &ChainId| (*id, EventWriter::new(*id, &request.payloads));
    let writers = request.chains.iter().map(writer).collect();
    let (announced, unfinished, next) = (BTreeMap::new(), BTreeMap::new(), None);
    let pulse = Pulse::begin();
    let session = Session { log, request, cursor, news, writers, announced, unfinished, next, pulse, tasks };
    Ok(session.messages())
}

struct Session {
    log: EventLog,
    request: StreamRequest,
    cursor: Cursor,
    news: News,
    writers: BTreeMap<ChainId, EventWriter>,
    /// Indexed and finalized block of every chain as last told to the client.
    announced: BTreeMap<ChainId, (Option<BlockRef>, Option<BlockRef>)>,
    /// Blocks of which the client has a part.
    unfinished: BTreeMap<ChainId, u64>,
    /// A page that is being read, or the one after that which is being sent.
    next: Option<NextPage>,
    pulse: Pulse,
    tasks: Tasks,
}

/// A page that is read while the client does something else.
struct NextPage {
    chain_id: ChainId,
    at: Position,
    page: AbortOnDropHandle<Result<LogPage, Error>>,
}

impl Session {
    fn messages(mut self) -> Messages {
        let mut subscriber = Subscriber::begin();
        let stream = async_stream::try_stream! {
            yield self.opening();
            loop {
                let (mut more, mut ended) = (false, true);
                self.news.note();
                for chain_id in self.request.chains.clone() {
                    let page = loop {
                        match self.read(chain_id).await? {
                            Read::Page(page) => break page,
                            Read::NotYet(sign) => yield sign,
                        }
                    };
                    more |= !page.coverage.complete;
                    ended &= self.request.ends_at(&page);
                    if let Some(undo) = page.undo {
                        let mut undoing = self.undoing(chain_id, undo, page.progress.fork)?;
                        while let Some(message) = self.next_undo(&mut undoing).await? {
                            yield message;
                            self.pulse.beat();
                        }
                    }
                    for message in self.translate(chain_id, &page) {
                        yield message;
                        self.pulse.beat();
                    }
                }
                if ended {
                    break;
                }
                subscriber.is_level(!more);
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

    /// The next page of a chain; when that takes long, a sign of life before it.
    async fn read(&mut self, chain_id: ChainId) -> Result<Read, Error> {
        let at = self.at(chain_id)?;
        let is_it =
            |next: &NextPage| (next.chain_id, next.at.fork, next.at.place) == (chain_id, at.fork, at.place);
        let mut next = match self.next.take().filter(is_it) {
            Some(next) => next,
            None => self.ask(chain_id, at),
        };
        let page = loop {
            tokio::select! {
                biased;
                () = self.pulse.due() => self.pulse.beat(),
                page = &mut next.page => break page.map_err(|error| Error::Task(error.to_string()))??,
            }
            if let Some(sign) = self.sign_of_life(chain_id) {
                self.next = Some(next);
                return Ok(Read::NotYet(sign));
            }
        };
        if !page.coverage.complete {
            let at = Position { fork: page.progress.fork, place: page.coverage.through, ..at };
            self.next = Some(self.ask(chain_id, at));
        }
        Ok(Read::Page(Box::new(page)))
    }

    fn ask(&self, chain_id: ChainId, at: Position) -> NextPage {
        let (log, filter, bounds) = (self.log.clone(), self.request.filter.clone(), self.request.bounds);
        let page = self.tasks.part(async move { log.read(chain_id, at, &filter, bounds).await });
        NextPage { chain_id, at, page }
    }

    /// A page as messages: its events in batches, and a heartbeat when the page covers more than
    /// its events say.
    fn translate(&mut self, chain_id: ChainId, page: &LogPage) -> Vec<StreamEventsResponse> {
        let Some(mut writer) = self.writers.remove(&chain_id) else { return Vec::new() };
        let mut messages = self.batches(page, &mut writer);
        self.writers.insert(chain_id, writer);
        let (coverage, finalized) = (page.coverage, page.progress.finalized);
        self.advance(chain_id, page.progress.fork, coverage.through, coverage.block);
        let covered = (coverage.block, finalized);
        if coverage.complete && self.announced.insert(chain_id, covered) != Some(covered) {
            self.told(chain_id, None);
            messages.push(self.heartbeat(chain_id, coverage.block, finalized));
        }
        messages
    }

    /// Says how far a chain was looked through although nothing of it matched. Not within a block of which
    /// the client has a part: it would take that for all of it.
    fn sign_of_life(&self, chain_id: ChainId) -> Option<StreamEventsResponse> {
        let at = self.cursor.chains.get(&chain_id)?;
        let number = place::number_of(at.place);
        let is_between = self.unfinished.get(&chain_id).is_none_or(|unfinished| *unfinished < number);
        let (_, finalized) = self.announced.get(&chain_id).copied().unwrap_or_default();
        is_between.then(|| self.heartbeat(chain_id, None, finalized))
    }

    fn heartbeat(
        &self,
        chain_id: ChainId,
        block: Option<BlockRef>,
        finalized: Option<BlockRef>,
    ) -> StreamEventsResponse {
        message(Message::Heartbeat(Heartbeat {
            chain_id: chain_id.0,
            block: block.map(convert::block),
            finalized: finalized.map(convert::block),
            cursor: self.text(),
        }))
    }

    /// Notes of which block the client has a part only, if of any.
    fn told(&mut self, chain_id: ChainId, unfinished: Option<u64>) {
        match unfinished {
            Some(number) => self.unfinished.insert(chain_id, number),
            None => self.unfinished.remove(&chain_id),
        };
    }

    fn advance(&mut self, chain_id: ChainId, fork: u64, through: u64, block: Option<BlockRef>) {
        if let Some(at) = self.cursor.chains.get_mut(&chain_id) {
            let of_place = block.filter(|block| block.number == place::number_of(through));
            let mark = of_place.map_or(0, |block| Position::mark_of(&block.hash));
            *at = Position { fork, place: through, mark, ..*at };
        }
    }

    async fn wait(&mut self) -> Wake {
        let stopping = self.tasks.stopping();
        tokio::select! {
            biased;
            () = stopping.cancelled() => Wake::Stopping,
            () = self.pulse.due() => Wake::Idle,
            is_alive = self.news.wait() => if is_alive { Wake::Block } else { Wake::Stopping },
        }
    }
}

/// What came of waiting for a page.
enum Read {
    Page(Box<LogPage>),
    /// A message for who waits, too.
    NotYet(StreamEventsResponse),
}

enum Wake {
    Block,
    Idle,
    Stopping,
}

/// Counts a subscriber as long as it lives, however its stream ends.
struct Subscriber(SubscriberMode);

impl Subscriber {
    fn begin() -> Self {
        metrics::subscribers(SubscriberMode::Replay, 1.0);
        Self(SubscriberMode::Replay)
    }

    /// Whether it has all that there is for now.
    fn is_level(&mut self, is_level: bool) {
        let mode = if is_level { SubscriberMode::Live } else { SubscriberMode::Replay };
        if self.0 != mode {
            metrics::subscribers(self.0, -1.0);
            metrics::subscribers(mode, 1.0);
            self.0 = mode;
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        metrics::subscribers(self.0, -1.0);
    }
}

fn message(message: Message) -> StreamEventsResponse {
    StreamEventsResponse { message: Some(message) }
}

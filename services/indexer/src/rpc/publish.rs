//! The log of one chain as records of a Kafka topic: what `StreamEvents` says, said to a broker.

use capstan_kafka::{Body, Found, Log, Place, Producer, Record};
use capstan_primitives::{ChainId, Clock};
use capstan_proto::{
    encoded,
    indexer::{
        Event, EventBatch, Heartbeat, Payload, StreamEventsRequest, UndoSignal, stream_events_request::Start,
        stream_events_response::Message,
    },
};
use capstan_runtime::{Tasks, events::Kafka, failpoint};
use futures::StreamExt;
use tonic::Status;

use super::{
    convert, events,
    stream::{self, Messages},
};
use crate::{
    domain::{Cursor, Position, Undo, place},
    error::Error,
    metrics,
    operations::{EventLog, Publication, Published},
};

/// Most events of one batch; the next one waits until the broker has it.
const BATCH: u32 = 1_000;
/// While history is published, how far it has come is stored after so many batches.
const STORE_EVERY: u32 = 20;

/// Publishes the log of one chain.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    pub(crate) log: EventLog,
    pub(crate) kafka: Kafka,
    pub(crate) chain_id: ChainId,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
}

impl Publisher {
    /// Publishes what the broker does not have yet, and goes on as the log does, as long as `writer` is
    /// the number of the process that writes it. Gives the failure that ended it.
    pub(crate) async fn publish(self, writer: u64) -> Error {
        match self.session(writer).await {
            Ok(()) => Error::Publishing("the log ended".to_owned()),
            Err(error) => error,
        }
    }

    async fn session(self, writer: u64) -> Result<(), Error> {
        let producer = Producer::connect(&self.kafka, self.chain_id.0).await?;
        let topic = self.kafka.topic.name();
        let place = format!("{topic}/{}", producer.partition());
        let publication = Publication { place, chain_id: self.chain_id, writer };
        let published = self.log.published(&publication).await?;
        let published = self.still_there(&producer, published).await?;
        let (published, mut messages, from) = self.resume(published).await?;
        let Some(Message::Session(session)) = next(&mut messages).await? else { return Ok(()) };
        let position = self.position(&session.cursor)?;
        let history = published.as_ref().map_or(position.history, |published| published.history);
        let mut scribe = Scribe { log: Log { id: position.log_id, history }, at: at(position) };
        let mut published = match published {
            Some(published) => published,
            None => {
                let begun = producer.send(&[scribe.begin(self.chain_id, from)]).await?;
                let unknown = || Error::Publishing("the broker does not say where it began".to_owned());
                let begun = begun.ok_or_else(unknown)?;
                let published = Published { history, begun, last: begun, cursor: session.cursor };
                // What another topic had is nothing that may be let go before this one has it.
                self.store(&publication, &published).await?;
                published
            }
        };
        let mut batches = 0_u32;
        loop {
            let Some(message) = next(&mut messages).await? else { continue };
            let idle = matches!(message, Message::Heartbeat(_));
            let (records, end) = self.records(&mut scribe, message).await?;
            failpoint("kafka.send");
            let last = producer.send(&records).await?;
            failpoint("kafka.sent");
            let (Some(end), Some(last)) = (end, last) else { continue };
            if last <= published.last {
                return Err(Error::Publishing("the topic was made anew".to_owned()));
            }
            (published.last, published.cursor) = (last, end);
            batches = batches.saturating_add(1);
            metrics::published(self.chain_id, records.len(), place::number_of(scribe.at.position));
            if idle || batches >= STORE_EVERY {
                self.store(&publication, &published).await?;
                batches = 0;
                failpoint("kafka.stored");
            }
        }
    }

    async fn store(&self, publication: &Publication, published: &Published) -> Result<(), Error> {
        let now = self.clock.now().timestamp_millis();
        self.log.published_through(publication, published, now).await
    }

    /// What was published, if the topic still has it: one that was made anew does not, whoever else
    /// publishes into the same partition. A topic that lets go old records still has the newest one.
    async fn still_there(
        &self,
        producer: &Producer,
        published: Option<Published>,
    ) -> Result<Option<Published>, Error> {
        let Some(published) = published else { return Ok(None) };
        let Ok(through) = self.position(&published.cursor) else { return Ok(None) };
        let log = Log { id: through.log_id, history: published.history };
        let begun = match producer.look(published.begun).await? {
            Found::Record(record) => {
                record.log == log && matches!(record.body, Body::Begin(_) | Body::BeginFrom(..))
            }
            Found::Forgotten => true,
            Found::Other => false,
        };
        let last = match producer.look(published.last).await? {
            Found::Record(record) => record.log == log && record.through == at(through),
            Found::Forgotten | Found::Other => false,
        };
        Ok(Some(published).filter(|_| begun && last))
    }

    /// The log after what the broker has; all of it when that is not to be continued, and then the first
    /// block of it unless that is the log's own.
    async fn resume(
        &self,
        published: Option<Published>,
    ) -> Result<(Option<Published>, Messages, Option<u64>), Error> {
        if let Some(published) = published {
            match self.open(published.cursor.clone(), None).await {
                Ok(messages) => return Ok((Some(published), messages, None)),
                Err(error) if error.starts_over() || matches!(error, Error::CursorPruned { .. }) => {
                    metrics::publishing_anew(self.chain_id, &error);
                }
                Err(error) => return Err(error),
            }
        }
        match self.open(String::new(), None).await {
            Err(Error::CursorPruned { earliest, .. }) => {
                metrics::publishing_rest(self.chain_id, earliest);
                let start = Some(Start::FromBlock(earliest));
                Ok((None, self.open(String::new(), start).await?, Some(earliest)))
            }
            messages => Ok((None, messages?, None)),
        }
    }

    async fn open(&self, cursor: String, start: Option<Start>) -> Result<Messages, Error> {
        let payloads = [Payload::Arguments, Payload::Canonical, Payload::Raw].map(i32::from).to_vec();
        let request = StreamEventsRequest {
            chain_ids: vec![self.chain_id.0],
            cursor,
            start,
            max_batch_events: BATCH,
            payloads,
            ..StreamEventsRequest::default()
        };
        stream::open(self.log.clone(), request, self.tasks.clone()).await
    }

    /// A message as records; with the cursor after it when a publication may go on from there.
    async fn records(
        &self,
        scribe: &mut Scribe,
        message: Message,
    ) -> Result<(Vec<Record>, Option<String>), Error> {
        let cursor = match &message {
            Message::Events(batch) => batch.cursor.clone(),
            Message::Heartbeat(marker) => marker.cursor.clone(),
            Message::Undo(undo) => undo.cursor.clone(),
            Message::Session(_) => return Ok((Vec::new(), None)),
        };
        let position = self.position(&cursor)?;
        let mut records = self.undos(scribe, position.fork).await?;
        let marker = match message {
            Message::Events(batch) => {
                let EventBatch { chain_id, events, block, block_complete, finalized, cursor } = batch;
                records.extend(events.into_iter().map(|event| scribe.event(event)));
                block_complete.then_some(Heartbeat { chain_id, block, finalized, cursor })
            }
            Message::Heartbeat(marker) => Some(marker),
            Message::Undo(_) | Message::Session(_) => None,
        };
        let Some(marker) = marker else { return Ok((records, None)) };
        records.push(scribe.block(marker, position));
        Ok((records, Some(cursor)))
    }

    /// What was taken back on the way to `fork`. A stream tells of it only when it had told of what is
    /// void, and of several reorgs at once; the topic may have more than this publication goes on from.
    async fn undos(&self, scribe: &mut Scribe, fork: u64) -> Result<Vec<Record>, Error> {
        if scribe.at.fork == fork {
            return Ok(Vec::new());
        }
        let reorgs = self.log.reorgs(self.chain_id, scribe.at.fork, fork).await?;
        Ok(reorgs.into_iter().map(|undo| scribe.undo(self.chain_id, undo)).collect())
    }

    fn position(&self, cursor: &str) -> Result<Position, Error> {
        let cursor = Cursor::decode_any(cursor).map_err(Error::Cursor)?;
        cursor.chains.get(&self.chain_id).copied().ok_or(Error::UnknownChain(self.chain_id.0))
    }
}

async fn next(messages: &mut Messages) -> Result<Option<Message>, Error> {
    let ended = || Status::unavailable("the log ended");
    let message = messages.next().await.unwrap_or_else(|| Err(ended()));
    let message = message.map_err(|status| Error::Publishing(status.message().to_owned()))?.message;
    message.map(read).transpose()
}

fn read(message: encoded::Message) -> Result<Message, Error> {
    Ok(match message {
        encoded::Message::Session(session) => Message::Session(session),
        encoded::Message::Events(batch) => Message::Events(events::read(batch)?),
        encoded::Message::Undo(undo) => Message::Undo(undo),
        encoded::Message::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat),
    })
}

/// Writes records that follow each other.
struct Scribe {
    log: Log,
    /// What has been said.
    at: Place,
}

impl Scribe {
    fn begin(&self, chain_id: ChainId, from: Option<u64>) -> Record {
        let start = Heartbeat { chain_id: chain_id.0, ..Heartbeat::default() };
        let body = match from {
            Some(block) => Body::BeginFrom(start, block),
            None => Body::Begin(start),
        };
        Record { log: self.log, after: self.at, through: self.at, body }
    }

    fn event(&mut self, event: Event) -> Record {
        let through = Place { position: event.position, ..self.at };
        self.record(through, Body::Event(event))
    }

    fn block(&mut self, marker: Heartbeat, position: Position) -> Record {
        self.record(at(position), Body::Block(marker))
    }

    fn undo(&mut self, chain_id: ChainId, undo: Undo) -> Record {
        let Undo { fork, last_valid, depth } = undo;
        let signal = UndoSignal {
            chain_id: chain_id.0,
            last_valid_block: Some(convert::block(last_valid)),
            depth,
            ..UndoSignal::default()
        };
        let read = self.at.position;
        let through = Place { fork, position: place::end_of(last_valid.number) };
        let record = self.record(through, Body::Undo(signal));
        self.at.position = read.min(through.position);
        record
    }

    fn record(&mut self, through: Place, body: Body) -> Record {
        let after = std::mem::replace(&mut self.at, through);
        Record { log: self.log, after, through, body }
    }
}

const fn at(position: Position) -> Place {
    Place { fork: position.fork, position: position.place }
}

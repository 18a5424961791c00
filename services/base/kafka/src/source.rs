//! Reading the log back: the shared follower's steps out of the records of a topic.

use std::sync::{Arc, Mutex, PoisonError};

use capstan_primitives::PageTokenError;
use capstan_runtime::{
    StartError,
    events::{Kafka, Topic},
    follow::{Source, Steps, Subscription},
    status::Failure,
};
use futures::StreamExt;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, StreamConsumer},
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    client::{self, Quiet},
    error::Error,
    reader::{Reader, Refused},
    record::Record,
};

const DOMAIN: &str = "kafka.capstan";

/// The log of a chain as a topic has it. One follows one subscription.
#[derive(Debug)]
pub struct KafkaSource {
    kafka: Kafka,
    /// Where the newest publication of the log begins, when it is known.
    beginning: Arc<Mutex<Option<i64>>>,
}

/// The source that a service is configured to read.
#[derive(Debug)]
pub enum EventSource {
    /// The indexer.
    Indexer(Channel),
    /// The topic.
    Kafka(KafkaSource),
}

impl EventSource {
    /// The topic, when it is configured and to be read; otherwise the `indexer`.
    ///
    /// # Errors
    /// When the section, or the indexer's address, is wrong.
    pub fn choose(
        kafka: Option<&Kafka>,
        indexer: impl FnOnce() -> Result<Channel, StartError>,
    ) -> Result<Self, StartError> {
        let Some(kafka) = kafka.filter(|kafka| kafka.read) else { return indexer().map(Self::Indexer) };
        client::check(kafka)?;
        Ok(Self::Kafka(KafkaSource::new(kafka.clone())))
    }

    /// The same source for one more subscription.
    #[must_use]
    pub fn another(&self) -> Self {
        match self {
            Self::Indexer(channel) => Self::Indexer(channel.clone()),
            Self::Kafka(source) => Self::Kafka(KafkaSource::new(source.kafka.clone())),
        }
    }
}

impl Source for EventSource {
    async fn open(&mut self, subscription: &Subscription, cursor: String) -> Result<Steps, Status> {
        match self {
            Self::Indexer(channel) => channel.open(subscription, cursor).await,
            Self::Kafka(source) => source.open(subscription, cursor).await,
        }
    }
}

impl KafkaSource {
    /// Reads the configured topic.
    #[must_use]
    pub fn new(kafka: Kafka) -> Self {
        Self { kafka, beginning: Arc::default() }
    }
}

impl Source for KafkaSource {
    async fn open(&mut self, subscription: &Subscription, cursor: String) -> Result<Steps, Status> {
        if !subscription.filter.arguments.is_empty() {
            return Err(Status::failed_precondition("a topic cannot be narrowed by arguments of events"));
        }
        let topic = self.kafka.topic.clone();
        let mut reader = Reader::open(topic.name(), subscription, &cursor).map_err(|error| other(&error))?;
        let found = Found::look(&self.kafka, subscription.chain_id).await.map_err(|error| away(&error))?;
        let known = self.beginning.lock().unwrap_or_else(PoisonError::into_inner).take();
        let first = found.first(&reader, &topic, known)?;
        let (partition, key) = (found.partition, subscription.chain_id.to_string());
        let consumer = consume(&self.kafka, partition, first).map_err(|error| away(&error))?;
        let beginning = Arc::clone(&self.beginning);
        let steps = async_stream::try_stream! {
            loop {
                let message = consumer.recv().await.map_err(|error| away(&error.into()))?;
                if message.key() != Some(key.as_bytes()) {
                    continue;
                }
                let offset = message.offset();
                let record = read(&topic, &message).map_err(|error| away(&error))?;
                let taken = reader.take(partition, offset, record);
                if let Err(Refused::Anew(offset)) = taken {
                    *beginning.lock().unwrap_or_else(PoisonError::into_inner) = Some(offset);
                }
                for step in taken.map_err(|refused| status(refused, &topic))? {
                    yield step;
                }
            }
        };
        Ok(steps.boxed())
    }
}

/// The partition of a chain, with the offsets of its first record and of its next one.
struct Found {
    partition: i32,
    low: i64,
    high: i64,
}

impl Found {
    async fn look(kafka: &Kafka, chain_id: u64) -> Result<Self, Error> {
        let (config, topic) = (client::consumer(kafka), kafka.topic.clone());
        let looking = client::waiting(move || {
            let consumer: BaseConsumer<Quiet> = config.create_with_context(Quiet)?;
            let partition = client::partition(consumer.client(), &topic, chain_id)?;
            let (low, high) = client::ends(consumer.client(), &topic, partition)?;
            Ok(Self { partition, low, high })
        });
        looking.await
    }

    /// Where to read from: the record that the cursor names, or the beginning of the log.
    fn first(&self, reader: &Reader, topic: &Topic, known: Option<i64>) -> Result<i64, Status> {
        let is_there = |offset: &i64| (self.low..self.high).contains(offset);
        match reader.at() {
            None => Ok(known.filter(is_there).unwrap_or(self.low)),
            Some(at) if at.partition != self.partition || at.offset >= self.high => {
                Err(status(Refused::OtherTopic, topic))
            }
            Some(at) if at.offset < self.low => Err(pruned(topic, at.offset, self.low)),
            Some(at) => Ok(at.offset),
        }
    }
}

fn consume(kafka: &Kafka, partition: i32, first: i64) -> Result<StreamConsumer<Quiet>, Error> {
    let consumer: StreamConsumer<Quiet> = client::consumer(kafka).create_with_context(Quiet)?;
    let mut assigned = TopicPartitionList::new();
    assigned.add_partition_offset(kafka.topic.name(), partition, Offset::Offset(first))?;
    consumer.assign(&assigned)?;
    Ok(consumer)
}

fn read(topic: &Topic, message: &impl Message) -> Result<Record, Error> {
    let malformed =
        |reason| Error::Malformed { topic: topic.name().to_owned(), offset: message.offset(), reason };
    Record::read(message).map_err(malformed)
}

fn away(error: &Error) -> Status {
    let (code, reason) = match error {
        Error::NoTopic(_) => (Code::FailedPrecondition, "TOPIC_UNKNOWN"),
        Error::Malformed { .. } => (Code::FailedPrecondition, "RECORD_MALFORMED"),
        Error::Broker(_) | Error::Task(_) => (Code::Unavailable, "BROKER_UNAVAILABLE"),
    };
    Failure::new(code, reason, error.to_string()).into_status(DOMAIN)
}

fn other(error: &PageTokenError) -> Status {
    let reason = match error {
        PageTokenError::OtherRequest => "CURSOR_FILTER_MISMATCH",
        PageTokenError::Malformed => "CURSOR_INVALID",
    };
    Failure::invalid_field("cursor", error).with_reason(reason).into_status(DOMAIN)
}

fn status(refused: Refused, topic: &Topic) -> Status {
    let topic = topic.name();
    match refused {
        Refused::OtherTopic => Failure::invalid_field(
            "cursor",
            format!("of another topic than {topic:?} is now; starting from its beginning"),
        )
        .with_reason("CURSOR_INVALID")
        .into_status(DOMAIN),
        Refused::Anew(offset) => Failure::invalid_field(
            "cursor",
            format!("of a log that topic {topic:?} carries anew from offset {offset} on"),
        )
        .with_reason("CURSOR_HISTORY_ADDED")
        .into_status(DOMAIN),
        Refused::BeginsWith(block) => {
            let message = format!(
                "topic {topic:?} carries the log only from block {block} on: the indexer no longer keeps what came \
                 before, and what is derived from it cannot be derived again. Have the chain indexed again with more \
                 retention, and published into a new topic"
            );
            Failure::new(Code::FailedPrecondition, "BEGINNING_PRUNED", message)
                .with_metadata("earliest", block)
                .into_status(DOMAIN)
        }
        Refused::BeginningMissing => {
            let message = format!(
                "topic {topic:?} no longer holds the beginning of the log; set its retention.ms to -1 and publish \
                 the log into a new topic, or read from the indexer with [events.kafka] read = false"
            );
            Failure::new(Code::FailedPrecondition, "BEGINNING_PRUNED", message).into_status(DOMAIN)
        }
    }
}

fn pruned(topic: &Topic, offset: i64, low: i64) -> Status {
    let topic = topic.name();
    let message = format!(
        "topic {topic:?} no longer holds offset {offset}, only those from {low} on; set its retention.ms to -1 \
         and publish the log into a new topic, or read from the indexer with [events.kafka] read = false"
    );
    Failure::new(Code::FailedPrecondition, "CURSOR_PRUNED", message).into_status(DOMAIN)
}

#[cfg(test)]
mod tests;

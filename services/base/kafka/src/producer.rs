//! Publishing records, in order and without repeating one.

use capstan_runtime::events::Kafka;
use futures::future::try_join_all;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureProducer, FutureRecord, Producer as _},
};

use crate::{
    client::{self, Quiet},
    error::Error,
    record::Record,
};

/// Publishes the log of one chain into its partition.
pub struct Producer {
    inner: FutureProducer<Quiet>,
    kafka: Kafka,
    chain_id: u64,
    partition: i32,
}

/// What a partition has at an offset.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A record of the chain.
    Record(Box<Record>),
    /// It let go what was there.
    Forgotten,
    /// Something else, or nothing.
    Other,
}

impl Producer {
    /// Connects, and finds the partition of `chain_id`.
    ///
    /// # Errors
    /// When the broker does not answer, or has no such topic.
    pub async fn connect(kafka: &Kafka, chain_id: u64) -> Result<Self, Error> {
        let inner: FutureProducer<Quiet> = client::producer(kafka).create_with_context(Quiet)?;
        let (topic, asked) = (kafka.topic.clone(), inner.clone());
        let partition = client::waiting(move || client::partition(asked.client(), &topic, chain_id));
        let partition = partition.await?;
        Ok(Self { inner, kafka: kafka.clone(), chain_id, partition })
    }

    /// The partition that it publishes into.
    #[must_use]
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// What the partition has at an offset.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn look(&self, offset: i64) -> Result<Found, Error> {
        let (kafka, partition, chain_id) = (self.kafka.clone(), self.partition, self.chain_id);
        client::waiting(move || look(&kafka, partition, chain_id, offset)).await
    }

    /// Publishes records in their order, and returns when the broker has all of them, with the offset of the
    /// last one if it says. After a failure it has any of them: they must all be published again, by another
    /// producer.
    ///
    /// # Errors
    /// When the broker refuses one, or does not take it in time.
    pub async fn send(&self, records: &[Record]) -> Result<Option<i64>, Error> {
        let mut acknowledged = Vec::with_capacity(records.len());
        for record in records {
            let (key, value) = (record.chain_id().to_string(), record.value());
            let message = FutureRecord::to(self.kafka.topic.name())
                .partition(self.partition)
                .key(&key)
                .payload(&value)
                .headers(record.headers());
            acknowledged.push(self.inner.send_result(message).map_err(|(error, _)| error)?);
        }
        let acknowledged = acknowledged.into_iter().map(|delivery| async {
            let delivered = delivery.await.map_err(|_| KafkaError::Canceled)?;
            delivered.map_err(|(error, _)| error)
        });
        let acknowledged = try_join_all(acknowledged).await?;
        // Of a record that it had already it may not say where.
        Ok(acknowledged.last().map(|last| last.offset).filter(|offset| *offset >= 0))
    }
}

fn look(kafka: &Kafka, partition: i32, chain_id: u64, offset: i64) -> Result<Found, Error> {
    let consumer: BaseConsumer<Quiet> = client::consumer(kafka).create_with_context(Quiet)?;
    let (low, high) = client::ends(consumer.client(), &kafka.topic, partition)?;
    if offset < low {
        return Ok(Found::Forgotten);
    }
    if offset >= high {
        return Ok(Found::Other);
    }
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(kafka.topic.name(), partition, Offset::Offset(offset))?;
    consumer.assign(&place)?;
    let silent = || Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
    let message = consumer.poll(client::PATIENCE).unwrap_or_else(silent)?;
    if message.offset() != offset {
        return Ok(Found::Other);
    }
    let record = Record::read(&message).ok().filter(|record| record.chain_id() == chain_id);
    Ok(record.map_or(Found::Other, |record| Found::Record(Box::new(record))))
}

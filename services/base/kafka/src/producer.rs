//! Publishing records, in order and without repeating one.

use capstan_runtime::events::{Kafka, Topic};
use futures::future::try_join_all;
use rdkafka::{
    error::KafkaError,
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
    topic: Topic,
    partition: i32,
    is_new: bool,
}

impl Producer {
    /// Connects, and finds the partition of `chain_id`.
    ///
    /// # Errors
    /// When the broker does not answer, or has no such topic.
    pub async fn connect(kafka: &Kafka, chain_id: u64) -> Result<Self, Error> {
        let inner: FutureProducer<Quiet> = client::producer(kafka).create_with_context(Quiet)?;
        let (topic, asked) = (kafka.topic.clone(), inner.clone());
        let partition = client::waiting({
            let topic = topic.clone();
            move || {
                let partition = client::partition(asked.client(), &topic, chain_id)?;
                let (_, next) = client::ends(asked.client(), &topic, partition)?;
                Ok((partition, next == 0))
            }
        });
        let (partition, is_new) = partition.await?;
        Ok(Self { inner, topic, partition, is_new })
    }

    /// The partition that it publishes into.
    #[must_use]
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// Whether nobody had ever published into the partition when this connected.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Publishes records in their order, and returns when the broker has all of them. After a failure it
    /// has any of them: they must all be published again, by another producer.
    ///
    /// # Errors
    /// When the broker refuses one, or does not take it in time.
    pub async fn send(&self, records: &[Record]) -> Result<(), Error> {
        let mut acknowledged = Vec::with_capacity(records.len());
        for record in records {
            let (key, value) = (record.chain_id().to_string(), record.value());
            let message = FutureRecord::to(self.topic.name())
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
        try_join_all(acknowledged).await?;
        Ok(())
    }
}

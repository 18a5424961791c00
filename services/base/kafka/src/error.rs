//! What can go wrong with the broker.

use rdkafka::error::KafkaError;

use crate::record::Malformed;

/// A failure of the broker or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker does not answer, or refuses.
    #[error("Kafka: {0}")]
    Broker(#[from] KafkaError),
    /// There is no such topic.
    #[error("Kafka: topic {0:?} does not exist; create it with retention.ms=-1")]
    NoTopic(String),
    /// A record that is none of ours.
    #[error("Kafka: the record at offset {offset} of topic {topic:?} {reason}")]
    Malformed {
        /// Topic.
        topic: String,
        /// Offset.
        offset: i64,
        /// What is wrong with it.
        reason: Malformed,
    },
    /// A call of the client ended in a way that it never should.
    #[error("Kafka: a request ended unfinished: {0}")]
    Task(String),
}

//! Clients of the broker: how they are set, and what they ask it.

use std::time::Duration;

use capstan_runtime::{
    config::ConfigError,
    events::{Kafka, Topic},
};
use rdkafka::{
    ClientConfig, ClientContext,
    client::Client,
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::BaseProducer,
};
use tracing::debug;

use crate::error::Error;

/// Longest wait for an answer of the broker.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What the guarantees rest on; no option may change it.
const OURS: [&str; 10] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.idempotence",
    "acks",
    "request.required.acks",
    "transactional.id",
    "enable.auto.commit",
    "enable.partition.eof",
    "auto.offset.reset",
];

/// Checks the section without asking a broker.
///
/// # Errors
/// When an option is not known, has a value that does not fit, or is not to be changed.
pub fn check(kafka: &Kafka) -> Result<(), ConfigError> {
    let wrong = |key: &str, reason: String| ConfigError::Value {
        place: "configuration".to_owned(),
        key: format!("events.kafka.options{key}"),
        reason,
    };
    for (name, value) in kafka.options.reveal() {
        let key = format!(".{name}");
        if OURS.contains(&name) {
            return Err(wrong(&key, "is set by Capstan".to_owned()));
        }
        let alone = ClientConfig::new().set(name, value).create_native_config();
        // The text of the client may repeat the value, which may be a secret.
        alone.map_err(|error| wrong(&key, refusal(&error).to_owned()))?;
    }
    let together = producer(kafka).create::<BaseProducer>();
    together.map(drop).map_err(|error| wrong("", error.to_string()))
}

fn refusal(error: &KafkaError) -> &'static str {
    match error {
        KafkaError::ClientConfig(result, ..) if format!("{result:?}").contains("UNKNOWN") => {
            "is no setting of librdkafka"
        }
        _ => "has a value that librdkafka does not take, or was built without",
    }
}

/// How a producer is set.
pub(crate) fn producer(kafka: &Kafka) -> ClientConfig {
    let mut config = common(kafka);
    config.set("enable.idempotence", "true").set("acks", "all");
    config
}

/// How a consumer is set: it reads where it is told to, and leaves nothing with the broker.
pub(crate) fn consumer(kafka: &Kafka) -> ClientConfig {
    let mut config = common(kafka);
    // librdkafka asks for a name; no group is ever joined.
    config.set("group.id", "capstan").set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "error");
    config
}

fn common(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("client.id", "capstan")
        .set("message.timeout.ms", "30000")
        .set("reconnect.backoff.max.ms", "1000")
        .set("queued.max.messages.kbytes", "16384")
        .set("linger.ms", "2");
    config.extend(kafka.options.reveal().map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.set("bootstrap.servers", kafka.brokers.joined());
    config
}

/// Has the client's own words in the log for whoever looks for them; failures are told by those that
/// meet them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Quiet {}

/// The partition of a chain. Waits for the broker.
pub(crate) fn partition<C: ClientContext>(
    client: &Client<C>,
    topic: &Topic,
    chain_id: u64,
) -> Result<i32, Error> {
    let metadata = client.fetch_metadata(Some(topic.name()), PATIENCE)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic.name());
    let missing = || Error::NoTopic(topic.name().to_owned());
    let found = found.ok_or_else(missing)?;
    if let Some(error) = found.error().map(RDKafkaErrorCode::from) {
        let unknown =
            matches!(error, RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition);
        return Err(if unknown { missing() } else { KafkaError::MetadataFetch(error).into() });
    }
    let count = u64::try_from(found.partitions().len()).unwrap_or_default();
    let partition = chain_id.checked_rem(count).and_then(|rest| i32::try_from(rest).ok());
    partition.ok_or_else(missing)
}

/// The offsets of a partition's first record and of its next one. Waits for the broker.
pub(crate) fn ends<C: ClientContext>(
    client: &Client<C>,
    topic: &Topic,
    partition: i32,
) -> Result<(i64, i64), Error> {
    Ok(client.fetch_watermarks(topic.name(), partition, PATIENCE)?)
}

/// Runs what waits for the broker where it holds up nobody.
pub(crate) async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Task(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(options: &[(&str, &str)]) -> Kafka {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let options: serde_json::Map<String, serde_json::Value> = options.collect();
        let text = serde_json::json!({ "brokers": ["127.0.0.1:1"], "options": options });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn an_option_that_cannot_be_is_refused_with_its_place() {
        assert!(check(&kafka(&[("linger.ms", "5"), ("compression.type", "lz4")])).is_ok());
        let cases = [
            (("lingr.ms", "5"), "events.kafka.options.lingr.ms: is no setting of librdkafka"),
            (("linger.ms", "soon"), "events.kafka.options.linger.ms: has a value"),
            (("acks", "1"), "events.kafka.options.acks: is set by Capstan"),
        ];
        for (option, reason) in cases {
            let refused = check(&kafka(&[option])).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn tls_is_there_with_its_feature_and_refused_without() {
        let checked = check(&kafka(&[("security.protocol", "ssl")]));
        assert_eq!(checked.is_ok(), cfg!(feature = "tls"), "{checked:?}");
        // A refused value is not repeated: it may be a secret.
        let refused = check(&kafka(&[("linger.ms", "hush")])).unwrap_err().to_string();
        assert!(!refused.contains("hush"), "{refused}");
    }
}

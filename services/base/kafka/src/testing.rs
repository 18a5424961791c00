//! A broker for tests: librdkafka's own, in this process, with the protocol of a real one.

use capstan_runtime::events::Kafka;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    config::FromClientConfig,
    consumer::{BaseConsumer, Consumer},
    message::{Headers, OwnedMessage},
    mocking::MockCluster,
    producer::DefaultProducerContext,
};

use crate::{client, record::Record};

/// One broker that lives as long as this.
pub struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A record as any client of Kafka gets it.
#[derive(Debug)]
pub struct Received {
    /// Its place in the partition.
    pub offset: i64,
    /// Key.
    pub key: String,
    /// Names and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The record itself.
    pub record: Record,
}

#[expect(clippy::expect_used, reason = "a test without its broker has failed")]
impl Broker {
    /// Starts a broker with a topic of so many partitions.
    #[must_use]
    pub fn start(topic: &str, partitions: i32) -> Self {
        let cluster = MockCluster::new(1).expect("a broker");
        cluster.create_topic(topic, partitions, 1).expect("a topic");
        Self { cluster }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Ends all connections and takes none.
    pub fn down(&self) {
        self.cluster.broker_down(-1).expect("a broker");
    }

    /// Takes connections again.
    pub fn up(&self) {
        self.cluster.broker_up(-1).expect("a broker");
    }
}

/// Every record of a partition, read without any of the reader's care.
#[must_use]
#[expect(clippy::expect_used, reason = "a test without its broker has failed")]
pub fn received(kafka: &Kafka, partition: i32) -> Vec<Received> {
    let consumer = BaseConsumer::from_config(&client::consumer(kafka)).expect("a consumer");
    let topic = kafka.topic.name();
    let (low, high) =
        consumer.fetch_watermarks(topic, partition, std::time::Duration::from_secs(10)).expect("offsets");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("an assignment");
    let mut all = Vec::new();
    while i64::try_from(all.len()).is_ok_and(|count| count < high - low) {
        let message = consumer.poll(None).expect("a poll ends with a message").expect("a message");
        all.push(receive(&message.detach()));
    }
    all
}

#[expect(clippy::expect_used, reason = "a record that is none of ours fails the test")]
fn receive(message: &OwnedMessage) -> Received {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Received {
        offset: message.offset(),
        key: message.key().map(text).unwrap_or_default(),
        headers: headers
            .map(|header| (header.key.to_owned(), header.value.map(text).unwrap_or_default()))
            .collect(),
        record: Record::read(message).expect("one of ours"),
    }
}

//! Reading a topic whose broker forgets its oldest records.

use capstan_kafka::testing::Broker;
use capstan_proto::indexer::{EventFilter, Heartbeat};
use capstan_runtime::follow::Step;

use super::*;
use crate::{
    producer::{Found, Producer},
    record::{Body, Log, Place},
};

const CHAIN: u64 = 7;
/// The broker keeps 5 MiB.
const KEPT: usize = 5 << 20;
const LARGE: usize = 200_000;

fn record(position: u64, cursor: String) -> Record {
    let place = |position| Place { fork: 0, position };
    let marker = Heartbeat { chain_id: CHAIN, cursor, ..Heartbeat::default() };
    let body = if position == 0 { Body::Begin(marker) } else { Body::Block(marker) };
    let (after, through) = (place(position.saturating_sub(1)), place(position));
    Record { log: Log { id: 1, history: 0 }, after, through, body }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_topic_no_longer_holds_is_said() {
    let broker = Broker::start("events", 1);
    let section = serde_json::json!({ "brokers": [broker.address()], "topic": "events" });
    let kafka: Kafka = serde_json::from_value(section).unwrap();
    let subscription = Subscription { chain_id: CHAIN, filter: EventFilter::default(), payloads: Vec::new() };
    let mut source = KafkaSource::new(kafka.clone());
    let producer = Producer::connect(&kafka, CHAIN).await.unwrap();
    assert_eq!(producer.look(0).await.unwrap(), Found::Other);
    let sent = [record(0, String::new()), record(1, String::new())];
    assert_eq!(producer.send(&sent).await.unwrap(), Some(1));
    let found = |record: &Record| Found::Record(Box::new(record.clone()));
    assert_eq!(producer.look(0).await.unwrap(), found(&sent[0]));
    assert_eq!(producer.look(1).await.unwrap(), found(&sent[1]));
    // Another chain in the same partition.
    assert_eq!(Producer::connect(&kafka, CHAIN + 1).await.unwrap().look(1).await.unwrap(), Found::Other);
    let mut steps = source.open(&subscription, String::new()).await.unwrap();
    let Some(Ok(Step::Pass(first))) = steps.next().await else { panic!("no step") };
    for position in 2..=u64::try_from(2 * KEPT / LARGE).unwrap() {
        producer.send(&[record(position, "x".repeat(LARGE))]).await.unwrap();
    }
    let refused = source.open(&subscription, first.cursor).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("no longer holds offset 1, only those from"), "{refused}");
    let mut steps = source.open(&subscription, String::new()).await.unwrap();
    let refused = steps.next().await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("no longer holds the beginning of the log"), "{refused}");
    assert_eq!(producer.look(1).await.unwrap(), Found::Forgotten);
}

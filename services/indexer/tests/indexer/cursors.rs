//! Where streams begin, end and go on, and what their events carry.

use std::{path::Path, time::Duration};

use alloy::{
    providers::{Provider, ProviderBuilder},
    rpc::types::Filter,
};
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_proto::{
    indexer::{
        CommitCursorRequest, Event, GetCursorRequest, Payload, StreamEventsRequest,
        stream_events_request::Start, stream_events_response::Message,
    },
    primitives::Finality,
};
use capstan_runtime::platform::FinalityRule;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Client, Id, Subscriber, devnet, head, ids, indexer, platform, settle, stop, truth};

async fn traffic(devnet: &mut Devnet, blocks: u64) {
    for _ in 0..blocks {
        devnet.step().await.unwrap();
    }
}

/// Reads a stream to its end.
async fn read(client: &mut Client, request: StreamEventsRequest) -> Subscriber {
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut subscriber = Subscriber::default();
    while subscriber.try_take(&mut stream).await.is_ok() {}
    subscriber
}

fn between(events: &[Event], first: u64, last: u64) -> Vec<Id> {
    let inside = |event: &&Event| (first..=last).contains(&event.block.as_ref().unwrap().number);
    ids(&events.iter().filter(inside).cloned().collect::<Vec<_>>())
}

#[tokio::test]
async fn a_stream_begins_and_ends_where_it_is_told_to() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut all = Subscriber::default();
    all.follow_to(&mut client, head(&devnet).await).await;
    let height = all.through.0;
    let ended = StreamEventsRequest { stop_block: Some(height), ..Default::default() };
    let cases = [
        (None, height, 0, height),
        (None, height - 7, 0, height - 7),
        (Some(Start::FromBlock(12)), 15, 12, 15),
        (Some(Start::FromBlock(height)), height, height, height),
        (Some(Start::BlocksBeforeHead(4)), height, height - 3, height),
        (Some(Start::BlocksBeforeHead(height + 9)), height, 0, height),
    ];
    for (start, stop_block, first, last) in cases {
        let request = StreamEventsRequest { start, stop_block: Some(stop_block), ..ended.clone() };
        let part = read(&mut client, request).await;
        let expected = between(&all.events, first, last);
        assert!(!expected.is_empty() && part.ids() == expected, "{start:?} to {stop_block}");
    }

    // After the head there is nothing yet; what comes then is given, and nothing before it.
    let request = StreamEventsRequest { start: Some(Start::BlocksBeforeHead(0)), ..Default::default() };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut tail = Subscriber::default();
    while !tail.take(&mut stream).await {}
    devnet.step().await.unwrap();
    while !(tail.take(&mut stream).await && tail.through.0 == height + 1) {}
    all.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(tail.ids(), between(&all.events, height + 1, height + 1));
    stop(running).await;
}

#[tokio::test]
async fn a_stream_that_waits_above_the_head_goes_on_from_its_own_cursors() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    let (height, _) = head(&devnet).await;
    let start = Some(Start::FromBlock(height + 10));
    let mut waiting = Subscriber::default();
    let request = StreamEventsRequest { start, ..Default::default() };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    assert!(!waiting.take(&mut stream).await, "a session comes first");
    let session = waiting.cursor.clone();
    assert!(waiting.take(&mut stream).await);
    for cursor in [session, waiting.cursor.clone()] {
        let mut again = Subscriber { cursor, ..Default::default() };
        let mut stream = again.open(&mut client).await;
        while !again.take(&mut stream).await {}
        assert!(again.events.is_empty());
    }
    stop(running).await;
}

#[tokio::test]
async fn nothing_before_its_start_is_given_or_taken_back_whatever_a_reorg_does() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    let store = TestStore::sqlite();
    let mut platform = platform(&devnet, &store);
    platform.chains[0].finality = FinalityRule::Blocks(6);
    let (running, mut client) = indexer(platform).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let (height, _) = head(&devnet).await;
    let finality = Finality::Finalized.into();
    let requests = [
        (StreamEventsRequest { finality, ..from(Start::BlocksBeforeHead(0)) }, height + 1),
        (from(Start::FromBlock(height + 5)), height + 5),
        // It had read what a reorg then takes back.
        (from(Start::FromBlock(height - 1)), height - 1),
    ];
    let mut readers = Vec::new();
    for (request, first) in requests {
        let mut stream = client.stream_events(request.clone()).await.unwrap().into_inner();
        let mut reader = Subscriber::default();
        while !reader.take(&mut stream).await {}
        readers.push((request, stream, reader, first));
    }
    let away: Vec<_> =
        readers.iter().map(|(request, _, reader, _)| (request.clone(), reader.cursor.clone())).collect();
    devnet.reorg_postponing(4).await.unwrap();
    traffic(&mut devnet, 16).await;
    let mut all = Subscriber::default();
    let (end, hash) = head(&devnet).await;
    all.follow_to(&mut client, (end, hash)).await;

    let last_of = |request: &StreamEventsRequest| if request.finality == finality { end - 6 } else { end };
    for (request, stream, reader, first) in &mut readers {
        let last = last_of(request);
        while !(reader.take(stream).await && reader.through.0 == last) {}
        assert_eq!(reader.ids(), between(&all.events, *first, last), "from {first}");
    }
    let undos: Vec<usize> = readers.iter().map(|(_, _, reader, _)| reader.undos.len()).collect();
    assert_eq!(undos, [0, 0, 1]);
    // The same by cursor, for who was away.
    for ((request, cursor), (.., first)) in away.into_iter().zip(&readers) {
        let (mut reader, last) = (Subscriber::default(), last_of(&request));
        let request = StreamEventsRequest { cursor, ..request };
        let mut stream = client.stream_events(request).await.unwrap().into_inner();
        while !(reader.take(&mut stream).await && reader.through.0 == last) {}
        assert_eq!(reader.ids(), between(&all.events, *first, last), "from {first}, by cursor");
    }
    stop(running).await;
}

fn from(start: Start) -> StreamEventsRequest {
    StreamEventsRequest { start: Some(start), ..Default::default() }
}

#[tokio::test]
async fn a_consumer_goes_on_from_the_cursor_that_it_committed() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        traffic(&mut devnet, 10).await;
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        let mut consumer = Subscriber::default();
        let unknown = GetCursorRequest { consumer_id: "ledger".into() };
        let status = client.get_cursor(unknown.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.get_details_error_info().unwrap().reason, "CONSUMER_UNKNOWN");
        for consumer_id in [String::new(), "x".repeat(101), "kafka:x".into()] {
            let request = CommitCursorRequest { consumer_id, cursor: String::new() };
            assert_eq!(client.commit_cursor(request).await.unwrap_err().code(), Code::InvalidArgument);
        }
        let request = CommitCursorRequest { consumer_id: "ledger".into(), cursor: "nonsense".into() };
        let status = client.commit_cursor(request).await.unwrap_err();
        assert_eq!(status.get_details_error_info().unwrap().reason, "CURSOR_INVALID");

        // It commits after each message, and each time somebody else goes on from there.
        let wanted = format!("{:#x}", head(&devnet).await.1);
        while consumer.through.1 != wanted {
            let request = StreamEventsRequest {
                consumer_id: "ledger".into(),
                max_batch_events: 50,
                ..Default::default()
            };
            let mut stream = client.stream_events(request).await.unwrap().into_inner();
            consumer.take(&mut stream).await;
            consumer.take(&mut stream).await;
            let commit =
                CommitCursorRequest { consumer_id: "ledger".into(), cursor: consumer.cursor.clone() };
            client.commit_cursor(commit).await.unwrap();
            let committed = client.get_cursor(unknown.clone()).await.unwrap().into_inner();
            assert!(committed.cursor == consumer.cursor && committed.committed_at.is_some());
        }
        assert!(consumer.ids() == truth(&devnet).await);
        stop(running).await;
    }
}

/// Indexes twenty blocks and keeps a copy of the store, has a reader read ten more, and puts the
/// copy back after the chain went another way `depth` blocks from its end. Gives what the reader is
/// told then.
async fn after_a_restore(depth: u64) -> tonic::Status {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    stop(running).await;
    let (data, backup) = (store.directory().unwrap().join("data"), tempfile::tempdir().unwrap());
    copy(&data, backup.path());

    traffic(&mut devnet, 10).await;
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut reader = Subscriber::default();
    reader.follow_to(&mut client, head(&devnet).await).await;
    stop(running).await;

    devnet.reorg_postponing(depth).await.unwrap();
    traffic(&mut devnet, 4).await;
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::create_dir(&data).unwrap();
    copy(backup.path(), &data);
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut fresh = Subscriber::default();
    fresh.follow_to(&mut client, head(&devnet).await).await;
    assert!(fresh.ids() == truth(&devnet).await);
    let refused = reader.try_follow_to(&mut client, head(&devnet).await).await.unwrap_err();
    stop(running).await;
    refused
}

#[tokio::test]
async fn a_cursor_of_what_a_restored_store_never_saw_is_refused() {
    // The restored store meets no reorg in the first case, and one in the second.
    for depth in [5, 15] {
        let status = after_a_restore(depth).await;
        assert_eq!(status.code(), Code::InvalidArgument, "depth {depth}: {status}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "CURSOR_INVALID", "depth {depth}");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn raw_payloads_are_the_logs_of_the_node_and_canonical_ones_say_what_happened() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let (height, _) = head(&devnet).await;
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    let payloads = vec![Payload::Raw.into(), Payload::Canonical.into()];
    let request = StreamEventsRequest { payloads, stop_block: Some(height), ..Default::default() };
    let events = read(&mut client, request).await.events;
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    let logs = provider.get_logs(&Filter::new().from_block(0)).await.unwrap();
    assert!(ids(&events) == truth(&devnet).await && events.len() > 100);
    for event in &events {
        let block = event.block.as_ref().unwrap().number;
        let place = (Some(block), Some(u64::from(event.log_index)));
        let log = logs.iter().find(|log| (log.block_number, log.log_index) == place).unwrap();
        let topics: Vec<Vec<u8>> = log.topics().iter().map(|topic| topic.to_vec()).collect();
        let same = event.topics == topics && event.data == log.data().data.to_vec();
        assert!(same && event.arguments.is_empty(), "block {block}, log {}", event.log_index);
    }
    let told = events.iter().filter(|event| !event.canonical.is_empty()).count();
    assert!(told > events.len() / 4, "{told} of {}", events.len());

    let plain = StreamEventsRequest { stop_block: Some(height), ..Default::default() };
    let plain = read(&mut client, plain).await.events;
    let bare = |event: &Event| event.topics.is_empty() && event.data.is_empty() && event.canonical.is_empty();
    assert!(plain.iter().all(bare) && plain.iter().any(|event| !event.arguments.is_empty()));
    stop(running).await;
}

#[tokio::test]
async fn a_stream_of_final_events_is_not_silent_while_blocks_come_that_are_not_final() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let mut platform = platform(&devnet, &store);
    platform.chains[0].finality = FinalityRule::Blocks(1_000_000);
    let (running, mut client) = indexer(platform).await;
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    let _: Option<()> = provider.raw_request("evm_setIntervalMining".into(), (1,)).await.unwrap();
    let request = StreamEventsRequest { finality: Finality::Finalized.into(), ..Default::default() };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut beats = 0;
    while beats < 2 {
        let next = tokio::time::timeout(Duration::from_secs(15), stream.message()).await;
        match next.expect("silent for too long").unwrap().unwrap().message.unwrap() {
            Message::Session(_) => {}
            Message::Heartbeat(heartbeat) => {
                assert!(!heartbeat.cursor.is_empty());
                beats += 1;
            }
            other => panic!("nothing is final, and yet {other:?}"),
        }
    }
    stop(running).await;
}

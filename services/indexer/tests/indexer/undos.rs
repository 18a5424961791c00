//! Undos that say what they void.

use std::time::Duration;

use capstan_db::testing::TestStore;
use capstan_indexer::Config;
use capstan_primitives::Clock;
use capstan_proto::indexer::{
    Event, StreamEventsRequest, UndoMode, UndoSignal, stream_events_response::Message,
};
use capstan_runtime::platform::FinalityRule;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Client, Subscriber, devnet, head, ids, indexer, indexer_at, platform, stop, truth};

/// What a stream says of undos, through the one down to block `junction`.
async fn undos(client: &mut Client, request: StreamEventsRequest, junction: u64) -> Vec<UndoSignal> {
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut undos: Vec<UndoSignal> = Vec::new();
    while undos.last().is_none_or(|undo| last_valid(undo) > junction) {
        if let Message::Undo(undo) = stream.message().await.unwrap().unwrap().message.unwrap() {
            undos.push(undo);
        }
    }
    undos
}

fn last_valid(undo: &UndoSignal) -> u64 {
    undo.last_valid_block.as_ref().unwrap().number
}

#[tokio::test]
async fn what_is_void_is_told_in_parts_that_one_can_go_on_from() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        for _ in 0..20 {
            devnet.step().await.unwrap();
        }
        let mut away = Subscriber::default();
        away.follow_to(&mut client, head(&devnet).await).await;
        let junction = away.through.0 - 8;
        devnet.reorg_postponing(8).await.unwrap();
        devnet.step().await.unwrap();
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let void: Vec<Event> =
            away.events.iter().filter(|event| number(event) > junction).rev().cloned().collect();
        assert!(void.len() > 20);
        let from = |cursor: &str, max_batch_events| StreamEventsRequest {
            cursor: cursor.to_owned(),
            undo_mode: UndoMode::WithEvents.into(),
            max_batch_events,
            ..Default::default()
        };
        // Blocks have more events than the second takes.
        for most in [7, 2, 1_000] {
            let parts = undos(&mut client, from(&away.cursor, most), junction).await;
            let told: Vec<Event> = parts.iter().flat_map(|undo| undo.reverted.clone()).collect();
            assert_eq!(ids(&told), ids(&void), "{most}");
            let most = usize::try_from(most).unwrap();
            assert_eq!(parts.len(), void.len().div_ceil(most));
            assert!(parts.iter().all(|undo| (1..=most).contains(&undo.reverted.len())));
            assert!(parts.is_sorted_by(|first, second| last_valid(first) >= last_valid(second)));
            let depths: u64 = parts.iter().map(|undo| undo.depth).sum();
            assert_eq!((depths, last_valid(parts.last().unwrap())), (8, junction));
            let mut left = void.as_slice();
            for part in &parts[..parts.len() - 1] {
                left = &left[part.reverted.len()..];
                assert!(left.iter().all(|event| number(event) <= last_valid(part)));
            }
            if let [first, _, ..] = parts.as_slice() {
                let left = &void[first.reverted.len()..];
                let rest = undos(&mut client, from(&first.cursor, 1_000), junction).await;
                assert_eq!((rest.len(), ids(&rest[0].reverted)), (1, ids(left)));
            }
        }
        // Who wants the signal alone gets one.
        away.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!((away.undos.as_slice(), away.ids()), (&[(junction, 8)][..], truth(&devnet).await));
        stop(running).await;
    }
}

#[tokio::test]
async fn who_was_away_longer_than_orphans_are_kept_is_told_of_the_undo_and_not_of_its_events() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
        let mut platform = platform(&devnet, &store);
        platform.chains[0].finality = FinalityRule::Blocks(6);
        let (running, mut client) = indexer_at(platform, Config::default(), &clock).await;
        for _ in 0..10 {
            devnet.step().await.unwrap();
        }
        let (mut low, mut high) = (Subscriber::default(), Subscriber::default());
        low.follow_to(&mut client, head(&devnet).await).await;
        for _ in 0..6 {
            devnet.step().await.unwrap();
        }
        high.follow_to(&mut client, head(&devnet).await).await;
        let junction = high.through.0 - 3;
        devnet.reorg_postponing(3).await.unwrap();
        devnet.step().await.unwrap();
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let undo_mode = UndoMode::WithEvents.into();
        let with_events =
            |cursor: &str| StreamEventsRequest { cursor: cursor.into(), undo_mode, ..Default::default() };
        let told = undos(&mut client, with_events(&high.cursor), junction).await;
        assert!(!told[0].reverted.is_empty());

        clock.advance(Duration::from_secs(8 * 24 * 3_600));
        for _ in 0..2 {
            devnet.step().await.unwrap();
        }
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let status = client.stream_events(with_events(&high.cursor)).await.unwrap_err();
        let reason = status.get_details_error_info().unwrap().reason;
        assert_eq!((status.code(), reason.as_str()), (Code::FailedPrecondition, "CURSOR_PRUNED"));
        client.stream_events(with_events(&low.cursor)).await.unwrap();
        let end = head(&devnet).await;
        high.follow_to(&mut client, end).await;
        low.follow_to(&mut client, end).await;
        assert_eq!((high.undos.as_slice(), low.undos.len()), (&[(junction, 3)][..], 0));
        let truth = truth(&devnet).await;
        assert!(high.ids() == truth && low.ids() == truth);
        stop(running).await;
    }
}

fn number(event: &Event) -> u64 {
    event.block.as_ref().unwrap().number
}

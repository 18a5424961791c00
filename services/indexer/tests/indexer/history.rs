//! Contracts that are configured after blocks of theirs were indexed.

use capstan_db::testing::TestStore;
use capstan_proto::indexer::{EventFilter, StreamEventsRequest};
use capstan_runtime::Platform;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Client, Subscriber, devnet, head, indexer, listed, platform, status, stop, truth};

fn without(mut platform: Platform, protocol: &str) -> Platform {
    platform.chains[0].contracts.retain(|contract| contract.protocol != protocol);
    platform
}

/// Waits until as many logs are part of the chain.
async fn until_events(client: &mut Client, wanted: usize) {
    let wanted = u64::try_from(wanted).unwrap();
    let mut stream = Subscriber::default().open(client).await;
    while status(client).await.events != wanted {
        // The stream ends when history was added; until then every look at the chain is a message.
        if stream.message().await.is_err() {
            stream = Subscriber::default().open(client).await;
        }
    }
}

/// Why a stream is refused, or ends when the indexer has looked at its contracts.
async fn refusal(client: &mut Client, request: StreamEventsRequest) -> (Code, String) {
    let status = match client.stream_events(request).await {
        Err(status) => status,
        Ok(stream) => {
            let mut stream = stream.into_inner();
            loop {
                if let Err(status) = stream.message().await {
                    break status;
                }
            }
        }
    };
    (status.code(), status.get_details_error_info().unwrap().reason)
}

#[tokio::test]
async fn a_contract_that_comes_late_brings_its_history_and_what_it_made() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let all = platform(&devnet, &store);
        let (running, mut client) = indexer(without(all.clone(), "gnosis.fpmm_factory")).await;
        let mut early = Subscriber::default();
        early.follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;
        for _ in 0..4 {
            devnet.step().await.unwrap();
        }
        let truth = truth(&devnet).await;
        assert!(early.ids().len() < truth.len());

        let (running, mut client) = indexer(all).await;
        until_events(&mut client, truth.len()).await;
        let mut late = Subscriber::default();
        late.follow_to(&mut client, head(&devnet).await).await;
        assert!(late.ids() == truth, "{} of {} events", late.ids().len(), truth.len());
        assert_eq!(listed(&mut client, 0, false).await, late.events);

        let cursor = early.cursor.clone();
        let stale = StreamEventsRequest { cursor, ..Default::default() };
        let expected = (Code::InvalidArgument, "CURSOR_HISTORY_ADDED".to_owned());
        assert_eq!(refusal(&mut client, stale).await, expected);
        stop(running).await;
    }
}

#[tokio::test]
async fn other_kinds_for_old_events_are_told_to_those_who_read_them() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let before = platform(&devnet, &store);
    let factory =
        before.chains[0].contracts.iter().position(|of| of.protocol == "gnosis.fpmm_factory").unwrap();
    let (running, mut client) = indexer(before.clone()).await;
    let mut all = Subscriber::default();
    all.follow_to(&mut client, head(&devnet).await).await;
    let address = before.chains[0].contracts[1 - factory.min(1)].address.to_string();
    let filter = EventFilter { addresses: vec![address], ..Default::default() };
    let of_other = StreamEventsRequest { filter: Some(filter.clone()), ..Default::default() };
    let mut others = Subscriber::default();
    let mut stream = client.stream_events(of_other).await.unwrap().into_inner();
    while !others.take(&mut stream).await {}
    drop(stream);
    stop(running).await;

    let mut after = before;
    let created = "FixedProductMarketMakerCreation".to_owned();
    after.chains[0].contracts[factory].events.insert(created, "amm.created".into());
    let (running, mut client) = indexer(after).await;
    let stale = StreamEventsRequest { cursor: all.cursor, ..Default::default() };
    assert_eq!(refusal(&mut client, stale).await.1, "CURSOR_HISTORY_ADDED");
    let unconcerned =
        StreamEventsRequest { cursor: others.cursor.clone(), filter: Some(filter), ..Default::default() };
    let mut stream = client.stream_events(unconcerned).await.unwrap().into_inner();
    others.take(&mut stream).await;
    let kinds = |events: Vec<capstan_proto::indexer::Event>| {
        events.into_iter().filter(|event| event.kind == "amm.created").count()
    };
    assert!(kinds(listed(&mut client, 0, false).await) >= 5);
    stop(running).await;
}

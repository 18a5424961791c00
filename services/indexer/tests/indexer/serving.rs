//! Pages, streams and status.

use capstan_db::testing::TestStore;
use capstan_proto::indexer::{
    ChainState, EndpointRole, EndpointState, Event, EventFilter, ListEventsRequest, StreamEventsRequest,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Subscriber, devnet, head, ids, indexer, listed, platform, status, stop, truth};

#[tokio::test]
async fn what_is_served_is_what_the_node_has_on_both_databases() {
    let mut devnet = devnet().await;
    for _ in 0..40 {
        devnet.step().await.unwrap();
    }
    for store in TestStore::both().await {
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        let truth = truth(&devnet).await;
        assert!(truth.len() > 200, "{}", truth.len());
        assert_eq!(subscriber.ids(), truth);
        assert_eq!(ids(&listed(&mut client, 37, false).await), truth);
        let mut newest_first = listed(&mut client, 1000, true).await;
        newest_first.reverse();
        assert_eq!(newest_first, listed(&mut client, 0, false).await);
        assert!(subscriber.events.windows(2).all(|pair| pair[0].position < pair[1].position));
        let status = status(&mut client).await;
        assert_eq!((status.state(), status.lag_blocks), (ChainState::Live, 0));
        assert_eq!(status.events, u64::try_from(truth.len()).unwrap());
        assert_eq!((status.decode_failures, status.reorgs, status.problem.as_str()), (0, 0, ""));
        assert_eq!((status.writer, status.earliest_block, status.eta_seconds), (true, 0, None));
        let (safe, finalized) = (status.safe.unwrap(), status.finalized.unwrap());
        assert!(finalized.number <= safe.number && safe.number <= status.indexed.unwrap().number);
        let [endpoint] = &status.endpoints[..] else { panic!("{:?}", status.endpoints) };
        assert_eq!(endpoint.url, devnet.http_url());
        let (role, state) = (endpoint.role(), endpoint.state());
        assert_eq!((role, state), (EndpointRole::Primary, EndpointState::Ready));
        assert!(endpoint.latency_ms > 0.0 && endpoint.limit > 0, "{endpoint:?}");
        assert_eq!((endpoint.errors, endpoint.lies, endpoint.rate_limited), (0, 0, 0));
        stop(running).await;
    }
}

#[tokio::test]
async fn a_subscriber_that_reconnects_after_every_message_misses_and_repeats_nothing() {
    let mut devnet = devnet().await;
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut subscriber = Subscriber::default();
    let wanted = format!("{:#x}", head(&devnet).await.1);
    while subscriber.through.1 != wanted {
        let mut stream = subscriber.open(&mut client).await;
        subscriber.take(&mut stream).await;
        subscriber.take(&mut stream).await;
    }
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    stop(running).await;
}

#[tokio::test]
async fn a_restart_loses_nothing_and_repeats_nothing() {
    let mut devnet = devnet().await;
    let store = TestStore::sqlite();
    let mut subscriber = Subscriber::default();
    for _ in 0..4 {
        for _ in 0..6 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(subscriber.ids(), truth(&devnet).await);
        stop(running).await;
    }
    assert!(subscriber.undos.is_empty());
}

#[tokio::test]
async fn a_filter_gives_what_it_names_and_its_cursor_moves_all_the_same() {
    let mut devnet = devnet().await;
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    let mut all = Subscriber::default();
    all.follow_to(&mut client, head(&devnet).await).await;

    let kinds = vec!["market.created".to_owned()];
    let filter = Some(EventFilter { kinds, ..Default::default() });
    let request = StreamEventsRequest { filter, ..Default::default() };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut markets = Subscriber::default();
    while !markets.take(&mut stream).await {}
    let expected: Vec<_> =
        all.events.iter().filter(|event| event.kind == "market.created").cloned().collect();
    assert!(expected.len() >= 5);
    assert_eq!(markets.events, expected);
    assert_eq!(markets.through, all.through);
    let named: Vec<&str> = expected[0].arguments.iter().map(|argument| argument.name.as_str()).collect();
    assert_eq!(named[..3], ["marketId", "conditionId", "creator"]);

    let of_block = ListEventsRequest { from_block: Some(3), to_block: Some(5), ..Default::default() };
    let page = client.list_events(of_block).await.unwrap().into_inner();
    let number = |event: &capstan_proto::indexer::Event| event.block.as_ref().unwrap().number;
    let in_range = all.events.iter().filter(|event| (3..=5).contains(&number(event))).count();
    assert_eq!(page.events.len(), in_range);
    stop(running).await;
}

#[tokio::test]
async fn a_bad_request_gets_the_field_and_a_stable_reason() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let base = ListEventsRequest { page_size: 1, ..Default::default() };
    let token = client.list_events(base.clone()).await.unwrap().into_inner().next_page_token;
    let refused = [
        (ListEventsRequest { page_size: 1001, ..base.clone() }, "page_size", "INVALID_FIELD"),
        (ListEventsRequest { page_size: -1, ..base.clone() }, "page_size", "INVALID_FIELD"),
        (ListEventsRequest { address: "0x12".into(), ..base.clone() }, "address", "INVALID_FIELD"),
        (
            ListEventsRequest { transaction_hash: "x".into(), ..base.clone() },
            "transaction_hash",
            "INVALID_FIELD",
        ),
        (
            ListEventsRequest { page_token: "nonsense".into(), ..base.clone() },
            "page_token",
            "PAGE_TOKEN_INVALID",
        ),
        (
            ListEventsRequest { page_token: token, kind: "other".into(), ..base.clone() },
            "page_token",
            "PAGE_TOKEN_INVALID",
        ),
        (
            ListEventsRequest { from_block: Some(2), to_block: Some(1), ..base.clone() },
            "from_block",
            "INVALID_FIELD",
        ),
    ];
    for (request, field, reason) in refused {
        let status = client.list_events(request).await.unwrap_err();
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
        assert_eq!(details.error_info().unwrap().reason, reason);
    }
    let unknown = ListEventsRequest { chain_id: 999, ..base };
    let status = client.list_events(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_details_error_info().unwrap().reason, "CHAIN_NOT_CONFIGURED");
    for (cursor, filter, reason) in [
        ("nonsense".to_owned(), None, "CURSOR_INVALID"),
        (cursor_of_everything(&mut client).await, Some(kind("x")), "CURSOR_FILTER_MISMATCH"),
    ] {
        let request = StreamEventsRequest { cursor, filter, ..Default::default() };
        let status = client.stream_events(request).await.unwrap_err();
        assert_eq!(status.get_details_error_info().unwrap().reason, reason);
    }
    stop(running).await;
}

#[tokio::test]
async fn a_cursor_of_a_replaced_log_is_refused() {
    let devnet = devnet().await;
    let (store, other) = (TestStore::sqlite(), TestStore::sqlite());
    let mut subscriber = Subscriber::default();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    stop(running).await;
    let (running, mut client) = indexer(platform(&devnet, &other)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let request = StreamEventsRequest { cursor: subscriber.cursor, ..Default::default() };
    let status = client.stream_events(request).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "CURSOR_INVALID");
    stop(running).await;
}

fn kind(kind: &str) -> EventFilter {
    EventFilter { kinds: vec![kind.to_owned()], ..Default::default() }
}

async fn cursor_of_everything(client: &mut crate::harness::Client) -> String {
    let mut subscriber = Subscriber::default();
    let mut stream = subscriber.open(client).await;
    subscriber.take(&mut stream).await;
    subscriber.cursor
}

#[tokio::test]
async fn a_list_whose_pages_a_reorg_changes_says_so_and_begins_again() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..20 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        let mut all = Subscriber::default();
        all.follow_to(&mut client, head(&devnet).await).await;
        let junction = head(&devnet).await.0 - 4;
        let number = |event: &Event| event.block.as_ref().unwrap().number;
        let below = all.events.iter().filter(|event| number(event) <= junction).count();
        let above = all.events.len() - below;
        assert!(below > 10 && above > 10, "{below} and {above}");
        let size = |events: usize| i32::try_from(events).unwrap();
        let newest_first = true;
        let requests = [
            // Of blocks that stay.
            (ListEventsRequest { page_size: size(below), ..Default::default() }, true),
            // What is on the first page leaves the chain, and what then stands before its end is new.
            (ListEventsRequest { page_size: size(below + 1), ..Default::default() }, false),
            (ListEventsRequest { page_size: 1, newest_first, ..Default::default() }, false),
            (ListEventsRequest { page_size: size(above + 5), newest_first, ..Default::default() }, false),
            (
                ListEventsRequest {
                    page_size: 5,
                    newest_first,
                    to_block: Some(junction),
                    ..Default::default()
                },
                true,
            ),
        ];
        let mut begun = Vec::new();
        for (request, stays) in requests {
            let page = client.list_events(request.clone()).await.unwrap().into_inner();
            assert_ne!(page.next_page_token, "");
            begun.push((
                ListEventsRequest { page_token: page.next_page_token, ..request },
                page.events,
                stays,
            ));
        }
        devnet.reorg_postponing(4).await.unwrap();
        devnet.step().await.unwrap();
        all.follow_to(&mut client, head(&devnet).await).await;
        for (request, first, stays) in begun {
            let second = client.list_events(request.clone()).await;
            if stays {
                let both = [ids(&first), ids(&second.unwrap().into_inner().events)].concat();
                let whole = ListEventsRequest { page_size: 1_000, page_token: String::new(), ..request };
                let whole = client.list_events(whole).await.unwrap().into_inner().events;
                assert_eq!(both, ids(&whole)[..both.len()]);
                continue;
            }
            let status = second.unwrap_err();
            let reason = status.get_details_error_info().unwrap().reason;
            assert_eq!((status.code(), reason.as_str()), (Code::Aborted, "PAGE_REORGED"), "{request:?}");
        }
        stop(running).await;
    }
}

#[tokio::test]
async fn a_page_token_of_a_replaced_log_is_refused() {
    let devnet = devnet().await;
    let (store, other) = (TestStore::sqlite(), TestStore::sqlite());
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let request = ListEventsRequest { page_size: 1, ..Default::default() };
    let page_token = client.list_events(request.clone()).await.unwrap().into_inner().next_page_token;
    stop(running).await;
    let (running, mut client) = indexer(platform(&devnet, &other)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let status = client.list_events(ListEventsRequest { page_token, ..request }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_error_info().unwrap().reason, "PAGE_TOKEN_INVALID");
    stop(running).await;
}

#[tokio::test]
async fn chains_of_a_stream_count_once_and_are_not_without_number() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let platform = platform(&devnet, &store);
    let chain = platform.chains[0].id.0;
    let (running, mut client) = indexer(platform).await;
    let mut twice = Subscriber::default();
    let request = StreamEventsRequest { chain_ids: vec![chain, chain], ..Default::default() };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    while !twice.take(&mut stream).await {}
    let cursor = twice.cursor.clone();
    let once = StreamEventsRequest { chain_ids: vec![chain], cursor, ..Default::default() };
    client.stream_events(once).await.unwrap();
    let many = StreamEventsRequest { chain_ids: vec![chain; 101], ..Default::default() };
    let status = client.stream_events(many).await.unwrap_err();
    let details = status.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "chain_ids");
    stop(running).await;
}

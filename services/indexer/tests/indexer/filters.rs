//! Events by the values of their indexed arguments.

use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_proto::indexer::{
    ArgumentFilter, Event, EventFilter, ListEventsRequest, StreamEventsRequest, UndoMode,
    stream_events_response::Message,
};
use capstan_runtime::Running;
use prost_types::value::Kind;
use tonic_types::StatusExt;

use crate::harness::{Client, Id, Subscriber, devnet, head, ids, indexer, platform, stop};

fn argument(name: &str, values: &[&str]) -> ArgumentFilter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ArgumentFilter { name: name.to_owned(), values }
}

/// The value of an argument; none when the event has no such one.
fn value<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    let argument = event.arguments.iter().find(|argument| argument.name == name)?;
    match argument.value.as_ref()?.kind.as_ref()? {
        Kind::StringValue(value) => Some(value),
        _ => None,
    }
}

/// Every event that satisfies conditions, page by page.
async fn listed(client: &mut Client, arguments: &[&str], newest_first: bool) -> Vec<Id> {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let mut request = ListEventsRequest { arguments, newest_first, page_size: 2, ..Default::default() };
    let mut events = Vec::new();
    loop {
        let page = client.list_events(request.clone()).await.unwrap().into_inner();
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return ids(&events);
        }
        request.page_token = page.next_page_token;
    }
}

/// A chain, what an indexer says of it, and its last purchase of outcome tokens.
struct World {
    devnet: Devnet,
    running: Running,
    client: Client,
    all: Subscriber,
    last: Event,
}

impl World {
    async fn begin(store: &TestStore) -> Self {
        let mut devnet = devnet().await;
        let (running, mut client) = indexer(platform(&devnet, store)).await;
        for _ in 0..25 {
            devnet.step().await.unwrap();
        }
        let mut all = Subscriber::default();
        all.follow_to(&mut client, head(&devnet).await).await;
        let last = all.events.iter().rev().find(|event| event.name == "FPMMBuy").unwrap().clone();
        Self { devnet, running, client, all, last }
    }

    fn ids(&self, is_it: impl Fn(&Event) -> bool) -> Vec<Id> {
        ids(&self.all.events.iter().filter(|event| is_it(event)).cloned().collect::<Vec<_>>())
    }

    /// Reads a stream as far as all of the chain was read.
    async fn read(&mut self, request: StreamEventsRequest) -> Subscriber {
        let mut stream = self.client.stream_events(request).await.unwrap().into_inner();
        let mut some = Subscriber::default();
        while !(some.take(&mut stream).await && some.through == self.all.through) {}
        some
    }
}

fn filter(arguments: Vec<ArgumentFilter>) -> StreamEventsRequest {
    let filter = Some(EventFilter { arguments, ..Default::default() });
    StreamEventsRequest { filter, undo_mode: UndoMode::WithEvents.into(), ..Default::default() }
}

const OTHER: &str = "0x00000000000000000000000000000000000000aa";

#[tokio::test]
async fn only_events_with_the_wanted_arguments_are_streamed_and_listed() {
    for store in TestStore::both().await {
        let mut world = World::begin(&store).await;
        let last = world.last.clone();
        let (buyer, outcome) = (value(&last, "buyer").unwrap(), value(&last, "outcomeIndex").unwrap());
        let bought = |event: &Event| value(event, "buyer") == Some(buyer);
        let by_buyer = world.ids(bought);
        let by_both = world.ids(|event| bought(event) && value(event, "outcomeIndex") == Some(outcome));
        assert!(!by_both.is_empty() && by_buyer.len() < world.all.events.len());
        let cases = [
            (vec![argument("buyer", &[OTHER, &buyer.to_lowercase()])], &by_buyer),
            (vec![argument("buyer", &[buyer]), argument("outcomeIndex", &[outcome])], &by_both),
            (vec![argument("buyer", &[OTHER])], &Vec::new()),
            // It is there, but not indexed.
            (vec![argument("investmentAmount", &["1"])], &Vec::new()),
        ];
        for (arguments, expected) in cases {
            assert_eq!(world.read(filter(arguments.clone())).await.ids(), *expected, "{arguments:?}");
        }
        let (buyer_is, outcome_is) = (format!("buyer={buyer}"), format!("outcomeIndex={outcome}"));
        let (other_is, mut newest_first) = (format!("buyer={OTHER}"), by_both.clone());
        newest_first.reverse();
        let client = &mut world.client;
        assert_eq!(listed(client, &[&buyer_is, &other_is], false).await, by_buyer);
        assert_eq!(listed(client, &[&buyer_is, &outcome_is], true).await, newest_first);
        assert_eq!(listed(client, &[&other_is], false).await, Vec::new());
        stop(world.running).await;
    }
}

#[tokio::test]
async fn what_is_taken_back_has_the_wanted_arguments_too() {
    for store in TestStore::both().await {
        let mut world = World::begin(&store).await;
        let last = world.last.clone();
        let buyer = value(&last, "buyer").unwrap();
        let request = filter(vec![argument("buyer", &[buyer])]);
        let cursor = world.read(request.clone()).await.cursor;
        let unlike =
            StreamEventsRequest { cursor: cursor.clone(), ..filter(vec![argument("buyer", &[OTHER])]) };
        let refused = world.client.stream_events(unlike).await.unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "CURSOR_FILTER_MISMATCH");

        let number = |event: &Event| event.block.as_ref().unwrap().number;
        let depth = world.all.through.0 - number(&last) + 2;
        let junction = world.all.through.0 - depth;
        let mut void = world.ids(|event| value(event, "buyer") == Some(buyer) && number(event) > junction);
        void.reverse();
        world.devnet.reorg_postponing(depth).await.unwrap();
        world.devnet.step().await.unwrap();
        Subscriber::default().follow_to(&mut world.client, head(&world.devnet).await).await;
        let again = StreamEventsRequest { cursor, ..request };
        let mut stream = world.client.stream_events(again).await.unwrap().into_inner();
        let undo = loop {
            if let Message::Undo(undo) = stream.message().await.unwrap().unwrap().message.unwrap() {
                break undo;
            }
        };
        assert!(!void.is_empty() && ids(&undo.reverted) == void);
        stop(world.running).await;
    }
}

#[tokio::test]
async fn conditions_that_nothing_can_satisfy_are_refused_with_the_field() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    for (argument, field) in [
        (argument("", &["1"]), "filter.arguments[0].name"),
        (argument("to", &[]), "filter.arguments[0].values"),
        (argument("to", &["1", "somebody"]), "filter.arguments[0].values"),
        (argument("to", &["1"; 1_001]), "filter.arguments"),
    ] {
        let filter = Some(EventFilter { arguments: vec![argument], ..Default::default() });
        let request = StreamEventsRequest { filter, ..Default::default() };
        let details = client.stream_events(request).await.unwrap_err().get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
    for (argument, field) in [("to", "arguments[0]"), ("to=0xzz", "arguments[0].values")] {
        let request = ListEventsRequest { arguments: vec![argument.to_owned()], ..Default::default() };
        let details = client.list_events(request).await.unwrap_err().get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
    stop(running).await;
}

//! What becomes of logs that are stored when the definition of their contract is another one.

use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::indexer::{
    EventFilter, ListDecodeFailuresRequest, ListEventsRequest, StreamEventsRequest,
    indexer_admin_service_client::IndexerAdminServiceClient,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, indexer, listed, platform_of, settle, status, stop,
    },
    state::State,
};

/// An event of the conditional tokens whose arguments are indexed otherwise.
const SPLIT: [&str; 1] =
    ["event PositionSplit(address indexed stakeholder, address indexed collateralToken, \
    bytes32 parentCollectionId, bytes32 conditionId, uint256[] partition, uint256 indexed amount)"];
/// The same of the event by which the factory says what it made.
pub(crate) const CREATION: [&str; 2] = [
    "event FixedProductMarketMakerCreation(address creator, address fixedProductMarketMaker, \
     address conditionalTokens, address collateralToken, bytes32[] conditionIds, uint256 indexed fee)",
    "event FixedProductMarketMakerCreation(address indexed creator, address fixedProductMarketMaker, \
     address conditionalTokens, address indexed collateralToken, bytes32[] conditionIds, uint256 indexed fee)",
];

/// The configuration with a contract that is read by another ABI.
pub(crate) fn misread(toml: &str, protocol: &str, signatures: &[&str]) -> String {
    let right = format!("protocol = \"{protocol}\"");
    assert!(toml.contains(&right));
    let wrong = format!("protocol = \"abi\"\nname = \"Misread\"\nsignatures = {signatures:?}");
    toml.replace(&right, &wrong)
}

/// A chain with a reorg in what is indexed, and an indexer's store of it.
async fn indexed(devnet: &mut Devnet, toml: &str, store: &TestStore) -> String {
    let (running, mut client) = indexer(platform_of(toml, &database_url(store))).await;
    let mut subscriber = Subscriber::default();
    subscriber.follow_to(&mut client, head(devnet).await).await;
    devnet.reorg_postponing(3).await.unwrap();
    for _ in 0..3 {
        devnet.step().await.unwrap();
    }
    subscriber.follow_to(&mut client, head(devnet).await).await;
    settle(&mut client, devnet, toml).await;
    stop(running).await;
    subscriber.cursor
}

async fn failures(url: String) -> usize {
    let mut admin = IndexerAdminServiceClient::connect(url).await.unwrap();
    let request = ListDecodeFailuresRequest { page_size: 1_000, ..Default::default() };
    admin.list_decode_failures(request).await.unwrap().into_inner().failures.len()
}

async fn until_failures(client: &mut Client, wanted: impl Fn(u64) -> bool) {
    while !wanted(status(client).await.decode_failures) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn logs_change_place_when_the_abi_of_their_contract_is_corrected() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..15 {
            devnet.step().await.unwrap();
        }
        let right = devnet.config_toml();
        let wrong = misread(&right, "gnosis.conditional_tokens", &SPLIT);
        let cursor = indexed(&mut devnet, &wrong, &store).await;
        let (as_wrong, _) = State::fresh(&devnet, &wrong).await;
        let (as_right, all) = State::fresh(&devnet, &right).await;
        State::of(&store).await.assert_same(&as_wrong, "misread");
        let failed = as_wrong.rows("quarantine");
        assert!(failed > 3 && as_right.rows("quarantine") == 0);

        // No logs are asked for: what is stored is enough.
        let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
        proxy.follow(Script::honest().on("eth_getLogs", Fault::Unavailable));
        let stored = right.replace(&format!(", \"{}\"", devnet.ws_url()), "");
        let stored = stored.replace(&devnet.http_url(), &proxy.http_url());
        let (running, mut client) = indexer(platform_of(&stored, &database_url(&store))).await;
        until_failures(&mut client, |count| count == 0).await;
        assert_eq!(
            (listed(&mut client, 0, false).await, failures(running.url()).await),
            (all.events.clone(), 0)
        );
        // They are found by what they are now.
        let kind = "gnosis.conditional_tokens.PositionSplit";
        let request = ListEventsRequest { kind: kind.into(), page_size: 1_000, ..Default::default() };
        let splits = client.list_events(request).await.unwrap().into_inner().events;
        assert!(
            splits.len() >= failed && splits.iter().eq(all.events.iter().filter(|event| event.kind == kind))
        );
        let stale = StreamEventsRequest { cursor: cursor.clone(), ..Default::default() };
        let refused = client.stream_events(stale).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.get_details_error_info().unwrap().reason.as_str()),
            (Code::InvalidArgument, "CURSOR_HISTORY_ADDED")
        );
        stop(running).await;
        State::of(&store).await.assert_same(&as_right, "corrected");

        // And the other way round: what no longer decodes is not gone.
        let (running, mut client) = indexer(platform_of(&wrong, &database_url(&store))).await;
        until_failures(&mut client, |count| count > 0).await;
        assert_eq!(failures(running.url()).await, failed);
        stop(running).await;
        State::of(&store).await.assert_same(&as_wrong, "misread again");
    }
}

#[tokio::test]
async fn logs_are_written_anew_when_their_first_topic_is_no_id_or_is_one_now() {
    const ANONYMOUS: [&str; 1] = [
        "event Any(bytes32 indexed id, bytes32 indexed a, bytes32 indexed b, bytes32 indexed c, uint256 d, uint256 e) anonymous",
    ];
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..8 {
            devnet.step().await.unwrap();
        }
        let right = devnet.config_toml();
        let wrong = misread(&right, "gnosis.conditional_tokens", &ANONYMOUS);
        indexed(&mut devnet, &wrong, &store).await;
        for (toml, name) in [(&right, "TransferSingle"), (&wrong, "Any")] {
            let (running, mut client) = indexer(platform_of(toml, &database_url(&store))).await;
            // Whoever writes the next block has looked at what changed.
            devnet.step().await.unwrap();
            settle(&mut client, &devnet, toml).await;
            let found = listed(&mut client, 0, false).await;
            assert!(found.iter().any(|event| event.name == name));
            stop(running).await;
            let (fresh, _) = State::fresh(&devnet, toml).await;
            State::of(&store).await.assert_same(&fresh, name);
        }
    }
}

#[tokio::test]
async fn what_a_factory_made_brings_its_history_when_the_factory_is_read_aright() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..15 {
            devnet.step().await.unwrap();
        }
        let right = devnet.config_toml();
        let wrong = misread(&right, "gnosis.fpmm_factory", &CREATION);
        indexed(&mut devnet, &wrong, &store).await;
        let (as_right, all) = State::fresh(&devnet, &right).await;
        assert!(as_right.rows("contract") > State::of(&store).await.rows("contract"));
        let (running, mut client) = indexer(platform_of(&wrong, &database_url(&store))).await;
        let market = devnet.deployment().markets[0].amm.to_string();
        let filter = EventFilter { addresses: vec![market], ..Default::default() };
        let of_market = StreamEventsRequest { filter: Some(filter), ..Default::default() };
        let mut early = Subscriber::default();
        let mut stream = client.stream_events(of_market.clone()).await.unwrap().into_inner();
        while !early.take(&mut stream).await {}
        assert!(early.events.is_empty());
        drop(stream);
        stop(running).await;

        let (running, mut client) = indexer(platform_of(&right, &database_url(&store))).await;
        let wanted = u64::try_from(all.events.len()).unwrap();
        while status(&mut client).await.events != wanted {
            tokio::task::yield_now().await;
        }
        assert_eq!((listed(&mut client, 0, false).await, failures(running.url()).await), (all.events, 0));
        // Who follows one of these contracts is told, too.
        let stale = StreamEventsRequest { cursor: early.cursor, ..of_market };
        let refused = client.stream_events(stale).await.unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "CURSOR_HISTORY_ADDED");
        stop(running).await;
        State::of(&store).await.assert_same(&as_right, "corrected");
    }
}

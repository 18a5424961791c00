//! Contracts that are configured after blocks of theirs were indexed.

use std::time::{Duration, Instant};

use capstan_db::testing::TestStore;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::indexer::{
    AddContractRequest, ChainState, EventFilter, ListContractsRequest, StreamEventsRequest,
    indexer_admin_service_client::IndexerAdminServiceClient,
};
use capstan_runtime::{Platform, Running};
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    faults::{through, traffic},
    harness::{
        Client, Subscriber, database_url, devnet, head, indexer, listed, look_again, platform, platform_of,
        settle, status, stop, truth,
    },
    state::State,
};

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

/// What follows a contract while the indexer runs: an operator's call, or the configuration read again.
#[tokio::test]
async fn a_contract_can_be_added_while_the_chain_is_followed() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let all = platform(&devnet, &store);
        let some = without(without(all.clone(), "gnosis.fpmm_factory"), "abi");
        let (running, mut client) = indexer(some.clone()).await;
        let mut early = Subscriber::default();
        early.follow_to(&mut client, head(&devnet).await).await;

        let mut admin = IndexerAdminServiceClient::connect(running.url()).await.unwrap();
        let address = devnet.deployment().fpmm_factory.to_string();
        let request = AddContractRequest {
            address: address.clone(),
            protocol: "gnosis.fpmm_factory".into(),
            ..Default::default()
        };
        let added = admin.add_contract(request.clone()).await.unwrap().into_inner().contract.unwrap();
        assert_eq!((&added.address, added.protocol.as_str()), (&address, "gnosis.fpmm_factory"));
        let again = admin.add_contract(request.clone()).await.unwrap().into_inner().contract;
        assert_eq!(again, Some(added));
        let other = AddContractRequest { start_block: Some(7), ..request };
        let refused = admin.add_contract(other).await.unwrap_err();
        assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");
        assert_eq!(refused.get_details_error_info().unwrap().reason, "CONTRACT_EXISTS");

        running.reload(without(all.clone(), "gnosis.fpmm_factory"));
        devnet.step().await.unwrap();
        let truth = truth(&devnet).await;
        // Whoever read before a history was whole is told, and begins again.
        let mut late = Subscriber::default();
        while late.ids() != truth {
            late = Subscriber::default();
            if late.try_follow_to(&mut client, head(&devnet).await).await.is_err() {
                look_again().await;
            }
        }
        let stale = StreamEventsRequest { cursor: early.cursor, ..Default::default() };
        assert_eq!(refusal(&mut client, stale).await.1, "CURSOR_HISTORY_ADDED");
        stop(running).await;

        // What was added is known after a restart; what the configuration no longer names is not followed.
        let (running, mut client) = indexer(some).await;
        devnet.step().await.unwrap();
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let mut admin = IndexerAdminServiceClient::connect(running.url()).await.unwrap();
        let request = ListContractsRequest { page_size: 1_000, ..Default::default() };
        let contracts = admin.list_contracts(request).await.unwrap().into_inner().contracts;
        assert!(contracts.iter().any(|contract| contract.address == address));
        assert!(contracts.iter().all(|contract| contract.protocol != "abi"));
        stop(running).await;
    }
}

#[tokio::test]
async fn what_is_no_contract_is_refused_with_the_field() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let before = status(&mut client).await.contracts;
    let mut admin = IndexerAdminServiceClient::connect(running.url()).await.unwrap();
    let good = AddContractRequest {
        address: devnet.deployment().tokens[0].address.to_string(),
        protocol: "abi".into(),
        name: "Token".into(),
        signatures: vec!["event Deposit(address indexed to, uint256 amount)".into()],
        ..Default::default()
    };
    let refused = [
        ("address", AddContractRequest { address: "0x12".into(), ..good.clone() }),
        ("address", AddContractRequest { address: format!("0x{}", "77".repeat(20)), ..good.clone() }),
        ("protocol", AddContractRequest { protocol: "erc2".into(), ..good.clone() }),
        ("name", AddContractRequest { name: String::new(), ..good.clone() }),
        ("abi_json", AddContractRequest { signatures: Vec::new(), ..good.clone() }),
        ("abi_json", AddContractRequest { signatures: Vec::new(), abi_json: "{".into(), ..good.clone() }),
        ("signatures", AddContractRequest { signatures: vec!["event (".into()], ..good.clone() }),
        ("events", AddContractRequest { events: [("No".into(), "no".into())].into(), ..good.clone() }),
    ];
    for (field, request) in refused {
        let status = admin.add_contract(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        let bad = status.get_details_bad_request().unwrap();
        assert_eq!(bad.field_violations[0].field, field, "{status}");
    }
    assert_eq!(status(&mut client).await.contracts, before);
    // A configuration that is wrong anywhere changes nothing.
    let mut wrong = without(platform(&devnet, &store), "gnosis.fpmm_factory");
    wrong.chains[0].contracts[0].protocol = "erc2".into();
    running.reload(wrong);
    admin.add_contract(good).await.unwrap();
    assert!(status(&mut client).await.contracts >= before);
    stop(running).await;
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

/// A configuration in which the contract that has the most logs begins so many blocks below the head.
fn beginning_late(toml: &str, start_block: u64) -> String {
    let line = "protocol = \"gnosis.conditional_tokens\"";
    assert!(toml.contains(line));
    toml.replace(line, &format!("{line}\nstart_block = {start_block}"))
}

/// Waits until the history of the contract is whole; a test that waits in vain fails here.
async fn until_read(running: &Running, client: &mut Client, address: &str) {
    let mut admin = IndexerAdminServiceClient::connect(running.url()).await.unwrap();
    let request = ListContractsRequest { page_size: 1_000, ..Default::default() };
    let began = Instant::now();
    loop {
        let listed = admin.list_contracts(request.clone()).await.unwrap().into_inner().contracts;
        if listed.iter().any(|contract| contract.address == address) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", status(client).await);
        tokio::task::yield_now().await;
    }
}

/// Waits for a reorg; a test that waits in vain fails here.
async fn until_taken_back(client: &mut Client) {
    let began = Instant::now();
    while status(client).await.reorgs == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", status(client).await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_head_is_followed_while_the_history_of_a_late_contract_cannot_be_read() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let toml = through(&devnet, &[proxy.http_url()]);
    let store = TestStore::sqlite();
    let all = platform_of(&toml, &database_url(&store));
    let (running, mut client) = indexer(without(all.clone(), "gnosis.conditional_tokens")).await;
    let mut reader = Subscriber::default();
    reader.follow_to(&mut client, head(&devnet).await).await;
    stop(running).await;

    proxy.follow(
        Script::honest().on("eth_getLogs", Fault::Refuse("eth_getLogs", 4_444, "pruned history unavailable")),
    );
    let (running, mut client) = indexer(all).await;
    for _ in 0..20 {
        traffic(&mut devnet, 1).await;
        reader.follow_to(&mut client, head(&devnet).await).await;
        let status = status(&mut client).await;
        assert!(matches!(status.state(), ChainState::Live | ChainState::Syncing), "{status:?}");
        assert_eq!(status.problem, "");
    }
    let address = devnet.deployment().conditional_tokens.to_string();
    let problem = status(&mut client).await.history_problem;
    assert!(problem.contains(&address) && problem.contains("history this old"), "{problem}");

    proxy.follow(Script::honest());
    until_read(&running, &mut client, &address).await;
    assert_eq!(status(&mut client).await.history_problem, "");
    let mut late = Subscriber::default();
    late.follow_to(&mut client, head(&devnet).await).await;
    assert!(late.ids() == truth(&devnet).await);
    stop(running).await;
}

#[tokio::test]
async fn no_lie_about_the_history_of_a_late_contract_becomes_final_in_reversible_blocks() {
    for lie in [None, Some(Fault::AlterData), Some(Fault::DropLog)] {
        let mut devnet = devnet().await;
        traffic(&mut devnet, 20).await;
        let toml = beginning_late(&devnet.config_toml(), head(&devnet).await.0 - 12);
        let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
        let store = TestStore::sqlite();
        let all = platform_of(&through(&devnet, &[proxy.http_url()]), &database_url(&store));
        let (running, mut client) = indexer(without(all.clone(), "gnosis.conditional_tokens")).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;

        let late = beginning_late(&through(&devnet, &[proxy.http_url()]), head(&devnet).await.0 - 12);
        if let Some(lie) = lie {
            proxy.follow(Script::honest().on("eth_getLogs", lie));
        }
        let (running, mut client) = indexer(platform_of(&late, &database_url(&store))).await;
        let address = devnet.deployment().conditional_tokens.to_string();
        until_read(&running, &mut client, &address).await;
        // What was told is looked at before it is final, and asked for again block by block.
        if lie.is_some() {
            until_taken_back(&mut client).await;
        }
        for _ in 0..4 {
            traffic(&mut devnet, 10).await;
            Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        }
        settle(&mut client, &devnet, &late).await;
        assert!(lie.is_some() || status(&mut client).await.reorgs == 0);
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(&store).await.assert_same(&fresh, &format!("{lie:?}"));
    }
}

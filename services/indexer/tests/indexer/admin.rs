//! What operators look at and do.

use std::collections::BTreeSet;

use capstan_db::testing::TestStore;
use capstan_proto::indexer::{
    ChainState, ListContractsRequest, ListDecodeFailuresRequest, ResetChainRequest,
    indexer_admin_service_client::IndexerAdminServiceClient,
};
use capstan_runtime::{Running, platform::FinalityRule};
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt;

use crate::harness::{
    Client, Subscriber, devnet, head, ids, indexer, listed, look_again, platform, status, stop, truth,
};

async fn admin(running: &Running) -> IndexerAdminServiceClient<Channel> {
    IndexerAdminServiceClient::connect(running.url()).await.unwrap()
}

async fn until(client: &mut Client, state: ChainState) {
    while status(client).await.state() != state {
        look_again().await;
    }
}

#[tokio::test]
async fn the_contracts_are_those_of_the_configuration_and_of_its_factories() {
    let mut devnet = devnet().await;
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    let store = TestStore::sqlite();
    let platform = platform(&devnet, &store);
    let configured: BTreeSet<String> =
        platform.chains[0].contracts.iter().map(|contract| contract.address.to_string()).collect();
    let (running, mut client) = indexer(platform).await;
    Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
    let mut admin = admin(&running).await;
    let mut request = ListContractsRequest { page_size: 3, ..Default::default() };
    let mut contracts = Vec::new();
    loop {
        let page = admin.list_contracts(request.clone()).await.unwrap().into_inner();
        contracts.extend(page.contracts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let count = u64::try_from(contracts.len()).unwrap();
    assert_eq!(count, status(&mut client).await.contracts);
    let of_configuration = contracts.iter().filter(|contract| contract.factory.is_empty());
    assert_eq!(
        of_configuration.map(|contract| contract.address.clone()).collect::<BTreeSet<_>>(),
        configured
    );
    let market = devnet.deployment().markets[0].amm.to_string();
    let found = contracts.iter().find(|contract| contract.address == market).unwrap();
    assert_eq!(found.factory, devnet.deployment().fpmm_factory.to_string());
    assert_eq!((found.protocol.as_str(), found.start_block > 0), ("gnosis.fpmm", true));
    assert!(contracts.iter().any(|contract| contract.protocol == "abi" && contract.name == "MarketFactory"));
    stop(running).await;
}

#[tokio::test]
async fn a_log_that_does_not_decode_is_listed_as_the_chain_has_it() {
    let mut devnet = devnet().await;
    for _ in 0..20 {
        devnet.step().await.unwrap();
    }
    for store in TestStore::both().await {
        let mut platform = platform(&devnet, &store);
        let tokens = devnet.deployment().conditional_tokens.to_string();
        let contracts = &mut platform.chains[0].contracts;
        let wrong = contracts.iter_mut().find(|contract| contract.address.to_string() == tokens).unwrap();
        (wrong.protocol, wrong.name) = ("abi".to_owned(), Some("Tokens".to_owned()));
        wrong.signatures = vec![
            "event PositionSplit(address indexed stakeholder, address indexed collateralToken, \
             bytes32 parentCollectionId, bytes32 conditionId, uint256[] partition, uint256 indexed amount)"
                .to_owned(),
        ];
        let (running, mut client) = indexer(platform).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let mut admin = admin(&running).await;
        let mut request = ListDecodeFailuresRequest { page_size: 2, ..Default::default() };
        let mut failures = Vec::new();
        loop {
            let page = admin.list_decode_failures(request.clone()).await.unwrap().into_inner();
            failures.extend(page.failures);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert!(failures.len() > 3, "{}", failures.len());
        let count = u64::try_from(failures.len()).unwrap();
        assert_eq!(count, status(&mut client).await.decode_failures);
        for failure in &failures {
            assert_eq!((&failure.address, failure.topics.len()), (&tokens, 4));
            assert!(!failure.reason.is_empty() && !failure.data.is_empty());
        }
        let place = |failure: &capstan_proto::indexer::DecodeFailure| {
            (failure.block.as_ref().unwrap().number, failure.log_index)
        };
        assert!(failures.windows(2).all(|pair| place(&pair[0]) < place(&pair[1])));
        stop(running).await;
    }
}

#[tokio::test]
async fn a_halted_chain_goes_on_from_where_an_operator_resets_it_to() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let mut platform = platform(&devnet, &store);
        platform.chains[0].finality = FinalityRule::Blocks(4);
        for _ in 0..20 {
            devnet.step().await.unwrap();
        }
        let (running, mut client) = indexer(platform).await;
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        let indexed = head(&devnet).await.0;
        devnet.reorg(9).await.unwrap();
        devnet.step().await.unwrap();
        until(&mut client, ChainState::Halted).await;
        assert!(status(&mut client).await.problem.contains("ResetChain"));

        let mut admin = admin(&running).await;
        let too_high = ResetChainRequest { chain_id: 0, block: indexed };
        let refused = admin.reset_chain(too_high).await.unwrap_err();
        assert_eq!(refused.get_error_details().bad_request().unwrap().field_violations[0].field, "block");
        let request = ResetChainRequest { chain_id: 0, block: indexed - 9 };
        let reset = admin.reset_chain(request).await.unwrap().into_inner();
        assert_eq!((reset.last_valid_block.unwrap().number, reset.depth), (indexed - 9, 9));
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(subscriber.undos, [(indexed - 9, 9)]);
        assert_eq!(subscriber.ids(), truth(&devnet).await);

        // Far below, and on a chain that is as it was: the same events come again.
        let request = ResetChainRequest { chain_id: 0, block: 3 };
        let reset = admin.reset_chain(request).await.unwrap().into_inner();
        let last = reset.last_valid_block.unwrap().number;
        assert!(last <= 3);
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(subscriber.undos.last().unwrap().0, last);
        assert_eq!(subscriber.ids(), truth(&devnet).await);
        let mut wanted = truth(&devnet).await;
        for newest_first in [false, true] {
            // Pages end between logs that are part of the chain and orphans at the same place.
            for page_size in [7, 100] {
                assert!(ids(&listed(&mut client, page_size, newest_first).await) == wanted, "{page_size}");
            }
            wanted.reverse();
        }
        stop(running).await;
    }
}

#[tokio::test]
async fn a_standby_resets_nothing() {
    let devnet = devnet().await;
    let store = TestStore::sqlite();
    let (writing, mut writer) = indexer(platform(&devnet, &store)).await;
    until(&mut writer, ChainState::Live).await;
    let (waiting, mut standby) = indexer(platform(&devnet, &store)).await;
    until(&mut standby, ChainState::Standby).await;
    let request = ResetChainRequest { chain_id: 0, block: 1 };
    let refused = admin(&waiting).await.reset_chain(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.get_details_error_info().unwrap().reason, "CHAIN_NOT_WRITTEN_HERE");
    stop(waiting).await;
    stop(writing).await;
}

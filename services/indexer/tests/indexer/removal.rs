//! Contracts that operators add and remove while the chain is followed.

use capstan_db::testing::TestStore;
use capstan_proto::indexer::{
    AddContractRequest, Event, ListContractsRequest, ListPoolsRequest, RemoveContractRequest,
    StreamEventsRequest, indexer_admin_service_client::IndexerAdminServiceClient,
    pool_service_client::PoolServiceClient,
};
use capstan_runtime::{Platform, Running};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;

use crate::harness::{
    Client, Subscriber, devnet, head, ids, indexer, listed, look_again, platform, stop, truth,
};

type Admin = IndexerAdminServiceClient<Channel>;

async fn admin(running: &Running) -> Admin {
    Admin::connect(running.url()).await.unwrap()
}

fn without(mut platform: Platform, protocol: &str) -> Platform {
    platform.chains[0].contracts.retain(|contract| contract.protocol != protocol);
    platform
}

async fn add(admin: &mut Admin, address: &str, protocol: &str) {
    let (address, protocol) = (address.to_owned(), protocol.to_owned());
    let request = AddContractRequest { address, protocol, ..Default::default() };
    admin.add_contract(request).await.unwrap();
}

async fn remove(admin: &mut Admin, address: &str) -> Result<(), Status> {
    let request = RemoveContractRequest { chain_id: 0, address: address.to_owned() };
    admin.remove_contract(request).await.map(drop)
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().unwrap().reason)
}

async fn protocols(admin: &mut Admin) -> Vec<String> {
    let request = ListContractsRequest { page_size: 1_000, ..Default::default() };
    let contracts = admin.list_contracts(request).await.unwrap().into_inner().contracts;
    contracts.into_iter().map(|contract| contract.protocol).collect()
}

fn is_of_makers(event: &Event) -> bool {
    event.protocol.starts_with("gnosis.fpmm")
}

/// Waits until everything is served that the node has, and reads it.
async fn whole(client: &mut Client, devnet: &capstan_devnet::Devnet) -> Subscriber {
    let truth = truth(devnet).await;
    loop {
        let mut reader = Subscriber::default();
        // Whoever reads before a history is whole is told, and begins again.
        let read = reader.try_follow_to(client, head(devnet).await).await;
        if read.is_ok() && reader.ids() == truth {
            return reader;
        }
        look_again().await;
    }
}

#[tokio::test]
async fn what_was_removed_is_not_served_and_comes_back_with_what_it_missed() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let factory = devnet.deployment().fpmm_factory.to_string();
        let all = platform(&devnet, &store);
        let configured = all.chains[0].contracts[0].address.to_string();
        let some = without(all, "gnosis.fpmm_factory");
        let (first, mut client) = indexer(some.clone()).await;
        let (second, mut standby) = indexer(some.clone()).await;
        let mut operator = admin(&first).await;
        add(&mut operator, &factory, "gnosis.fpmm_factory").await;
        let mut reader = whole(&mut client, &devnet).await;
        assert!(reader.events.iter().any(is_of_makers));
        whole(&mut standby, &devnet).await;

        let refused = remove(&mut admin(&second).await, &factory).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::FailedPrecondition, "CHAIN_NOT_WRITTEN_HERE".into()));
        remove(&mut operator, &factory).await.unwrap();
        let others: Vec<Event> = reader.events.iter().filter(|event| !is_of_makers(event)).cloned().collect();
        // From the answer on, wherever it is asked.
        assert_eq!(listed(&mut client, 0, false).await, others);
        assert_eq!(listed(&mut standby, 0, false).await, others);
        assert!(protocols(&mut operator).await.iter().all(|protocol| !protocol.starts_with("gnosis.fpmm")));
        let again = remove(&mut operator, &factory).await.unwrap_err();
        assert_eq!(reason(&again), (Code::NotFound, "CONTRACT_NOT_ADDED".into()));
        let of_file = remove(&mut operator, &configured).await.unwrap_err();
        assert_eq!(reason(&of_file), (Code::FailedPrecondition, "CONTRACT_CONFIGURED".into()));

        // Who reads goes on, without what happens to it meanwhile.
        let (before, seen) = (reader.events.len(), reader.cursor.clone());
        for _ in 0..5 {
            devnet.step().await.unwrap();
        }
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert!(!reader.events[before..].iter().any(is_of_makers));
        stop(second).await;
        stop(first).await;

        let (running, mut client) = indexer(some).await;
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert!(!listed(&mut client, 0, false).await.iter().any(is_of_makers));
        add(&mut admin(&running).await, &factory, "gnosis.fpmm_factory").await;
        let whole = whole(&mut client, &devnet).await;
        let missed = whole.events.iter().filter(|event| is_of_makers(event)).count();
        assert!(missed > reader.events.iter().filter(|event| is_of_makers(event)).count());
        assert_eq!(ids(&listed(&mut client, 0, false).await), whole.ids());
        let stale = StreamEventsRequest { cursor: seen, ..Default::default() };
        let refused = client.stream_events(stale).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "CURSOR_HISTORY_ADDED".into()));
        stop(running).await;
    }
}

#[tokio::test]
async fn pools_go_with_the_factory_that_was_added_and_come_back_with_it() {
    for store in TestStore::both().await {
        let devnet = devnet().await;
        let factory = devnet.deployment().uniswap.v2_factory.to_string();
        let some = without(without(platform(&devnet, &store), "uniswap.v2.factory"), "uniswap.v3.factory");
        let (running, _client) = indexer(some.clone()).await;
        add(&mut admin(&running).await, &factory, "uniswap.v2.factory").await;
        stop(running).await;
        // A process begins to read pools when it starts.
        let (running, _client) = indexer(some).await;
        let mut operator = admin(&running).await;
        let mut pools = PoolServiceClient::connect(running.url()).await.unwrap();
        let mut count =
            async || pools.list_pools(ListPoolsRequest::default()).await.unwrap().into_inner().pools.len();
        while count().await < 3 {
            look_again().await;
        }
        remove(&mut operator, &factory).await.unwrap();
        assert_eq!(count().await, 0);
        add(&mut operator, &factory, "uniswap.v2.factory").await;
        while count().await < 3 {
            look_again().await;
        }
        stop(running).await;
    }
}

//! The database goes away and comes back, or has no room.

use std::time::{Duration, Instant};

use alloy::providers::{Provider, ProviderBuilder};
use capstan_db::{Database, testing::TestStore};
use capstan_devnet::Devnet;
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_proto::indexer::{
    ChainState, GetHealthRequest, GetStatusRequest, ListContractsRequest,
    indexer_admin_service_client::IndexerAdminServiceClient,
};
use capstan_runtime::{Platform, platform::DatabaseSection};
use futures::StreamExt;
use sea_orm::ConnectionTrait;
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, indexer, look_again, platform_of, setting, settle,
        status, stop, truth,
    },
    process::Process,
    road::Road,
    server::Server,
    state::State,
};

const LONGEST_RECOVERY: Duration = Duration::from_secs(10);

/// The configuration with the deadlines that are the default.
fn impatient(toml: &str, url: &str) -> Platform {
    let mut platform = platform_of(toml, url);
    platform.database.timeout_ms = DatabaseSection::default().timeout_ms;
    platform
}

/// The health of the service, as whoever balances load sees it.
struct Health {
    client: HealthClient<Channel>,
    changes: Streaming<HealthCheckResponse>,
}

impl Health {
    async fn of(url: String) -> Self {
        let mut client = HealthClient::new(Endpoint::from_shared(url).unwrap().connect_lazy());
        let changes = client.watch(request()).await.unwrap().into_inner();
        Self { client, changes }
    }

    async fn becomes(&mut self, wanted: ServingStatus) {
        while self.changes.next().await.unwrap().unwrap().status() != wanted {}
    }

    async fn now(&mut self) -> ServingStatus {
        self.client.check(request()).await.unwrap().into_inner().status()
    }
}

fn request() -> HealthCheckRequest {
    HealthCheckRequest { service: "capstan.indexer.v1.IndexerService".to_owned() }
}

/// A store on PostgreSQL, the way to it, and the chain's configuration with it.
async fn away_and_back() -> (TestStore, Road, String, String) {
    let store = TestStore::postgres().await;
    let url = database_url(&store);
    let server = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let road = Road::to(&server).await;
    let url = url.replace(&server, &road.address.to_string());
    (store, road, server, url)
}

/// Follows to the head, and says how long after `since` it was there.
async fn recover(reader: &mut Subscriber, client: &mut Client, devnet: &Devnet, since: Instant) {
    let followed = reader.follow_to(client, head(devnet).await);
    if tokio::time::timeout(LONGEST_RECOVERY, followed).await.is_err() {
        let chain = status(client).await;
        panic!("{:?} after {:?}, {}", chain.state(), since.elapsed(), chain.problem);
    }
    assert!(since.elapsed() < LONGEST_RECOVERY, "{:?}", since.elapsed());
    assert!(reader.ids() == truth(devnet).await, "something was lost or repeated");
}

#[tokio::test]
async fn health_says_so_while_the_store_is_away_and_nothing_is_lost() {
    let mut devnet = devnet().await;
    let (store, road, server, url) = away_and_back().await;
    let (running, mut client) = indexer(impatient(&devnet.config_toml(), &url)).await;
    let mut reader = Subscriber::default();
    recover(&mut reader, &mut client, &devnet, Instant::now()).await;
    let mut health = Health::of(running.url()).await;
    health.becomes(ServingStatus::Serving).await;
    for _ in 0..3 {
        road.cut();
        health.becomes(ServingStatus::NotServing).await;
        devnet.step().await.unwrap();
        let back = Instant::now();
        road.turn_to(&server);
        health.becomes(ServingStatus::Serving).await;
        recover(&mut reader, &mut client, &devnet, back).await;
    }
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    stop(running).await;
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after three outages");
}

#[tokio::test]
async fn history_goes_on_where_it_was_when_the_store_went_away() {
    let mut devnet = devnet().await;
    for _ in 0..50 {
        devnet.step().await.unwrap();
    }
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    proxy.follow(Script::always(Fault::Delay(Duration::from_millis(100))));
    let slow = devnet.config_toml().replace(&format!(", \"{}\"", devnet.ws_url()), "");
    let slow = slow.replace(&devnet.http_url(), &proxy.http_url());
    let (store, road, server, url) = away_and_back().await;
    let (running, mut client) = indexer(impatient(&slow, &url)).await;
    let mut health = Health::of(running.url()).await;
    let height = head(&devnet).await.0;
    let mut last = 0;
    let mut back = Instant::now();
    for _ in 0..3 {
        let indexed = loop {
            let indexed = status(&mut client).await.indexed.map_or(0, |block| block.number);
            if indexed > last {
                break indexed;
            }
            look_again().await;
        };
        assert!(back.elapsed() < LONGEST_RECOVERY && indexed < height, "{indexed} of {height}");
        last = indexed;
        road.cut();
        health.becomes(ServingStatus::NotServing).await;
        back = Instant::now();
        road.turn_to(&server);
        health.becomes(ServingStatus::Serving).await;
    }
    proxy.follow(Script::honest());
    recover(&mut Subscriber::default(), &mut client, &devnet, back).await;
    settle(&mut client, &devnet, &slow).await;
    stop(running).await;
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after three outages");
}

/// Waits for a block above `height`; the status fails as long as the store does.
async fn indexed_above(client: &mut Client, height: u64) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    loop {
        looks.tick().await;
        let Ok(answer) = client.get_status(GetStatusRequest {}).await else { continue };
        let indexed = &answer.get_ref().chains[0].indexed;
        if indexed.as_ref().is_some_and(|block| block.number > height) {
            return;
        }
    }
}

/// `CAPSTAN_AWAY_SECONDS=60` keeps the server away for a minute each time, with a block a second.
#[tokio::test]
async fn a_server_that_is_killed_three_times_in_traffic_costs_nothing() {
    let away = Duration::from_secs(setting("CAPSTAN_AWAY_SECONDS").unwrap_or(0));
    let (mut server, mut devnet) = (Server::start().await, devnet().await);
    let (running, mut client) = indexer(impatient(&devnet.config_toml(), &server.url)).await;
    let mut health = Health::of(running.url()).await;
    health.becomes(ServingStatus::Serving).await;
    let mut reader = Subscriber::default();
    reader.follow_to(&mut client, head(&devnet).await).await;
    for _ in 0..3 {
        for _ in 0..3 {
            devnet.step().await.unwrap();
        }
        let height = devnet.block_number();
        server.kill().await;
        let killed = Instant::now();
        health.becomes(ServingStatus::NotServing).await;
        devnet.step().await.unwrap();
        let mut blocks = tokio::time::interval(Duration::from_secs(1));
        while killed.elapsed() < away {
            blocks.tick().await;
            devnet.step().await.unwrap();
            assert_eq!(health.now().await, ServingStatus::NotServing);
        }
        server.come_back().await;
        let (gone, back) = (killed.elapsed(), Instant::now());
        indexed_above(&mut client, height).await;
        let resumed = back.elapsed();
        health.becomes(ServingStatus::Serving).await;
        reader.follow_to(&mut client, head(&devnet).await).await;
        let level = back.elapsed();
        println!(
            "away for {gone:.1?}: new blocks {resumed:.1?}, the head {level:.1?} after the server answered"
        );
        assert!(resumed < LONGEST_RECOVERY, "{resumed:?}");
        assert!(reader.ids() == truth(&devnet).await, "something was lost or repeated");
    }
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    stop(running).await;
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::at(server.database()).await.assert_same(&fresh, "after three kills of the server");
    server.stop().await;
}

/// A full disk without the right to mount one: files may not grow past the first page.
#[tokio::test]
async fn a_full_disk_stalls_the_chain_and_costs_nothing() {
    let mut devnet = devnet().await;
    let (store, directory) = (TestStore::sqlite(), tempfile::tempdir().unwrap());
    let config = directory.path().join("capstan.toml");
    std::fs::write(&config, devnet.config_toml()).unwrap();
    let process = Process::spawn(&config, &database_url(&store), &[]).await;
    let mut client = process.client().await.unwrap();
    let mut health = Health::of(process.url.clone().unwrap()).await;
    let mut reader = Subscriber::default();
    recover(&mut reader, &mut client, &devnet, Instant::now()).await;
    health.becomes(ServingStatus::Serving).await;
    for _ in 0..3 {
        process.limit_files(Some(4096));
        for _ in 0..3 {
            devnet.step().await.unwrap();
        }
        let stalled = loop {
            let chain = status(&mut client).await;
            if chain.state() == ChainState::Stalled {
                break chain;
            }
            look_again().await;
        };
        assert!(stalled.problem.contains("the store does not answer"), "{}", stalled.problem);
        let summary = client.get_health(GetHealthRequest {}).await.unwrap().into_inner();
        assert_eq!(summary.status, "degraded");
        health.becomes(ServingStatus::NotServing).await;
        process.limit_files(None);
        recover(&mut reader, &mut client, &devnet, Instant::now()).await;
        health.becomes(ServingStatus::Serving).await;
    }
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    drop(process);
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after a full disk");
}

/// The reorg is written, then the store cannot be asked which contracts are left: a table is not there.
#[tokio::test]
async fn contracts_that_left_the_chain_are_forgotten_although_the_store_went_away() {
    for store in TestStore::both().await {
        let devnet = devnet().await;
        let (running, mut client) = indexer(impatient(&devnet.config_toml(), &database_url(&store))).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        let newest = newest_contract(running.url()).await;
        let database = Database::open(&capstan_db::Options::new(store.url.clone()), "indexer").await.unwrap();
        rename(&database, "added_contract", "away").await;
        let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
        let depth = head(&devnet).await.0 - newest + 1;
        let empty: [(); 0] = [];
        let _: Option<()> = provider.raw_request("anvil_reorg".into(), (depth, empty)).await.unwrap();
        while status(&mut client).await.state() != ChainState::Stalled {
            tokio::task::yield_now().await;
        }
        rename(&database, "away", "added_contract").await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        assert!(newest_contract(running.url()).await < newest);
        stop(running).await;
        database.close().await.unwrap();
    }
}

async fn rename(database: &Database, from: &str, to: &str) {
    let write = database.write().await.unwrap();
    write.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
    write.commit().await.unwrap();
}

/// The newest block that made a contract which is followed.
async fn newest_contract(url: String) -> u64 {
    let mut admin = IndexerAdminServiceClient::connect(url).await.unwrap();
    let request = ListContractsRequest { page_size: 1_000, ..Default::default() };
    let contracts = admin.list_contracts(request).await.unwrap().into_inner().contracts;
    contracts.iter().map(|contract| contract.start_block).max().unwrap()
}

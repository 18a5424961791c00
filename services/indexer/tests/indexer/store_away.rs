//! The database goes away and comes back.

use capstan_db::testing::TestStore;
use futures::StreamExt;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    harness::{Subscriber, database_url, devnet, head, indexer, platform_of, stop, truth},
    road::Road,
};

#[tokio::test]
async fn health_says_so_while_the_store_is_away_and_nothing_is_lost() {
    let mut devnet = devnet().await;
    let store = TestStore::postgres().await;
    let url = database_url(&store);
    let server = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let road = Road::to(&server).await;
    let platform = platform_of(&devnet.config_toml(), &url.replace(&server, &road.address.to_string()));
    let (running, mut client) = indexer(platform).await;
    let mut subscriber = Subscriber::default();
    subscriber.follow_to(&mut client, head(&devnet).await).await;

    let mut health = HealthClient::new(Endpoint::from_shared(running.url()).unwrap().connect_lazy());
    let service = "capstan.indexer.v1.IndexerService".to_owned();
    let mut watched = health.watch(HealthCheckRequest { service }).await.unwrap().into_inner();
    let mut until =
        async |wanted: ServingStatus| while watched.next().await.unwrap().unwrap().status() != wanted {};
    until(ServingStatus::Serving).await;
    road.cut();
    until(ServingStatus::NotServing).await;
    devnet.step().await.unwrap();
    road.turn_to(&server);
    until(ServingStatus::Serving).await;
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    stop(running).await;
}

//! The database goes away and comes back.

use std::sync::{Arc, Mutex};

use capstan_db::testing::TestStore;
use futures::StreamExt;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::harness::{Subscriber, database_url, devnet, head, indexer, platform_of, stop, truth};

/// A way to the database that can be cut.
struct Road {
    address: std::net::SocketAddr,
    open: watch::Sender<bool>,
    tasks: Arc<Mutex<tokio::task::JoinSet<()>>>,
}

impl Road {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let tasks = Arc::new(Mutex::new(tokio::task::JoinSet::new()));
        let (state, traffic) = (open.clone(), Arc::clone(&tasks));
        tasks.lock().unwrap().spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                traffic.lock().unwrap().spawn(carry(inside, server.clone(), state.subscribe()));
            }
        });
        Self { address, open, tasks }
    }
}

async fn carry(mut inside: TcpStream, server: String, mut open: watch::Receiver<bool>) {
    if !*open.borrow() {
        return;
    }
    let Ok(mut outside) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut inside, &mut outside) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.tasks.lock().unwrap().abort_all();
    }
}

#[tokio::test]
async fn health_says_so_while_the_store_is_away_and_nothing_is_lost() {
    let mut devnet = devnet().await;
    let store = TestStore::postgres().await;
    let url = database_url(&store);
    let server = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let road = Road::to(server.clone()).await;
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
    road.open.send_replace(false);
    until(ServingStatus::NotServing).await;
    devnet.step().await.unwrap();
    road.open.send_replace(true);
    until(ServingStatus::Serving).await;
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(subscriber.ids(), truth(&devnet).await);
    stop(running).await;
}

//! Several indexers on one store: one writes, the others serve and take over.

use std::time::{Duration, Instant};

use capstan_db::{
    Database, Options,
    indexer::entities::{chain, chain::Entity as Chain},
    testing::TestStore,
};
use capstan_devnet::Devnet;
use capstan_proto::indexer::ChainState;
use capstan_runtime::Platform;
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::harness::{
    Client, Subscriber, devnet, head, ids, indexer, listed, look_again, platform, status, stop, truth,
    try_start,
};

async fn steps(devnet: &mut Devnet, count: usize) {
    for _ in 0..count {
        devnet.step().await.unwrap();
    }
}

async fn until(client: &mut Client, wanted: ChainState) -> bool {
    loop {
        let status = status(client).await;
        if status.state() == wanted {
            return status.writer;
        }
        look_again().await;
    }
}

#[tokio::test]
async fn a_standby_serves_what_the_writer_writes_and_goes_on_when_it_stops() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let (first, mut writer) = indexer(platform(&devnet, &store)).await;
        assert!(until(&mut writer, ChainState::Live).await);
        let (second, mut standby) = indexer(platform(&devnet, &store)).await;
        assert!(!until(&mut standby, ChainState::Standby).await);
        let mut subscriber = Subscriber::default();
        for depth in [1, 5] {
            steps(&mut devnet, 8).await;
            subscriber.follow_to(&mut standby, head(&devnet).await).await;
            assert_eq!(subscriber.ids(), truth(&devnet).await);
            devnet.reorg(depth).await.unwrap();
            subscriber.follow_to(&mut standby, head(&devnet).await).await;
            assert_eq!(subscriber.ids(), truth(&devnet).await);
        }
        let said = status(&mut writer).await;
        // A standby looks at the store now and then; its streams may be ahead of what it says.
        let mut seen = status(&mut standby).await;
        while seen.indexed != said.indexed {
            look_again().await;
            seen = status(&mut standby).await;
        }
        assert_eq!((seen.contracts, seen.reorgs), (said.contracts, said.reorgs));

        stop(first).await;
        let stopped = Instant::now();
        assert!(until(&mut standby, ChainState::Live).await);
        assert!(stopped.elapsed() < Duration::from_secs(3), "took over in {:?}", stopped.elapsed());
        steps(&mut devnet, 8).await;
        subscriber.follow_to(&mut standby, head(&devnet).await).await;
        assert_eq!(subscriber.ids(), truth(&devnet).await);
        assert_eq!(ids(&listed(&mut standby, 0, false).await), truth(&devnet).await);
        stop(second).await;
    }
}

/// Runs an indexer of its own until it is killed: nothing of it gets to say goodbye.
fn start_to_be_killed(platform: Platform) -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let running = runtime.block_on(try_start(platform)).unwrap();
    (runtime, running.url())
}

#[tokio::test]
async fn a_standby_goes_on_when_the_writer_is_killed() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let of_writer = platform(&devnet, &store);
        let started = tokio::task::spawn_blocking(|| start_to_be_killed(of_writer));
        let (runtime, url) = started.await.unwrap();
        let mut writer = Client::connect(url).await.unwrap();
        assert!(until(&mut writer, ChainState::Live).await);
        let (second, mut standby) = indexer(platform(&devnet, &store)).await;
        assert!(!until(&mut standby, ChainState::Standby).await);
        steps(&mut devnet, 5).await;
        runtime.shutdown_background();
        let killed = Instant::now();
        assert!(until(&mut standby, ChainState::Live).await);
        assert!(killed.elapsed() < Duration::from_secs(6), "took over in {:?}", killed.elapsed());
        steps(&mut devnet, 5).await;
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut standby, head(&devnet).await).await;
        assert_eq!(subscriber.ids(), truth(&devnet).await);
        stop(second).await;
    }
}

#[tokio::test]
async fn a_writer_that_was_replaced_cannot_write() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        let mut subscriber = Subscriber::default();
        steps(&mut devnet, 3).await;
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        let database = Database::open(&Options::new(store.url.clone()), "indexer").await.unwrap();
        let set = async |columns: &str| {
            let write = database.write().await.unwrap();
            write.execute_unprepared(&format!("UPDATE chain SET {columns}")).await.unwrap();
            write.commit().await.unwrap();
        };
        let row = async || -> chain::Model {
            let read = database.read().await.unwrap();
            Chain::find().one(&read).await.unwrap().unwrap()
        };
        set("writer = writer + 1, writer_until = 9000000000000").await;
        let stolen = row().await;
        steps(&mut devnet, 5).await;
        assert!(!until(&mut client, ChainState::Standby).await);
        assert_eq!(row().await, stolen);
        set("writer_until = 0").await;
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(subscriber.ids(), truth(&devnet).await);
        assert!(subscriber.undos.is_empty());
        assert_eq!(row().await.writer, stolen.writer + 1);
        database.close().await.unwrap();
        stop(running).await;
    }
}

//! What becomes final, when, and how it is told from what only one endpoint says.

use std::time::Duration;

use alloy::primitives::B256;
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_indexer::Config;
use capstan_proto::indexer::ChainStatus;
use capstan_runtime::Running;

use crate::harness::{Client, database_url, devnet, head, platform_of, status, stop, try_start_as};

const LONGEST: Duration = Duration::from_secs(15);

async fn until(client: &mut Client, what: &str, is_so: impl Fn(&ChainStatus) -> bool) -> ChainStatus {
    let waiting = async {
        loop {
            let status = status(client).await;
            if is_so(&status) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(LONGEST, waiting).await;
    match found {
        Ok(status) => status,
        Err(_) => panic!("{what}: {:?}", status(client).await),
    }
}

async fn indexed(client: &mut Client, devnet: &Devnet) {
    let wanted = text(head(devnet).await.1);
    until(client, "not indexed", |status| status.indexed.as_ref().is_some_and(|block| block.hash == wanted))
        .await;
}

fn text(hash: B256) -> String {
    format!("{hash:#x}")
}

async fn start_as(toml: &str, store: &TestStore, config: Config) -> (Running, Client) {
    let running = try_start_as(platform_of(toml, &database_url(store)), config).await.unwrap();
    let client = Client::connect(running.url()).await.unwrap();
    (running, client)
}

#[tokio::test]
async fn a_chain_that_has_a_block_at_every_look_becomes_final_all_the_same() {
    let mut devnet = devnet().await;
    devnet.mine_empty(60).await.unwrap();
    let store = TestStore::sqlite();
    // Only announcements wake it, each of a new block.
    let config = Config { poll_interval_ms: 3_600_000, ..Config::default() };
    let (running, mut client) = start_as(&devnet.config_toml(), &store, config).await;
    indexed(&mut client, &devnet).await;
    let first = head(&devnet).await.0;
    for _ in 0..40 {
        devnet.mine_empty(1).await.unwrap();
        indexed(&mut client, &devnet).await;
    }
    let status = status(&mut client).await;
    assert!(status.finalized.unwrap().number > first);
    stop(running).await;
}

//! What becomes final, when, and how it is told from what only one endpoint says.

use std::time::Duration;

use alloy::primitives::B256;
use capstan_db::{Database, indexer::entities::reorg, testing::TestStore};
use capstan_devnet::{Devnet, Options};
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_indexer::Config;
use capstan_proto::indexer::{ChainState, ChainStatus};
use capstan_runtime::Running;
use sea_orm::EntityTrait;

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, indexer, platform, platform_of, settle, status, stop,
        truth, try_start_as,
    },
    road::Road,
    state::State,
};

const LONGEST: Duration = Duration::from_secs(60);

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

/// The configuration of a devnet that is asked through other addresses.
fn through(devnet: &Devnet, urls: &str) -> String {
    let own = format!("[\"{}\", \"{}\"]", devnet.http_url(), devnet.ws_url());
    let toml = devnet.config_toml().replace(&own, urls);
    assert!(!toml.contains(&own));
    toml
}

/// With ranges of any size.
async fn start(toml: &str, store: &TestStore, config: Config) -> (Running, Client) {
    start_as(toml, store, Config { poll_interval_ms: 50, ..config }).await
}

async fn start_as(toml: &str, store: &TestStore, config: Config) -> (Running, Client) {
    let running = try_start_as(platform_of(toml, &database_url(store)), config).await.unwrap();
    let client = Client::connect(running.url()).await.unwrap();
    (running, client)
}

/// A chain whose blocks become others in a reorg although they are empty.
async fn quiet(blocks: u64) -> Devnet {
    let options = Options { block_interval: Duration::from_secs(2), ..Options::default() };
    let mut devnet = Devnet::start(options).await.unwrap();
    devnet.mine_empty(blocks).await.unwrap();
    devnet
}

/// A chain whose headers cannot be recomputed, so that nothing proves what is said of it.
async fn unproved() -> Devnet {
    Devnet::start(Options { chain_id: 100, ..Options::default() }).await.unwrap()
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

#[tokio::test]
async fn a_reorg_shortly_after_a_start_takes_back_no_more_than_it_must() {
    for store in TestStore::both().await {
        let mut devnet = quiet(80).await;
        let toml = devnet.config_toml();
        let (running, mut client) = start(&toml, &store, Config::default()).await;
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        devnet.mine_empty(3).await.unwrap();
        subscriber.follow_to(&mut client, head(&devnet).await).await;
        let (newest, before) = head(&devnet).await;
        until(&mut client, "not final", |status| {
            status.finalized.as_ref().is_some_and(|block| block.number == newest - 32)
        })
        .await;
        devnet.reorg(6).await.unwrap();
        assert_ne!(head(&devnet).await.1, before);
        devnet.step().await.unwrap();
        let followed = subscriber.follow_to(&mut client, head(&devnet).await);
        let followed = tokio::time::timeout(LONGEST, followed).await;
        assert!(followed.is_ok(), "{}", status(&mut client).await.problem);
        assert_eq!(subscriber.undos, [(newest - 6, 6)]);
        settle(&mut client, &devnet, &toml).await;
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(&store).await.assert_same(&fresh, "after a reorg");
    }
}

#[tokio::test]
async fn the_window_counts_from_the_lowest_block_that_a_reorg_replaces() {
    let mut devnet = quiet(90).await;
    let toml = devnet.config_toml().replace("finality = { blocks = 32 }", "finality = { blocks = 64 }");
    let store = TestStore::sqlite();
    let config = Config { reorg_window: 8, reorg_window_seconds: 0, ..Config::default() };
    let (running, mut client) = start(&toml, &store, config).await;
    let mut subscriber = Subscriber::default();
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    let mut undos = Vec::new();
    for depth in [1, 9] {
        undos.push((head(&devnet).await.0 - depth, depth));
        devnet.reorg(depth).await.unwrap();
        devnet.step().await.unwrap();
        let followed = subscriber.follow_to(&mut client, head(&devnet).await);
        let followed = tokio::time::timeout(LONGEST, followed).await;
        assert!(followed.is_ok(), "{}", status(&mut client).await.problem);
        assert_eq!(subscriber.undos, undos);
    }
    devnet.mine_empty(9).await.unwrap();
    indexed(&mut client, &devnet).await;
    devnet.reorg(10).await.unwrap();
    devnet.step().await.unwrap();
    until(&mut client, "not halted", |status| status.state() == ChainState::Halted).await;
    stop(running).await;
}

/// The junction and depth of every reorg that was written down.
async fn reorgs(store: &TestStore) -> Vec<(i64, i64)> {
    let database = Database::open(&capstan_db::Options::new(store.url.clone()), "indexer").await.unwrap();
    let read = database.read().await.unwrap();
    let rows = reorg::Entity::find().all(&read).await.unwrap();
    read.commit().await.unwrap();
    database.close().await.unwrap();
    rows.into_iter().map(|row| (row.last_valid_number, row.depth)).collect()
}

#[tokio::test]
async fn of_what_a_node_told_wrongly_only_the_block_and_what_stands_on_it_are_taken_back() {
    let mut devnet = quiet(60).await;
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let toml = through(&devnet, &format!("[{:?}]", proxy.http_url()));
    let store = TestStore::sqlite();
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    settle(&mut client, &devnet, &toml).await;
    stop(running).await;
    devnet.mine_empty(25).await.unwrap();
    let wrong = i64::try_from(devnet.step().await.unwrap().number).unwrap();
    devnet.mine_empty(10).await.unwrap();
    proxy.follow(Script::honest().on("eth_getLogs", Fault::DropLog));
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    until(&mut client, "nothing is taken back", |status| status.reorgs > 0).await;
    settle(&mut client, &devnet, &toml).await;
    stop(running).await;
    assert_eq!(reorgs(&store).await, [(wrong - 1, 11)]);
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after a lie");
}

#[tokio::test]
async fn what_nobody_proved_is_proved_after_a_restart() {
    let mut devnet = quiet(0).await;
    for _ in 0..3 {
        devnet.step().await.unwrap();
    }
    devnet.mine_empty(30).await.unwrap();
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let toml = through(&devnet, &format!("[{:?}]", proxy.http_url()));
    let toml = toml.replace("finality = { blocks = 32 }", "finality = { blocks = 10000 }");
    let store = TestStore::sqlite();
    let lies = Script::honest().on("eth_getLogs", Fault::DropLog);
    proxy.follow(lies.on("eth_getBlockReceipts", Fault::Unavailable));
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    indexed(&mut client, &devnet).await;
    let truth = truth(&devnet).await;
    let count = u64::try_from(truth.len()).unwrap();
    assert!(status(&mut client).await.events < count);
    stop(running).await;
    proxy.follow(Script::honest());
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    until(&mut client, "a log is missing", |status| status.events == count).await;
    let mut subscriber = Subscriber::default();
    subscriber.follow_to(&mut client, head(&devnet).await).await;
    assert!(subscriber.ids() == truth);
    stop(running).await;
}

#[tokio::test]
async fn a_contract_that_is_no_longer_followed_takes_nothing_back() {
    let mut devnet = devnet().await;
    for _ in 0..40 {
        devnet.step().await.unwrap();
    }
    let store = TestStore::sqlite();
    let mut platform = platform(&devnet, &store);
    let (running, mut client) = indexer(platform.clone()).await;
    indexed(&mut client, &devnet).await;
    stop(running).await;
    let events = events_of(&store).await;
    platform.chains[0].contracts.retain(|contract| contract.protocol != "gnosis.conditional_tokens");
    let (running, mut client) = indexer(platform).await;
    devnet.mine_empty(40).await.unwrap();
    settle(&mut client, &devnet, &devnet.config_toml()).await;
    assert_eq!(status(&mut client).await.reorgs, 0);
    stop(running).await;
    assert_eq!(events_of(&store).await, events);
}

async fn events_of(store: &TestStore) -> usize {
    State::of(store).await.rows("event")
}

#[tokio::test]
async fn a_head_that_nobody_else_has_is_no_reorg() {
    let devnet = unproved().await;
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let toml = through(&devnet, &format!("[{:?}]", proxy.http_url()));
    let store = TestStore::sqlite();
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    until(&mut client, "not live", |status| status.state() == ChainState::Live).await;
    for _ in 0..5 {
        proxy.follow(Script::honest().then(1, Fault::WrongHash));
        let until = proxy.requests() + 12;
        while proxy.requests() < until {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(status(&mut client).await.reorgs, 0);
    stop(running).await;
}

#[tokio::test]
async fn what_endpoints_disagree_on_does_not_become_final() {
    let mut devnet = unproved().await;
    devnet.mine_empty(10).await.unwrap();
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let urls = format!("[{:?}, {{ url = {:?}, role = \"fallback\" }}]", proxy.http_url(), devnet.http_url());
    let toml = through(&devnet, &urls).replace("finality = { blocks = 32 }", "finality = { blocks = 4 }");
    let store = TestStore::sqlite();
    // What is read and what is called final come from different nodes, as behind one address.
    proxy.follow(Script::honest().on("eth_getLogs", Fault::WrongHash));
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    let seen = until(&mut client, "nothing is wrong", |status| !status.problem.is_empty()).await;
    assert!(seen.finalized.is_none() && seen.problem.contains("disagree"), "{seen:?}");
    proxy.follow(Script::honest());
    until(&mut client, "not live", |status| status.state() == ChainState::Live).await;
    settle(&mut client, &devnet, &toml).await;
    // And while blocks come.
    proxy.follow(Script::always(Fault::WrongHash));
    for _ in 0..10 {
        devnet.step().await.unwrap();
    }
    let seen = until(&mut client, "nothing is wrong", |status| !status.problem.is_empty()).await;
    assert_eq!(seen.state(), ChainState::Stalled, "{seen:?}");
    proxy.follow(Script::honest());
    settle(&mut client, &devnet, &toml).await;
    stop(running).await;
    let (fresh, _) = State::fresh(&devnet, &toml).await;
    State::of(&store).await.assert_same(&fresh, "after lies");
}

#[tokio::test]
async fn one_endpoint_on_another_fork_does_not_halt_the_chain() {
    let (mut one, mut other) = (devnet().await, devnet().await);
    for _ in 0..20 {
        assert_eq!(one.step().await.unwrap().hash, other.step().await.unwrap().hash);
    }
    let address = |devnet: &Devnet| devnet.http_url().trim_start_matches("http://").to_owned();
    let road = Road::to(&address(&one)).await;
    let urls =
        format!("[\"http://{}\", {{ url = {:?}, role = \"fallback\" }}]", road.address, one.http_url());
    let toml = through(&one, &urls).replace("finality = { blocks = 32 }", "finality = { blocks = 4 }");
    let store = TestStore::sqlite();
    let (running, mut client) = start(&toml, &store, Config::default()).await;
    settle(&mut client, &one, &toml).await;
    other.reorg(10).await.unwrap();
    other.step().await.unwrap();
    road.turn_to(&address(&other));
    let seen = until(&mut client, "nothing is wrong", |status| {
        status.state() == ChainState::Halted || status.problem.contains("disagree")
    });
    assert_eq!(seen.await.state(), ChainState::Stalled);
    road.turn_to(&address(&one));
    one.step().await.unwrap();
    indexed(&mut client, &one).await;
    assert_eq!(status(&mut client).await.reorgs, 0);
    stop(running).await;
}

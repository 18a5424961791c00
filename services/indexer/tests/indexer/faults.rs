//! Nodes that lie, lag, limit and break between the indexer and its chain.

use std::time::{Duration, Instant};

use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options};
use capstan_faults::{Fault, FaultProxy, Provider, Script};
use capstan_proto::indexer::ChainState;
use serde_json::json;

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, ids, indexer, listed, look_again, platform_of,
        settle, status, stop, truth, try_start_with,
    },
    process::Process,
    state::State,
};

const SEED: u64 = 20_261_124;
/// From the end of a fault to the head; waits between attempts grow while it lasts.
const LONGEST_RECOVERY: Duration = Duration::from_secs(15);
/// Answers are cut at 64 MiB. All of them together take as much, and one of them as much again, however
/// many blocks are asked for at a time.
const MOST_GROWTH_KIB: u64 = (64 + 64 + 32) << 10;

/// What no answer comes through that is wrong, however long it lasts.
const RECOVERABLE: [Fault; 12] = [
    Fault::RateLimit(None),
    Fault::RateLimit(Some(1)),
    Fault::Unavailable,
    Fault::Reset,
    Fault::Silence,
    Fault::TruncatedJson,
    Fault::InvalidJson,
    Fault::Html,
    Fault::Oversize(200 << 20),
    Fault::OtherChain(1),
    Fault::Lag(50),
    Fault::WrongHash,
];

/// What a node alone can say of logs and be believed only where nothing is proved.
const LIES: [Fault; 8] = [
    Fault::DropLog,
    Fault::EmptyLogs,
    Fault::AlterData,
    Fault::AlterTopic,
    Fault::InventLog,
    Fault::WrongHash,
    Fault::AlterHeader,
    Fault::Lag(50),
];

/// The configuration of the devnet with these endpoints.
pub(crate) fn through(devnet: &Devnet, urls: &[String]) -> String {
    let own = format!("[\"{}\", \"{}\"]", devnet.http_url(), devnet.ws_url());
    let toml = devnet.config_toml().replace(&own, &format!("{urls:?}"));
    assert!(!toml.contains(&own));
    toml
}

pub(crate) async fn traffic(devnet: &mut Devnet, blocks: u64) {
    for _ in 0..blocks {
        devnet.step().await.unwrap();
    }
}

/// Waits until the proxy has been asked so often again.
async fn met(proxy: &FaultProxy, requests: u64) {
    let until = proxy.requests() + requests;
    while proxy.requests() < until {
        look_again().await;
    }
}

/// Follows to the head within the time that is allowed, and says how long that took.
async fn recover(reader: &mut Subscriber, client: &mut Client, devnet: &Devnet, what: &str) -> Duration {
    let began = Instant::now();
    let followed = reader.follow_to(client, head(devnet).await);
    if tokio::time::timeout(LONGEST_RECOVERY, followed).await.is_err() {
        let chain = status(client).await;
        panic!("{what}: {:?} after {:?}, {}", chain.state(), began.elapsed(), chain.problem);
    }
    assert!(reader.ids() == truth(devnet).await, "{what}: the events are not those of the chain");
    began.elapsed()
}

#[tokio::test]
async fn after_every_fault_of_its_only_node_the_log_is_the_chains_and_memory_is_flat() {
    let mut devnet = Devnet::start(Options { seed: SEED, ..Options::default() }).await.unwrap();
    traffic(&mut devnet, 55).await;
    let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
    let toml = through(&devnet, &[proxy.http_url()]);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("capstan.toml");
    std::fs::write(&config, &toml).unwrap();
    let store = TestStore::sqlite();
    let process = Process::spawn(&config, &database_url(&store), &[]).await;
    let mut client = process.client().await.unwrap();
    let mut reader = Subscriber::default();
    recover(&mut reader, &mut client, &devnet, "before any fault").await;
    let memory = process.peak_memory_kib();
    for fault in RECOVERABLE {
        proxy.follow(Script::always(fault));
        traffic(&mut devnet, 2).await;
        met(&proxy, 3).await;
        proxy.follow(Script::honest());
        let took = recover(&mut reader, &mut client, &devnet, &format!("{fault:?}")).await;
        println!("{fault:?}: at the head {took:.1?} after it ended");
    }
    // Blocks are asked for side by side, and so are their floods.
    proxy.follow(Script::honest().on("eth_getBlockReceipts", Fault::Oversize(200 << 20)));
    traffic(&mut devnet, 12).await;
    met(&proxy, 30).await;
    proxy.follow(Script::honest());
    recover(&mut reader, &mut client, &devnet, "floods of receipts").await;
    proxy.follow(Script::seeded(SEED, 300, &RECOVERABLE.map(quick)));
    for _ in 0..10 {
        traffic(&mut devnet, 2).await;
        met(&proxy, 5).await;
    }
    devnet.reorg(6).await.unwrap();
    traffic(&mut devnet, 2).await;
    met(&proxy, 20).await;
    proxy.follow(Script::honest());
    recover(&mut reader, &mut client, &devnet, "a mix, seed 20261124").await;
    settle(&mut client, &devnet, &toml).await;
    let grown = process.peak_memory_kib() - memory;
    println!("peak memory grew by {} MiB", grown >> 10);
    assert!(grown < MOST_GROWTH_KIB, "{grown} KiB");
    drop(process);
    let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
    State::of(&store).await.assert_same(&fresh, "after all faults");
}

/// In a mix, silence is short: each one takes a whole timeout.
fn quick(fault: Fault) -> Fault {
    match fault {
        Fault::Silence => Fault::Delay(Duration::from_millis(200)),
        Fault::RateLimit(Some(_)) => Fault::RateLimit(None),
        fault => fault,
    }
}

#[tokio::test]
async fn history_is_read_within_the_limits_of_every_provider() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 40).await;
    for provider in Provider::ALL {
        let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
        proxy.follow(Script::always(Fault::RangeLimit(provider, 3)));
        let toml = through(&devnet, &[proxy.http_url()]);
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        recover(&mut Subscriber::default(), &mut client, &devnet, &format!("{provider:?}")).await;
        stop(running).await;
    }
}

#[tokio::test]
async fn blocks_whose_logs_every_endpoint_refuses_are_read_from_their_receipts() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 40).await;
    let refusals = [
        Fault::Refuse("eth_getLogs", -32_601, "the method eth_getLogs does not exist/is not available"),
        Fault::Refuse("eth_getLogs", -32_005, "query returned more than 10000 results"),
    ];
    for refusal in refusals {
        let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
        proxy.follow(Script::always(refusal));
        let toml = through(&devnet, &[proxy.http_url()]);
        for verify_blocks in ["receipts", "off"] {
            let store = TestStore::sqlite();
            let config = serde_json::from_value(json!({ "verify_blocks": verify_blocks })).unwrap();
            let running = try_start_with(platform_of(&toml, &database_url(&store)), config).await.unwrap();
            let mut client = Client::connect(running.url()).await.unwrap();
            let what = format!("{refusal:?}, verify_blocks = {verify_blocks:?}");
            let mut reader = Subscriber::default();
            let followed = reader.follow_to(&mut client, head(&devnet).await);
            assert!(tokio::time::timeout(Duration::from_secs(60), followed).await.is_ok(), "{what}");
            assert!(reader.ids() == truth(&devnet).await, "{what}");
            stop(running).await;
        }
    }
}

#[tokio::test]
async fn history_that_receipts_verify_has_no_lie_of_its_only_node() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 50).await;
    let truth = truth(&devnet).await;
    for lie in [Fault::DropLog, Fault::AlterData] {
        let proxy = FaultProxy::start(&devnet.http_url()).await.unwrap();
        proxy.follow(Script::honest().on("eth_getLogs", lie));
        let toml = through(&devnet, &[proxy.http_url()]);
        let store = TestStore::sqlite();
        let config = serde_json::from_value(json!({ "verify_history": "receipts" })).unwrap();
        let running = try_start_with(platform_of(&toml, &database_url(&store)), config).await.unwrap();
        let mut client = Client::connect(running.url()).await.unwrap();
        while !matches!(status(&mut client).await.state(), ChainState::Stalled | ChainState::Live) {
            look_again().await;
        }
        let believed = ids(&listed(&mut client, 0, false).await);
        assert!(believed.len() < truth.len() && truth.starts_with(&believed), "{lie:?}");
        proxy.follow(Script::honest());
        let mut reader = Subscriber::default();
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert!(reader.ids() == truth, "{lie:?}");
        stop(running).await;
    }
}

#[tokio::test]
async fn beside_an_honest_node_no_lie_comes_into_the_log() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 20).await;
    for lie in LIES {
        let (liar, honest) = (
            FaultProxy::start(&devnet.http_url()).await.unwrap(),
            FaultProxy::start(&devnet.http_url()).await.unwrap(),
        );
        let toml = through(&devnet, &[liar.http_url(), honest.http_url()]);
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(&toml, &database_url(&store))).await;
        let what = format!("{lie:?}");
        let mut reader = Subscriber::default();
        recover(&mut reader, &mut client, &devnet, &what).await;
        liar.follow(Script::always(lie));
        for _ in 0..4 {
            traffic(&mut devnet, 2).await;
            recover(&mut reader, &mut client, &devnet, &what).await;
        }
        settle(&mut client, &devnet, &toml).await;
        assert!(reader.undos.is_empty(), "{what}: {:?}", reader.undos);
        stop(running).await;
        let (fresh, _) = State::fresh(&devnet, &devnet.config_toml()).await;
        State::of(&store).await.assert_same(&fresh, &what);
    }
}

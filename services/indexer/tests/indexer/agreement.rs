//! With several endpoints and nothing else configured, history is what they agree on or what is proved.

use std::time::Duration;

use alloy::primitives::Address;
use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options};
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_indexer::Config;
use capstan_proto::indexer::ChainState;
use capstan_runtime::Platform;
use serde_json::json;

use crate::{
    harness::{
        Client, Subscriber, database_url, devnet, head, indexer, platform_of, settle, status, stop, truth,
        try_start_with,
    },
    state::State,
};

/// Lies about logs that `eth_getLogs` tells, and that receipts do not.
const LIES: [Fault; 5] =
    [Fault::DropLog, Fault::EmptyLogs, Fault::AlterData, Fault::AlterTopic, Fault::InventLog];
/// A chain whose hashes are known not to be Ethereum's at every height.
const UNPROVED: u64 = 137;
const LONGEST: Duration = Duration::from_secs(60);

/// A chain with final blocks, and proxies before it.
struct Scene {
    devnet: Devnet,
    proxies: Vec<FaultProxy>,
}

impl Scene {
    async fn of(mut devnet: Devnet, proxies: usize) -> Self {
        for _ in 0..60 {
            devnet.step().await.unwrap();
        }
        let mut scene = Self { devnet, proxies: Vec::new() };
        for _ in 0..proxies {
            scene.proxies.push(FaultProxy::start(&scene.devnet.http_url()).await.unwrap());
        }
        scene
    }

    /// The configuration of the devnet with these endpoints.
    fn toml(&self) -> String {
        let urls: Vec<_> =
            self.proxies.iter().map(|proxy| format!("{}/v2/secret", proxy.http_url())).collect();
        let own = format!("[\"{}\", \"{}\"]", self.devnet.http_url(), self.devnet.ws_url());
        let toml = self.devnet.config_toml().replace(&own, &format!("{urls:?}"));
        assert!(!toml.contains(&own));
        toml
    }

    fn platform(&self, store: &TestStore, more: &str) -> Platform {
        platform_of(&(self.toml() + more), &database_url(store))
    }

    fn calls(&self, method: &str) -> u64 {
        self.proxies.iter().map(|proxy| proxy.calls(method)).sum()
    }

    /// Follows a fresh indexer to the head and compares what it has with the chain, once as much is final as
    /// can be: a lie about a block that is not final is taken back before it is.
    async fn is_right(&self, client: &mut Client, what: &str) {
        let mut reader = Subscriber::default();
        let head = head(&self.devnet).await;
        let followed = async {
            reader.follow_to(client, head).await;
            settle(client, &self.devnet, &self.toml()).await;
        };
        if tokio::time::timeout(LONGEST, followed).await.is_err() {
            let chain = status(client).await;
            panic!("{what}: {:?}, {}", chain.state(), chain.problem);
        }
        let mut reader = Subscriber::default();
        reader.follow_to(client, head).await;
        let truth = truth(&self.devnet).await;
        let ids = reader.ids();
        let missing: Vec<_> = truth.iter().filter(|id| !ids.contains(id)).collect();
        let extra: Vec<_> = ids.iter().filter(|id| !truth.contains(id)).collect();
        if !missing.is_empty() || !extra.is_empty() {
            let chain = status(client).await;
            panic!(
                "{what}: {} of {} missing {missing:?}, extra {extra:?}, {chain:?}",
                ids.len(),
                truth.len()
            );
        }
        assert!(reader.ids() == truth, "{what}: the events are not those of the chain");
    }

    async fn holds_the_truth(&self, store: &TestStore, more: &str, what: &str) {
        let (fresh, _) = State::fresh(&self.devnet, &(self.devnet.config_toml() + more)).await;
        State::of(store).await.assert_same(&fresh, what);
    }
}

/// Waits until the chain is stalled, and says why.
async fn problem(client: &mut Client) -> String {
    let stalled = async {
        loop {
            let chain = status(client).await;
            if chain.state() == ChainState::Stalled {
                return chain.problem;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONGEST, stalled).await.unwrap()
}

#[tokio::test]
async fn no_lie_of_one_of_two_endpoints_comes_into_the_history() {
    let scene = Scene::of(devnet().await, 2).await;
    for lie in LIES {
        let what = format!("{lie:?}");
        scene.proxies[0].follow(Script::honest().on("eth_getLogs", lie));
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(scene.platform(&store, "")).await;
        scene.is_right(&mut client, &what).await;
        let endpoints = status(&mut client).await.endpoints;
        assert!(endpoints[0].lies >= 3 && endpoints[1].lies == 0, "{what}: {endpoints:?}");
        stop(running).await;
        scene.holds_the_truth(&store, "", &what).await;
    }
}

#[tokio::test]
async fn history_that_comes_late_of_contracts_and_of_any_is_agreed_on_too() {
    const TRANSFERS: &str = "\n[[chains.wildcards]]\nprotocol = \"erc20\"\nonly = [\"Transfer\"]\n";
    let scene = Scene::of(devnet().await, 2).await;
    for lie in [Fault::DropLog, Fault::AlterData] {
        let what = format!("{lie:?}");
        let store = TestStore::sqlite();
        let mut early = scene.platform(&store, "");
        early.chains[0].contracts.retain(|contract| contract.protocol != "gnosis.fpmm_factory");
        scene.proxies[1].follow(Script::honest());
        let (running, mut client) = indexer(early).await;
        Subscriber::default().follow_to(&mut client, head(&scene.devnet).await).await;
        settle(&mut client, &scene.devnet, &scene.toml()).await;
        stop(running).await;

        scene.proxies[1].follow(Script::honest().on("eth_getLogs", lie));
        let (fresh, _) = State::fresh(&scene.devnet, &(scene.devnet.config_toml() + TRANSFERS)).await;
        let (running, mut client) = indexer(scene.platform(&store, TRANSFERS)).await;
        let whole = async {
            while status(&mut client).await.events != fresh.rows("event") as u64 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONGEST, whole).await.unwrap();
        assert!(status(&mut client).await.endpoints[1].lies >= 1, "{what}");
        stop(running).await;
        // The order in which types of events became known is another.
        State::of(&store).await.assert_same_but(&["chain"], &fresh, &what);
    }
}

#[tokio::test]
async fn transactions_of_accounts_in_history_are_agreed_on_too() {
    let scene = Scene::of(devnet().await, 2).await;
    let of: Vec<Address> = scene.devnet.deployment().accounts.iter().map(|one| one.address).collect();
    let mut of: Vec<String> = of.iter().map(Address::to_string).collect();
    of.sort();
    of.dedup();
    let follow = "follow = [\"transfers\", \"transactions\"]";
    let more = format!("\n[[chains.accounts]]\naddresses = {of:?}\n{follow}\n");
    let store = TestStore::sqlite();
    scene.proxies[0].follow(Script::honest().on("eth_getBlockByNumber", Fault::AlterTransactions));
    let (running, mut client) = indexer(scene.platform(&store, &more)).await;
    Subscriber::default().follow_to(&mut client, head(&scene.devnet).await).await;
    settle(&mut client, &scene.devnet, &scene.toml()).await;
    let endpoints = status(&mut client).await.endpoints;
    assert!(endpoints[0].lies >= 3 && endpoints[1].lies == 0, "{endpoints:?}");
    stop(running).await;
    scene.holds_the_truth(&store, &more, "altered transactions").await;
}

#[tokio::test]
async fn where_receipts_prove_nothing_a_disagreement_stalls_the_chain_until_it_is_over() {
    let options = Options { chain_id: UNPROVED, ..Options::default() };
    let scene = Scene::of(Devnet::start(options).await.unwrap(), 2).await;
    // The headers of a local chain rule other topics out, whatever is known of the chain.
    for lie in LIES.into_iter().filter(|lie| *lie != Fault::AlterTopic) {
        let what = format!("{lie:?}");
        scene.proxies[1].follow(Script::honest().on("eth_getLogs", lie));
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(scene.platform(&store, "")).await;
        let problem = problem(&mut client).await;
        assert!(problem.contains("disagree on block") && !problem.contains("secret"), "{what}: {problem}");
        for proxy in &scene.proxies {
            assert!(problem.contains(&proxy.http_url()), "{what}: {problem}");
        }
        scene.proxies[1].follow(Script::honest());
        scene.is_right(&mut client, &what).await;
        stop(running).await;
        scene.holds_the_truth(&store, "", &what).await;
    }
}

#[tokio::test]
async fn history_goes_on_by_receipts_while_the_second_endpoint_is_away() {
    let scene = Scene::of(devnet().await, 2).await;
    for away in [Fault::Reset, Fault::RateLimit(Some(600)), Fault::Unavailable] {
        let what = format!("{away:?}");
        let proved = scene.proxies[0].calls("eth_getBlockReceipts");
        scene.proxies[1].follow(Script::always(away));
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(scene.platform(&store, "")).await;
        scene.is_right(&mut client, &what).await;
        // More than the reversible blocks, which are proved in any case.
        assert!(scene.proxies[0].calls("eth_getBlockReceipts") > proved + 33, "{what}");
        stop(running).await;
        scene.holds_the_truth(&store, "", &what).await;
    }
}

#[tokio::test]
async fn one_endpoint_is_asked_as_often_as_without_agreement() {
    let scene = Scene::of(devnet().await, 1).await;
    let mut counts = Vec::new();
    for configured in ["off", "agreement"] {
        let before = scene.calls("eth_getLogs");
        let store = TestStore::sqlite();
        let config: Config = serde_json::from_value(json!({ "verify_history": configured })).unwrap();
        assert_eq!(configured == "agreement", config.verify_history == Config::default().verify_history);
        let running = try_start_with(scene.platform(&store, ""), config).await.unwrap();
        let mut client = Client::connect(running.url()).await.unwrap();
        scene.is_right(&mut client, configured).await;
        stop(running).await;
        counts.push(scene.calls("eth_getLogs") - before);
    }
    assert_eq!(counts[0], counts[1]);
}

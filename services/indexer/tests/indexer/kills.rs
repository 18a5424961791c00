//! An indexer that is killed again and again loses nothing and repeats nothing.

use std::time::{Duration, Instant};

use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options};
use capstan_proto::indexer::{ChainState, GetStatusRequest};
use capstan_runtime::FAILPOINT_VARIABLE;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    definitions::{CREATION, misread},
    harness::{Client, Subscriber, database_url, head, ids, setting, settle, truth},
    process::Process,
    state::State,
};

const POINTS: [&str; 10] = [
    "fetch.before",
    "fetch.after",
    "decode.after",
    "write.before",
    "write.after",
    "commit.before",
    "commit.after",
    "publish.after",
    "reorg.before",
    "reorg.after",
];
/// From the start of the process to its first new block; measured well below a second.
const LONGEST_RESTART: Duration = Duration::from_secs(5);
/// The devnet's blocks are final after 32.
const DEEPEST: u64 = 20;

#[tokio::test]
async fn an_indexer_killed_a_hundred_times_loses_nothing_and_repeats_nothing() {
    let kills: usize = setting("CAPSTAN_KILLS").unwrap_or(100);
    let seed: u64 = setting("CAPSTAN_SEED").unwrap_or(20_261_124);
    let mut stores = vec![("SQLite", TestStore::sqlite())];
    if setting::<String>("TEST_DATABASE_URL").is_some() {
        stores.push(("PostgreSQL", TestStore::postgres().await));
    }
    let each = kills.div_ceil(stores.len());
    let series = stores.iter().map(async |(name, store)| {
        let what = format!("{name}, CAPSTAN_SEED={seed} CAPSTAN_KILLS={kills}");
        let began = Instant::now();
        let mut starts = Life::begin(store, seed, what.clone()).await.killed(each).await;
        starts.sort();
        let (median, longest) = (starts[starts.len() / 2], *starts.last().unwrap());
        println!(
            "{what}: {each} kills in {:.1?}; start to progress {median:.0?} (median), {longest:.0?} (longest) of {}",
            began.elapsed(),
            starts.len()
        );
        assert!(longest < LONGEST_RESTART, "{what}: {longest:?}");
    });
    futures::future::join_all(series).await;
}

#[tokio::test]
async fn an_indexer_killed_while_it_adds_history_loses_nothing_and_repeats_nothing() {
    const DEATHS: [&str; 6] = [
        "cover.before=1",
        "cover.after=1",
        "history.before=1",
        "history.after=1",
        "history.before=2",
        "history.after=1",
    ];
    let late = |devnet: &Devnet| {
        let (toml, address) = (devnet.config_toml(), devnet.deployment().conditional_tokens);
        let section = format!(
            "[[chains.contracts]]\nprotocol = \"gnosis.conditional_tokens\"\naddress = \"{address}\"\n"
        );
        assert!(toml.contains(&section));
        toml.replace(&section, "")
    };
    dies_between(late, &DEATHS).await;
}

#[tokio::test]
async fn an_indexer_killed_while_a_corrected_abi_moves_logs_ends_where_a_fresh_one_is() {
    const DEATHS: [&str; 6] = [
        "reread.before=1",
        "reread.after=1",
        "cover.before=1",
        "cover.after=1",
        "history.before=1",
        "history.after=1",
    ];
    let misread = |devnet: &Devnet| misread(&devnet.config_toml(), "gnosis.fpmm_factory", &CREATION);
    dies_between(misread, &DEATHS).await;
}

/// Indexes a chain by another configuration, then by the devnet's own, with deaths on the way: the end is
/// that of a fresh indexer.
async fn dies_between(before: impl Fn(&Devnet) -> String, deaths: &[&str]) {
    let mut stores = vec![TestStore::sqlite()];
    if setting::<String>("TEST_DATABASE_URL").is_some() {
        stores.push(TestStore::postgres().await);
    }
    for store in &stores {
        let mut devnet = Devnet::start(Options::default()).await.unwrap();
        for _ in 0..24 {
            devnet.step().await.unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("capstan.toml");
        std::fs::write(&config, before(&devnet)).unwrap();
        let process = Process::spawn(&config, &database_url(store), &[]).await;
        let mut client = process.client().await.unwrap();
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        drop(process);

        let toml = devnet.config_toml();
        std::fs::write(&config, &toml).unwrap();
        for death in deaths {
            let process = Process::spawn(&config, &database_url(store), &[(FAILPOINT_VARIABLE, death)]).await;
            process.killed(death).await;
        }
        let process = Process::spawn(&config, &database_url(store), &[]).await;
        let mut client = process.client().await.unwrap();
        let all = truth(&devnet).await;
        let mut reader = Subscriber::default();
        while reader.ids() != all {
            reader = Subscriber::default();
            // Whoever reads while history becomes whole is told to begin again.
            drop(reader.try_follow_to(&mut client, head(&devnet).await).await);
            tokio::task::yield_now().await;
        }
        settle(&mut client, &devnet, &toml).await;
        drop(process);
        let (fresh, _) = State::fresh(&devnet, &toml).await;
        State::of(store).await.assert_same(&fresh, "after deaths");
    }
}

/// An indexer that lives many times, its chain and its subscriber.
struct Life<'a> {
    store: &'a TestStore,
    devnet: Devnet,
    toml: String,
    directory: tempfile::TempDir,
    subscriber: Subscriber,
    rng: StdRng,
    what: String,
    starts: Vec<Duration>,
}

impl<'a> Life<'a> {
    async fn begin(store: &'a TestStore, seed: u64, what: String) -> Self {
        let devnet = Devnet::start(Options { seed, ..Options::default() }).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let toml = with_an_event_that_does_not_decode(&devnet.config_toml(), directory.path());
        std::fs::write(directory.path().join("capstan.toml"), &toml).unwrap();
        let (subscriber, rng) = (Subscriber::default(), StdRng::seed_from_u64(seed));
        Self { store, devnet, toml, directory, subscriber, rng, what, starts: Vec::new() }
    }

    /// Dies so often, and then compares what is left. Gives the times from start to progress.
    async fn killed(mut self, times: usize) -> Vec<Duration> {
        // Deep enough that no reorg reaches the blocks of the deployment.
        for _ in 0..DEEPEST {
            self.devnet.step().await.unwrap();
        }
        for number in 0..times {
            let point = POINTS[number % POINTS.len()];
            let passage = if point.starts_with("reorg") { 1 } else { self.rng.random_range(1..=8) };
            self.die_at(point, passage).await;
        }
        let config = self.directory.path().join("capstan.toml");
        let process = Process::spawn(&config, &database_url(self.store), &[]).await;
        let mut client = process.client().await.unwrap();
        self.subscriber.follow_to(&mut client, head(&self.devnet).await).await;
        settle(&mut client, &self.devnet, &self.toml).await;
        drop(process);
        let survived = State::of(self.store).await;
        let (fresh, reader) = State::fresh(&self.devnet, &self.toml).await;
        survived.assert_same(&fresh, &self.what);
        survived.assert_blocks_of(&self.devnet).await;
        assert!(
            ids(&reader.events) == self.subscriber.ids(),
            "{}: the subscriber's events differ",
            self.what
        );
        let all = truth(&self.devnet).await.len();
        assert_eq!(reader.events.len() + fresh.rows("quarantine"), all, "{}", self.what);
        assert!(fresh.rows("quarantine") > 0 && fresh.rows("contract") > 0, "{}", self.what);
        self.starts
    }

    /// Starts, and lives until the process passes `point` for the `passage`th time.
    async fn die_at(&mut self, point: &str, passage: u64) {
        let what = format!("{}, {point}={passage}", self.what);
        self.traffic(point).await;
        let config = self.directory.path().join("capstan.toml");
        let armed = format!("{point}={passage}");
        let began = Instant::now();
        let process =
            Process::spawn(&config, &database_url(self.store), &[(FAILPOINT_VARIABLE, &armed)]).await;
        if let Some(mut client) = process.client().await {
            let before = self.subscriber.through.0;
            let head = head(&self.devnet).await;
            let (progressed, mut followed) = tokio::join!(
                progress(client.clone(), before, began),
                self.subscriber.try_follow_to(&mut client, head)
            );
            self.starts.extend(progressed);
            let mut blocks = 0;
            while followed.is_ok() {
                blocks += 1;
                assert!(blocks < 20, "{what}: never passed");
                self.traffic(point).await;
                let head = crate::harness::head(&self.devnet).await;
                followed = self.subscriber.try_follow_to(&mut client, head).await;
            }
        }
        process.killed(&what).await;
    }

    /// A few blocks of traffic, and now and then a reorg; always one when it is to die by a reorg.
    async fn traffic(&mut self, point: &str) {
        if point.starts_with("reorg") || self.rng.random_ratio(1, 8) {
            let depth = self.rng.random_range(1..=DEEPEST);
            match self.rng.random() {
                true => self.devnet.reorg_postponing(depth).await.unwrap(),
                false => self.devnet.reorg(depth).await.unwrap(),
            }
        }
        for _ in 0..self.rng.random_range(1..=2) {
            self.devnet.step().await.unwrap();
        }
    }
}

/// How long after `began` the process shows a block above `before`, or is at the head; none when it
/// dies before.
async fn progress(mut client: Client, before: u64, began: Instant) -> Option<Duration> {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    loop {
        looks.tick().await;
        let answer = client.get_status(GetStatusRequest {}).await.ok()?.into_inner();
        let indexed = answer.chains[0].indexed.as_ref().map_or(0, |block| block.number);
        if indexed > before || answer.chains[0].state() == ChainState::Live {
            return Some(began.elapsed());
        }
    }
}

/// The configuration with an ABI by which the logs of one event do not decode.
fn with_an_event_that_does_not_decode(toml: &str, directory: &std::path::Path) -> String {
    let path = Options::default().dev_dir.join("contracts/out/MarketFactory.json").canonicalize().unwrap();
    let mut artifact: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let items = artifact["abi"].as_array_mut().unwrap();
    let event = items.iter_mut().find(|item| item["name"] == "MarketCreated").unwrap();
    // As many topics as the log has, so that it is this event; the next word is no address.
    event["inputs"][2]["indexed"] = false.into();
    event["inputs"][3]["indexed"] = true.into();
    let changed = directory.join("MarketFactory.json");
    std::fs::write(&changed, artifact.to_string()).unwrap();
    let toml = toml.replace(path.to_str().unwrap(), changed.to_str().unwrap());
    assert!(toml.contains(changed.to_str().unwrap()));
    toml
}

//! `capstan up` as a process: killed, started again, stopped, and refused what cannot work.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use capstan_devnet::{Devnet, Options};
use capstan_proto::{
    indexer::{ListContractsRequest, indexer_admin_service_client::IndexerAdminServiceClient},
    market::{StreamMarketsRequest, market_service_client::MarketServiceClient},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, timeout},
};

/// A running `capstan`, in a process group of its own as a terminal would give it.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// In the environment of the process and of everything that it starts.
    mark: String,
}

impl Process {
    fn spawn(arguments: &[&str], directory: &Path, environment: &[(&str, &str)]) -> Self {
        let mark = format!("CAPSTAN_TEST_MARK={}", directory.display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_capstan"));
        command
            .args(arguments)
            .current_dir(directory)
            .env_remove("DATABASE_URL")
            .envs(environment.iter().copied());
        command.env("CAPSTAN_TEST_MARK", directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, mark }
    }

    /// `capstan up` on the local chain, and the address of its gateway once it is ready.
    async fn up(data: &Path) -> (Self, String) {
        let arguments = ["up", "--data-dir", "data", "--devnet-interval-ms", "200"];
        let mut process = Self::spawn(&arguments, data, &[("PORT", "0")]);
        let mut url = None;
        while let Some(line) = process.lines.next_line().await.unwrap() {
            if let Some((_, address)) = line.split_once("browser app") {
                url = Some(address.trim().to_owned());
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        (process, url.expect("capstan up says where its gateway is"))
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id().unwrap());
        let sent = std::process::Command::new("kill").args(["-s", signal, "--", &group]).status().unwrap();
        assert!(sent.success());
    }

    /// What is still there of the process and of what it started.
    fn left(&self) -> Vec<PathBuf> {
        let marked = |path: &PathBuf| {
            let environment = std::fs::read(path.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
        };
        let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        processes.filter(marked).collect()
    }

    /// Waits until nothing is left: the kernel ends orphans a moment after their parent.
    async fn wait_until_nothing_is_left(&self) {
        let gone = async {
            while !self.left().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), gone).await.unwrap_or_else(|_| panic!("left: {:?}", self.left()));
    }
}

async fn json(url: &str) -> Value {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// Every event through the block `to`, by position, block hash and log index.
async fn events(url: &str, to: u64) -> Vec<(String, String, u64)> {
    let mut events = Vec::new();
    let mut token = String::new();
    loop {
        let page = json(&format!("{url}/v1/events?pageSize=1000&toBlock={to}&pageToken={token}")).await;
        events.extend(page["events"].as_array().unwrap().iter().map(|event| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&event["position"]), text(&event["block"]["hash"]), event["logIndex"].as_u64().unwrap())
        }));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            return events;
        }
    }
}

async fn indexed(url: &str) -> u64 {
    let status = json(&format!("{url}/api/indexer/status")).await;
    status["chains"][0]["indexed"]["number"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn killing_it_loses_nothing_repeats_nothing_and_leaves_nothing_running() {
    let directory = tempfile::tempdir().unwrap();
    let (mut before, mut through): (Vec<_>, u64) = (Vec::new(), 0);
    for start in 0..3 {
        let (mut process, url) = Process::up(directory.path()).await;
        if start > 0 {
            assert_eq!(events(&url, through).await, before, "what was served before is served again");
        }
        while indexed(&url).await < through + 5 {}
        through = indexed(&url).await;
        before = events(&url, through).await;
        assert!(before.windows(2).all(|pair| pair[0] != pair[1]) && before.len() > 100);
        process.signal("KILL");
        process.child.wait().await.unwrap();
        process.wait_until_nothing_is_left().await;
    }
    let (mut process, url) = Process::up(directory.path()).await;
    assert_eq!(events(&url, through).await, before);
    let status = json(&format!("{url}/api/indexer/status")).await;
    assert_eq!(status["chains"][0]["reorgs"], "0", "the local chain came back as it was");
    assert!(json(&format!("{url}/api/markets")).await["markets"].as_array().unwrap().len() >= 3);
    let mut client = MarketServiceClient::connect(url).await.unwrap();
    let mut open = client.stream_markets(StreamMarketsRequest::default()).await.unwrap().into_inner();
    open.message().await.unwrap();
    let asked = Instant::now();
    process.signal("INT");
    let last = loop {
        if let Err(status) = open.message().await {
            break status;
        }
    };
    assert_eq!(last.code(), tonic::Code::Unavailable, "an open stream is told and does not hold up the stop");
    let ended = process.child.wait().await.unwrap();
    assert!(ended.success(), "{ended}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(process.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn the_whole_contract_is_listed_and_called_over_grpc_and_health_is_served_for_each_service() {
    let directory = tempfile::tempdir().unwrap();
    let (mut process, url) = Process::up(directory.path()).await;
    let buf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/node_modules/.bin/buf");
    let curl = |path: &str, data: &str| {
        let mut command = std::process::Command::new(&buf);
        command.args(["curl", "--protocol", "grpc", "--http2-prior-knowledge"]);
        if data.is_empty() {
            command.args(["--list-services", &url]);
        } else {
            command.args(["--data", data, &format!("{url}/{path}")]);
        }
        let output = command.output().expect("buf is installed by dev/install");
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let services = curl("", "");
    let ours = [
        "indexer.v1.IndexerService",
        "indexer.v1.TransactionService",
        "indexer.v1.PoolService",
        "market.v1.MarketService",
        "gateway.v1.GatewayService",
    ];
    for service in ours.map(|service| format!("capstan.{service}")) {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    assert!(curl("capstan.indexer.v1.IndexerService/GetStatus", "{}").contains("devnet"));
    assert!(curl("capstan.market.v1.MarketService/ListMarkets", "{}").contains("marketId"));
    assert!(curl("capstan.gateway.v1.GatewayService/GetHealth", "{}").contains("\"ok\""));
    for service in ours.map(|service| format!("capstan.{service}")) {
        let health = curl("grpc.health.v1.Health/Check", &format!("{{\"service\": \"{service}\"}}"));
        assert!(health.contains("\"SERVING\""), "{service}: {health}");
    }
    process.signal("INT");
    assert!(process.child.wait().await.unwrap().success());
}

/// Runs `capstan` until it gives up, and returns what it says.
/// The contracts that the indexer at an address follows, by protocol.
async fn followed(address: &str) -> Vec<String> {
    let mut admin = IndexerAdminServiceClient::connect(format!("http://{address}")).await.unwrap();
    let request = ListContractsRequest { page_size: 1_000, ..Default::default() };
    let contracts = admin.list_contracts(request).await.unwrap().into_inner().contracts;
    contracts.into_iter().map(|contract| contract.protocol).collect()
}

#[tokio::test]
async fn a_hangup_has_the_indexer_follow_the_contracts_that_the_file_now_names() {
    let directory = tempfile::tempdir().unwrap();
    let devnet = Devnet::start(Options::default()).await.unwrap();
    let all = devnet.config_toml();
    let (some, _) = all.rsplit_once("[[chains.contracts]]").unwrap();
    let file = directory.path().join("capstan.toml");
    std::fs::write(&file, some).unwrap();
    let environment = [("CAPSTAN__INDEXER__LISTEN", "127.0.0.1:0"), ("LOG_LEVEL", "info")];
    let mut process = Process::spawn(&["indexer"], directory.path(), &environment);
    let mut log = BufReader::new(process.child.stderr.take().unwrap()).lines();
    let mut said = async |what: &str| loop {
        let line = log.next_line().await.unwrap().expect("the indexer runs");
        if line.contains(what) {
            return line;
        }
    };
    let started = said(" started ").await;
    let (_, address) = started.split_once("address=").unwrap();
    let address = address.split_whitespace().next().unwrap();
    let before = followed(address).await.len();

    std::fs::write(&file, "chains = 1").unwrap();
    process.signal("HUP");
    said("nothing was changed").await;
    std::fs::write(&file, &all).unwrap();
    process.signal("HUP");
    said("as the configuration now says").await;
    while followed(address).await.len() == before {
        tokio::task::yield_now().await;
    }
    process.signal("TERM");
    assert!(process.child.wait().await.unwrap().success());
    process.wait_until_nothing_is_left().await;
    devnet.stop().await.unwrap();
}

async fn refusal(arguments: &[&str], directory: &Path, environment: &[(&str, &str)]) -> String {
    let started = Instant::now();
    let process = Process::spawn(arguments, directory, environment);
    let output = timeout(Duration::from_secs(5), process.child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?} did not end within 5 s")).unwrap();
    assert!(!output.status.success(), "{arguments:?} after {:?}", started.elapsed());
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("error: "), "{arguments:?}: {said}");
    last
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_once_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::write(place.join("file"), "").unwrap();
    std::fs::write(place.join("typo.toml"), "[indexer]\nbatch_blcks = 5\n").unwrap();
    let chain = "[[chains]]\nid = 1\nname = \"x\"\nrpc_urls = [\"http://127.0.0.1:1\"]\n";
    std::fs::write(place.join("away.toml"), chain).unwrap();
    let free = [("PORT", "0")];
    let refusals = [
        (vec!["up"], vec![("PORT", port.as_str())], "[gateway] listen"),
        (vec!["up", "--config", "typo.toml"], free.to_vec(), "did you mean \"batch_blocks\"?"),
        (vec!["up", "--config", "none.toml"], free.to_vec(), "none.toml"),
        (vec!["up", "--data-dir", "file"], free.to_vec(), "--data-dir"),
        (
            vec!["up", "--config", "away.toml"],
            free.to_vec(),
            "chains.0.rpc_urls: cannot ask http://127.0.0.1:1",
        ),
        (vec!["market"], vec![("CAPSTAN__MARKET__LISTEN", "127.0.0.1:0")], "[peers] indexer"),
        (vec!["up"], vec![("PORT", "0"), ("DATABASE_URL", "mysql://x")], "expected sqlite://"),
        (vec!["up"], vec![("PORT", "0"), ("LOG_LEVEL", "=!")], "telemetry.log"),
        (vec!["up"], vec![("PORT", "0"), ("DATABASE_URL", "postgres://a@127.0.0.1:1/a")], "refused"),
    ];
    for (arguments, environment, reason) in refusals {
        let said = refusal(&arguments, place, &environment).await;
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    assert!(!place.join("data/devnet").exists(), "a refused start began a chain");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("data").display());
    let options = capstan_db::Options::new(url.parse().unwrap());
    let database = capstan_db::Database::open(&options, "market").await.unwrap();
    capstan_db::prepare::<capstan_db::market::Migrator>(&database, "market").await.unwrap();
    let write = database.write().await.unwrap();
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)";
    sea_orm_migration::sea_orm::ConnectionTrait::execute_unprepared(&write, newer).await.unwrap();
    write.commit().await.unwrap();
    database.close().await.unwrap();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("CAPSTAN__MARKET__LISTEN", "127.0.0.1:0"),
        ("CAPSTAN__PEERS__INDEXER", "http://127.0.0.1:1"),
    ];
    let said = refusal(&["market"], directory.path(), &environment).await;
    assert!(said.contains("m9999_future") && said.contains("newer capstan"), "{said}");
}

#[tokio::test]
async fn the_configuration_is_printed_with_defaults_and_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let environment = [("DATABASE_URL", "postgres://capstan:secret@db/capstan"), ("PORT", "9000")];
    let process = Process::spawn(&["gateway", "--print-config"], directory.path(), &environment);
    let Process { child, mut lines, .. } = process;
    let mut printed = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        printed += &format!("{line}\n");
    }
    assert!(child.wait_with_output().await.unwrap().status.success());
    assert!(
        printed.contains("postgres://capstan:***@db/capstan") && !printed.contains("secret"),
        "{printed}"
    );
    assert!(
        printed.contains("listen = \"127.0.0.1:9000\"") && printed.contains("batch_blocks = 1000"),
        "{printed}"
    );
}

//! An indexer as a process of its own: this test binary, started again for one test that serves.

use std::{os::unix::process::ExitStatusExt, path::Path, process::Stdio, time::Duration};

use capstan_indexer::Config;
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::harness::{Client, configured, try_start_with};

const CONFIG: &str = "CAPSTAN_TEST_CONFIG";
const DATABASE: &str = "CAPSTAN_TEST_DATABASE";
const ADDRESS: &str = "serving at ";

/// A running indexer.
pub(crate) struct Process {
    child: Child,
    /// Closed, it would end the process that writes to it.
    _output: Lines<BufReader<ChildStdout>>,
    /// Where it serves; none when it died before.
    pub(crate) url: Option<String>,
}

impl Process {
    /// Starts an indexer with the configuration file `config` and waits until it serves or is dead.
    pub(crate) async fn spawn(config: &Path, database: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "process::an_indexer_serves_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ]);
        command.env(CONFIG, config).env(DATABASE, database).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut url = None;
        while url.is_none() {
            let Ok(Some(line)) = lines.next_line().await else { break };
            url = line.strip_prefix(ADDRESS).map(str::to_owned);
        }
        Self { child, _output: lines, url }
    }

    /// A client, as long as there is somebody to talk to.
    pub(crate) async fn client(&self) -> Option<Client> {
        let client = Client::connect(self.url.clone()?).await.ok()?;
        Some(client.max_decoding_message_size(64 << 20))
    }

    /// The most memory that it has had, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    /// Lets its files grow to so many bytes and no further, or without a limit.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let process = Pid::from_raw(self.child.id().unwrap().try_into().unwrap());
        prlimit(process, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    /// Waits for its death by SIGKILL.
    pub(crate) async fn killed(mut self, what: &str) {
        let ended = timeout(Duration::from_secs(10), self.child.wait()).await;
        let ended =
            ended.unwrap_or_else(|_| panic!("{what}: the stream ended and the process lives")).unwrap();
        assert_eq!(ended.signal(), Some(9), "{what}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that other tests start; by itself it has nothing to serve"]
#[expect(clippy::disallowed_methods, reason = "what the test that started this process told it")]
async fn an_indexer_serves_until_it_is_killed() {
    let (Ok(config), Ok(database)) = (std::env::var(CONFIG), std::env::var(DATABASE)) else { return };
    // Heard, the signal no longer ends the process, and the write that went too far fails.
    let _heard = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).unwrap();
    let (platform, config) = configured(&std::fs::read_to_string(config).unwrap(), &database);
    // Whoever comes after one that was killed need not wait long.
    let config = Config { takeover_after_ms: 400, ..config };
    let running = try_start_with(platform, config).await.unwrap();
    // On a line of its own: the test runner has begun one.
    println!("\n{ADDRESS}{}", running.url());
    panic!("{}", running.failure().await);
}

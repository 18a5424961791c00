//! A PostgreSQL server of a test's own, which can be killed and comes back with what it had.

use std::{fs, path::Path, process::Stdio};

use capstan_db::DatabaseUrl;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::harness::look_again;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dev/with-postgres");

/// The server, in a directory of its own. It ends with the test.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    /// Runs as long as its standard input is open.
    script: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (script, url) = launch(directory.path()).await;
        Self { directory, script, url }
    }

    pub(crate) fn database(&self) -> DatabaseUrl {
        DatabaseUrl::Postgres(self.url.clone())
    }

    /// Ends it and its connections by SIGKILL, as the kernel does when memory runs out.
    pub(crate) async fn kill(&mut self) {
        let file = fs::read_to_string(self.directory.path().join("cluster/postmaster.pid")).unwrap();
        let server: i32 = file.lines().next().unwrap().parse().unwrap();
        let processes: Vec<i32> = [server].into_iter().chain(children_of(server)).collect();
        for process in &processes {
            // One of a connection may have ended by itself.
            let _ = kill_process(Pid::from_raw(*process).unwrap(), Signal::KILL);
        }
        while processes.iter().any(|process| stat(*process).is_some_and(|(state, _)| state != "Z")) {
            look_again().await;
        }
        self.end_script().await;
    }

    /// Starts it again at the same address, and waits until it answers.
    pub(crate) async fn come_back(&mut self) {
        let (script, url) = launch(self.directory.path()).await;
        assert_eq!(url, self.url);
        self.script = script;
    }

    pub(crate) async fn stop(mut self) {
        self.end_script().await;
    }

    async fn end_script(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().await.unwrap();
    }
}

async fn launch(directory: &Path) -> (Child, String) {
    let mut command = Command::new(SCRIPT);
    command.args(["sh", "-c", "echo \"$TEST_DATABASE_URL\"; exec cat"]);
    command.env("TEST_DATABASE_DIRECTORY", directory).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = command.spawn().unwrap();
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().expect("PostgreSQL starts");
    (script, url)
}

fn children_of(parent: i32) -> impl Iterator<Item = i32> {
    let processes = fs::read_dir("/proc").unwrap();
    let ids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.filter(move |id| stat(*id).is_some_and(|(_, its_parent)| its_parent == parent))
}

/// State and parent of a process; nothing when it is gone.
fn stat(process: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

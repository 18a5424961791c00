//! The anvil child process: started on loopback, mining only when told, and never left behind.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::oneshot;

use crate::{
    Options,
    wallet::{ACCOUNTS, MNEMONIC},
};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const LISTENING: &str = "Listening on ";
/// Balance of every account at genesis, in whole ether.
const ETHER_PER_ACCOUNT: &str = "1000000";
/// So many blocks back, balances and calls can still be asked for, and reorgs are possible; logs and receipts stay for
/// ever. Without a limit anvil writes megabytes of state to the home folder for every block.
const STATES_KEPT: &str = "256";
pub(crate) const GAS_LIMIT: u64 = 60_000_000;

/// A running anvil on loopback; dropping it kills the process, and so does our own end.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    address: String,
}

impl Anvil {
    /// Starts the anvil of `dev_dir` (the folder with `node_modules`) on `port` of loopback, 0 for any that is free,
    /// with further `arguments`, and waits until it listens.
    ///
    /// # Errors
    /// When `dev/install` has not been run or anvil does not start; the error holds what anvil printed.
    pub async fn start<S: AsRef<OsStr>>(dev_dir: &Path, port: u16, arguments: &[S]) -> Result<Self> {
        let mut command = command(&binary(dev_dir)?);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).args(arguments);
        let (child, listening) = spawn(command).await?;
        let mut anvil = Self { child, address: String::new() };
        let address = tokio::time::timeout(START_TIMEOUT, listening)
            .await
            .map_err(|_| anyhow!("anvil did not listen within {START_TIMEOUT:?}"))?
            .context("anvil's output was lost")?;
        anvil.address = address.map_err(|output| anyhow!("anvil ended at once: {output}"))?;
        Ok(anvil)
    }

    /// The chain of a devnet, from its genesis on or from the `state` in a file.
    pub(crate) async fn devnet(options: &Options, genesis_time: u64, state: Option<&Path>) -> Result<Self> {
        let Options { chain_id, port, dev_dir, .. } = options;
        let mut arguments = vec!["--mnemonic", MNEMONIC, "--balance", ETHER_PER_ACCOUNT];
        arguments.extend(["--no-mining", "--order", "fifo", "--hardfork", "prague"]);
        arguments.extend(["--prune-history", STATES_KEPT]);
        let numbers = format!(
            "--chain-id={chain_id} --timestamp={genesis_time} --gas-limit={GAS_LIMIT} --accounts={ACCOUNTS}"
        );
        arguments.extend(numbers.split(' '));
        let mut arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
        arguments.extend(state.into_iter().flat_map(|state| [OsStr::new("--load-state"), state.as_os_str()]));
        Self::start(dev_dir, *port, &arguments).await
    }

    /// `host:port` that anvil listens on, over HTTP and WebSocket.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // Both fail only when the process has already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary(dev_dir: &Path) -> Result<PathBuf> {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let binary = dev_dir.join(format!("node_modules/@foundry-rs/anvil-{system}-{machine}/bin/anvil"));
    if !binary.is_file() {
        bail!("anvil not found at {}: run dev/install", binary.display());
    }
    Ok(binary)
}

/// Under `setpriv` where it exists, so that anvil dies with us even when we are killed with SIGKILL.
fn command(binary: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.is_file() {
        return Command::new(binary);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
    command
}

type Listening = oneshot::Receiver<Result<String, String>>;

/// The parent-death signal follows the *thread* that spawned: so the thread that spawns also reads the output until
/// its end, and outlives the child whatever happens to async runtimes.
async fn spawn(mut command: Command) -> Result<(Child, Listening)> {
    let (spawned, child) = oneshot::channel();
    let (heard, listening) = oneshot::channel();
    thread::Builder::new().name("anvil".to_owned()).spawn(move || {
        let started = start(&mut command);
        // The command holds the pipe's writing end: the output could never end while it lives.
        drop(command);
        match started {
            Ok((process, output)) => {
                if spawned.send(Ok(process)).is_ok() {
                    follow(BufReader::new(output), heard);
                }
            }
            Err(error) => drop(spawned.send(Err(error))),
        }
    })?;
    let child = child.await.context("the thread that starts anvil ended")?.context("start anvil")?;
    Ok((child, listening))
}

fn start(command: &mut Command) -> std::io::Result<(Child, std::io::PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    let child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        // Ctrl-C in a terminal must reach us alone: we stop anvil after our own work.
        .process_group(0)
        .spawn()?;
    Ok((child, reader))
}

/// Reads to the end: anvil would block on a full pipe.
fn follow(output: impl BufRead, heard: oneshot::Sender<Result<String, String>>) {
    let mut heard = Some(heard);
    let mut said = Vec::new();
    for line in output.lines() {
        let Ok(line) = line else { break };
        if heard.is_none() {
            continue;
        }
        match line.strip_prefix(LISTENING) {
            Some(address) => {
                let _ = heard.take().map(|heard| heard.send(Ok(address.trim().to_owned())));
            }
            None => said.push(line),
        }
    }
    let _ = heard.map(|heard| heard.send(Err(said.join("\n"))));
}

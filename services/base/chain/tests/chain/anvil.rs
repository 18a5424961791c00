//! A real chain that mines when it is told to and ends with its test.

use std::{
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use capstan_chain::install_crypto_provider;
use capstan_primitives::{Address, ChainId, Hash};
use serde_json::{Value, json};

use crate::CHAIN;

const BINARY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../dev/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");

/// First account of anvil, whose key anvil holds.
const SENDER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

/// First topic of the logs that [`Anvil::log`] emits.
pub(crate) const TOPIC: [u8; 32] = [0xaa; 32];

pub(crate) struct Anvil {
    process: Child,
    port: u16,
    provider: RootProvider,
}

impl Anvil {
    /// Starts a chain on a free port.
    pub(crate) fn start() -> Self {
        Self::start_on(0)
    }

    /// Starts a chain on this port.
    pub(crate) fn start_on(port: u16) -> Self {
        Self::with(port, CHAIN)
    }

    /// Starts a chain of this id on a free port.
    pub(crate) fn of(chain: ChainId) -> Self {
        Self::with(0, chain)
    }

    fn with(port: u16, chain: ChainId) -> Self {
        install_crypto_provider();
        let mut process = Command::new(BINARY)
            .args(["--port", &port.to_string(), "--chain-id", &chain.to_string(), "--no-mining"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("run dev/install: {BINARY}: {error}"));
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let port = listening_on(&mut lines);
        thread::spawn(move || io::copy(&mut lines, &mut io::sink())); // a full pipe would stop anvil
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        Self { process, port, provider: ProviderBuilder::default().connect_http(url) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Any method of anvil.
    pub(crate) async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.provider.raw_request(method.into(), params).await.unwrap()
    }

    /// Mines this many blocks.
    pub(crate) async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("0x{blocks:x}")])).await;
    }

    /// Queues a transaction that makes a contract, which emits one log with [`TOPIC`] and `value` as data.
    pub(crate) async fn log(&self, value: u8) -> Hash {
        // mstore(0, value) log1(0, 32, TOPIC) return(0, 1)
        let code = format!("0x60{value:02x}6000527f{}60206000a160016000f3", "aa".repeat(32));
        self.send(json!({ "data": code, "gas": "0x30d40" })).await
    }

    /// Queues a transaction of anvil's first account.
    pub(crate) async fn send(&self, mut transaction: Value) -> Hash {
        transaction["from"] = SENDER.into();
        let hash = self.ask("eth_sendTransaction", json!([transaction])).await;
        hash.as_str().unwrap().parse().unwrap()
    }

    /// The contract that a mined transaction made.
    pub(crate) async fn made_by(&self, transaction: Hash) -> Address {
        let receipt = self.ask("eth_getTransactionReceipt", json!([transaction])).await;
        receipt["contractAddress"].as_str().unwrap().parse().unwrap()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn listening_on(lines: &mut impl BufRead) -> u16 {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "anvil ended before it listened");
        if let Some(address) = line.trim().strip_prefix("Listening on ") {
            return address.rsplit(':').next().unwrap().parse().unwrap();
        }
    }
}

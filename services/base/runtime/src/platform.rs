//! The parts of the configuration that every service shares.

mod rpc_url;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use capstan_db::DatabaseUrl;
use capstan_primitives::{Address, ChainId};
use serde::{Deserialize, Serialize, Serializer};

pub use rpc_url::{RpcRole, RpcUrl};

use crate::events::Events;

/// Shared configuration: the top level of the file, without the services' own sections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// Where state lives.
    pub database: DatabaseSection,
    /// Logs and metrics.
    pub telemetry: Telemetry,
    /// Starting and stopping.
    pub process: Process,
    /// Addresses of other services, such as `indexer = "http://indexer:50051"`; `capstan up`
    /// fills them in.
    pub peers: BTreeMap<String, String>,
    /// Where events go and come from beside gRPC.
    pub events: Events,
    /// The chains to follow.
    pub chains: Vec<Chain>,
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSection {
    /// `sqlite://<directory>` or `postgres://<user>:<password>@<host>/<database>`.
    #[serde(serialize_with = "masked_database_url")]
    pub url: String,
    /// Most connections of one service.
    pub max_connections: u32,
    /// Longest wait for a connection, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { url: "sqlite://data".into(), max_connections: 20, timeout_ms: 5_000 }
    }
}

fn masked_database_url<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = url.parse::<DatabaseUrl>().map_or_else(|_| "***".to_owned(), |url| url.to_string());
    serializer.serialize_str(&shown)
}

/// `[telemetry]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// What is logged, in the words of `RUST_LOG`: `info`, `warn,capstan_market=debug`.
    pub log: String,
    /// How it is written.
    pub format: LogFormat,
    /// Where Prometheus metrics are served, at `/metrics`; port 0 lets the system choose.
    pub metrics_listen: SocketAddr,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log: "info".into(),
            format: LogFormat::Pretty,
            metrics_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// `[process]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Longest time that an ordered stop takes, in milliseconds.
    pub grace_ms: u64,
}

impl Default for Process {
    fn default() -> Self {
        Self { grace_ms: 5_000 }
    }
}

impl Process {
    /// Longest time that an ordered stop takes.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

/// `[[chains]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Chain id (EIP-155); checked against the node.
    pub id: ChainId,
    /// Name for people.
    pub name: String,
    /// Endpoints: the `http` ones answer requests, the first `ws` one announces new blocks, and
    /// the next when it fails.
    pub rpc_urls: Vec<RpcUrl>,
    /// First block to index.
    #[serde(default)]
    pub start_block: u64,
    /// When a block is final.
    #[serde(default)]
    pub finality: FinalityRule,
    /// How much is kept; everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Blocks of one partition of the log on PostgreSQL, which is dropped as a whole; taken when the log
    /// begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_blocks: Option<u64>,
    /// Known tokens, for symbols and decimals.
    #[serde(default)]
    pub tokens: Vec<Token>,
    /// Contracts to follow.
    #[serde(default)]
    pub contracts: Vec<Contract>,
    /// Events to follow on any contract.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wildcards: Vec<Wildcard>,
    /// Accounts whose transactions to follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Accounts>,
    /// Blocks to follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Blocks>,
}

/// How much of a chain is kept. What can still be reorganized is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "WrittenRetention")]
pub enum Retention {
    /// The newest blocks: `{ blocks = 1000000 }`.
    Blocks(u64),
    /// The blocks of the newest days, by chain time: `{ days = 90 }`.
    Days(u64),
}

/// Read as an enum, the second of two values would be passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRetention {
    blocks: Option<u64>,
    days: Option<u64>,
}

impl TryFrom<WrittenRetention> for Retention {
    type Error = &'static str;

    fn try_from(written: WrittenRetention) -> Result<Self, Self::Error> {
        match (written.blocks, written.days) {
            (Some(blocks), None) => Ok(Self::Blocks(blocks)),
            (None, Some(days)) => Ok(Self::Days(days)),
            _ => Err("expected either { blocks = … } or { days = … }"),
        }
    }
}

/// When a block is final.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FinalityRule {
    /// When the node says so: `{ tag = "finalized" }` or `{ tag = "safe" }`.
    Tag(FinalityTag),
    /// When this many blocks stand on it: `{ blocks = 12 }`.
    Blocks(u64),
    /// When the newest block is this many seconds later: `{ seconds = 900 }`.
    Seconds(u64),
}

impl Default for FinalityRule {
    fn default() -> Self {
        Self::Tag(FinalityTag::Finalized)
    }
}

/// Block tags of a node that say what is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalityTag {
    /// The finalized block.
    Finalized,
    /// The safe block.
    Safe,
}

/// `[[chains.tokens]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Address of the ERC-20.
    pub address: Address,
    /// Symbol.
    pub symbol: String,
    /// Decimals.
    pub decimals: u8,
}

/// `[[chains.contracts]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// A known protocol, or `abi`.
    pub protocol: String,
    /// Name for people and for the kinds of an `abi` contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address.
    pub address: Address,
    /// First block to index for this contract; the chain's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_block: Option<u64>,
    /// File with the JSON ABI, or with an artifact of Foundry or Hardhat, for protocol `abi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abi: Option<PathBuf>,
    /// Events as they are written in Solidity, in place of a file:
    /// `["event Transfer(address indexed from, address indexed to, uint256 value)"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<String>,
    /// Event names of the ABI and the kinds that they are served as.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
}

/// `[[chains.wildcards]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wildcard {
    /// A known protocol, or `abi`.
    pub protocol: String,
    /// Name for the kinds of an `abi` wildcard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// First block to index for it; the chain's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_block: Option<u64>,
    /// As for a contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abi: Option<PathBuf>,
    /// As for a contract.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<String>,
    /// As for a contract.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
    /// Names of the events to follow; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Indexed arguments and the values of which they must have one: `{ to = ["0x…"] }`.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub r#where: BTreeMap<String, Vec<String>>,
}

/// `[[chains.accounts]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Their addresses.
    pub addresses: Vec<Address>,
    /// What to follow of them; transfers when absent.
    #[serde(default = "transfers")]
    pub follow: Vec<AccountEvents>,
    /// First block to index for them; the chain's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_block: Option<u64>,
}

/// What is followed of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEvents {
    /// The chain's coin that it sends or receives by transactions.
    Transfers,
    /// The transactions that it sends or receives.
    Transactions,
}

fn transfers() -> Vec<AccountEvents> {
    vec![AccountEvents::Transfers]
}

/// `[[chains.blocks]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// Blocks whose number is a multiple of this; every block when absent.
    #[serde(default = "one")]
    pub every: u64,
    /// First block to follow; the chain's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_block: Option<u64>,
}

const fn one() -> u64 {
    1
}

//! From the configuration of a chain to what is followed; everything that is wrong is named.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use capstan_chain::{Abi, known_protocols, protocol};
use capstan_primitives::ChainId;
use capstan_runtime::{
    config::ConfigError,
    platform::{self, FinalityRule, Retention},
};

use crate::{
    config::Config,
    domain::{Contract, Contracts, Definition, Description},
    store::Window,
};

/// What is followed on one chain, and how.
#[derive(Debug, Clone)]
pub struct ChainPlan {
    /// Chain.
    pub id: ChainId,
    /// Name for people.
    pub name: String,
    /// First block.
    pub start_block: u64,
    /// When a block is final.
    pub finality: FinalityRule,
    /// The configured contracts.
    pub contracts: Contracts,
    /// Blocks of the first log request.
    pub first_range: u64,
    /// Most blocks of one log request.
    pub batch_blocks: u64,
    /// About how many bytes an answer to one is to have.
    pub batch_bytes: u64,
    /// Log requests at a time.
    pub prefetch: usize,
    /// How far back a reorg may reach.
    pub window: Window,
    /// How often the node is asked for its head.
    pub poll_interval: Duration,
    /// How much is kept.
    pub retention: Option<Retention>,
    /// How often what is no longer to be kept is let go.
    pub retention_interval: Duration,
    /// Blocks of one partition of a log that begins.
    pub partition_blocks: u64,
}

const FIRST_RANGE: u64 = 200;
/// Blocks of one partition of the log, where the configuration does not say.
const PARTITION_BLOCKS: u64 = 1 << 20;

/// Reads the plan of a chain; `place` names it in errors, such as `chains.0`.
///
/// # Errors
/// When a protocol is unknown, an ABI cannot be read, an address stands twice, or nothing would be kept.
pub fn plan(chain: &platform::Chain, config: &Config, place: &str) -> Result<ChainPlan, ConfigError> {
    let mut contracts = BTreeMap::new();
    for (index, configured) in chain.contracts.iter().enumerate() {
        let place = format!("{place}.contracts.{index}");
        let contract = contract(&description(configured, &place)?, chain.start_block, &place);
        let contract = contract.map_err(|error| in_file(error, configured.abi.as_deref()))?;
        if contracts.insert(configured.address, contract).is_some() {
            return Err(wrong(&place, "address", format!("{} stands twice", configured.address)));
        }
    }
    if matches!(chain.retention, Some(Retention::Blocks(0) | Retention::Days(0))) {
        return Err(wrong(place, "retention", "at least 1 is to be kept".to_owned()));
    }
    if chain.partition_blocks == Some(0) {
        return Err(wrong(place, "partition_blocks", "a partition has at least 1 block".to_owned()));
    }
    Ok(ChainPlan {
        id: chain.id,
        name: chain.name.clone(),
        start_block: chain.start_block,
        finality: chain.finality.clone(),
        contracts: Contracts::new(contracts),
        first_range: FIRST_RANGE,
        batch_blocks: config.batch_blocks.max(1),
        batch_bytes: config.batch_bytes,
        prefetch: config.prefetch,
        window: Window { blocks: config.reorg_window, seconds: config.reorg_window_seconds },
        poll_interval: config.poll_interval(),
        retention: chain.retention,
        retention_interval: config.retention_interval(),
        partition_blocks: chain.partition_blocks.unwrap_or(PARTITION_BLOCKS),
    })
}

/// What the configuration says of a contract, with the text of the file that it names.
fn description(of: &platform::Contract, place: &str) -> Result<Description, ConfigError> {
    let platform::Contract { protocol, name, address: _, start_block, abi, signatures, events } = of.clone();
    let unusable = |path: &Path, error: std::io::Error| wrong(place, "abi", in_path(path, &error));
    let read = |path: PathBuf| std::fs::read_to_string(&path).map_err(|error| unusable(&path, error));
    let abi = abi.map(read).transpose()?;
    Ok(Description { protocol, name, abi, signatures, events, start_block })
}

/// The contract that `of` describes, on a chain that is followed from `start_block` on.
///
/// # Errors
/// When the protocol is unknown, the ABI cannot be read, or it has no event of a name; the key begins
/// with `place`.
pub fn contract(of: &Description, start_block: u64, place: &str) -> Result<Contract, ConfigError> {
    let definition = match of.protocol.as_str() {
        "abi" => of_abi(of, place)?,
        name => {
            let known = || known_protocols().collect::<Vec<_>>().join(", ");
            let unknown =
                || wrong(place, "protocol", format!("{name:?} is not known; known are abi, {}", known()));
            Definition::of(protocol(name).ok_or_else(unknown)?, &of.events)
        }
    };
    let names = definition.abi.event_names();
    if let Some(event) = of.events.keys().find(|event| !names.contains(&event.as_str())) {
        let reason = format!("the ABI has no event {event:?}; it has {}", names.join(", "));
        return Err(wrong(place, "events", reason));
    }
    let start_block = of.start_block.unwrap_or(start_block);
    Ok(Contract { definition: Arc::new(definition), start_block, factory: None })
}

fn of_abi(of: &Description, place: &str) -> Result<Definition, ConfigError> {
    let name =
        of.name.as_ref().ok_or_else(|| wrong(place, "name", "is needed for protocol \"abi\"".into()))?;
    let abi = match (&of.abi, &of.signatures[..]) {
        (Some(text), []) => Abi::parse_json(text).map_err(|error| wrong(place, "abi", error.to_string()))?,
        (None, signatures @ [_, ..]) => {
            let signatures: Vec<&str> = signatures.iter().map(String::as_str).collect();
            let unusable = |error: capstan_chain::AbiError| wrong(place, "signatures", error.to_string());
            Abi::parse_signatures(&signatures).map_err(unusable)?
        }
        _ => {
            let reason = "protocol \"abi\" needs either a JSON ABI or signatures, a list".to_owned();
            return Err(wrong(place, "abi", reason));
        }
    };
    Ok(Definition::of_abi(name, abi, &of.events))
}

/// What is wrong with the text of a file is said with the file's name.
fn in_file(error: ConfigError, file: Option<&Path>) -> ConfigError {
    match (error, file) {
        (ConfigError::Value { place, key, reason }, Some(file)) if key.ends_with(".abi") => {
            ConfigError::Value { place, key, reason: in_path(file, &reason) }
        }
        (error, _) => error,
    }
}

fn in_path(path: &Path, what: &dyn std::fmt::Display) -> String {
    format!("{}: {what}", path.display())
}

pub(crate) fn wrong(place: &str, key: &str, reason: String) -> ConfigError {
    ConfigError::Value { place: "configuration".into(), key: format!("{place}.{key}"), reason }
}

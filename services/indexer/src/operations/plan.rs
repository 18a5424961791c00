//! From the configuration of a chain to what is followed; everything that is wrong is named.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use capstan_chain::{Abi, known_protocols, protocol};
use capstan_primitives::ChainId;
use capstan_runtime::{
    config::ConfigError,
    platform::{self, FinalityRule},
};

use crate::{
    config::Config,
    domain::{Contract, Contracts, Definition},
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
    /// How long the right to write lasts when it is not renewed.
    pub lease: Duration,
}

const FIRST_RANGE: u64 = 200;
/// It is renewed four times as often, each time with a write.
const SHORTEST_LEASE: Duration = Duration::from_millis(200);

/// Reads the plan of a chain; `place` names it in errors, such as `chains.0`.
///
/// # Errors
/// When a protocol is unknown, an ABI cannot be read, or an address stands twice.
pub fn plan(chain: &platform::Chain, config: &Config, place: &str) -> Result<ChainPlan, ConfigError> {
    let mut contracts = BTreeMap::new();
    for (index, configured) in chain.contracts.iter().enumerate() {
        let place = format!("{place}.contracts.{index}");
        let start_block = configured.start_block.unwrap_or(chain.start_block);
        let contract = contract(configured, start_block, &place)?;
        if contracts.insert(configured.address, contract).is_some() {
            return Err(wrong(&place, "address", format!("{} stands twice", configured.address)));
        }
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
        lease: Duration::from_millis(config.takeover_after_ms).max(SHORTEST_LEASE),
    })
}

fn contract(of: &platform::Contract, start_block: u64, place: &str) -> Result<Contract, ConfigError> {
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
    Ok(Contract { definition: Arc::new(definition), start_block })
}

fn of_abi(of: &platform::Contract, place: &str) -> Result<Definition, ConfigError> {
    let name =
        of.name.as_ref().ok_or_else(|| wrong(place, "name", "is needed for protocol \"abi\"".into()))?;
    let abi = match (&of.abi, &of.signatures[..]) {
        (Some(path), []) => {
            let unusable =
                |error: &dyn std::fmt::Display| wrong(place, "abi", format!("{}: {error}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
            Abi::parse_json(&text).map_err(|error| unusable(&error))?
        }
        (None, signatures @ [_, ..]) => {
            let signatures: Vec<&str> = signatures.iter().map(String::as_str).collect();
            let unusable = |error: capstan_chain::AbiError| wrong(place, "signatures", error.to_string());
            Abi::parse_signatures(&signatures).map_err(unusable)?
        }
        _ => {
            let reason = "protocol \"abi\" needs either abi, a file, or signatures, a list".to_owned();
            return Err(wrong(place, "abi", reason));
        }
    };
    Ok(Definition::of_abi(name, abi, &of.events))
}

pub(crate) fn wrong(place: &str, key: &str, reason: String) -> ConfigError {
    ConfigError::Value { place: "configuration".into(), key: format!("{place}.{key}"), reason }
}

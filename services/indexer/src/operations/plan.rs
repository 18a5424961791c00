//! From the configuration of a chain to what is followed; everything that is wrong is named.

use std::{collections::BTreeMap, sync::Arc};

use capstan_chain::{Abi, known_protocols, protocol};
use capstan_primitives::ChainId;
use capstan_runtime::{
    config::ConfigError,
    platform::{self, FinalityRule},
};

use crate::{
    config::Config,
    domain::{Contract, Contracts, Definition},
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
    /// Most blocks of one log request.
    pub batch_blocks: u64,
    /// Blocks that a reorg may reach back.
    pub reorg_window: u64,
}

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
        if contracts.insert(contract.address, contract).is_some() {
            return Err(wrong(&place, "address", format!("{} stands twice", configured.address)));
        }
    }
    Ok(ChainPlan {
        id: chain.id,
        name: chain.name.clone(),
        start_block: chain.start_block,
        finality: chain.finality.clone(),
        contracts: Contracts::new(contracts.into_values()),
        batch_blocks: config.batch_blocks.max(1),
        reorg_window: config.reorg_window,
    })
}

fn contract(of: &platform::Contract, start_block: u64, place: &str) -> Result<Contract, ConfigError> {
    let mut contract = match of.protocol.as_str() {
        "abi" => of_abi(of, start_block, place)?,
        name => {
            let known = || known_protocols().collect::<Vec<_>>().join(", ");
            let unknown =
                || wrong(place, "protocol", format!("{name:?} is not known; known are abi, {}", known()));
            Contract::of(protocol(name).ok_or_else(unknown)?, of.address, start_block)
        }
    };
    let names = contract.abi.event_names();
    if let Some(event) = of.events.keys().find(|event| !names.contains(&event.as_str())) {
        let reason = format!("the ABI has no event {event:?}; it has {}", names.join(", "));
        return Err(wrong(place, "events", reason));
    }
    contract.kinds = Arc::new(of.events.clone());
    Ok(contract)
}

fn of_abi(of: &platform::Contract, start_block: u64, place: &str) -> Result<Contract, ConfigError> {
    let missing = |key: &str| wrong(place, key, "is needed for protocol \"abi\"".into());
    let name = of.name.as_ref().ok_or_else(|| missing("name"))?;
    let path = of.abi.as_ref().ok_or_else(|| missing("abi"))?;
    let unusable =
        |error: &dyn std::fmt::Display| wrong(place, "abi", format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
    let abi = Abi::parse_json(&text).map_err(|error| unusable(&error))?;
    Ok(Contract {
        address: of.address,
        protocol: "abi".into(),
        kind_prefix: name.clone(),
        abi: Definition::Configured(Arc::new(abi)),
        kinds: Arc::default(),
        start_block,
        creates: &[],
    })
}

pub(crate) fn wrong(place: &str, key: &str, reason: String) -> ConfigError {
    ConfigError::Value { place: "configuration".into(), key: format!("{place}.{key}"), reason }
}

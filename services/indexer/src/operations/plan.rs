//! From the configuration of a chain to what is followed; everything that is wrong is named.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use capstan_chain::{Abi, known_protocols, protocol};
use capstan_primitives::{Address, ChainId};
use capstan_runtime::{
    config::ConfigError,
    platform::{self, FinalityRule},
};

use super::wildcards;
use crate::{
    config::Config,
    domain::{Contract, Contracts, Definition, Pattern, native},
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
    /// The configured contracts, wildcards and accounts.
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
}

const FIRST_RANGE: u64 = 200;

/// Reads the plan of a chain; `place` names it in errors, such as `chains.0`.
///
/// # Errors
/// When a protocol is unknown, an ABI cannot be read, or something stands twice.
pub fn plan(chain: &platform::Chain, config: &Config, place: &str) -> Result<ChainPlan, ConfigError> {
    let mut contracts = BTreeMap::new();
    for (index, configured) in chain.contracts.iter().enumerate() {
        let place = format!("{place}.contracts.{index}");
        let start_block = configured.start_block.unwrap_or(chain.start_block);
        let definition = Arc::new(definition(Described::from(configured), &place)?);
        if contracts.insert(configured.address, Contract { definition, start_block }).is_some() {
            return Err(wrong(&place, "address", format!("{} stands twice", configured.address)));
        }
    }
    let patterns = patterns(chain, place)?;
    Ok(ChainPlan {
        id: chain.id,
        name: chain.name.clone(),
        start_block: chain.start_block,
        finality: chain.finality.clone(),
        contracts: Contracts::new(contracts).with(patterns),
        first_range: FIRST_RANGE,
        batch_blocks: config.batch_blocks.max(1),
        batch_bytes: config.batch_bytes,
        prefetch: config.prefetch,
        window: Window { blocks: config.reorg_window, seconds: config.reorg_window_seconds },
        poll_interval: config.poll_interval(),
    })
}

fn patterns(chain: &platform::Chain, place: &str) -> Result<Vec<Pattern>, ConfigError> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for (index, configured) in chain.wildcards.iter().enumerate() {
        let place = format!("{place}.wildcards.{index}");
        let pattern = wildcards::pattern(configured, chain, &place)?;
        if patterns.iter().any(|known| known.key == pattern.key) {
            return Err(wrong(&place, "protocol", "the same events are followed twice".to_owned()));
        }
        patterns.push(pattern);
    }
    for (index, configured) in chain.accounts.iter().enumerate() {
        let place = format!("{place}.accounts.{index}");
        let pattern = accounts(configured, chain, &place)?;
        if patterns.iter().any(|known| known.key == pattern.key) {
            return Err(wrong(&place, "addresses", "the same accounts are followed twice".to_owned()));
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

fn accounts(of: &platform::Accounts, chain: &platform::Chain, place: &str) -> Result<Pattern, ConfigError> {
    let evm = Address::ZERO.as_bytes().len();
    if let Some(other) = of.addresses.iter().find(|address| address.as_bytes().len() != evm) {
        return Err(wrong(place, "addresses", format!("{other} is no address of an EVM chain")));
    }
    let has = |wanted| of.follow.contains(&wanted);
    let follow = native::Follow {
        transfers: has(platform::AccountEvents::Transfers),
        transactions: has(platform::AccountEvents::Transactions),
    };
    let key = if of.addresses.is_empty() { "addresses" } else { "follow" };
    let pattern = native::pattern(&of.addresses, follow, of.start_block.unwrap_or(chain.start_block));
    pattern.ok_or_else(|| wrong(place, key, "is empty, so that nothing would be followed".to_owned()))
}

/// How a contract or a wildcard says what its events are.
#[derive(Clone, Copy)]
pub(super) struct Described<'a> {
    protocol: &'a str,
    name: Option<&'a str>,
    abi: Option<&'a Path>,
    signatures: &'a [String],
    events: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a platform::Contract> for Described<'a> {
    fn from(of: &'a platform::Contract) -> Self {
        let platform::Contract { protocol, name, abi, signatures, events, .. } = of;
        Self { protocol, name: name.as_deref(), abi: abi.as_deref(), signatures, events }
    }
}

impl<'a> From<&'a platform::Wildcard> for Described<'a> {
    fn from(of: &'a platform::Wildcard) -> Self {
        let platform::Wildcard { protocol, name, abi, signatures, events, .. } = of;
        Self { protocol, name: name.as_deref(), abi: abi.as_deref(), signatures, events }
    }
}

pub(super) fn definition(of: Described<'_>, place: &str) -> Result<Definition, ConfigError> {
    let definition = match of.protocol {
        "abi" => of_abi(of, place)?,
        native::PROTOCOL => {
            let reason =
                "is of no contract; [[chains.accounts]] says whose transactions to follow".to_owned();
            return Err(wrong(place, "protocol", reason));
        }
        name => {
            let known = || {
                let named = known_protocols().filter(|name| *name != native::PROTOCOL);
                named.collect::<Vec<_>>().join(", ")
            };
            let unknown =
                || wrong(place, "protocol", format!("{name:?} is not known; known are abi, {}", known()));
            Definition::of(protocol(name).ok_or_else(unknown)?, of.events)
        }
    };
    let names = definition.abi.event_names();
    if let Some(event) = of.events.keys().find(|event| !names.contains(&event.as_str())) {
        let reason = format!("the ABI has no event {event:?}; it has {}", names.join(", "));
        return Err(wrong(place, "events", reason));
    }
    Ok(definition)
}

fn of_abi(of: Described<'_>, place: &str) -> Result<Definition, ConfigError> {
    let name = of.name.ok_or_else(|| wrong(place, "name", "is needed for protocol \"abi\"".into()))?;
    let abi = match (of.abi, of.signatures) {
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
    Ok(Definition::of_abi(name, abi, of.events))
}

pub(crate) fn wrong(place: &str, key: &str, reason: String) -> ConfigError {
    ConfigError::Value { place: "configuration".into(), key: format!("{place}.{key}"), reason }
}

//! From the configuration of a chain to what is followed; everything that is wrong is named.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use capstan_primitives::{Address, ChainId};
use capstan_runtime::{
    config::ConfigError,
    platform::{self, FinalityRule, Retention},
};

use super::{definition::Configured, wildcards};
use crate::{
    config::Config,
    domain::{Contract, Contracts, Pattern, native},
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
    /// The configured contracts, wildcards, accounts and blocks.
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
    /// How long a registered transaction is kept that nobody expects anything of any more.
    pub transaction_forgotten_after: Duration,
    /// Topic of a broker that the log is published to.
    pub topic: Option<String>,
    /// Blocks of one partition of a log that begins.
    pub partition_blocks: u64,
    /// How long the right to write lasts when it is not renewed.
    pub lease: Duration,
}

const FIRST_RANGE: u64 = 200;
/// Blocks of one partition of the log, where the configuration does not say.
const PARTITION_BLOCKS: u64 = 1 << 20;
/// It is renewed four times as often, each time with a write.
const SHORTEST_LEASE: Duration = Duration::from_millis(200);

/// Reads the plan of a chain; `place` names it in errors, such as `chains.0`.
///
/// # Errors
/// When a protocol is unknown, an ABI cannot be read, something stands twice, or nothing would be kept.
pub fn plan(chain: &platform::Chain, config: &Config, place: &str) -> Result<ChainPlan, ConfigError> {
    let mut contracts = BTreeMap::new();
    for (index, configured) in chain.contracts.iter().enumerate() {
        let place = format!("{place}.contracts.{index}");
        let definition = Arc::new(Configured::from(configured).definition(&place)?);
        let start_block = configured.start_block.unwrap_or(chain.start_block);
        let contract = Contract { definition, start_block, factory: None, tokens: Arc::default() };
        if contracts.insert(configured.address, contract).is_some() {
            return Err(wrong(&place, "address", format!("{} stands twice", configured.address)));
        }
    }
    let patterns = patterns(chain, place)?;
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
        contracts: Contracts::new(contracts).with(patterns),
        first_range: FIRST_RANGE,
        batch_blocks: config.batch_blocks.max(1),
        batch_bytes: config.batch_bytes,
        prefetch: config.prefetch,
        window: Window { blocks: config.reorg_window, seconds: config.reorg_window_seconds },
        poll_interval: config.poll_interval(),
        retention: chain.retention,
        transaction_forgotten_after: config.transaction_forgotten_after(),
        topic: None,
        retention_interval: config.retention_interval(),
        partition_blocks: chain.partition_blocks.unwrap_or(PARTITION_BLOCKS),
        lease: Duration::from_millis(config.takeover_after_ms).max(SHORTEST_LEASE),
    })
}

fn patterns(chain: &platform::Chain, place: &str) -> Result<Vec<Pattern>, ConfigError> {
    let mut patterns: Vec<Pattern> = Vec::new();
    let mut add = |pattern: Pattern, place: &str, key: &str, what: &str| {
        if patterns.iter().any(|known| known.key == pattern.key) {
            return Err(wrong(place, key, format!("the same {what} are followed twice")));
        }
        patterns.push(pattern);
        Ok(())
    };
    for (index, configured) in chain.wildcards.iter().enumerate() {
        let place = format!("{place}.wildcards.{index}");
        add(wildcards::pattern(configured, chain, &place)?, &place, "protocol", "events")?;
    }
    for (index, configured) in chain.accounts.iter().enumerate() {
        let place = format!("{place}.accounts.{index}");
        add(accounts(configured, chain, &place)?, &place, "addresses", "accounts")?;
    }
    for (index, configured) in chain.blocks.iter().enumerate() {
        let place = format!("{place}.blocks.{index}");
        add(blocks(configured, chain, &place)?, &place, "every", "blocks")?;
    }
    Ok(patterns)
}

fn blocks(of: &platform::Blocks, chain: &platform::Chain, place: &str) -> Result<Pattern, ConfigError> {
    let pattern = native::blocks(of.every, of.start_block.unwrap_or(chain.start_block));
    pattern.ok_or_else(|| wrong(place, "every", "is 0; 1 follows every block".to_owned()))
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

/// Why a log that has no block yet cannot begin, when its first one lies past `head`.
pub fn past_head(plan: &ChainPlan, place: &str, head: u64) -> Option<ConfigError> {
    let (first, chain) = (plan.start_block, plan.id);
    let reason = format!(
        "block {first} is past the head of chain {chain}, block {head}, so that nothing would be indexed; \
         name a block that is there, or start when it is"
    );
    (first > head).then(|| wrong(place, "start_block", reason))
}

pub(crate) fn wrong(place: &str, key: &str, reason: String) -> ConfigError {
    ConfigError::Value { place: "configuration".into(), key: format!("{place}.{key}"), reason }
}

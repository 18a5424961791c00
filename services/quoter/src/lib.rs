//! Exact quotes and best routes over the pools of a chain, from memory.

mod adapters;
mod config;
pub mod domain;
mod error;
mod metrics;
mod operations;
mod rpc;
mod worker;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use capstan_chain::{Evm, EvmOptions, EvmUrl, Role};
use capstan_kafka::EventSource;
use capstan_primitives::{Address, ChainId};
use capstan_proto::quoter::quoter_service_server::{QuoterServiceServer, SERVICE_NAME};
use capstan_runtime::{
    HealthCheck, Parts, Platform, Scope, Service, StartError, config::ConfigError, platform,
};
use tokio::sync::watch;
use tonic::service::Routes;

pub use config::{
    ChainContracts, Config, Factory, Reference, Refused, RefusedToken, Rollup, Router, RouterKind,
    RouterVersion,
};

use crate::{
    adapters::{
        accounts::Accounts, contracts::Contracts, gas::GasSource, indexer::Reader, lenses::Lenses,
        tokens::Trials, views::Views,
    },
    domain::{
        gas::{FeeRules, Learnt, RollupKind},
        pool::PoolId,
        state::{Entry, Pools, Problem},
        wrap::Wrap,
    },
    operations::{Chain, Checker, Live, Projector, Quoter as Operations, TokenChecker, Watcher, Writer},
    rpc::Rpc,
    worker::follow::Follower,
};

/// The quoter.
#[derive(Debug)]
pub struct Quoter;

/// Reorgs are not deeper on the chains that there are.
const LEAST_UNDO_BLOCKS: usize = 64;
/// Another endpoint is asked, too, when one takes longer than usual and this.
const HEDGE_AFTER: Duration = Duration::from_millis(500);
/// Answers are a few words each.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

impl Service for Quoter {
    const NAME: &'static str = "quoter";

    type Config = Config;

    fn listen(config: &Config) -> SocketAddr {
        config.listen
    }

    async fn build(config: Config, scope: Scope) -> Result<Parts, StartError> {
        let source = EventSource::choose(scope.platform.events.kafka.as_ref(), || scope.peer("indexer"))?;
        checked(&config, &scope.platform)?;
        let mut chains = BTreeMap::new();
        for chain in &scope.platform.chains {
            let live = Arc::new(Live::new(chain.id));
            let reader = reader(&config, chain.id);
            let undo_blocks = config.undo_blocks.max(LEAST_UNDO_BLOCKS);
            let projector = Projector::new(Arc::clone(&live), beginning(&config, chain), undo_blocks);
            let writer = Writer::new(projector);
            let evm = node(&config, chain).await?;
            check(&config, (&live, &writer), evm.clone(), &scope);
            let contracts = Contracts::new(evm.clone(), followed(chain, "erc4626"));
            let follower = Follower { chain: chain.id, reader, contracts, writer };
            let following = worker::follow::follow(source.another(), follower, scope.tasks.stopping());
            scope.tasks.critical("follow", following);
            let reference = config.references.iter().find(|reference| reference.chain_id == chain.id);
            let first = chain.tokens.first().map(|token| token.address);
            let reference = reference.map(|reference| reference.token).or(first);
            let decimals = chain.tokens.iter().map(|token| (token.address, token.decimals)).collect();
            let accounts = Accounts::new(evm.clone());
            let routers = operations::routers(&config, chain.id, &followed(chain, "weth9")).map_err(wrong)?;
            let fees = learn_gas(&config, (chain.id, evm.clone()), &scope);
            let lenses = lenses(&config, (chain.id, evm));
            let chained = Chain { live, reference, decimals, fees, lenses, routers, accounts };
            chains.insert(chain.id, chained);
        }
        let quoter = Operations::new(chains, &config, scope.clock.clone());
        let (heartbeat, stopping) = (config.heartbeat(), scope.tasks.stopping());
        let health = vec![ready(&quoter)];
        let routes = Routes::new(QuoterServiceServer::new(Rpc { quoter, heartbeat, stopping }));
        Ok(Parts { routes, health })
    }
}

/// What is configured of chains that there are not is refused.
fn checked(config: &Config, platform: &Platform) -> Result<(), ConfigError> {
    let lists = [
        ("references", config.references.iter().map(|one| one.chain_id).collect::<Vec<_>>()),
        ("factories", config.factories.iter().map(|one| one.chain_id).collect()),
        ("refused_tokens", config.refused_tokens.iter().map(|one| one.chain_id).collect()),
        ("rollups", config.rollups.iter().map(|one| one.chain_id).collect()),
        ("contracts", config.contracts.iter().map(|one| one.chain_id).collect()),
        ("routers", config.routers.iter().map(|one| one.chain_id).collect()),
    ];
    for (list, chains) in lists {
        let unknown = |chain: &ChainId| platform.chains.iter().all(|known| known.id != *chain);
        if let Some(at) = chains.iter().position(unknown) {
            let reason = format!("chain {} is not configured", chains.get(at).copied().unwrap_or(ChainId(0)));
            return Err(wrong((format!("quoter.{list}.{at}.chain_id"), reason)));
        }
    }
    let too_dear = config.factories.iter().position(|factory| factory.fee_ppm >= 1_000_000);
    too_dear.map_or(Ok(()), |at| {
        let reason = "is not 0 to 999999 millionths".to_owned();
        Err(wrong((format!("quoter.factories.{at}.fee_ppm"), reason)))
    })
}

fn wrong((key, reason): (String, String)) -> ConfigError {
    ConfigError::Value { place: "configuration".into(), key, reason }
}

/// What the logs of a chain are read with.
fn reader(config: &Config, chain: ChainId) -> Reader {
    let v2_fees = config.factories.iter().filter(|factory| factory.chain_id == chain);
    Reader { v2_fees: v2_fees.map(|factory| (factory.address, factory.fee_ppm)).collect() }
}

/// What there is before the first event: wrapped coins, and tokens that are refused.
fn beginning(config: &Config, chain: &platform::Chain) -> Pools {
    let mut pools = Pools::default();
    for token in config.refused_tokens.iter().filter(|token| token.chain_id == chain.id) {
        let why = match token.why {
            Refused::FeeOnTransfer => Problem::FeeOnTransfer,
            Refused::Rebasing => Problem::Rebasing,
        };
        pools.refuse(token.address, why);
    }
    if config.token_checks {
        pools.know_exact(Arc::default());
    }
    wrappers(chain).into_iter().for_each(|entry| pools.add(entry));
    pools
}

/// Holds pools against their contracts now and then, and tries tokens out.
fn check(config: &Config, (live, writer): (&Arc<Live>, &Writer), evm: Evm, scope: &Scope) {
    let multicall = Some(contracts(config, live.chain).multicall3());
    if config.check_every_blocks > 0 {
        let views = Views::new(evm.clone(), multicall);
        let often = (config.check_every_blocks, config.check_pools);
        watch("check", live, Checker::new(Arc::clone(live), writer.clone(), views, often), scope);
    }
    if config.token_checks {
        watch("tokens", live, TokenChecker::new(writer.clone(), Trials::new(evm, multicall)), scope);
    }
}

fn watch(name: &'static str, live: &Arc<Live>, watcher: impl Watcher, scope: &Scope) {
    let watching = worker::check::check(Arc::clone(live), watcher, scope.tasks.stopping());
    scope.tasks.critical(name, watching);
}

/// The chain's nodes, which may be away: quotes do not need them.
async fn node(config: &Config, chain: &platform::Chain) -> Result<Evm, StartError> {
    let endpoint = |url: &platform::RpcUrl| {
        let role = match url.role() {
            platform::RpcRole::Primary => Role::Primary,
            platform::RpcRole::Fallback => Role::Fallback,
        };
        EvmUrl { url: url.reveal().to_owned(), role, requests_per_second: url.requests_per_second() }
    };
    let options = EvmOptions {
        urls: chain.rpc_urls.iter().map(endpoint).collect(),
        chain_id: chain.id,
        request_timeout: Duration::from_millis(config.request_timeout_ms),
        hedge_after: HEDGE_AFTER,
        poll_interval: Duration::from_millis(config.poll_interval_ms),
        max_response_bytes: MAX_RESPONSE_BYTES,
        may_be_away: true,
    };
    Evm::connect(options).await.map_err(StartError::service)
}

/// The contracts that quotes are held against.
fn lenses(config: &Config, (chain, evm): (ChainId, Evm)) -> Lenses {
    Lenses::new(evm, contracts(config, chain))
}

fn contracts(config: &Config, chain: ChainId) -> ChainContracts {
    let configured = config.contracts.iter().find(|contracts| contracts.chain_id == chain);
    configured.cloned().unwrap_or(ChainContracts::of(chain))
}

/// Learns what gas costs after every block.
fn learn_gas(
    config: &Config,
    (chain, evm): (ChainId, Evm),
    scope: &Scope,
) -> watch::Receiver<Option<Learnt>> {
    let rollup = config.rollups.iter().find(|rollup| rollup.chain_id == chain);
    let rollup = rollup.map(|rollup| match rollup.kind {
        config::RollupKind::None => RollupKind::None,
        config::RollupKind::OpStack => RollupKind::OpStack,
        config::RollupKind::Arbitrum => RollupKind::Arbitrum,
    });
    let source = GasSource::new(evm, FeeRules::of(chain, rollup));
    let (sender, fees) = watch::channel(None);
    scope
        .tasks
        .critical("gas", worker::gas::refresh(source, scope.clock.clone(), sender, scope.tasks.stopping()));
    fees
}

/// Configured contracts of a protocol.
fn followed(chain: &platform::Chain, protocol: &str) -> Vec<Address> {
    let contracts = chain.contracts.iter().filter(|contract| contract.protocol == protocol);
    contracts.map(|contract| contract.address).collect()
}

/// The wrapped coins that are followed.
fn wrappers(chain: &platform::Chain) -> Vec<Entry> {
    let entry = |address: Address| Entry {
        id: PoolId::Contract(address),
        factory: None,
        pool: Arc::new(Wrap::new(address)),
        problem: None,
    };
    followed(chain, "weth9").into_iter().map(entry).collect()
}

/// Serving once the log of every chain was read through.
fn ready(quoter: &Operations) -> HealthCheck {
    let quoter = quoter.clone();
    HealthCheck::new(SERVICE_NAME, move || {
        let is_ready = quoter.chains().all(|chain| chain.live.snapshot().is_some());
        async move { is_ready }
    })
}

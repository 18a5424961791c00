//! Follows EVM chains and serves their decoded events as one resumable log.

mod adapters;
mod config;
mod domain;
mod error;
mod metrics;
mod operations;
mod rpc;
mod store;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use capstan_chain::{Evm, EvmOptions, EvmUrl, Role};
use capstan_primitives::ChainId;
use capstan_proto::indexer::{
    indexer_service_server::{IndexerServiceServer, SERVICE_NAME},
    pool_service_server::{self, PoolServiceServer},
    transaction_service_server::{self, TransactionServiceServer},
};
use capstan_runtime::{HealthCheck, Parts, Scope, Service, StartError, Tasks, platform};
use tokio::sync::watch;
use tonic::service::Routes;

pub use config::Config;

use crate::{
    adapters::{Checks, Node},
    operations::{
        ChainHandle, ChainState, ChainView, EventLog, Ingest, PoolProjection, Pools, Tracker,
        TransactionSignals, Transactions, makes_pools, plan,
    },
    rpc::{PoolRpc, Publisher, Rpc, TransactionRpc},
    store::Store,
};

/// The indexer.
#[derive(Debug)]
pub struct Indexer;

impl Service for Indexer {
    const NAME: &'static str = "indexer";

    type Config = Config;

    fn listen(config: &Config) -> SocketAddr {
        config.listen
    }

    async fn build(config: Config, scope: Scope) -> Result<Parts, StartError> {
        // The chains are looked at before the store is touched: a wrong configuration leaves nothing behind.
        if scope.platform.chains.is_empty() {
            let reason = "no chain is configured; add one with rpc_urls and contracts".to_owned();
            return Err(operations::wrong("chains", "id", reason).into());
        }
        if let Some(kafka) = &scope.platform.events.kafka {
            capstan_kafka::check(kafka)?;
        }
        let mut nodes = Vec::new();
        for (index, chain) in scope.platform.chains.iter().enumerate() {
            nodes.push(connect(chain, &config, index).await?);
        }
        let database = scope.database::<capstan_db::indexer::Migrator>().await?;
        let services =
            [SERVICE_NAME, transaction_service_server::SERVICE_NAME, pool_service_server::SERVICE_NAME];
        let health = services.map(|service| HealthCheck::of_store(service, &database)).to_vec();
        let store = Store::new(database);
        let (mut chains, mut signals, mut with_pools) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for (node, plan) in nodes {
            let (id, name) = (plan.id, plan.name.clone());
            if makes_pools(&plan.contracts) {
                with_pools.insert(id);
            }
            let tracker = Tracker {
                chain_id: id,
                store: store.clone(),
                node: node.clone(),
                clock: scope.clock.clone(),
                signals: TransactionSignals::default(),
                dropped_after: config.transaction_dropped_after(),
            };
            signals.insert(id, tracker.signals.clone());
            let opened =
                Ingest::open(store.clone(), node, plan, scope.tasks.clone(), scope.clock.clone()).await;
            let ingest = opened.map_err(StartError::service)?;
            let (publish, view) = watch::channel(beginning(&ingest));
            let (contracts, node) = (ingest.contracts(), ingest.node().clone());
            scope.tasks.critical("follow", worker::follow::follow(ingest, publish, scope.tasks.stopping()));
            let follow = worker::transactions::follow(tracker, view.clone(), scope.tasks.stopping());
            scope.tasks.critical("transactions", follow);
            if chains.insert(id, ChainHandle { name, node, view, contracts }).is_some() {
                return Err(twice(id));
            }
        }
        let log = EventLog::new(store.clone(), chains);
        let pools = PoolRpc { pools: follow_pools(&log, &store, with_pools, &scope.tasks) };
        publish(&log, &scope);
        let transactions = Transactions::new(store, log.clone(), signals, scope.clock.clone());
        let of_transactions = TransactionRpc { transactions, tasks: scope.tasks.clone() };
        let rpc = Rpc { log, tasks: scope.tasks, clock: scope.clock };
        let routes = Routes::new(IndexerServiceServer::new(rpc))
            .add_service(TransactionServiceServer::new(of_transactions))
            .add_service(PoolServiceServer::new(pools));
        Ok(Parts { routes, health })
    }
}

/// Publishes every chain to the broker, where one is configured.
fn publish(log: &EventLog, scope: &Scope) {
    let Some(kafka) = &scope.platform.events.kafka else { return };
    for (chain_id, handle) in log.chains() {
        let (log, kafka) = (log.clone(), kafka.clone());
        let (tasks, clock) = (scope.tasks.clone(), scope.clock.clone());
        let publisher = Publisher { log, kafka, chain_id, tasks, clock };
        let publish = move |writer| publisher.clone().publish(writer);
        let (view, stopping) = (handle.view.clone(), scope.tasks.stopping());
        scope.tasks.critical("publish", worker::publish::follow(chain_id, view, stopping, publish));
    }
}

/// Keeps the pools of `chains` level with their logs, and serves them.
fn follow_pools(log: &EventLog, store: &Store, chains: BTreeSet<ChainId>, tasks: &Tasks) -> Pools {
    for id in &chains {
        let Some(view) = log.view(*id) else { continue };
        let pools = PoolProjection::new(*id, log.clone(), store.clone());
        tasks.critical("pools", worker::pools::follow(pools, view, tasks.stopping()));
    }
    Pools { log: log.clone(), store: store.clone(), chains }
}

fn beginning(ingest: &Ingest) -> ChainView {
    ChainView {
        state: ChainState::Starting,
        head: None,
        safe: None,
        progress: *ingest.progress(),
        rate: None,
        writer: false,
        contracts: ingest.followed(),
        problem: String::new(),
    }
}

fn twice(id: ChainId) -> StartError {
    operations::wrong("chains", "id", format!("chain {id} stands twice")).into()
}

/// Reads a chain's plan, reaches its node and looks for its contracts there.
async fn connect(
    chain: &platform::Chain,
    config: &Config,
    index: usize,
) -> Result<(Node, operations::ChainPlan), StartError> {
    let place = format!("chains.{index}");
    let plan = plan(chain, config, &place)?;
    let options = EvmOptions {
        urls: chain.rpc_urls.iter().map(endpoint).collect(),
        chain_id: chain.id,
        request_timeout: config.request_timeout(),
        poll_interval: config.poll_interval(),
        max_response_bytes: config.max_response_bytes,
    };
    let refused = |key: &str, reason: String| StartError::from(operations::wrong(&place, key, reason));
    let evm = Evm::connect(options).await.map_err(|error| refused("rpc_urls", explain(&error)))?;
    let checks = Checks { blocks: config.verify_blocks.into(), history: config.verify_history.into() };
    let node = Node::new(evm, checks);
    for (position, contract) in chain.contracts.iter().enumerate() {
        let has_code =
            node.has_code(contract.address).await.map_err(|error| refused("rpc_urls", explain(&error)))?;
        if !has_code {
            let address = contract.address;
            let reason =
                format!("there is no contract at {address} on chain {}; check address and chain", chain.id);
            return Err(refused(&format!("contracts.{position}.address"), reason));
        }
    }
    Ok((node, plan))
}

fn endpoint(url: &platform::RpcUrl) -> EvmUrl {
    let role = match url.role() {
        platform::RpcRole::Primary => Role::Primary,
        platform::RpcRole::Fallback => Role::Fallback,
    };
    EvmUrl { url: url.reveal().to_owned(), role }
}

/// An error with its causes in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

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

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use capstan_chain::{ChainError, Evm, EvmOptions, EvmUrl, History, Role, Verification};
use capstan_db::Database;
use capstan_primitives::ChainId;
use capstan_proto::{
    encoded::indexer_service_server::{IndexerServiceServer, SERVICE_NAME},
    indexer::{
        indexer_admin_service_server::{self as admin},
        pool_service_server::{self, PoolServiceServer},
        transaction_service_server::{self, TransactionServiceServer},
    },
};
use capstan_runtime::{HealthCheck, Parts, Scope, Service, StartError, Tasks, platform};
use tokio::sync::{mpsc, watch};
use tonic::{codec::CompressionEncoding, service::Routes};

pub use config::Config;

use crate::{
    adapters::{Checks, Node},
    operations::{
        ChainHandle, ChainPlan, ChainState, ChainView, ConsumerWatch, EventLog, Ingest, PoolProjection,
        Pools, Tracker, TransactionSignals, Transactions, explain, look_for_code, past_head, plan,
    },
    rpc::{AdminRpc, PoolRpc, Publisher, Rpc, TransactionRpc},
    store::Store,
};

/// Shortest time that a node is waited for before another one is asked too.
const HEDGE_AFTER: Duration = Duration::from_millis(50);
/// Commands of operators that wait for one chain.
const COMMANDS: usize = 4;

/// How often it is looked how far consumers are, at least.
const LOOK_AT_CONSUMERS: Duration = Duration::from_secs(10);

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
        let nodes = connect_all(&config, &scope).await?;
        let database = open_database(&scope, &nodes).await?;
        let store = Store::new(database.clone());
        let (mut chains, mut signals) = (BTreeMap::new(), BTreeMap::new());
        for (node, plan) in nodes {
            let (id, name) = (plan.id, plan.name.clone());
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
            let (commands, asked) = mpsc::channel(COMMANDS);
            let (contracts, node) = (ingest.contracts(), ingest.node().clone());
            let follow = worker::follow::follow(ingest, publish, asked, scope.tasks.stopping());
            scope.tasks.critical("follow", follow);
            let follow = worker::transactions::follow(tracker, view.clone(), scope.tasks.stopping());
            scope.tasks.critical("transactions", follow);
            if chains.insert(id, ChainHandle { name, node, view, contracts, commands }).is_some() {
                return Err(twice(id));
            }
        }
        let health = health(&database, &chains);
        let log = EventLog::new(store.clone(), chains);
        publish(&log, &scope);
        let consumers = ConsumerWatch::new(log.clone(), scope.clock.clone());
        let interval = config.retention_interval().min(LOOK_AT_CONSUMERS);
        scope.tasks.periodic("consumers", interval, move || consumers.clone().look());
        let reload = worker::reload::reload(log.clone(), config, scope.reloads, scope.tasks.stopping());
        scope.tasks.critical("reload", reload);
        let pools = PoolRpc { pools: follow_pools(&log, &store, &scope.tasks) };
        let transactions = Transactions::new(store, log.clone(), signals, scope.clock.clone());
        let of_transactions = TransactionRpc { transactions, tasks: scope.tasks.clone() };
        let admin = admin::IndexerAdminServiceServer::new(AdminRpc { log: log.clone() });
        let rpc = Rpc { log, tasks: scope.tasks, clock: scope.clock };
        // Only for clients that accept it: history over a slow line.
        let log = IndexerServiceServer::new(rpc).send_compressed(CompressionEncoding::Gzip);
        let routes = Routes::new(log)
            .add_service(admin)
            .add_service(TransactionServiceServer::new(of_transactions))
            .add_service(PoolServiceServer::new(pools));
        Ok(Parts { routes, health })
    }
}

/// Reaches the node of every chain.
async fn connect_all(config: &Config, scope: &Scope) -> Result<Vec<(Node, ChainPlan)>, StartError> {
    let platform = &scope.platform;
    if platform.chains.is_empty() {
        let reason = "no chain is configured; add one with rpc_urls and contracts".to_owned();
        return Err(operations::wrong("chains", "id", reason).into());
    }
    let kafka = platform.events.kafka.as_ref();
    if let Some(kafka) = kafka {
        capstan_kafka::check(kafka)?;
    }
    let mut nodes = Vec::new();
    for (index, chain) in platform.chains.iter().enumerate() {
        let (node, plan) = Box::pin(connect(chain, config, (index, scope))).await?;
        let topic = kafka.map(|kafka| kafka.topic.name().to_owned());
        nodes.push((node, ChainPlan { topic, ..plan }));
    }
    Ok(nodes)
}

/// Opens the store, unless the log of a chain would begin there past the chain's head. A head that no node
/// tells is no reason not to start.
async fn open_database(scope: &Scope, nodes: &[(Node, ChainPlan)]) -> Result<Database, StartError> {
    let mut refused = Vec::new();
    for (index, (node, plan)) in nodes.iter().enumerate().filter(|(_, (_, plan))| plan.start_block > 0) {
        let Ok(head) = node.head().await else { continue };
        refused
            .extend(past_head(plan, &format!("chains.{index}"), head.block.number).map(|why| (plan.id, why)));
    }
    let is_new = !scope.has_database().await?;
    if let Some((_, why)) = refused.pop_if(|_| is_new) {
        return Err(why.into());
    }
    let database = scope.database::<capstan_db::indexer::Migrator>().await?;
    let store = Store::new(database.clone());
    for (id, why) in refused {
        let progress = store.progress(id).await.map_err(StartError::service)?;
        if progress.is_none_or(|progress| progress.indexed.is_none()) {
            return Err(why.into());
        }
    }
    Ok(database)
}

fn health(database: &Database, chains: &BTreeMap<ChainId, ChainHandle>) -> Vec<HealthCheck> {
    let services = [
        SERVICE_NAME,
        admin::SERVICE_NAME,
        transaction_service_server::SERVICE_NAME,
        pool_service_server::SERVICE_NAME,
    ];
    let views: Vec<_> = chains.values().map(|chain| chain.view.clone()).collect();
    let stores = move || views.iter().all(|view| !view.borrow().store_fails);
    services.map(|service| HealthCheck::of_store(service, database).and(stores.clone())).to_vec()
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

/// Keeps the pools of every chain level with its log, and serves them.
fn follow_pools(log: &EventLog, store: &Store, tasks: &Tasks) -> Pools {
    for (id, handle) in log.chains() {
        let pools = PoolProjection::new(id, log.clone(), store.clone());
        tasks.critical("pools", worker::pools::follow(pools, handle.view.clone(), tasks.stopping()));
    }
    Pools { log: log.clone(), store: store.clone() }
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
        history_problem: String::new(),
        store_fails: false,
    }
}

fn twice(id: ChainId) -> StartError {
    operations::wrong("chains", "id", format!("chain {id} stands twice")).into()
}

/// Reads a chain's plan, reaches its node and looks for its contracts there. A chain that was indexed
/// before may be away: it is looked for again whenever it is asked, and must not keep others waiting.
async fn connect(
    chain: &platform::Chain,
    config: &Config,
    (index, scope): (usize, &Scope),
) -> Result<(Node, ChainPlan), StartError> {
    let place = format!("chains.{index}");
    let plan = plan(chain, config, &place)?;
    let options = EvmOptions {
        urls: chain.rpc_urls.iter().map(endpoint).collect(),
        chain_id: chain.id,
        request_timeout: config.request_timeout(),
        hedge_after: HEDGE_AFTER,
        poll_interval: config.poll_interval(),
        max_response_bytes: config.max_response_bytes,
        may_be_away: false,
    };
    let refused = |key: &str, reason: String| StartError::from(operations::wrong(&place, key, reason));
    let (evm, is_away) = match Box::pin(Evm::connect(options.clone())).await {
        Err(error @ ChainError::Unreachable { .. }) if is_indexed(chain.id, scope).await? => {
            metrics::away(chain.id, &error);
            (Box::pin(Evm::connect(EvmOptions { may_be_away: true, ..options })).await, true)
        }
        connected => (connected, false),
    };
    let evm = evm.map_err(|error| refused("rpc_urls", explain(&error)))?;
    let history = history(config, &evm);
    let node = Node::new(evm, Checks { blocks: config.verify_blocks.into(), history });
    if !is_away {
        look_for_code(&node, chain, &place).await?;
    }
    Ok((node, plan))
}

/// What makes history believable: where there is nobody to agree with, the only endpoint tells it.
fn history(config: &Config, evm: &Evm) -> History {
    let wanted = History::from(config.verify_history);
    if wanted == History::Agreed && evm.witnesses() < 2 {
        metrics::believed(evm.chain_id());
        return History::Checked(Verification::Off);
    }
    wanted
}

/// Whether the log of a chain has begun, in a store that was there before.
async fn is_indexed(id: ChainId, scope: &Scope) -> Result<bool, StartError> {
    if !scope.has_database().await? {
        return Ok(false);
    }
    let database = scope.database::<capstan_db::indexer::Migrator>().await?;
    let progress = Store::new(database.clone()).progress(id).await.map_err(StartError::service)?;
    database.close().await.map_err(StartError::service)?;
    Ok(progress.is_some_and(|progress| progress.indexed.is_some()))
}

fn endpoint(url: &platform::RpcUrl) -> EvmUrl {
    let role = match url.role() {
        platform::RpcRole::Primary => Role::Primary,
        platform::RpcRole::Fallback => Role::Fallback,
    };
    EvmUrl { url: url.reveal().to_owned(), role, requests_per_second: url.requests_per_second() }
}

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

use std::{collections::BTreeMap, net::SocketAddr};

use capstan_chain::{Evm, EvmOptions, EvmUrl, Role};
use capstan_proto::indexer::indexer_admin_service_server as admin;
use capstan_proto::indexer::indexer_service_server::{IndexerServiceServer, SERVICE_NAME};
use capstan_runtime::{HealthCheck, Parts, Scope, Service, StartError, platform};
use tokio::sync::{mpsc, watch};
use tonic::service::Routes;

pub use config::Config;

use crate::{
    adapters::Node,
    operations::{ChainHandle, ChainState, ChainView, EventLog, Ingest, plan},
    rpc::{AdminRpc, Rpc},
    store::Store,
};

/// Commands of operators that wait for one chain.
const COMMANDS: usize = 4;

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
        let mut nodes = Vec::new();
        for (index, chain) in scope.platform.chains.iter().enumerate() {
            nodes.push(connect(chain, &config, index).await?);
        }
        let database = scope.database::<capstan_db::indexer::Migrator>().await?;
        let services = [SERVICE_NAME, admin::SERVICE_NAME];
        let health = services.map(|service| HealthCheck::of_store(service, &database)).to_vec();
        let store = Store::new(database);
        let mut chains = BTreeMap::new();
        for (node, plan) in nodes {
            let (id, name) = (plan.id, plan.name.clone());
            let opened =
                Ingest::open(store.clone(), node, plan, scope.tasks.clone(), scope.clock.clone()).await;
            let ingest = opened.map_err(StartError::service)?;
            let (publish, view) = watch::channel(beginning(&ingest));
            let (commands, asked) = mpsc::channel(COMMANDS);
            let (contracts, node) = (ingest.contracts(), ingest.node().clone());
            let follow = worker::follow::follow(ingest, publish, asked, scope.tasks.stopping());
            scope.tasks.critical("follow", follow);
            if chains.insert(id, ChainHandle { name, node, view, contracts, commands }).is_some() {
                return Err(twice(id));
            }
        }
        let log = EventLog::new(store, chains);
        let admin = admin::IndexerAdminServiceServer::new(AdminRpc { log: log.clone() });
        let rpc = Rpc { log, tasks: scope.tasks, clock: scope.clock };
        let routes = Routes::new(IndexerServiceServer::new(rpc)).add_service(admin);
        Ok(Parts { routes, health })
    }
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

fn twice(id: capstan_primitives::ChainId) -> StartError {
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
    let node = Node::new(evm);
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

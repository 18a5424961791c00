//! REST, gRPC-web and the browser app in front of every Capstan service, driven by the contract.

pub mod adapters;
pub mod config;
pub mod domain;
pub mod error;
pub mod metrics;
pub mod operations;
pub mod rpc;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use capstan_proto::gateway::gateway_service_server::{GatewayServiceServer, SERVICE_NAME};
use capstan_runtime::{HealthCheck, Parts, Scope, Service, StartError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Channel};

use crate::{
    adapters::{
        peers::{self, Peers},
        upstream::Upstreams,
        web_app::WebApp,
    },
    config::Config,
    domain::contract::{Contract, InvalidContract},
    operations::platform::Platform,
    rpc::{DetailTypes, Edge, GatewayRpc},
};

/// The service that faces the world.
#[derive(Debug, Clone, Copy)]
pub struct Gateway;

impl Service for Gateway {
    const NAME: &'static str = "gateway";

    type Config = Config;

    fn listen(config: &Config) -> SocketAddr {
        config.listen
    }

    async fn build(config: Config, scope: Scope) -> Result<Parts, StartError> {
        metrics::describe();
        // One file can name every role, this one included.
        let others = scope.platform.peers.keys().filter(|peer| *peer != Self::NAME);
        let channels = others.map(|peer| Ok((peer.clone(), scope.peer(peer)?)));
        let channels = channels.collect::<Result<_, StartError>>()?;
        let edge = edge(capstan_proto::FILE_DESCRIPTOR_SET, &channels, WebApp::embedded(), config);
        let edge = Edge { stopping: scope.tasks.stopping(), ..edge.map_err(StartError::service)? };
        let mut health = peers::service_checks(&edge.upstreams);
        health.push(HealthCheck::new(SERVICE_NAME, || async { true }));
        let routes = Routes::from(edge.router());
        Ok(Parts { routes, health })
    }
}

/// Puts the gateway together: its contract as encoded descriptors, and channels to its peers by name.
///
/// # Errors
/// When an http annotation of the contract cannot be served.
pub fn edge(
    descriptors: &[u8],
    peers: &BTreeMap<String, Channel>,
    app: WebApp,
    config: Config,
) -> Result<Edge, InvalidContract> {
    let contract = Contract::read(descriptors)?;
    let upstreams = Upstreams::new(contract.pool(), peers, config.admin);
    let platform = Platform::new(Peers::new(&upstreams), Instant::now());
    let own = Routes::new(GatewayServiceServer::new(GatewayRpc::new(platform)));
    Ok(Edge {
        upstreams: upstreams.with_local(SERVICE_NAME, Gateway::NAME, own),
        details: DetailTypes::new(contract.pool()),
        contract: Arc::new(contract),
        app,
        config,
        stopping: CancellationToken::new(),
    })
}

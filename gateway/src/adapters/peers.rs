//! Asks the peers how they are, each within a second.

use std::{collections::BTreeMap, error::Error, time::Duration};

use capstan_proto::indexer::{
    ChainStatus, GetHealthRequest, GetStatusRequest, indexer_service_client::IndexerServiceClient,
};
use capstan_runtime::HealthCheck;
use futures::future::join_all;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::upstream::Upstreams;
use crate::domain::platform::{Health, INDEXER, IndexerHealth};

const PATIENCE: Duration = Duration::from_secs(1);

/// A chain in the indexer's own words, handed on as they are.
pub type Chain = ChainStatus;

/// Every configured peer with its services.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    peers: BTreeMap<String, Peer>,
}

#[derive(Debug, Clone)]
struct Peer {
    channel: Channel,
    services: Vec<String>,
}

impl Peers {
    /// The peers that serve the contract from other processes.
    #[must_use]
    pub fn new(upstreams: &Upstreams) -> Self {
        let mut peers: BTreeMap<String, Peer> = BTreeMap::new();
        for (service, peer, channel) in upstreams.remote() {
            let new = || Peer { channel, services: Vec::new() };
            peers.entry(peer.name.clone()).or_insert_with(new).services.push(service.to_owned());
        }
        Self { peers }
    }

    /// The names of the peers, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.peers.keys().map(String::as_str)
    }

    /// What the peer's gRPC health service says of its services; the worst of it counts.
    pub async fn health(&self, name: &str) -> Health {
        let Some(peer) = self.peers.get(name) else {
            return Health::Unreachable;
        };
        let asked = peer.services.iter().map(|service| check(peer.channel.clone(), service));
        join_all(asked).await.into_iter().max().unwrap_or(Health::Unreachable)
    }

    /// What the indexer says about itself; `None` when it does not answer.
    pub async fn indexer_health(&self) -> Option<IndexerHealth> {
        let mut client = self.indexer()?;
        let answer = timeout(PATIENCE, client.get_health(GetHealthRequest {})).await;
        let health = answer.ok()?.ok()?.into_inner();
        Some(IndexerHealth { ok: health.status == "ok", database_ok: health.database == "ok" })
    }

    /// Every chain, as the indexer says; empty when it does not answer.
    pub async fn chains(&self) -> Vec<Chain> {
        let Some(mut client) = self.indexer() else {
            return Vec::new();
        };
        match timeout(PATIENCE, client.get_status(GetStatusRequest {})).await {
            Ok(Ok(status)) => status.into_inner().chains,
            _ => Vec::new(),
        }
    }

    fn indexer(&self) -> Option<IndexerServiceClient<Channel>> {
        let peer = self.peers.get(INDEXER)?;
        Some(IndexerServiceClient::new(peer.channel.clone()))
    }
}

/// A check for every service of another process, so that the gateway's own health service knows them.
#[must_use]
pub fn service_checks(upstreams: &Upstreams) -> Vec<HealthCheck> {
    let one = |(service, _, channel): (&str, _, Channel)| {
        let name = service.to_owned();
        HealthCheck::new(service, move || {
            let (channel, name) = (channel.clone(), name.clone());
            async move { check(channel, &name).await == Health::Serving }
        })
    };
    upstreams.remote().map(one).collect()
}

async fn check(channel: Channel, service: &str) -> Health {
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut client = HealthClient::new(channel);
    match timeout(PATIENCE, client.check(request)).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => Health::Serving,
        // A status that the peer sent has no source; one that the transport made up has.
        Ok(Err(status)) if status.source().is_some() => Health::Unreachable,
        Ok(_) => Health::NotServing,
        Err(_) => Health::Unreachable,
    }
}

//! Asks everybody how they are and sums it up.

use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    adapters::peers::{Chain, Peers},
    domain::platform::Survey,
};

/// The platform as the gateway sees it.
#[derive(Debug, Clone)]
pub struct Platform {
    peers: Peers,
    started: Instant,
}

impl Platform {
    /// The platform made of `peers`, seen by a gateway that started at `started`.
    #[must_use]
    pub const fn new(peers: Peers, started: Instant) -> Self {
        Self { peers, started }
    }

    /// Seconds since the gateway started.
    #[must_use]
    pub fn uptime(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Asks every peer at once; takes a second at most.
    pub async fn survey(&self) -> Survey {
        let asked =
            self.peers.names().map(|name| async move { (name.to_owned(), self.peers.health(name).await) });
        let (peers, indexer) = tokio::join!(join_all(asked), self.peers.indexer_health());
        Survey { peers, indexer }
    }

    /// A survey together with every chain, as the indexer says.
    pub async fn survey_with_chains(&self) -> (Survey, Vec<Chain>) {
        tokio::join!(self.survey(), self.peers.chains())
    }
}

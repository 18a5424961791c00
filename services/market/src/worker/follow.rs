//! Follows the event log of one chain into its tables.

use capstan_kafka::EventSource;
use capstan_primitives::ChainId;
use capstan_runtime::follow::{self, Projection, Step, Subscription};
use tokio_util::sync::CancellationToken;

use crate::{
    adapters::indexer::{self, Malformed},
    metrics,
    operations::Projector,
    store,
};

/// Follows until `stopping`.
pub(crate) async fn follow(
    source: EventSource,
    chain: ChainId,
    projector: Projector,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let subscription = Subscription { chain_id: chain.0, filter: indexer::wanted(), payloads: Vec::new() };
    follow::follow(source, subscription, Follower { chain, projector }, stopping).await
}

struct Follower {
    chain: ChainId,
    projector: Projector,
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The indexer does not keep its contract.
    #[error(transparent)]
    Message(#[from] Malformed),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Projection for Follower {
    type Error = Error;

    async fn cursor(&mut self) -> Result<String, Error> {
        Ok(self.projector.cursor().await?)
    }

    async fn take(&mut self, step: Step) -> Result<(), Error> {
        Ok(self.projector.take(indexer::step(step)?).await?)
    }

    async fn reset(&mut self) -> Result<(), Error> {
        Ok(self.projector.reset().await?)
    }

    fn halted(&mut self, is_halted: bool) {
        metrics::halted(self.chain, is_halted);
    }
}

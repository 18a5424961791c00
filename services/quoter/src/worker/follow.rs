//! Follows the event log of one chain into memory.

use capstan_chain::ChainError;
use capstan_kafka::EventSource;
use capstan_primitives::ChainId;
use capstan_runtime::follow::{self, Projection, Step};
use tokio_util::sync::CancellationToken;

use crate::{
    adapters::{
        contracts::Contracts,
        indexer::{self, Malformed, Reader},
    },
    domain::step::StepKind,
    metrics,
    operations::Writer,
};

/// Follows until `stopping`.
pub(crate) async fn follow(
    source: EventSource,
    follower: Follower,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let subscription = indexer::subscription(follower.chain);
    follow::follow(source, subscription, follower, stopping).await
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The indexer does not keep its contract.
    #[error(transparent)]
    Message(#[from] Malformed),
    /// A new pool's contract could not be asked.
    #[error("a new pool's contract could not be asked: {0}")]
    Node(#[from] ChainError),
}

/// The state of a chain and what its log is read with.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) chain: ChainId,
    pub(crate) reader: Reader,
    pub(crate) contracts: Contracts,
    pub(crate) writer: Writer,
}

impl Projection for Follower {
    type Error = Error;

    async fn cursor(&mut self) -> Result<String, Error> {
        Ok(self.writer.with(|projector| projector.cursor()))
    }

    async fn take(&mut self, step: Step) -> Result<(), Error> {
        let mut step = self.reader.step(step)?;
        if let StepKind::Apply { events, .. } = &mut step.kind {
            self.contracts.complete(events).await?;
        }
        // What vaults are worth changes without their events; it is read while readers could see it.
        let vaults = match self.writer.with(|projector| projector.shows(&step)) {
            Some(block) => Some(self.contracts.vaults(block.hash).await),
            None => None,
        };
        self.writer.with(|projector| {
            if let Some(amend) = vaults {
                projector.amend(amend);
            }
            projector.take(step);
        });
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), Error> {
        self.writer.with(|projector| projector.reset());
        Ok(())
    }

    fn halted(&mut self, is_halted: bool) {
        metrics::halted(self.chain, is_halted);
    }
}

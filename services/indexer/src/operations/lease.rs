//! Being the one writer of a chain's log.

use std::time::Duration;

use capstan_primitives::ChainId;
use capstan_runtime::Tasks;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::Ingest;
use crate::{error::Error, store::Store};

/// A writer that is not heard of for so long is replaced.
const LEASE: Duration = Duration::from_millis(3_500);
const RENEWALS: u32 = 4;
/// A store that is away must not hold up the stop; the lease then ends by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The right to write the log of a chain, renewed as long as this lives.
#[derive(Debug)]
pub struct Lease {
    store: Store,
    chain_id: ChainId,
    writer: u64,
    lost: CancellationToken,
    _renewal: AbortOnDropHandle<()>,
}

impl Lease {
    fn begin(store: Store, chain_id: ChainId, writer: u64, tasks: &Tasks) -> Self {
        let lost = CancellationToken::new();
        let renewal = tasks.part(renew(store.clone(), chain_id, writer, lost.clone()));
        Self { store, chain_id, writer, lost, _renewal: renewal }
    }

    /// Waits until another process has the log.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Lets another process have the log at once.
    pub async fn give_up(self) {
        let given = tokio::time::timeout(PATIENCE, self.store.give_up(self.chain_id, self.writer)).await;
        if !matches!(given, Ok(Ok(()))) {
            tracing::debug!(chain = self.chain_id.0, "the lease could not be given up");
        }
    }
}

impl Ingest {
    /// Becomes the writer of the log when nobody is, or else looks at how far another one has come.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn stand_by(&mut self) -> Result<Option<Lease>, Error> {
        if let Some(progress) = self.store.acquire(self.plan.id, LEASE).await? {
            let lease = Lease::begin(self.store.clone(), self.plan.id, progress.writer, &self.tasks);
            self.progress = progress;
            if let Err(error) = self.take_over().await {
                lease.give_up().await;
                return Err(error);
            }
            return Ok(Some(lease));
        }
        let progress = self.store.progress(self.plan.id).await?.unwrap_or(self.progress);
        let before = std::mem::replace(&mut self.progress, progress);
        if progress != before {
            let is_other = (progress.fork, progress.history) != (before.fork, before.history);
            self.contracts_changed |=
                is_other || self.store.contracts_mark(self.plan.id).await? != self.contracts_mark;
        }
        if self.contracts_changed || self.roots_changed {
            self.reload_contracts().await?;
            self.roots_changed = false;
        }
        Ok(None)
    }
}

async fn renew(store: Store, chain_id: ChainId, writer: u64, lost: CancellationToken) {
    loop {
        tokio::time::sleep(LEASE / RENEWALS).await;
        match store.renew(chain_id, writer, LEASE).await {
            Ok(true) => {}
            Ok(false) => return lost.cancel(),
            Err(error) => tracing::debug!(chain = chain_id.0, %error, "renewing the lease failed"),
        }
    }
}

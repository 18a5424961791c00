//! Being the one writer of a chain's log.

use std::time::Duration;

use capstan_primitives::ChainId;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::Ingest;
use crate::{error::Error, store::Store};

/// A lease is renewed so often while it lasts.
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
        if let Some(progress) = self.store.acquire(self.plan.id, self.plan.lease).await? {
            let lease = self.lease(progress.writer);
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

    fn lease(&self, writer: u64) -> Lease {
        let (store, chain_id, lost) = (self.store.clone(), self.plan.id, CancellationToken::new());
        let renewal = renew(store.clone(), chain_id, writer, self.plan.lease, lost.clone());
        Lease { store, chain_id, writer, lost, _renewal: self.tasks.part(renewal) }
    }
}

async fn renew(store: Store, chain_id: ChainId, writer: u64, lease: Duration, lost: CancellationToken) {
    loop {
        tokio::time::sleep(lease / RENEWALS).await;
        match store.renew(chain_id, writer, lease).await {
            Ok(true) => {}
            Ok(false) => return lost.cancel(),
            Err(error) => tracing::debug!(chain = chain_id.0, %error, "renewing the lease failed"),
        }
    }
}

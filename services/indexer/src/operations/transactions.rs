//! Registering transactions and asking what became of them.

use std::{collections::BTreeMap, sync::Arc};

use capstan_primitives::{ChainId, Clock, TransactionId};

use super::{ChainView, EventLog, TransactionSignals};
use crate::{
    domain::{Moment, WatchedTransaction},
    error::Error,
    metrics,
    store::{Store, TransactionQuery},
};

/// Longest label, in characters.
const LABEL: usize = 200;

/// The registered transactions as they are served.
#[derive(Debug, Clone)]
pub struct Transactions {
    store: Store,
    log: EventLog,
    signals: Arc<BTreeMap<ChainId, TransactionSignals>>,
    clock: Clock,
}

impl Transactions {
    /// Serves the transactions in `store` of the chains of `log`.
    #[must_use]
    pub fn new(
        store: Store,
        log: EventLog,
        signals: BTreeMap<ChainId, TransactionSignals>,
        clock: Clock,
    ) -> Self {
        Self { store, log, signals: Arc::new(signals), clock }
    }

    /// The chain of a request; 0 names the only one.
    ///
    /// # Errors
    /// When the chain is not configured, or 0 is ambiguous.
    pub fn chain(&self, id: u64) -> Result<ChainId, Error> {
        self.log.chain(id)
    }

    /// What its worker says of a chain now.
    ///
    /// # Errors
    /// When the chain is not configured.
    pub fn view(&self, chain_id: ChainId) -> Result<ChainView, Error> {
        let view = self.log.view(chain_id).ok_or(Error::UnknownChain(chain_id.0))?;
        let now = view.borrow().clone();
        Ok(now)
    }

    /// Registers a transaction and has it looked for at once; one that is registered stays as it is.
    ///
    /// # Errors
    /// When the label is too long or not that of the first time, or the store does not answer.
    pub async fn register(
        &self,
        chain_id: ChainId,
        id: TransactionId,
        label: String,
    ) -> Result<WatchedTransaction, Error> {
        let length = label.chars().count();
        if length > LABEL {
            let description = format!("has {length} characters; at most {LABEL} are taken");
            return Err(Error::Field { field: "label".into(), description });
        }
        let progress = self.view(chain_id)?.progress;
        let now = Moment {
            at: self.clock.now().timestamp_millis(),
            block: progress.indexed.map_or(0, |block| block.number),
            fork: progress.fork,
        };
        let new = WatchedTransaction::new(chain_id, id, label, now);
        let (found, is_new) = self.store.register(&new).await?;
        if found.label != new.label {
            return Err(Error::RegisteredOtherwise(new.id));
        }
        if is_new {
            metrics::registered(chain_id);
            self.signals(chain_id)?.registered();
        }
        Ok(found)
    }

    /// A registered transaction.
    ///
    /// # Errors
    /// [`Error::UnknownTransaction`], or when the store does not answer.
    pub async fn get(&self, chain_id: ChainId, id: &TransactionId) -> Result<WatchedTransaction, Error> {
        let found = self.store.transaction(chain_id, id).await?;
        found.ok_or_else(|| Error::UnknownTransaction(id.clone()))
    }

    /// A page of registered transactions; whether there may be more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn recent(&self, query: &TransactionQuery) -> Result<(Vec<WatchedTransaction>, bool), Error> {
        self.store.transactions(query).await
    }

    /// How changes of a chain's transactions are made known.
    ///
    /// # Errors
    /// When the chain is not configured.
    pub fn signals(&self, chain_id: ChainId) -> Result<&TransactionSignals, Error> {
        self.signals.get(&chain_id).ok_or(Error::UnknownChain(chain_id.0))
    }
}

//! Consumers that leave their cursors here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use capstan_primitives::{ChainId, Clock, PageTokenError};

use super::EventLog;
use crate::{
    domain::{Cursor, place},
    error::Error,
    metrics,
    store::{Commit, PUBLICATIONS},
};

/// Most consumers: each is a row and some metrics.
const MOST: u64 = 1_000;
/// A consumer that committed nothing for so long is forgotten, in milliseconds.
const FORGOTTEN_AFTER: i64 = 30 * 24 * 3_600 * 1_000;

impl EventLog {
    /// Keeps the cursor of a consumer.
    ///
    /// # Errors
    /// When a field is wrong, the cursor cannot be used, there are too many consumers, or the store does not
    /// answer.
    pub async fn commit(&self, consumer_id: &str, cursor: &str, now: i64) -> Result<(), Error> {
        let length = consumer_id.chars().count();
        if !(1..=100).contains(&length) {
            let description = format!("has {length} characters; 1 to 100 are taken");
            return Err(Error::Field { field: "consumer_id".into(), description });
        }
        if consumer_id.starts_with(PUBLICATIONS) {
            let description = format!("names that begin with {PUBLICATIONS:?} are the indexer's own");
            return Err(Error::Field { field: "consumer_id".into(), description });
        }
        let positions = Cursor::decode_any(cursor).map_err(Error::Cursor)?;
        self.check_committed(&positions).await?;
        if !self.store.commit_cursor(Commit { consumer_id, cursor, at: now }, MOST).await? {
            return Err(Error::TooManyConsumers(MOST));
        }
        for (chain_id, blocks) in self.lags(&positions) {
            metrics::consumer_lag(consumer_id, chain_id, blocks);
        }
        Ok(())
    }

    /// Checks that a stream could go on from what is committed. A chain that is not configured any more is
    /// passed over, beside others that are.
    async fn check_committed(&self, cursor: &Cursor) -> Result<(), Error> {
        let (first, _) = cursor.chains.first_key_value().ok_or(Error::Cursor(PageTokenError::Malformed))?;
        let known = cursor.chains.iter().filter(|(chain_id, _)| self.chains.contains_key(chain_id));
        let mut is_known = false;
        for (chain_id, at) in known {
            self.check_position(&self.progress(*chain_id).await?, *at).await?;
            is_known = true;
        }
        if is_known { Ok(()) } else { Err(Error::UnknownChain(first.0)) }
    }

    /// How many blocks a cursor is behind what is indexed of each chain.
    fn lags(&self, cursor: &Cursor) -> impl Iterator<Item = (ChainId, u64)> {
        cursor.chains.iter().filter_map(|(chain_id, at)| {
            let indexed = self.chains.get(chain_id)?.view.borrow().progress.indexed;
            let indexed = indexed.map_or(0, |block| block.number);
            Some((*chain_id, indexed.saturating_sub(place::number_of(at.place))))
        })
    }

    /// The cursor that a consumer committed last, and when, milliseconds since 1970.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn committed(&self, consumer_id: &str) -> Result<Option<(String, i64)>, Error> {
        self.store.committed_cursor(consumer_id).await
    }
}

/// What is shown of consumers while they commit nothing: the log grows without them.
#[derive(Debug, Clone)]
pub struct ConsumerWatch {
    log: EventLog,
    clock: Clock,
    /// Of whom metrics are shown.
    shown: Arc<Mutex<BTreeSet<(String, ChainId)>>>,
}

impl ConsumerWatch {
    /// Watches the consumers of `log`.
    #[must_use]
    pub fn new(log: EventLog, clock: Clock) -> Self {
        Self { log, clock, shown: Arc::default() }
    }

    /// Shows how far behind every consumer is, and forgets those that are gone. A failure shows in what else
    /// the store is asked.
    pub async fn look(self) {
        if let Err(error) = self.try_look().await {
            tracing::debug!(%error, "consumers were not looked at");
        }
    }

    async fn try_look(&self) -> Result<(), Error> {
        let oldest = self.clock.now().timestamp_millis().saturating_sub(FORGOTTEN_AFTER);
        let consumers = self.log.store.consumers_since(oldest).await?;
        let mut shows = BTreeSet::new();
        for (consumer, cursor) in consumers {
            let Ok(cursor) = Cursor::decode_any(&cursor) else { continue };
            for (chain_id, blocks) in self.log.lags(&cursor) {
                metrics::consumer_lag(&consumer, chain_id, blocks);
                shows.insert((consumer.clone(), chain_id));
            }
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for (consumer, chain_id) in shown.difference(&shows) {
            metrics::consumer_gone(consumer, *chain_id);
        }
        *shown = shows;
        Ok(())
    }
}

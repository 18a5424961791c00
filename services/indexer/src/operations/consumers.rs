//! Consumers that leave their cursors here.

use super::{EventLog, publications::PUBLICATIONS};
use crate::{
    domain::{Cursor, place},
    error::Error,
    metrics,
    store::Commit,
};

impl EventLog {
    /// Keeps the cursor of a consumer.
    ///
    /// # Errors
    /// When a field is wrong, or the store does not answer.
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
        let positions = Cursor::decode_any(cursor).map_err(Error::Cursor)?.chains;
        self.store.commit_cursor(Commit { consumer_id, cursor, at: now }).await?;
        for (chain_id, at) in positions {
            let Some(handle) = self.chains.get(&chain_id) else { continue };
            let indexed = handle.view.borrow().progress.indexed.map_or(0, |block| block.number);
            let lag = indexed.saturating_sub(place::number_of(at.place));
            metrics::consumer_lag(consumer_id, chain_id, lag);
        }
        Ok(())
    }

    /// The cursor that a consumer committed last, and when, milliseconds since 1970.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn committed(&self, consumer_id: &str) -> Result<Option<(String, i64)>, Error> {
        self.store.committed_cursor(consumer_id).await
    }
}

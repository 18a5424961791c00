//! Tables ↔ domain: one transaction for every change, one snapshot for every answer.

mod balances;
mod changes;
mod histories;
mod load;
mod markets;
mod positions;
mod read;
mod rows;
mod undo;
mod write;

use capstan_db::Database;
use capstan_primitives::ChainId;
use sea_orm::DbErr;

pub(crate) use changes::BlockChanges;
pub(crate) use histories::{HistoryFilter, HistoryKey, SnapshotsFilter};
pub(crate) use markets::{MarketKey, MarketsFilter};
pub(crate) use positions::{HolderKey, UserHoldingKey};
pub(crate) use read::{ChainState, Read};
pub(crate) use write::{CursorMove, Progress, Write};

/// Keys of one `IN` list: well below the bind limits of both databases, three columns a key.
const CHUNK: usize = 500;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The database does not answer or refuses.
    #[error("the database failed: {0}")]
    Database(#[from] DbErr),
    /// A row holds what no version of this service writes.
    #[error("the table {table} holds a row that cannot be read: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Another projector moved the cursor since it was read.
    #[error("another projector of chain {0} moved the cursor")]
    CursorMoved(ChainId),
}

/// The store of the service.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Begins an answer: everything read by it is of one moment.
    pub(crate) async fn read(&self) -> Result<Read, Error> {
        Ok(Read { transaction: self.database.read().await? })
    }
}

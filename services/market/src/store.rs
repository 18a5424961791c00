//! Tables ↔ domain: one transaction for every change, one snapshot for every answer.

mod balances;
mod candles;
mod changes;
mod costs;
mod gifts;
mod histories;
mod holders;
mod interest;
mod load;
mod markets;
mod memory;
mod names;
mod positions;
mod ranks;
mod read;
mod rows;
mod undo;
mod write;

use capstan_db::Database;

pub(crate) use candles::CandlesFilter;
pub(crate) use changes::{BlockChanges, ChangesFilter, OutcomeOf, TokenChange, Undone};
pub(crate) use gifts::Outcome;
pub(crate) use histories::{HistoryFilter, HistoryKey, SnapshotsFilter};
pub(crate) use markets::{Facts, MarketKey, MarketOrder, MarketsFilter, MarketsOf, RankKey, TimeKey};
pub(crate) use memory::Memory;
pub(crate) use positions::{HolderKey, HolderOrder, HoldersOf, UserHoldingKey};
pub(crate) use read::{At, ChainState, Read};
pub(crate) use write::{CursorMove, Progress, Write};

use crate::domain::category::Categories;
pub(crate) use crate::error::StoreError as Error;

/// Keys of one `IN` list: well below the bind limits of both databases, three columns a key.
const CHUNK: usize = 500;

/// The store of the service.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
    categories: Categories,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, categories: Categories::default() }
    }

    /// The same with categories of markets that say none.
    pub(crate) fn with(self, categories: Categories) -> Self {
        Self { categories, ..self }
    }

    /// Begins an answer: everything read by it is of one moment.
    pub(crate) async fn read(&self) -> Result<Read, Error> {
        let categories = self.categories.clone();
        Ok(Read { transaction: self.database.read().await?, categories })
    }
}

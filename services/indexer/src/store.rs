//! Tables ↔ domain: the event log and its cursor, moved together.

mod append;
mod blocks;
mod consumers;
mod contracts;
mod history;
mod known;
mod lease;
mod page;
mod pool_rows;
mod pools;
mod quarantine;
mod read;
mod reread;
mod retain;
mod rows;
mod transaction_rows;
mod transactions;
mod types;
mod undo;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use capstan_db::Database;
use capstan_db::columns::signed;
use capstan_db::indexer::entities::{block, chain};
use capstan_primitives::{BlockRef, ChainId};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Set,
};

pub use append::{Append, Window};
pub use blocks::KnownBlock;
pub use consumers::{Commit, PUBLICATIONS};
pub use history::Coverings;
pub use pools::{PoolChanges, PoolCursor, PoolPage, PoolQuery};
pub use read::{Bounds, RawEvent, Span, Wanted};
pub use transactions::TransactionQuery;
use types::Types;

use crate::{domain::ChainProgress, error::Error};

/// The store of the event log.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    types: Arc<Types>,
    /// Partitions that exist, by chain and number.
    partitions: Arc<Mutex<BTreeSet<(ChainId, u64)>>>,
}

impl Store {
    /// The log in `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, types: Arc::default(), partitions: Arc::default() }
    }

    /// The cursor of a chain; its log is begun when there is none, under the id `log_id`, at block
    /// `start_block`, with partitions of `partition_blocks` blocks.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open_log(
        &self,
        chain_id: ChainId,
        log_id: u64,
        start_block: u64,
        partition_blocks: u64,
    ) -> Result<ChainProgress, Error> {
        let write = self.database.write().await?;
        if let Some(row) = chain::Entity::find_by_id(signed(chain_id.0)).one(&write).await? {
            return Ok(rows::progress(row));
        }
        let row = chain::ActiveModel {
            chain_id: Set(signed(chain_id.0)),
            // Within 63 bits, as both databases store it.
            log_id: Set(signed(log_id >> 1)),
            fork: Set(0),
            history: Set(0),
            first_block: Set(signed(start_block)),
            earliest: Set(signed(start_block)),
            earliest_fork: Set(0),
            forgotten_fork: Set(0),
            partition_blocks: Set(signed(partition_blocks)),
            indexed_at: Set(0),
            events: Set(0),
            decode_failures: Set(0),
            writer: Set(0),
            writer_until: Set(0),
            ..Default::default()
        };
        let row = row.insert(&write).await?;
        write.commit().await?;
        Ok(rows::progress(row))
    }

    /// The cursor of a chain, when its log has begun.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn progress(&self, chain_id: ChainId) -> Result<Option<ChainProgress>, Error> {
        let read = self.database.read().await?;
        let row = chain::Entity::find_by_id(signed(chain_id.0)).one(&read).await?;
        Ok(row.map(rows::progress))
    }

    /// The known block of the chain at or below `number` that is nearest to it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn block_at_or_below(&self, chain_id: ChainId, number: u64) -> Result<Option<BlockRef>, Error> {
        let read = self.database.read().await?;
        Ok(nearest_block(&read, chain_id, number).await?)
    }
}

async fn nearest_block(
    connection: &impl ConnectionTrait,
    chain_id: ChainId,
    number: u64,
) -> Result<Option<BlockRef>, DbErr> {
    let row = block::Entity::find()
        .filter(block::Column::ChainId.eq(signed(chain_id.0)))
        .filter(block::Column::Number.lte(signed(number)))
        .filter(block::Column::OrphanedAt.is_null())
        .order_by_desc(block::Column::Number)
        .one(connection)
        .await?;
    Ok(row.map(|row| rows::block_ref(row.number, row.hash.0, row.time)))
}

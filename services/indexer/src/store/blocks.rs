//! Blocks that are known.

use std::collections::BTreeMap;

use capstan_chain::Header;
use capstan_db::columns::signed;
use capstan_db::indexer::entities::block;
use capstan_primitives::{BlockRef, ChainId, Hash};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Store, rows};
use crate::error::Error;

/// A block as it is remembered.
#[derive(Debug, Clone, Copy)]
pub struct KnownBlock {
    /// The block.
    pub block: BlockRef,
    /// Hash of the block before; none inside of a range of final blocks.
    pub parent_hash: Option<Hash>,
    /// Logs of the block in the log.
    pub events: i32,
}

impl KnownBlock {
    /// The header, where it is remembered whole.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        self.parent_hash.map(|parent_hash| Header { block: self.block, parent_hash })
    }
}

impl Store {
    /// The known blocks of the chain from `first` to `last`, by number.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn known_blocks(
        &self,
        chain_id: ChainId,
        first: u64,
        last: u64,
    ) -> Result<BTreeMap<u64, KnownBlock>, Error> {
        let read = self.database.read().await?;
        let found = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain_id.0)))
            .filter(block::Column::Number.between(signed(first), signed(last)))
            .filter(block::Column::OrphanedAt.is_null())
            .all(&read)
            .await?;
        Ok(found.into_iter().map(rows::known_block).map(|known| (known.block.number, known)).collect())
    }
}

//! Logs that did not decode.

use capstan_db::columns::{AddressColumn, signed};
use capstan_db::indexer::entities::quarantine::{Column, Entity};
use capstan_primitives::{Address, ChainId};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{Store, rows};
use crate::{
    domain::{Quarantined, place},
    error::Error,
};

impl Store {
    /// At most `limit` logs in quarantine after the place `after`, in the order of the chain: those of one
    /// contract, or of all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn quarantined(
        &self,
        chain_id: ChainId,
        of: Option<Address>,
        after: Option<u64>,
        limit: u64,
    ) -> Result<Vec<Quarantined>, Error> {
        let read = self.database.read().await?;
        let later = after.map_or_else(Condition::all, |after| {
            let number = signed(place::number_of(after));
            let in_block = Column::BlockNumber.eq(number).and(Column::LogIndex.gt(place::index_of(after)));
            Condition::any().add(Column::BlockNumber.gt(number)).add(in_block)
        });
        let rows = Entity::find()
            .filter(Column::ChainId.eq(signed(chain_id.0)))
            .apply_if(of, |select, of| select.filter(Column::Address.eq(AddressColumn(of))))
            .filter(later)
            .order_by_asc(Column::BlockNumber)
            .order_by_asc(Column::LogIndex)
            .limit(limit)
            .all(&read)
            .await?;
        rows.into_iter().map(rows::quarantined).collect()
    }
}

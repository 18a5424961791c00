//! Contracts that are known beside the configured ones: those that factories made, and those that
//! operators added.

use capstan_db::columns::{AddressColumn, signed, unsigned};
use capstan_db::indexer::entities::{added_contract, contract};
use capstan_primitives::{Address, ChainId};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set, sea_query::OnConflict,
};

use super::{Store, append::move_cursor, rows};
use crate::{
    domain::{ChainProgress, Description, Found},
    error::Error,
};

impl Store {
    /// The contracts that factories made on a chain.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn found_contracts(&self, chain_id: ChainId) -> Result<Vec<Found>, Error> {
        let read = self.database.read().await?;
        let rows = contract::Entity::find()
            .filter(contract::Column::ChainId.eq(signed(chain_id.0)))
            .all(&read)
            .await?;
        Ok(rows.into_iter().filter_map(rows::found).collect())
    }

    /// How many contracts factories made on a chain or operators added, and the newest block that one was
    /// made in: what changes when the contracts do, but for a reorg that puts one for another.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn contracts_mark(&self, chain_id: ChainId) -> Result<(i64, Option<i64>), Error> {
        let read = self.database.read().await?;
        let of_chain =
            added_contract::Entity::find().filter(added_contract::Column::ChainId.eq(signed(chain_id.0)));
        let added = i64::try_from(of_chain.count(&read).await?).unwrap_or(i64::MAX);
        let mark: Option<(i64, Option<i64>)> = contract::Entity::find()
            .select_only()
            .column_as(contract::Column::Address.count(), "count")
            .column_as(contract::Column::CreatedBlock.max(), "newest")
            .filter(contract::Column::ChainId.eq(signed(chain_id.0)))
            .into_tuple()
            .one(&read)
            .await?;
        let (found, newest) = mark.unwrap_or_default();
        Ok((found.saturating_add(added), newest))
    }

    /// Those of `addresses` that factories made on a chain.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn found_among(
        &self,
        chain_id: ChainId,
        addresses: impl IntoIterator<Item = Address>,
    ) -> Result<Vec<Found>, Error> {
        let read = self.database.read().await?;
        let rows = contract::Entity::find()
            .filter(contract::Column::ChainId.eq(signed(chain_id.0)))
            .filter(contract::Column::Address.is_in(addresses.into_iter().map(AddressColumn)))
            .all(&read)
            .await?;
        Ok(rows.into_iter().filter_map(rows::found).collect())
    }

    /// The contracts that operators added to a chain.
    ///
    /// # Errors
    /// When the store does not answer, or a row cannot be read.
    pub async fn added_contracts(&self, chain_id: ChainId) -> Result<Vec<(Address, Description)>, Error> {
        let read = self.database.read().await?;
        let rows = added_contract::Entity::find()
            .filter(added_contract::Column::ChainId.eq(signed(chain_id.0)))
            .all(&read)
            .await?;
        rows.into_iter().map(added).collect()
    }

    /// Keeps a contract that an operator added; one that is kept at the address stays as it is.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn add_contract(
        &self,
        from: &ChainProgress,
        address: Address,
        of: &Description,
    ) -> Result<(), Error> {
        let row = added_row(from.chain_id, address, of)?;
        let write = self.database.bulk_write().await?;
        move_cursor(&write, from, from).await?;
        let kept = OnConflict::new().do_nothing().to_owned();
        added_contract::Entity::insert(row).on_conflict(kept).exec_without_returning(&write).await?;
        Ok(write.commit().await?)
    }
}

fn added(row: added_contract::Model) -> Result<(Address, Description), Error> {
    let malformed = |error: serde_json::Error| Error::Row(format!("added contract: {error}"));
    let description = Description {
        protocol: row.protocol,
        name: row.name,
        abi: row.abi,
        signatures: serde_json::from_str(&row.signatures).map_err(malformed)?,
        events: serde_json::from_str(&row.events).map_err(malformed)?,
        start_block: row.start_block.map(unsigned),
    };
    Ok((row.address.0, description))
}

fn added_row(
    chain_id: ChainId,
    address: Address,
    of: &Description,
) -> Result<added_contract::ActiveModel, Error> {
    let Description { protocol, name, abi, signatures, events, start_block } = of;
    let text = |value: serde_json::Result<String>| value.map_err(|error| Error::Row(error.to_string()));
    Ok(added_contract::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        address: Set(AddressColumn(address)),
        protocol: Set(protocol.clone()),
        name: Set(name.clone()),
        abi: Set(abi.clone()),
        signatures: Set(text(serde_json::to_string(signatures))?),
        events: Set(text(serde_json::to_string(events))?),
        start_block: Set(start_block.map(signed)),
    })
}

//! Contracts that are known beside the configured ones: those that factories made, and those that
//! operators added.

use capstan_db::bulk::BulkWrite;
use capstan_db::columns::{AddressColumn, signed, unsigned};
use capstan_db::indexer::entities::{added_contract, contract, covered, pool, pool_state};
use capstan_primitives::{Address, ChainId};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait, Set,
    sea_query::OnConflict,
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

    /// Keeps which tokens contracts trade that were found before that was kept.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_tokens(&self, chain_id: ChainId, found: &[Found]) -> Result<(), Error> {
        let write = self.database.write().await?;
        for found in found {
            let [token0, token1] = found.tokens.map(|token| token.map(AddressColumn));
            contract::Entity::update_many()
                .set(contract::ActiveModel { token0: Set(token0), token1: Set(token1), ..Default::default() })
                .filter(contract::Column::ChainId.eq(signed(chain_id.0)))
                .filter(contract::Column::Address.eq(AddressColumn(found.address)))
                .filter(contract::Column::CreatedBlock.eq(signed(found.created_block)))
                .exec(&write)
                .await?;
        }
        Ok(write.commit().await?)
    }

    /// How many contracts factories made on a chain or operators added and of how many the tokens are known,
    /// in one number, and the newest block that one was
    /// made in: what changes when the contracts do, but for a reorg that puts one for another.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn contracts_mark(&self, chain_id: ChainId) -> Result<(i64, Option<i64>), Error> {
        let read = self.database.read().await?;
        let of_chain =
            added_contract::Entity::find().filter(added_contract::Column::ChainId.eq(signed(chain_id.0)));
        let added = i64::try_from(of_chain.count(&read).await?).unwrap_or(i64::MAX);
        let mark: Option<(i64, i64, Option<i64>)> = contract::Entity::find()
            .select_only()
            .column_as(contract::Column::Address.count(), "count")
            .column_as(contract::Column::Token0.count(), "known")
            .column_as(contract::Column::CreatedBlock.max(), "newest")
            .filter(contract::Column::ChainId.eq(signed(chain_id.0)))
            .into_tuple()
            .one(&read)
            .await?;
        let (found, known, newest) = mark.unwrap_or_default();
        Ok((found.saturating_add(known).saturating_add(added), newest))
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

    /// Keeps a contract no longer that an operator added; false when none was at the address.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn remove_contract(&self, from: &ChainProgress, address: Address) -> Result<bool, Error> {
        let row = (signed(from.chain_id.0), AddressColumn(address));
        let write = self.database.bulk_write().await?;
        move_cursor(&write, from, from).await?;
        let removed = added_contract::Entity::delete_by_id(row).exec(&write).await?;
        write.commit().await?;
        Ok(removed.rows_affected > 0)
    }
}

/// Forgets how much of a contract's history is in the log, and what the contract made, pools included.
pub(super) async fn forget_contract(
    write: &BulkWrite,
    chain_id: ChainId,
    address: Address,
) -> Result<(), Error> {
    let (chain, factory) = (signed(chain_id.0), || AddressColumn(address));
    covered::Entity::delete_by_id((chain, factory())).exec(write).await?;
    contract::Entity::delete_many()
        .filter(contract::Column::ChainId.eq(chain))
        .filter(contract::Column::Factory.eq(factory()))
        .exec(write)
        .await?;
    let its_pools =
        Condition::all().add(pool::Column::ChainId.eq(chain)).add(pool::Column::Factory.eq(factory()));
    let addresses =
        pool::Entity::find().select_only().column(pool::Column::Address).filter(its_pools.clone());
    pool_state::Entity::delete_many()
        .filter(pool_state::Column::ChainId.eq(chain))
        .filter(pool_state::Column::Address.in_subquery(addresses.into_query()))
        .exec(write)
        .await?;
    pool::Entity::delete_many().filter(its_pools).exec(write).await?;
    Ok(())
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

//! Which pool a market factory made for which market.

use sea_orm::entity::prelude::*;

use crate::columns::AddressColumn;

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "amm_link")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Market.
    #[sea_orm(primary_key, auto_increment = false)]
    pub market_id: Vec<u8>,
    /// Pool; of one market at most.
    pub amm: AddressColumn,
    /// Block of the announcement.
    pub block_number: i64,
    /// Index of the log in its block.
    pub log_index: i32,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

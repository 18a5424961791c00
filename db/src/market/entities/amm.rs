//! Pools.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn};

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "amm")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Address of the pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: AddressColumn,
    /// Contract that made it.
    pub factory: AddressColumn,
    /// Who had it made.
    pub creator: AddressColumn,
    /// The ConditionalTokens contract whose tokens it trades.
    pub conditional_tokens: AddressColumn,
    /// ERC-20 that it takes and pays.
    pub collateral: AddressColumn,
    /// Conditions, a JSON list of hex strings.
    pub condition_ids: String,
    /// Share of 10^18.
    pub fee: AmountColumn,
    /// Block of the creation.
    pub block_number: i64,
    /// Index of the log in its block.
    pub log_index: i32,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

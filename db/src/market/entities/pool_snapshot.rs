//! Pools after every block that changed them, with running totals.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn};

/// One pool after one block.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pool_snapshot")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub amm: AddressColumn,
    /// Block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    /// Balance of every outcome token, a JSON list of decimal strings.
    pub balances: String,
    /// Collateral paid by buyers and received by sellers since the beginning.
    pub volume: AmountColumn,
    /// Trades since the beginning.
    pub trades: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

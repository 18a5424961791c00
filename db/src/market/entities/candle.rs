//! How the prices of pools developed, in equal spans of time.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn};

/// One pool in one span of time, with the blocks that changed it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "candle")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub amm: AddressColumn,
    /// Length of the span in seconds.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seconds: i32,
    /// Begin of the span, seconds since 1970.
    #[sea_orm(primary_key, auto_increment = false)]
    pub start: i64,
    /// The first block of the span that changed the pool.
    pub first_block: i64,
    /// The last one.
    pub last_block: i64,
    /// Price of every outcome before the first of them, a JSON list of integers of 10^-18; empty when there was none.
    pub open: String,
    /// The highest ones.
    pub high: String,
    /// The lowest ones.
    pub low: String,
    /// Those after the last block that had some.
    pub close: String,
    /// Collateral paid by buyers and received by sellers.
    pub volume: AmountColumn,
    /// Trades.
    pub trades: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

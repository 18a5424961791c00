//! Liquidity pools as they were after each block that changed them, for the last day and for undoing.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn};

/// One pool after one block.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pool_state")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: AddressColumn,
    /// Block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    /// Header time of the block, seconds since 1970.
    pub block_time: i64,
    /// What a V2 pair has of token0.
    pub reserve0: AmountColumn,
    /// What a V2 pair has of token1.
    pub reserve1: AmountColumn,
    /// Square root of the price of a V3 pool times 2^96.
    pub sqrt_price: AmountColumn,
    /// Tick of that price.
    pub tick: i32,
    /// Liquidity that the price is in.
    pub liquidity: AmountColumn,
    /// What went in of token0 with all trades so far, modulo 2^256.
    pub traded0: AmountColumn,
    /// What went in of token1 with all trades so far, modulo 2^256.
    pub traded1: AmountColumn,
    /// Newest block with a trade.
    pub trade_number: Option<i64>,
    /// Its hash.
    pub trade_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub trade_time: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

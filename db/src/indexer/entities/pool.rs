//! Liquidity pools that factories made.

use sea_orm::entity::prelude::*;

use crate::columns::AddressColumn;

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pool")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Its address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: AddressColumn,
    /// 2 for a Uniswap V2 pair, 3 for a Uniswap V3 pool.
    pub version: i16,
    /// What made it.
    pub factory: AddressColumn,
    /// Lower address of its tokens.
    pub token0: AddressColumn,
    /// Higher address of its tokens.
    pub token1: AddressColumn,
    /// Fee of a trade in millionths.
    pub fee: i32,
    /// Ticks between those that positions can begin and end at; none for V2.
    pub tick_spacing: Option<i32>,
    /// Place of the event that announced it.
    pub created_place: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

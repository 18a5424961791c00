//! Contracts found by factories; the configured ones are in the configuration.

use sea_orm::entity::prelude::*;

use crate::columns::AddressColumn;

/// One contract.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contract")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Address of the contract.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: AddressColumn,
    /// Protocol of the contract.
    pub protocol: String,
    /// The factory that made it.
    pub factory: AddressColumn,
    /// Block that made it; a reorg below this block removes the contract.
    pub created_block: i64,
    /// The pool's first token, or the collateral of outcomes; none when it is not known.
    pub token0: Option<AddressColumn>,
    /// The pool's second token.
    pub token1: Option<AddressColumn>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

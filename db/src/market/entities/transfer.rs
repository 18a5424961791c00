//! ERC-1155 transfers, kept to take balances back exactly.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn};

/// One item of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transfer")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    /// Index of the log in its block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub log_index: i32,
    /// Index of the item in its event.
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i32,
    /// The ConditionalTokens contract.
    pub contract: AddressColumn,
    /// From whom; the zero address mints.
    pub sender: AddressColumn,
    /// To whom; the zero address burns.
    pub recipient: AddressColumn,
    /// ERC-1155 id, big-endian.
    pub position_id: HashColumn,
    /// How much, over 0.
    pub value: AmountColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

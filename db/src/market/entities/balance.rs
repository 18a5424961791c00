//! Balances of ERC-1155 tokens: sums of transfers, without a row where they are zero.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn};

/// One balance.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "balance")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// The ConditionalTokens contract.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contract: AddressColumn,
    /// ERC-1155 id, big-endian.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position_id: HashColumn,
    /// Who has it; pools have balances too.
    #[sea_orm(primary_key, auto_increment = false)]
    pub holder: AddressColumn,
    /// How much, over 0.
    pub amount: AmountColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

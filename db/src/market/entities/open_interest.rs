//! Collateral behind conditions after every block that changed it.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn};

/// What one condition held of one collateral after one block.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "open_interest")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// The ConditionalTokens contract that holds it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contract: AddressColumn,
    /// Condition.
    #[sea_orm(primary_key, auto_increment = false)]
    pub condition_id: HashColumn,
    /// ERC-20.
    #[sea_orm(primary_key, auto_increment = false)]
    pub collateral: AddressColumn,
    /// Block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    /// How much.
    pub amount: AmountColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! How many hold each token: the rows of its balances without those of pools, counted as they come and go.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One token that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "holder_count")]
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
    /// How many, over 0.
    pub holders: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

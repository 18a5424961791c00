//! ERC-1155 ids of the outcomes of every market.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One outcome.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outcome_token")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Market.
    #[sea_orm(primary_key, auto_increment = false)]
    pub market_id: Vec<u8>,
    /// Index of the outcome, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub outcome_index: i32,
    /// The ConditionalTokens contract.
    pub contract: AddressColumn,
    /// ERC-1155 id, big-endian.
    pub position_id: HashColumn,
    /// Block since which it is known.
    pub block_number: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

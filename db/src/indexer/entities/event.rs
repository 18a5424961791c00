//! The logs, as the chain emitted them.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, TransactionColumn};

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Block number × 2^24 + index of the log in the block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    /// Reorgs before the block was indexed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fork: i64,
    /// Which event of which contracts: [`super::event_type`].
    pub r#type: i32,
    /// Index of the transaction in the block.
    pub transaction_index: i32,
    /// Transaction.
    pub transaction_id: TransactionColumn,
    /// Emitting contract.
    pub address: AddressColumn,
    /// Topics after the one that is the event's id, 32 bytes each.
    pub topics: Vec<u8>,
    /// Data.
    pub data: Vec<u8>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

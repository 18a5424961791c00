//! Events that could not be used.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn, TransactionColumn};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Hash of the block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_hash: HashColumn,
    /// Index of the log in its block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub log_index: i32,
    /// Height of the block.
    pub block_number: i64,
    /// Position in the chain's log.
    pub position: i64,
    /// Emitting contract.
    pub address: AddressColumn,
    /// Kind, as the indexer gave it.
    pub kind: String,
    /// Transaction.
    pub transaction_id: TransactionColumn,
    /// Why it could not be used.
    pub reason: String,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

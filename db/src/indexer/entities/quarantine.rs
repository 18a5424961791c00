//! Logs that did not decode as their ABI says, kept raw.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn, TransactionColumn};

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Hash of the block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_hash: HashColumn,
    /// Index of the log in the block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub log_index: i32,
    /// Height of the block.
    pub block_number: i64,
    /// Header time of the block, seconds since 1970.
    pub block_time: i64,
    /// Transaction.
    pub transaction_id: TransactionColumn,
    /// Index of the transaction in the block.
    pub transaction_index: i32,
    /// Emitting contract.
    pub address: AddressColumn,
    /// Topics, 32 bytes each.
    pub topics: Vec<u8>,
    /// Data.
    pub data: Vec<u8>,
    /// Why it did not decode.
    pub reason: String,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! The event log.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn, TransactionColumn};

/// One decoded log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Position in the chain's log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// Height of the block.
    pub block_number: i64,
    /// Hash of the block.
    pub block_hash: HashColumn,
    /// Header time of the block, seconds since 1970.
    pub block_time: i64,
    /// Transaction.
    pub transaction_id: TransactionColumn,
    /// Index of the transaction in the block.
    pub transaction_index: i32,
    /// Index of the log in the block.
    pub log_index: i32,
    /// Emitting contract.
    pub address: AddressColumn,
    /// Protocol of the contract.
    pub protocol: String,
    /// Canonical kind.
    pub kind: String,
    /// Name in the ABI.
    pub name: String,
    /// Arguments as a JSON list of [name, type, value].
    pub arguments: String,
    /// Position of the undo that took the event back; none while it is part of the chain.
    pub orphaned_at: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

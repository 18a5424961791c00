//! How far the log was read into the pools, moved in the transaction that changes them.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pool_cursor")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// The log that was read.
    pub log_id: i64,
    /// Reorgs of it that were heeded.
    pub fork: i64,
    /// Place through which it was read.
    pub place: i64,
    /// First bytes of the hash of the block that the place is in, as a signed number; 0 when unknown.
    pub mark: i64,
    /// Additions to the history of the chain that were read.
    pub history: i64,
    /// Newest block that was read.
    pub block_number: Option<i64>,
    /// Its hash.
    pub block_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub block_time: Option<i64>,
    /// Newest block that was final when states that were a day older were let go; 0 when none were.
    pub final_number: i64,
    /// First block from which on the pools are whole; none when they are since the log began.
    pub whole_from: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

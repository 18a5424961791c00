//! Blocks that have logs, and those of the reversible window, orphaned ones included.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "block")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Height.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Reorgs before the block was indexed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fork: i64,
    /// Hash of the block.
    pub hash: HashColumn,
    /// Hash of the parent; none inside of a range of final blocks, of which only the ends were looked at.
    pub parent_hash: Option<HashColumn>,
    /// Header time, seconds since 1970.
    pub time: i64,
    /// Logs of the block in the log.
    pub events: i32,
    /// Fork that took the block back; none while it is part of the chain.
    pub orphaned_at: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

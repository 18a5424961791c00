//! Blocks of the reversible window, orphaned ones included, for the parent-hash check.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "block")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Hash of the block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: HashColumn,
    /// Height.
    pub number: i64,
    /// Hash of the parent.
    pub parent_hash: HashColumn,
    /// Header time, seconds since 1970.
    pub time: i64,
    /// Position of the undo that took the block back; none while it is part of the chain.
    pub orphaned_at: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

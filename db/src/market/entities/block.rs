//! Blocks that had events.

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
    /// Hash.
    pub hash: HashColumn,
    /// Header time, seconds since 1970.
    pub time: i64,
    /// Position of the last event of the block in the chain's log.
    pub position: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! Undo signals, by the fork that each began.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One reorg.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reorg")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Reorgs through this one; blocks indexed after it carry this number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fork: i64,
    /// Newest block that stayed.
    pub last_valid_number: i64,
    /// Its hash.
    pub last_valid_hash: HashColumn,
    /// Its header time, seconds since 1970.
    pub last_valid_time: i64,
    /// Blocks taken back.
    pub depth: i64,
    /// When it was seen, milliseconds since 1970, wall time.
    pub seen_at: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

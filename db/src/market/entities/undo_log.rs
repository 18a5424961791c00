//! Reorgs, so that streams can say what became void.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One reorg.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "undo_log")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Counts the reorgs of the chain, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    /// Newest block that stayed; none when none did.
    pub last_valid_number: Option<i64>,
    /// Its hash.
    pub last_valid_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub last_valid_time: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! How far each chain is projected: the cursor, moved in the transaction that applies the events.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cursor")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// When the row was made, milliseconds since 1970, wall time; cursors of streams carry it, so that
    /// those of another store are recognised.
    pub started_at: i64,
    /// Cursor of the event log; empty before the first step.
    pub cursor: String,
    /// Position of the newest applied event; 0 before the first.
    pub position: i64,
    /// Newest block whose effects are in the tables.
    pub block_number: Option<i64>,
    /// Its hash.
    pub block_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub block_time: Option<i64>,
    /// Newest finalized block.
    pub finalized_number: Option<i64>,
    /// Version of the projection that filled the tables.
    pub version: i32,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

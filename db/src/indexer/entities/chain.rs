//! How far each chain is indexed: the cursor, moved in the transaction that appends the events.

use sea_orm::entity::prelude::*;

use crate::columns::HashColumn;

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chain")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Made at random with the log; cursors carry it, so that those of another log are recognised.
    pub log_id: i64,
    /// Position that the next event or undo gets; the first is 1.
    pub next_position: i64,
    /// Newest indexed block.
    pub indexed_number: Option<i64>,
    /// Its hash.
    pub indexed_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub indexed_time: Option<i64>,
    /// Newest finalized block.
    pub finalized_number: Option<i64>,
    /// Its hash.
    pub finalized_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub finalized_time: Option<i64>,
    /// When the row was last written, milliseconds since 1970, wall time.
    pub indexed_at: i64,
    /// Events in the log that are part of the chain.
    pub events: i64,
    /// Reorgs since the log began.
    pub reorgs: i64,
    /// Logs in quarantine.
    pub decode_failures: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

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
    /// Reorgs since the log began.
    pub fork: i64,
    /// Additions of contracts whose history lies before what was indexed.
    pub history: i64,
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
    /// First block of the log.
    pub first_block: i64,
    /// Oldest block that is kept.
    pub earliest: i64,
    /// Oldest fork whose cursors can be told what became of their blocks: later reorgs left what is kept
    /// as it was, or have a row.
    pub earliest_fork: i64,
    /// Newest fork of which blocks that it took back are forgotten: what was delivered of them cannot be named.
    pub forgotten_fork: i64,
    /// Blocks of one partition of the table of logs on PostgreSQL.
    pub partition_blocks: i64,
    /// When the row was last written, milliseconds since 1970, wall time.
    pub indexed_at: i64,
    /// Logs that are part of the chain.
    pub events: i64,
    /// Logs in quarantine.
    pub decode_failures: i64,
    /// Hash of the definitions that the logs are decoded with.
    pub decoding: Option<HashColumn>,
    /// Grows with every change of the writer, which may only write under its own number.
    pub writer: i64,
    /// Until when the writer has the chain, milliseconds since 1970, by the database's clock.
    pub writer_until: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

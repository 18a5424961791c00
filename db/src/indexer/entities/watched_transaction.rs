//! Transactions that were registered by hash, and what has become of them.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn, TransactionColumn};

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "watched_transaction")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Its hash.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: TransactionColumn,
    /// What whoever registered it wrote.
    pub label: String,
    /// 1 unknown, 2 pending, 3 mined, 4 final, 5 replaced, 6 dropped.
    pub state: i16,
    /// Grows with every write, which is made only from the revision that was read.
    pub revision: i64,
    /// Nothing can change any more.
    pub settled: bool,
    /// Who signed it; none until a node showed it.
    pub sender: Option<AddressColumn>,
    /// Its nonce; none until a node showed it.
    pub nonce: Option<i64>,
    /// Height of the block that decided the state; none unless mined, final or replaced.
    pub block_number: Option<i64>,
    /// Its hash.
    pub block_hash: Option<HashColumn>,
    /// Its header time, seconds since 1970.
    pub block_time: Option<i64>,
    /// Index of the transaction in that block, when it is in it.
    pub transaction_index: Option<i32>,
    /// Whether it took effect; none where receipts do not say.
    pub success: Option<bool>,
    /// Gas that it used.
    pub gas_used: Option<i64>,
    /// Price of one unit of gas.
    pub gas_price: Option<AmountColumn>,
    /// The transaction that was mined in its place.
    pub replaced_by: Option<TransactionColumn>,
    /// When it was registered, milliseconds since 1970, wall time.
    pub registered_at: i64,
    /// When its state changed last, milliseconds since 1970, wall time.
    pub changed_at: i64,
    /// When a node last had it, milliseconds since 1970, wall time.
    pub seen_at: i64,
    /// Newest indexed block then.
    pub seen_block: i64,
    /// When it was looked at last, milliseconds since 1970, wall time.
    pub looked_at: i64,
    /// Newest indexed block then.
    pub looked_block: i64,
    /// Reorgs of the log until then.
    pub looked_fork: i64,
    /// When to look again at the latest, milliseconds since 1970, wall time.
    pub due_at: i64,
    /// Looks in a row that found nothing.
    pub tries: i32,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

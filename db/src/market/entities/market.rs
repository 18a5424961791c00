//! Markets as they were announced, by a factory or by the creation of their pool.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One market.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "market")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// 32 bytes given by a market factory, or the 20 bytes of a pool's address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub market_id: Vec<u8>,
    /// Contract that announced the market.
    pub factory: AddressColumn,
    /// Who created it.
    pub creator: AddressColumn,
    /// Condition; the first one of a pool that has several.
    pub condition_id: HashColumn,
    /// ERC-20 behind the outcome tokens.
    pub collateral: AddressColumn,
    /// Question id, when the announcement says it.
    pub question_id: Option<HashColumn>,
    /// Question in words.
    pub question: Option<String>,
    /// Names of the outcomes, a JSON list.
    pub outcomes: String,
    /// When the market is due, seconds since 1970.
    pub resolution_time: Option<i64>,
    /// Block of the announcement.
    pub block_number: i64,
    /// Index of the log in its block.
    pub log_index: i32,
    /// Header time of that block, seconds since 1970.
    pub block_time: i64,
    /// Block in which a factory claimed the pool for a market of its own; the row is not listed from
    /// then on.
    pub superseded_by_block: Option<i64>,
    /// Readable name of a market of a factory, which does not have to be its alone.
    pub slug: Option<String>,
    /// Category that the announcement says.
    pub category: Option<String>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

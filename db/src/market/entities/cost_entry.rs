//! The journal of what users paid: what each event changed.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn, IntegerColumn};

/// One change of what one user paid for one token; every number is a difference.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cost_entry")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Block of the change.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    /// Number within the block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i32,
    /// Index of the log in its block.
    pub log_index: i32,
    /// The ConditionalTokens contract, or a pool for its shares.
    pub contract: AddressColumn,
    /// ERC-1155 id; zero for shares of a pool.
    pub position_id: HashColumn,
    /// The user.
    pub holder: AddressColumn,
    /// Tokens whose cost is known.
    pub quantity: IntegerColumn,
    /// Tokens that somebody gave.
    pub unknown: IntegerColumn,
    /// What `quantity` cost.
    pub cost: IntegerColumn,
    /// Collateral received for tokens of known cost, less that cost.
    pub realised: IntegerColumn,
    /// Collateral received for tokens of unknown cost, less the cost of tokens given away.
    pub unmatched: IntegerColumn,
    /// Everything that was ever paid or given in exchange for these tokens.
    pub invested: IntegerColumn,
    /// Fees of the trades.
    pub fees: IntegerColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

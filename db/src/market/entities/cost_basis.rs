//! What users paid for the tokens that they have or had.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn, IntegerColumn};

/// One token of one user: the sum of its rows of the journal. None is zero in every number.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cost_basis")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// The ConditionalTokens contract, or a pool for its shares.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contract: AddressColumn,
    /// ERC-1155 id; zero for shares of a pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position_id: HashColumn,
    /// The user.
    #[sea_orm(primary_key, auto_increment = false)]
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

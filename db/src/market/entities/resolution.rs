//! Payouts of conditions, as ConditionalTokens has them.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn, TransactionColumn};

/// One resolution.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resolution")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// The ConditionalTokens contract.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contract: AddressColumn,
    /// Condition id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub condition_id: HashColumn,
    /// Payout numerators by outcome, a JSON list of decimal strings.
    pub payouts: String,
    /// Block of the resolution.
    pub block_number: i64,
    /// Index of the log in its block.
    pub log_index: i32,
    /// Transaction; none in tables that an earlier version filled.
    pub transaction_id: Option<TransactionColumn>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

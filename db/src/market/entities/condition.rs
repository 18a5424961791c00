//! Prepared conditions.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "condition")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// The ConditionalTokens contract; two contracts can know the same condition.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contract: AddressColumn,
    /// Condition id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub condition_id: HashColumn,
    /// Who reports the payouts.
    pub oracle: AddressColumn,
    /// Question id.
    pub question_id: HashColumn,
    /// Outcomes, 2 to 256.
    pub outcome_slot_count: i32,
    /// Block of the preparation.
    pub block_number: i64,
    /// Index of the log in its block.
    pub log_index: i32,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

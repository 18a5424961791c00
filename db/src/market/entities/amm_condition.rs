//! Conditions of pools, for finding the pools of a condition.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One condition of one pool.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "amm_condition")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub amm: AddressColumn,
    /// Index of the condition in the pool's list, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub condition_index: i32,
    /// Condition id.
    pub condition_id: HashColumn,
    /// Block of the creation of the pool.
    pub block_number: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

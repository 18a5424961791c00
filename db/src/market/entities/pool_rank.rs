//! What pools are worth and traded by now, to list markets by.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One pool that ever had liquidity.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pool_rank")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Pool.
    #[sea_orm(primary_key, auto_increment = false)]
    pub amm: AddressColumn,
    /// Last block that changed it.
    pub block_number: i64,
    /// Collateral paid by buyers and received by sellers since the beginning, big-endian.
    pub volume: HashColumn,
    /// What its tokens are worth at their marginal prices, big-endian; 0 without a price.
    pub liquidity: HashColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! Configured contracts whose history is in the log, or on its way into it.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, HashColumn};

/// One contract.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "covered")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Address of the contract.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: AddressColumn,
    /// Hash of how its logs are read.
    pub definition: HashColumn,
    /// First block of its history.
    pub start_block: i64,
    /// First block whose logs are not in the log yet; none when all are.
    pub next_block: Option<i64>,
    /// `chain.history` when it became readable as it is; zero since the log began.
    pub added: i64,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

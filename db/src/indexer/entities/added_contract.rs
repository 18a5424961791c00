//! Contracts that an operator added while the indexer ran.

use sea_orm::entity::prelude::*;

use crate::columns::AddressColumn;

/// One contract.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "added_contract")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Its address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: AddressColumn,
    /// A known protocol, or `abi`.
    pub protocol: String,
    /// Name of an `abi` contract.
    pub name: Option<String>,
    /// JSON ABI.
    pub abi: Option<String>,
    /// Events as they are written in Solidity: a JSON list of strings.
    pub signatures: String,
    /// Event names and the kinds that they are served as: a JSON object.
    pub events: String,
    /// First block of its history; the chain's when there is none.
    pub start_block: Option<i64>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

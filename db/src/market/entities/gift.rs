//! Outcome tokens that users gave and were given: transfers that are no part of a trade or of anything else.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn, TransactionColumn};

/// One item of a transfer, as one of its two sides has it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gift")]
pub struct Model {
    /// Chain id (EIP-155).
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain_id: i64,
    /// Block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block_number: i64,
    /// Index of the log in its block.
    #[sea_orm(primary_key, auto_increment = false)]
    pub log_index: i32,
    /// Index of the item in its event.
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i32,
    /// 8 was given, 9 gave.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    /// Header time of the block, seconds since 1970.
    pub block_time: i64,
    /// Who.
    pub user_address: AddressColumn,
    /// By or to whom.
    pub counterparty: AddressColumn,
    /// The ConditionalTokens contract.
    pub contract: AddressColumn,
    /// ERC-1155 id, big-endian.
    pub position_id: HashColumn,
    /// How much, over 0; less than the transfer where the rest of it was sold.
    pub amount: AmountColumn,
    /// Transaction.
    pub transaction_id: TransactionColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

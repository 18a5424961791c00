//! What users did. Pools are no users.

use sea_orm::entity::prelude::*;

use crate::columns::{AddressColumn, AmountColumn, HashColumn, TransactionColumn};

/// One thing that a user did.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activity")]
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
    /// Header time of the block, seconds since 1970.
    pub block_time: i64,
    /// 1 buy, 2 sell, 3 split, 4 merge, 5 redeem, 6 add liquidity, 7 remove liquidity.
    pub kind: i16,
    /// Who.
    pub user_address: AddressColumn,
    /// The pool; none for what was done with ConditionalTokens itself.
    pub amm: Option<AddressColumn>,
    /// Condition.
    pub condition_id: HashColumn,
    /// ERC-20 behind the outcome tokens.
    pub collateral: AddressColumn,
    /// Index of the outcome of a trade.
    pub outcome_index: Option<i32>,
    /// Collateral that moved; for liquidity the fees that were paid out.
    pub collateral_amount: AmountColumn,
    /// Outcome tokens of a trade, shares of liquidity, otherwise 0.
    pub amount: AmountColumn,
    /// Fee of a trade, otherwise 0.
    pub fee: AmountColumn,
    /// Transaction.
    pub transaction_id: TransactionColumn,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! Taking blocks back: rows above the last valid block go, balances are reversed transfer by transfer.

use std::collections::BTreeMap;

use capstan_db::{
    columns::{HashColumn, signed},
    market::entities::{
        activity, amm, amm_condition, amm_link, balance, block, candle, condition, cost_basis, cost_entry,
        gift, holder_count, market, open_interest, outcome_token, pool_rank, pool_snapshot, quarantine,
        resolution, transfer, undo_log,
    },
};
use capstan_primitives::{Address, Amount, AmountError, BlockRef};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{Error, Write, balances, rows};
use crate::domain::state::Holding;

/// Deletes the rows of a chain from every named table: `all` of them, or those `above` a block.
macro_rules! delete {
    ($write:expr, all; $($table:ident),+) => {
        $(delete!(@rows $write, $table).exec(&$write.transaction).await?;)+
    };
    ($write:expr, above $floor:expr; $($table:ident),+) => {
        $({
            let above = delete!(@number $table).gt::<i64>($floor);
            delete!(@rows $write, $table).filter(above).exec(&$write.transaction).await?;
        })+
    };
    (@rows $write:expr, $table:ident) => {
        $table::Entity::delete_many().filter($table::Column::ChainId.eq(signed($write.chain.0)))
    };
    (@number block) => { block::Column::Number };
    (@number $table:ident) => { $table::Column::BlockNumber };
}

impl Write {
    /// Takes back every block above `last_valid`. Says whether there was any.
    pub(crate) async fn undo(&mut self, last_valid: Option<BlockRef>) -> Result<bool, Error> {
        let floor = last_valid.map_or(-1, |block| signed(block.number));
        if self.row.block_number.is_none_or(|number| number <= floor) {
            return Ok(false);
        }
        self.reverse_transfers(floor).await?;
        self.undo_candles(floor).await?;
        self.undo_costs(floor).await?;
        delete!(self, above floor; activity, cost_entry, pool_snapshot, transfer, outcome_token, amm_link, amm, amm_condition);
        delete!(self, above floor; gift, open_interest, market, resolution, condition, quarantine, block);
        market::Entity::update_many()
            .col_expr(market::Column::SupersededByBlock, Expr::value(Option::<i64>::None))
            .filter(market::Column::ChainId.eq(signed(self.chain.0)))
            .filter(market::Column::SupersededByBlock.gt(floor))
            .exec(&self.transaction)
            .await?;
        self.log_undo(last_valid).await?;
        self.row.position = self.newest_position().await?;
        self.set_through(last_valid);
        Ok(true)
    }

    /// Takes everything back: the log is another one now.
    pub(crate) async fn reset(&mut self) -> Result<(), Error> {
        delete!(self, all; activity, cost_basis, cost_entry, pool_rank, pool_snapshot, transfer, outcome_token, amm_link, amm, amm_condition);
        delete!(self, all; gift, market, resolution, condition, quarantine, block, balance, candle, holder_count, open_interest);
        self.log_undo(None).await?;
        self.row.position = 0;
        self.row.finalized_number = None;
        self.row.version = super::write::VERSION;
        self.set_through(None);
        Ok(())
    }

    fn set_through(&mut self, block: Option<BlockRef>) {
        self.row.block_number = block.map(|block| signed(block.number));
        self.row.block_hash = block.map(|block| HashColumn(block.hash));
        self.row.block_time = block.map(|block| signed(block.time.0));
    }

    /// Newest first, so that no balance is ever below zero or too large on the way.
    async fn reverse_transfers(&self, floor: i64) -> Result<(), Error> {
        let transfers = transfer::Entity::find()
            .filter(transfer::Column::ChainId.eq(signed(self.chain.0)))
            .filter(transfer::Column::BlockNumber.gt(floor))
            .order_by_desc(transfer::Column::BlockNumber)
            .order_by_desc(transfer::Column::LogIndex)
            .order_by_desc(transfer::Column::Item)
            .all(&self.transaction)
            .await?;
        let keys: Vec<Holding> = transfers
            .iter()
            .flat_map(|row| [holding(row, row.sender.0), holding(row, row.recipient.0)])
            .collect();
        let mut amounts: BTreeMap<Holding, Amount> =
            keys.iter().filter(|key| key.holder != Address::ZERO).map(|key| (*key, Amount::ZERO)).collect();
        let keys: Vec<Holding> = amounts.keys().copied().collect();
        amounts.extend(balances::load(&self.transaction, self.chain, &keys).await?);
        let before = amounts.clone();
        for row in &transfers {
            reverse(&mut amounts, row)
                .map_err(|error| Error::Corrupt { table: "balance", problem: error.to_string() })?;
        }
        self.undo_holders(floor, (&before, &amounts)).await?;
        balances::store(&self.transaction, self.chain, amounts).await
    }

    async fn log_undo(&self, last_valid: Option<BlockRef>) -> Result<(), Error> {
        let newest = undo_log::Entity::find()
            .filter(undo_log::Column::ChainId.eq(signed(self.chain.0)))
            .order_by_desc(undo_log::Column::Sequence)
            .limit(1)
            .one(&self.transaction)
            .await?;
        let row = undo_log::ActiveModel {
            chain_id: Set(signed(self.chain.0)),
            sequence: Set(newest.map_or(0, |row| row.sequence).saturating_add(1)),
            last_valid_number: Set(last_valid.map(|block| signed(block.number))),
            last_valid_hash: Set(last_valid.map(|block| HashColumn(block.hash))),
            last_valid_time: Set(last_valid.map(|block| signed(block.time.0))),
        };
        undo_log::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    async fn newest_position(&self) -> Result<i64, Error> {
        let newest = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(self.chain.0)))
            .order_by_desc(block::Column::Number)
            .limit(1)
            .one(&self.transaction)
            .await?;
        Ok(newest.map_or(0, |row| row.position))
    }
}

fn holding(row: &transfer::Model, holder: Address) -> Holding {
    Holding { contract: row.contract.0, token: rows::token(&row.position_id), holder }
}

fn reverse(amounts: &mut BTreeMap<Holding, Amount>, row: &transfer::Model) -> Result<(), AmountError> {
    if let Some(amount) = amounts.get_mut(&holding(row, row.recipient.0)) {
        *amount = amount.minus(row.value.0)?;
    }
    if let Some(amount) = amounts.get_mut(&holding(row, row.sender.0)) {
        *amount = amount.plus(row.value.0)?;
    }
    Ok(())
}

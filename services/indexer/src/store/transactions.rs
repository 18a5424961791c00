//! Registered transactions.

use std::collections::BTreeMap;

use capstan_db::columns::{AddressColumn, TransactionColumn, signed, unsigned};
use capstan_db::indexer::entities::{block, watched_transaction as table};
use capstan_primitives::{Address, BlockRef, ChainId, TransactionId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{Store, append::move_cursor, rows, transaction_rows};
use crate::{
    domain::{ChainProgress, Moment, TransactionState, WatchedTransaction},
    error::Error,
};

/// Most transactions that are deleted at a time: other writers of SQLite wait for it.
const FORGOTTEN: u64 = 500;

/// A page of registered transactions of one chain, those registered last first.
#[derive(Debug, Clone)]
pub struct TransactionQuery {
    /// Chain.
    pub chain_id: ChainId,
    /// Only those in this state.
    pub state: Option<TransactionState>,
    /// Only those of this sender.
    pub sender: Option<Address>,
    /// The last one of the page before: when it was registered, and its hash.
    pub after: Option<(i64, TransactionId)>,
    /// Most of them.
    pub limit: u64,
}

/// The transactions of one chain that can still change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenTransactions {
    /// How many are in each state.
    pub states: BTreeMap<TransactionState, u64>,
    /// When the first of them is due by the clock, milliseconds since 1970.
    pub due_at: Option<i64>,
}

impl Store {
    /// Registers a transaction, unless it is, and returns it as it is stored; true when it is new.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn register(&self, new: &WatchedTransaction) -> Result<(WatchedTransaction, bool), Error> {
        let write = self.database.write().await?;
        let row = transaction_rows::row(new)?;
        let keep = OnConflict::columns([table::Column::ChainId, table::Column::Hash]).do_nothing().to_owned();
        let added = table::Entity::insert(row).on_conflict(keep).exec_without_returning(&write).await?;
        let found = table::Entity::find_by_id(key(new.chain_id, &new.id)).one(&write).await?;
        write.commit().await?;
        let found = found.ok_or_else(|| Error::UnknownTransaction(new.id.clone()))?;
        Ok((transaction_rows::transaction(found)?, added > 0))
    }

    /// A registered transaction.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn transaction(
        &self,
        chain_id: ChainId,
        id: &TransactionId,
    ) -> Result<Option<WatchedTransaction>, Error> {
        let read = self.database.read().await?;
        let row = table::Entity::find_by_id(key(chain_id, id)).one(&read).await?;
        row.map(transaction_rows::transaction).transpose()
    }

    /// A page of registered transactions; whether there may be more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn transactions(
        &self,
        query: &TransactionQuery,
    ) -> Result<(Vec<WatchedTransaction>, bool), Error> {
        let TransactionQuery { chain_id, state, sender, after, limit } = query;
        let before = after.as_ref().map(|(at, id)| {
            let earlier_hash = table::Column::Hash.lt(TransactionColumn(id.clone()));
            Condition::any()
                .add(table::Column::RegisteredAt.lt(*at))
                .add(table::Column::RegisteredAt.eq(*at).and(earlier_hash))
        });
        let read = self.database.read().await?;
        let rows = table::Entity::find()
            .filter(table::Column::ChainId.eq(signed(chain_id.0)))
            .apply_if(*state, |rows, state| {
                rows.filter(table::Column::State.eq(transaction_rows::number(state)))
            })
            .apply_if(*sender, |rows, sender| rows.filter(table::Column::Sender.eq(AddressColumn(sender))))
            .apply_if(before, QueryFilter::filter)
            .order_by_desc(table::Column::RegisteredAt)
            .order_by_desc(table::Column::Hash)
            .limit(limit.saturating_add(1))
            .all(&read)
            .await?;
        let more = u64::try_from(rows.len()).is_ok_and(|rows| rows > *limit);
        let rows = rows.into_iter().take(usize::try_from(*limit).unwrap_or(usize::MAX));
        Ok((rows.map(transaction_rows::transaction).collect::<Result<_, _>>()?, more))
    }

    /// At most `limit` transactions that have to be looked at, those longest not looked at first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn due_transactions(
        &self,
        progress: &ChainProgress,
        now: Moment,
        limit: u64,
    ) -> Result<Vec<WatchedTransaction>, Error> {
        let read = self.database.read().await?;
        let rows = table::Entity::find()
            .filter(table::Column::ChainId.eq(signed(progress.chain_id.0)))
            .filter(Expr::cust("NOT settled"))
            .filter(is_due(progress, now))
            .order_by_asc(table::Column::LookedAt)
            .limit(limit)
            .all(&read)
            .await?;
        rows.into_iter().map(transaction_rows::transaction).collect()
    }

    /// Writes a transaction as it is after a look; false when somebody else wrote it meanwhile.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn move_transaction(
        &self,
        from: &WatchedTransaction,
        to: &WatchedTransaction,
    ) -> Result<bool, Error> {
        let write = self.database.write().await?;
        let moved = table::Entity::update_many()
            .set(transaction_rows::row(to)?)
            .filter(table::Column::ChainId.eq(signed(from.chain_id.0)))
            .filter(table::Column::Hash.eq(TransactionColumn(from.id.clone())))
            .filter(table::Column::Revision.eq(signed(from.revision)))
            .exec(&write)
            .await?;
        write.commit().await?;
        Ok(moved.rows_affected == 1)
    }

    /// Deletes a part of the transactions that have been settled, dropped or unknown since `before`, in
    /// milliseconds since 1970; how many, and whether there may be more.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn forget_transactions(&self, from: &ChainProgress, before: i64) -> Result<(u64, bool), Error> {
        let old = table::Entity::find().filter(is_over(from.chain_id, before));
        let read = self.database.read().await?;
        let old = old.select_only().column(table::Column::Hash).limit(FORGOTTEN).into_tuple();
        let hashes: Vec<TransactionColumn> = old.all(&read).await?;
        drop(read);
        if hashes.is_empty() {
            return Ok((0, false));
        }
        let more = u64::try_from(hashes.len()).is_ok_and(|found| found >= FORGOTTEN);
        let write = self.database.bulk_write().await?;
        move_cursor(&write, from, from).await?;
        let forgotten = table::Entity::delete_many()
            .filter(table::Column::Hash.is_in(hashes))
            // One that came back meanwhile stays.
            .filter(is_over(from.chain_id, before))
            .exec(&write)
            .await?;
        write.commit().await?;
        Ok((forgotten.rows_affected, more))
    }

    /// What of a chain's transactions can still change.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open_transactions(&self, chain_id: ChainId) -> Result<OpenTransactions, Error> {
        let read = self.database.read().await?;
        let rows: Vec<(i16, i64, i64)> = table::Entity::find()
            .select_only()
            .column(table::Column::State)
            .column_as(table::Column::Hash.count(), "transactions")
            .column_as(table::Column::DueAt.min(), "due")
            .filter(table::Column::ChainId.eq(signed(chain_id.0)))
            .filter(Expr::cust("NOT settled"))
            .group_by(table::Column::State)
            .into_tuple()
            .all(&read)
            .await?;
        let due_at = rows.iter().filter_map(|(_, _, due)| transaction_rows::due(*due)).min();
        let count = |(state, count, _)| Ok((transaction_rows::state(state)?, unsigned(count)));
        Ok(OpenTransactions { states: rows.into_iter().map(count).collect::<Result<_, Error>>()?, due_at })
    }

    /// The block that the log has at a height; nothing when it remembers none there.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn block_at(&self, chain_id: ChainId, number: u64) -> Result<Option<BlockRef>, Error> {
        let read = self.database.read().await?;
        let row = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain_id.0)))
            .filter(block::Column::Number.eq(signed(number)))
            .filter(block::Column::OrphanedAt.is_null())
            .one(&read)
            .await?;
        Ok(row.map(|row| rows::block_ref(row.number, row.hash.0, row.time)))
    }
}

fn key(chain_id: ChainId, id: &TransactionId) -> (i64, TransactionColumn) {
    (signed(chain_id.0), TransactionColumn(id.clone()))
}

/// Nothing has happened since `before`, and nothing is expected to. What was registered later has an index
/// to be passed over by.
fn is_over(chain_id: ChainId, before: i64) -> Condition {
    let replaced = transaction_rows::number(TransactionState::Replaced);
    let others = [TransactionState::Final, TransactionState::Dropped, TransactionState::Unknown];
    let over = others.map(transaction_rows::number).into_iter().chain([replaced]);
    Condition::all()
        .add(table::Column::ChainId.eq(signed(chain_id.0)))
        .add(table::Column::State.is_in(over))
        .add(table::Column::RegisteredAt.lt(before))
        .add(table::Column::ChangedAt.lt(before))
        .add(table::Column::State.ne(replaced).or(table::Column::Settled.eq(true)))
}

/// By the clock; while waiting, with every block; otherwise when the log can have changed what was
/// decided: at a reorg, when it reaches the block, and when the block is final.
fn is_due(progress: &ChainProgress, now: Moment) -> Condition {
    let waiting = transaction_rows::number(TransactionState::Pending);
    let block = |number: u64| -> SimpleExpr { table::Column::BlockNumber.lte(signed(number)) };
    let reached =
        Expr::col(table::Column::BlockNumber).gt(Expr::col(table::Column::LookedBlock)).and(block(now.block));
    let reorganized =
        table::Column::BlockNumber.is_not_null().and(table::Column::LookedFork.lt(signed(now.fork)));
    Condition::any()
        .add(table::Column::DueAt.lte(now.at))
        .add(table::Column::State.eq(waiting).and(table::Column::LookedBlock.ne(signed(now.block))))
        .add(reached)
        .add(reorganized)
        .add_option(progress.finalized.map(|finalized| block(finalized.number)))
}

#[cfg(test)]
mod tests;

//! Taking blocks back.

use capstan_db::bulk::BulkWrite;
use capstan_db::columns::signed;
use capstan_db::indexer::entities::{block, chain, contract, covered, quarantine, reorg};
use capstan_primitives::{BlockRef, ChainId};
use capstan_runtime::failpoint;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{KnownBlock, RawEvent, Span, Store, Wanted, append::move_cursor, known::forgot, rows};
use crate::{
    domain::{ChainProgress, Position, Undo},
    error::Error,
};

/// Logs of one look for what is void.
const LOGS: u64 = 1_000;

impl Store {
    /// Takes back every block above `last_valid`, which may be the one before the log, and writes the undo into the log, in one
    /// transaction. What it writes grows with the blocks that are taken back, not with their logs.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn roll_back(
        &self,
        from: &ChainProgress,
        last_valid: BlockRef,
        now: i64,
    ) -> Result<(ChainProgress, Undo), Error> {
        let depth = from.indexed.map_or(0, |indexed| indexed.number.saturating_sub(last_valid.number));
        let undo = Undo { fork: from.fork.saturating_add(1), last_valid, depth };
        let write = self.database.bulk_write().await?;
        let above = Above { chain_id: signed(from.chain_id.0), number: signed(last_valid.number) };
        let events = above.events(&write).await?;
        let failures = above.quarantined(&write).await?;
        let is_all = last_valid.number < from.first_block;
        let to = ChainProgress {
            fork: undo.fork,
            indexed: Some(last_valid),
            // Only an operator takes back what was final.
            finalized: from
                .finalized
                .filter(|last| last.number <= last_valid.number)
                .or(from.finalized.map(|_| last_valid))
                .filter(|_| !is_all),
            indexed_at: now,
            events: from.events.saturating_sub(events),
            decode_failures: from.decode_failures.saturating_sub(failures),
            ..*from
        };
        move_cursor(&write, from, &to).await?;
        above.orphan(&write, signed(undo.fork)).await?;
        if is_all {
            replace(&write, from, &undo).await?;
        }
        reorg::Entity::insert(rows::reorg_row(from.chain_id, &undo, now))
            .exec_without_returning(&write)
            .await?;
        failpoint("reorg.before");
        write.commit().await?;
        failpoint("reorg.after");
        Ok((to, undo))
    }

    /// The reorgs after fork `after` and through another one, in order.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reorgs(&self, chain_id: ChainId, after: u64, through: u64) -> Result<Vec<Undo>, Error> {
        let read = self.database.read().await?;
        let found = reorg::Entity::find()
            .filter(reorg::Column::ChainId.eq(signed(chain_id.0)))
            .filter(reorg::Column::Fork.gt(signed(after)))
            .filter(reorg::Column::Fork.lte(signed(through)))
            .order_by_asc(reorg::Column::Fork)
            .all(&read)
            .await?;
        Ok(found.into_iter().map(rows::undo).collect())
    }
}

impl Store {
    /// Of the logs through `at` that were part of the chain for a reader there and are void since `undo` the
    /// newest ones, newest first, and through where there are more.
    ///
    /// # Errors
    /// When the store does not answer, and [`Error::CursorPruned`] when some are forgotten.
    pub async fn reverted(
        &self,
        chain_id: ChainId,
        at: Position,
        undo: Undo,
        wanted: &Wanted,
    ) -> Result<(Vec<RawEvent>, Option<u64>), Error> {
        let read = self.read_events().await?;
        let row = chain::Entity::find_by_id(signed(chain_id.0)).one(&read).await?;
        let progress = row.map(rows::progress).ok_or(Error::UnknownChain(chain_id.0))?;
        if forgot(&read, &progress, at).await? {
            return Err(Error::CursorPruned { chain_id, earliest: progress.earliest });
        }
        let floor = Some(at.place_after(&undo.last_valid));
        let span = Span { after: None, floor, until: at.place, newest_first: true, limit: LOGS };
        let wanted = Wanted { void: Some(at.fork), ..wanted.clone() };
        let (events, more) = self.span(&read, chain_id, &wanted, span).await?;
        Ok((events, more.and_then(|(through, _)| through.checked_sub(1))))
    }
}

/// Puts the block before the log in the place of another one there.
async fn replace(write: &BulkWrite, from: &ChainProgress, undo: &Undo) -> Result<(), Error> {
    block::Entity::update_many()
        .col_expr(block::Column::OrphanedAt, Expr::value(signed(undo.fork)))
        .filter(block::Column::ChainId.eq(signed(from.chain_id.0)))
        .filter(block::Column::Number.eq(signed(undo.last_valid.number)))
        .filter(block::Column::OrphanedAt.is_null())
        .exec(write)
        .await?;
    let known = KnownBlock { block: undo.last_valid, parent_hash: None, events: 0 };
    block::Entity::insert(rows::block_row(from.chain_id, undo.fork, known))
        .exec_without_returning(write)
        .await?;
    Ok(())
}

/// Everything above a block that stays.
struct Above {
    chain_id: i64,
    number: i64,
}

impl Above {
    /// How many logs are taken back.
    async fn events(&self, write: &BulkWrite) -> Result<u64, Error> {
        let counts: Vec<i32> = block::Entity::find()
            .select_only()
            .column(block::Column::Events)
            .filter(block::Column::ChainId.eq(self.chain_id))
            .filter(block::Column::Number.gt(self.number))
            .filter(block::Column::OrphanedAt.is_null())
            .into_tuple()
            .all(write)
            .await?;
        Ok(counts.into_iter().filter_map(|count| u64::try_from(count).ok()).sum())
    }

    async fn quarantined(&self, write: &BulkWrite) -> Result<u64, Error> {
        let deleted = quarantine::Entity::delete_many()
            .filter(quarantine::Column::ChainId.eq(self.chain_id))
            .filter(quarantine::Column::BlockNumber.gt(self.number))
            .exec(write)
            .await?;
        Ok(deleted.rows_affected)
    }

    async fn orphan(&self, write: &BulkWrite, at: i64) -> Result<(), Error> {
        block::Entity::update_many()
            .col_expr(block::Column::OrphanedAt, Expr::value(at))
            .filter(block::Column::ChainId.eq(self.chain_id))
            .filter(block::Column::Number.gt(self.number))
            .filter(block::Column::OrphanedAt.is_null())
            .exec(write)
            .await?;
        // What was added of the history of a contract that came late is taken back with its blocks.
        let next = self.number.saturating_add(1);
        covered::Entity::update_many()
            .col_expr(covered::Column::NextBlock, Expr::value(next))
            .filter(covered::Column::ChainId.eq(self.chain_id))
            .filter(covered::Column::NextBlock.gt(next))
            .exec(write)
            .await?;
        contract::Entity::delete_many()
            .filter(contract::Column::ChainId.eq(self.chain_id))
            .filter(contract::Column::CreatedBlock.gt(self.number))
            .exec(write)
            .await?;
        Ok(())
    }
}

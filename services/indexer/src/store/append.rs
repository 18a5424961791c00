//! Writing the log: blocks with their events, and undos.

use capstan_chain::Header;
use capstan_db::bulk::insert_all;
use capstan_db::columns::{HashColumn, signed};
use capstan_db::indexer::entities::{block, chain, contract, event, quarantine, reorg};
use capstan_primitives::{BlockRef, Hash};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    sea_query::OnConflict,
};

use super::{Store, rows};
use crate::{
    domain::{Batch, ChainProgress, Undo},
    error::Error,
};

/// Orphaned blocks are kept this long, in seconds of chain time, for whoever asks what became of them.
const KEEP_ORPHANS_SECONDS: u64 = 7 * 24 * 3600;

/// Blocks to append: consecutive, the first one the child of the last indexed block.
#[derive(Debug, Clone)]
pub struct Append {
    /// Headers to remember for the parent-hash check; the last one is the new indexed block.
    pub headers: Vec<Header>,
    /// Newest finalized block.
    pub finalized: Option<BlockRef>,
    /// What happened in the blocks.
    pub batch: Batch,
    /// Wall time, milliseconds since 1970.
    pub now: i64,
    /// Blocks below the newest one whose hashes are kept even when they are final.
    pub window: u64,
}

impl Store {
    /// Appends blocks and moves the cursor in one transaction.
    ///
    /// # Errors
    /// [`Error::OtherWriter`] when the cursor is not at `from` any more; nothing is written then.
    pub async fn append(&self, from: &ChainProgress, append: Append) -> Result<ChainProgress, Error> {
        let Append { headers, finalized, batch, now, window } = append;
        let Some(last) = headers.last() else { return Ok(*from) };
        let appended = u64::try_from(batch.events.len()).unwrap_or_default();
        let failures = u64::try_from(batch.quarantined.len()).unwrap_or_default();
        let to = ChainProgress {
            next_position: from.next_position.saturating_add(appended),
            indexed: Some(last.block),
            finalized: finalized.or(from.finalized),
            indexed_at: now,
            events: from.events.saturating_add(appended),
            decode_failures: from.decode_failures.saturating_add(failures),
            ..*from
        };
        let write = self.database.write().await?;
        move_cursor(&write, from, &to).await?;
        forget_orphans(&write, from, &headers, &batch).await?;
        write_blocks(&write, from, &headers).await?;
        write_batch(&write, from, batch).await?;
        prune_blocks(&write, &to, window).await?;
        write.commit().await?;
        Ok(to)
    }

    /// Moves the finalized block without new blocks.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn finalize(&self, from: &ChainProgress, finalized: BlockRef) -> Result<ChainProgress, Error> {
        let to = ChainProgress { finalized: Some(finalized), ..*from };
        let write = self.database.write().await?;
        move_cursor(&write, from, &to).await?;
        write.commit().await?;
        Ok(to)
    }

    /// Takes back every block above `last_valid` and writes the undo into the log, in one transaction.
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
        let undo = Undo { position: from.next_position, last_valid, depth };
        let write = self.database.write().await?;
        let above = Above { chain_id: signed(from.chain_id.0), number: signed(last_valid.number) };
        let events = above.events(&write).await?;
        let failures = above.quarantined(&write).await?;
        let to = ChainProgress {
            next_position: from.next_position.saturating_add(1),
            indexed: Some(last_valid),
            indexed_at: now,
            events: from.events.saturating_sub(events),
            reorgs: from.reorgs.saturating_add(1),
            decode_failures: from.decode_failures.saturating_sub(failures),
            ..*from
        };
        move_cursor(&write, from, &to).await?;
        above.orphan(&write, signed(undo.position)).await?;
        reorg::Entity::insert(rows::reorg_row(from.chain_id, &undo, now))
            .exec_without_returning(&write)
            .await?;
        write.commit().await?;
        Ok((to, undo))
    }
}

/// Everything above a block that stays.
struct Above {
    chain_id: i64,
    number: i64,
}

impl Above {
    async fn events(&self, write: &DatabaseTransaction) -> Result<u64, Error> {
        let canonical = event::Entity::find()
            .filter(event::Column::ChainId.eq(self.chain_id))
            .filter(event::Column::BlockNumber.gt(self.number))
            .filter(event::Column::OrphanedAt.is_null());
        Ok(canonical.count(write).await?)
    }

    async fn quarantined(&self, write: &DatabaseTransaction) -> Result<u64, Error> {
        let deleted = quarantine::Entity::delete_many()
            .filter(quarantine::Column::ChainId.eq(self.chain_id))
            .filter(quarantine::Column::BlockNumber.gt(self.number))
            .exec(write)
            .await?;
        Ok(deleted.rows_affected)
    }

    async fn orphan(&self, write: &DatabaseTransaction, at: i64) -> Result<(), Error> {
        event::Entity::update_many()
            .col_expr(event::Column::OrphanedAt, Expr::value(at))
            .filter(event::Column::ChainId.eq(self.chain_id))
            .filter(event::Column::BlockNumber.gt(self.number))
            .filter(event::Column::OrphanedAt.is_null())
            .exec(write)
            .await?;
        block::Entity::update_many()
            .col_expr(block::Column::OrphanedAt, Expr::value(at))
            .filter(block::Column::ChainId.eq(self.chain_id))
            .filter(block::Column::Number.gt(self.number))
            .filter(block::Column::OrphanedAt.is_null())
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

/// Moves the cursor from exactly `from`: a second indexer of the same chain finds it moved and stops.
async fn move_cursor(
    write: &DatabaseTransaction,
    from: &ChainProgress,
    to: &ChainProgress,
) -> Result<(), Error> {
    let at = match from.indexed {
        Some(block) => chain::Column::IndexedHash.eq(HashColumn(block.hash)),
        None => chain::Column::IndexedHash.is_null(),
    };
    let moved = chain::Entity::update_many()
        .set(rows::chain_row(to))
        .filter(chain::Column::ChainId.eq(signed(from.chain_id.0)))
        .filter(chain::Column::LogId.eq(signed(from.log_id)))
        .filter(chain::Column::NextPosition.eq(signed(from.next_position)))
        .filter(at)
        .exec(write)
        .await?;
    if moved.rows_affected == 1 { Ok(()) } else { Err(Error::OtherWriter(from.chain_id)) }
}

/// A block that was orphaned and is back gets new positions, so its old rows make room.
async fn forget_orphans(
    write: &DatabaseTransaction,
    from: &ChainProgress,
    headers: &[Header],
    batch: &Batch,
) -> Result<(), Error> {
    if from.reorgs == 0 {
        return Ok(());
    }
    let hashes: std::collections::BTreeSet<Hash> = headers
        .iter()
        .map(|header| header.block.hash)
        .chain(batch.events.iter().map(|event| event.block.hash))
        .collect();
    for hash in hashes {
        event::Entity::delete_many()
            .filter(event::Column::ChainId.eq(signed(from.chain_id.0)))
            .filter(event::Column::BlockHash.eq(HashColumn(hash)))
            .filter(event::Column::OrphanedAt.is_not_null())
            .exec(write)
            .await?;
    }
    Ok(())
}

async fn write_blocks(
    write: &DatabaseTransaction,
    from: &ChainProgress,
    headers: &[Header],
) -> Result<(), Error> {
    let returns = OnConflict::columns([block::Column::ChainId, block::Column::Hash])
        .update_column(block::Column::OrphanedAt)
        .to_owned();
    for header in headers {
        block::Entity::insert(rows::block_row(from.chain_id, header))
            .on_conflict(returns.clone())
            .exec_without_returning(write)
            .await?;
    }
    Ok(())
}

async fn write_batch(write: &DatabaseTransaction, from: &ChainProgress, batch: Batch) -> Result<(), Error> {
    let Batch { events, found, quarantined } = batch;
    let events = (from.next_position..)
        .zip(&events)
        .map(|(at, event)| rows::event_row(from.chain_id, at, event))
        .collect::<Result<Vec<_>, _>>()?;
    insert_all(write, events).await?;
    let known =
        OnConflict::columns([contract::Column::ChainId, contract::Column::Address]).do_nothing().to_owned();
    for found in &found {
        contract::Entity::insert(rows::contract_row(from.chain_id, found))
            .on_conflict(known.clone())
            .exec_without_returning(write)
            .await?;
    }
    let quarantined = quarantined
        .into_iter()
        .map(|entry| rows::quarantine_row(from.chain_id, entry))
        .collect::<Result<Vec<_>, _>>()?;
    insert_all(write, quarantined).await?;
    Ok(())
}

async fn prune_blocks(write: &DatabaseTransaction, to: &ChainProgress, window: u64) -> Result<(), Error> {
    let (Some(indexed), Some(finalized)) = (to.indexed, to.finalized) else { return Ok(()) };
    let keep_from = Ord::min(finalized.number, indexed.number.saturating_sub(window));
    let orphans_until = indexed.time.0.saturating_sub(KEEP_ORPHANS_SECONDS);
    let canonical = block::Column::OrphanedAt.is_null().and(block::Column::Number.lt(signed(keep_from)));
    let orphaned = block::Column::OrphanedAt.is_not_null().and(block::Column::Time.lt(signed(orphans_until)));
    block::Entity::delete_many()
        .filter(block::Column::ChainId.eq(signed(to.chain_id.0)))
        .filter(canonical.or(orphaned))
        .exec(write)
        .await?;
    Ok(())
}

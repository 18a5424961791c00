//! Writing the log: blocks with their logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use capstan_chain::Header;
use capstan_db::bulk::{BulkWrite, CopyRows, insert_all};
use capstan_db::columns::{HashColumn, signed, unsigned};
use capstan_db::indexer::entities::{block, chain, contract, event, quarantine, reorg};
use capstan_primitives::{BlockRef, ChainId, Hash};
use capstan_runtime::failpoint;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::OnConflict,
};

pub(super) use super::KnownBlock;
use super::{Store, rows};
use crate::{
    domain::{Batch, ChainProgress, EventType, NewEvent, place},
    error::Error,
};

/// Orphaned blocks are kept this long, in seconds, for whoever asks what became of them.
const KEEP_ORPHANS_SECONDS: u64 = 7 * 24 * 3600;
/// So few logs are inserted: the end of a COPY is a small packet of its own, which the network holds
/// back until what went before it is acknowledged, up to 40 ms later.
const FEW: usize = 2_000;
/// Rows that are made at a time where they are inserted.
const ROWS: usize = 500;
const EVENT_COLUMNS: (i16, &str) =
    (9, "event (chain_id, place, fork, type, transaction_index, transaction_id, address, topics, data)");

/// Blocks to append: consecutive, the first one the child of the last indexed block.
#[derive(Debug)]
pub struct Append {
    /// Headers to remember for the parent-hash check; the last one is the new indexed block.
    pub headers: Vec<Header>,
    /// Newest finalized block.
    pub finalized: Option<BlockRef>,
    /// What happened in the blocks.
    pub batch: Batch,
    /// Wall time, milliseconds since 1970.
    pub now: i64,
    /// How far back a reorg may reach.
    pub window: Window,
}

/// How far back a reorg may reach where finality does not forbid it earlier: the farther of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Blocks below the newest one.
    pub blocks: u64,
    /// Seconds of chain time before the newest one.
    pub seconds: u64,
}

impl Window {
    /// Whether a reorg may take back what stands on `block` while `newest` is the newest one.
    #[must_use]
    pub fn reaches(self, block: BlockRef, newest: BlockRef) -> bool {
        let blocks = newest.number.saturating_sub(block.number);
        let seconds = newest.time.0.saturating_sub(block.time.0);
        blocks <= self.blocks || seconds <= self.seconds
    }
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
            indexed: Some(last.block),
            finalized: finalized.or(from.finalized),
            indexed_at: now,
            events: from.events.saturating_add(appended),
            decode_failures: from.decode_failures.saturating_add(failures),
            ..*from
        };
        let types = self.types_of(&batch.events).await?;
        let blocks = blocks_of(&headers, &batch.events);
        let write = self.database.bulk_write().await?;
        move_cursor(&write, from, &to).await?;
        let rows =
            blocks.into_values().map(|block| rows::block_row(from.chain_id, from.fork, block)).collect();
        insert_all(&write, rows).await?;
        let parts = self.make_partitions(&write, from, &batch.events).await?;
        failpoint("write.before");
        write_events(&write, from, &batch.events, &types).await?;
        failpoint("write.after");
        write_rest(&write, from, batch).await?;
        let to = prune_blocks(&write, to, window).await?;
        failpoint("commit.before");
        write.commit().await?;
        failpoint("commit.after");
        self.learn_partitions(parts);
        Ok(to)
    }

    /// Moves the finalized block without new blocks.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn finalize(&self, from: &ChainProgress, finalized: BlockRef) -> Result<ChainProgress, Error> {
        let to = ChainProgress { finalized: Some(finalized), ..*from };
        let write = self.database.bulk_write().await?;
        move_cursor(&write, from, &to).await?;
        write.commit().await?;
        Ok(to)
    }

    /// Makes the partitions that `events` fall into and that this process has not seen, and names them.
    pub(super) async fn make_partitions(
        &self,
        write: &BulkWrite,
        from: &ChainProgress,
        events: &[NewEvent],
    ) -> Result<BTreeSet<(ChainId, u64)>, Error> {
        if write.get_database_backend() != DatabaseBackend::Postgres {
            return Ok(BTreeSet::new());
        }
        let (chain, width) = (from.chain_id, from.partition_blocks);
        let parts = events.iter().map(|event| (chain, event.log.block_number / width));
        let mut parts: BTreeSet<_> = parts.collect();
        {
            let known = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
            parts.retain(|part| !known.contains(part));
        }
        for (_, part) in &parts {
            let first = part.saturating_mul(width);
            let begin = |block: u64| place::place(block, 0).map_or(i64::MAX, signed);
            let (low, high) = (begin(first), begin(first.saturating_add(width)));
            let statement = format!(
                "CREATE TABLE IF NOT EXISTS event_{chain}_{first} PARTITION OF event
                 FOR VALUES FROM ({chain}, {low}) TO ({chain}, {high})"
            );
            write.execute_unprepared(&statement).await?;
        }
        Ok(parts)
    }

    /// Remembers partitions whose transaction was kept.
    pub(super) fn learn_partitions(&self, parts: BTreeSet<(ChainId, u64)>) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).extend(parts);
    }

    pub(super) async fn types_of(&self, events: &[NewEvent]) -> Result<BTreeMap<(usize, Hash), i32>, Error> {
        let mut distinct: BTreeMap<(usize, Hash), &EventType> = BTreeMap::new();
        for event in events {
            distinct.entry(type_key(&event.of)).or_insert(&event.of);
        }
        let ids = self.type_ids(&distinct.values().copied().collect::<Vec<_>>()).await?;
        Ok(distinct.into_keys().zip(ids).collect())
    }
}

/// Sources are shared, so that their address tells them apart.
pub(super) fn type_key(of: &EventType) -> (usize, Hash) {
    (of.source.as_ptr().addr(), of.topic)
}

/// The blocks of the headers and those of the logs, by number.
pub(super) fn blocks_of(headers: &[Header], events: &[NewEvent]) -> BTreeMap<u64, KnownBlock> {
    let known = |header: &Header| KnownBlock {
        block: header.block,
        parent_hash: Some(header.parent_hash),
        events: 0,
    };
    let mut blocks: BTreeMap<u64, KnownBlock> =
        headers.iter().map(|header| (header.block.number, known(header))).collect();
    for NewEvent { log, .. } in events {
        let time = log.block_time.unwrap_or_default();
        let block = BlockRef { number: log.block_number, hash: log.block_hash, time };
        let entry = blocks.entry(log.block_number);
        entry.or_insert(KnownBlock { block, parent_hash: None, events: 0 }).events += 1;
    }
    blocks
}

/// Moves the cursor from exactly `from`, as the writer that `from` names: one that was replaced
/// meanwhile cannot write any more, whatever it believes, nor one that does not know what of its own
/// writing was kept.
pub(super) async fn move_cursor(
    write: &impl ConnectionTrait,
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
        .filter(chain::Column::Fork.eq(signed(from.fork)))
        .filter(chain::Column::Writer.eq(signed(from.writer)))
        .filter(chain::Column::Earliest.eq(signed(from.earliest)))
        .filter(chain::Column::Events.eq(signed(from.events)))
        .filter(at)
        .exec(write)
        .await?;
    if moved.rows_affected == 1 { Ok(()) } else { Err(Error::OtherWriter(from.chain_id)) }
}

/// Removes blocks and their logs.
async fn forget(write: &BulkWrite, blocks: Vec<block::Model>) -> Result<(), Error> {
    for block in blocks {
        let number = unsigned(block.number);
        event::Entity::delete_many()
            .filter(event::Column::ChainId.eq(block.chain_id))
            .filter(event::Column::Fork.eq(block.fork))
            .filter(event::Column::Place.gte(place::place(number, 0).map_or(i64::MAX, signed)))
            .filter(event::Column::Place.lte(signed(place::end_of(number))))
            .exec(write)
            .await?;
        block::Entity::delete_by_id((block.chain_id, block.number, block.fork)).exec(write).await?;
    }
    Ok(())
}

async fn write_events(
    write: &BulkWrite,
    from: &ChainProgress,
    events: &[NewEvent],
    types: &BTreeMap<(usize, Hash), i32>,
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    if write.get_database_backend() != DatabaseBackend::Postgres || events.len() <= FEW {
        for events in events.chunks(ROWS) {
            let model = |event| new_row(from, event, types).map(rows::NewRow::into_model);
            let rows = events.iter().map(model).collect::<Result<Vec<_>, _>>()?;
            insert_all(write, rows).await?;
        }
        return Ok(());
    }
    let copy = |event, copied: &mut CopyRows| new_row(from, event, types).map(|row| row.copy_to(copied));
    write.copy(EVENT_COLUMNS, events.iter(), copy).await
}

fn new_row<'a>(
    from: &ChainProgress,
    event: &'a NewEvent,
    types: &BTreeMap<(usize, Hash), i32>,
) -> Result<rows::NewRow<'a>, Error> {
    rows::new_event(from.chain_id, from.fork, event, types.get(&type_key(&event.of)).copied())
}

/// Writes the contracts that were found and what did not decode; how much of that was not there before.
pub(super) async fn write_rest(write: &BulkWrite, from: &ChainProgress, batch: Batch) -> Result<u64, Error> {
    let known =
        OnConflict::columns([contract::Column::ChainId, contract::Column::Address]).do_nothing().to_owned();
    for found in &batch.found {
        contract::Entity::insert(rows::contract_row(from.chain_id, found))
            .on_conflict(known.clone())
            .exec_without_returning(write)
            .await?;
    }
    let known = OnConflict::new().do_nothing().to_owned();
    let mut failures = 0;
    for entry in batch.quarantined {
        failures += quarantine::Entity::insert(rows::quarantine_row(from.chain_id, entry)?)
            .on_conflict(known.clone())
            .exec_without_returning(write)
            .await?;
    }
    Ok(failures)
}

/// Forgets blocks that nobody will ask for: those without logs out of a reorg's reach, and orphans
/// that are old, which is noted. Partial indexes keep this from looking at the others.
async fn prune_blocks(write: &BulkWrite, to: ChainProgress, window: Window) -> Result<ChainProgress, Error> {
    let (Some(indexed), Some(finalized)) = (to.indexed, to.finalized) else { return Ok(to) };
    let of_chain = block::Column::ChainId.eq(signed(to.chain_id.0));
    let keep_from = Ord::min(finalized.number, indexed.number.saturating_sub(window.blocks));
    block::Entity::delete_many()
        .filter(of_chain.clone())
        .filter(block::Column::OrphanedAt.is_null())
        .filter(block::Column::Events.eq(0))
        .filter(block::Column::Number.lt(signed(keep_from)))
        .filter(block::Column::Time.lt(signed(indexed.time.0.saturating_sub(window.seconds))))
        .exec(write)
        .await?;
    if to.fork == 0 {
        return Ok(to);
    }
    let Some(fork) = old_fork(write, &to).await? else { return Ok(to) };
    // Of a reorg that retention has forgotten the time is not known, but that of its blocks.
    let until = indexed.time.0.saturating_sub(KEEP_ORPHANS_SECONDS.saturating_add(window.seconds));
    let forgotten = block::Column::OrphanedAt.lte(signed(to.earliest_fork));
    let old = Condition::any()
        .add(block::Column::OrphanedAt.lte(fork))
        .add(forgotten.and(block::Column::Time.lt(signed(until))));
    let old =
        block::Entity::find().filter(of_chain).filter(block::Column::OrphanedAt.is_not_null()).filter(old);
    let old = old.all(write).await?;
    let newest = old.iter().filter_map(|block| block.orphaned_at).max().map_or(0, unsigned);
    forget(write, old).await?;
    note_forgotten(write, to, newest).await
}

/// Notes that blocks are forgotten that the reorg `fork` took back.
async fn note_forgotten(write: &BulkWrite, to: ChainProgress, fork: u64) -> Result<ChainProgress, Error> {
    if fork <= to.forgotten_fork {
        return Ok(to);
    }
    chain::Entity::update_many()
        .col_expr(chain::Column::ForgottenFork, signed(fork).into())
        .filter(chain::Column::ChainId.eq(signed(to.chain_id.0)))
        .exec(write)
        .await?;
    Ok(ChainProgress { forgotten_fork: fork, ..to })
}

/// The newest reorg that is long ago; its fork is zero where none is known to be.
async fn old_fork(write: &BulkWrite, to: &ChainProgress) -> Result<Option<i64>, Error> {
    let week = i64::try_from(KEEP_ORPHANS_SECONDS.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let oldest = reorg::Entity::find()
        .select_only()
        .column(reorg::Column::Fork)
        .filter(reorg::Column::ChainId.eq(signed(to.chain_id.0)))
        .filter(reorg::Column::SeenAt.lt(to.indexed_at.saturating_sub(week)))
        .order_by_desc(reorg::Column::Fork)
        .into_tuple()
        .one(write)
        .await?;
    Ok(oldest.or((to.earliest_fork > 0).then_some(0)))
}

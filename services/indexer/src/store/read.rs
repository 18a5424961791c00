//! Reading the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_chain::Log;
use capstan_db::columns::{HashColumn, signed, unsigned};
use capstan_db::indexer::entities::{block, chain, reorg};
use capstan_primitives::{Address, BlockRef, ChainId, Finality, Hash, Topics, TransactionId};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{Store, known::check_page, page::rows_of, rows};
use crate::{
    domain::{ChainProgress, Coverage, EventType, Position, Undo, place},
    error::Error,
};

/// A range of blocks that is looked up by its ends rather than block by block.
const DENSE: u64 = 4;

/// Which logs are wanted; an empty list of addresses means all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Emitting contracts.
    pub addresses: Vec<Address>,
    /// Kinds of logs by their numbers, in order; none for all.
    pub types: Option<Vec<i32>>,
    /// Transaction.
    pub transaction: Option<TransactionId>,
    /// Only what was part of the chain at this fork and is not any more; none for what is part of it.
    pub void: Option<u64>,
}

/// A part of a chain's log.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Only places after this one; before it, newest first.
    pub after: Option<u64>,
    /// Only places after this one, in either order.
    pub floor: Option<u64>,
    /// Only places through this one.
    pub until: u64,
    /// Newest first.
    pub newest_first: bool,
    /// Most logs.
    pub limit: u64,
}

/// A log as it is stored.
#[derive(Debug, Clone)]
pub struct RawEvent {
    /// Place in the chain.
    pub place: u64,
    /// Block.
    pub block: BlockRef,
    /// What it is filed under.
    pub of: EventType,
    /// Index of the transaction in the block.
    pub transaction_index: u32,
    /// Transaction.
    pub transaction: TransactionId,
    /// Emitting contract.
    pub address: Address,
    /// Topics after the event's id.
    pub topics: Topics,
    /// Data.
    pub data: Vec<u8>,
}

impl RawEvent {
    /// The log, and what it is filed under; nothing when it has more topics than a log can have.
    #[must_use]
    pub fn into_log(self) -> Option<(Log, EventType)> {
        let Self { place, block, of, transaction_index, transaction, address, topics, data } = self;
        let id = (of.topic != Hash::ZERO).then_some(of.topic);
        let log = Log {
            block_number: block.number,
            block_hash: block.hash,
            block_time: Some(block.time),
            transaction,
            transaction_index,
            log_index: place::index_of(place),
            address,
            topics: Topics::of(id.into_iter().chain(topics.iter().copied())).ok()?,
            data,
        };
        Some((log, of))
    }
}

/// A part of the log as of one snapshot.
#[derive(Debug)]
pub struct RawPage {
    /// The chain's cursor.
    pub progress: ChainProgress,
    /// Blocks to take back before anything else.
    pub undo: Option<Undo>,
    /// Logs that are part of the chain.
    pub events: Vec<RawEvent>,
    /// How far they reach.
    pub coverage: Coverage,
}

impl Store {
    /// Reads what follows `at`, about `limit` logs through place `until`; `None` while the chain's
    /// log has not begun.
    ///
    /// # Errors
    /// When the store does not answer, and [`Error::CursorPruned`] when a part of what follows is not kept.
    pub async fn read_log(
        &self,
        chain_id: ChainId,
        at: Position,
        wanted: &Wanted,
        bounds: Bounds,
    ) -> Result<Option<RawPage>, Error> {
        let read = self.read_events().await?;
        let Some(row) = chain::Entity::find_by_id(signed(chain_id.0)).one(&read).await? else {
            return Ok(None);
        };
        let progress = rows::progress(row);
        if at.log_id == progress.log_id && !progress.keeps(at) {
            return Err(Error::CursorPruned { chain_id, earliest: progress.earliest });
        }
        let (undo, after) = match junction(&read, &progress, at.fork).await? {
            Some(undo) if !at.is_unread() && at.place > place::end_of(undo.last_valid.number) => {
                let depth = place::number_of(at.place).saturating_sub(undo.last_valid.number);
                (Some(Undo { depth, ..undo }), at.place_after(&undo.last_valid))
            }
            _ => (None, at.place),
        };
        let indexed = progress.indexed.map_or(0, |block| place::end_of(block.number));
        let until = bounds.until(&progress).min(indexed);
        if after >= until {
            // A stream that waits for finality, or has ended, has not read what is indexed beyond it.
            let block = block_at(&read, &progress, after).await?;
            let coverage = Coverage { block, through: after, block_complete: true, complete: true };
            return Ok(Some(RawPage { progress, undo, events: Vec::new(), coverage }));
        }
        let span = Span { after: Some(after), floor: None, until, newest_first: false, limit: bounds.limit };
        let (events, read_through) = self.span(&read, chain_id, wanted, span).await?;
        let coverage = match read_through {
            None => {
                let block = block_at(&read, &progress, until).await?;
                Coverage { block, through: until, block_complete: true, complete: true }
            }
            Some((through, block_complete)) => {
                let block = events.last().map(|event| event.block);
                Coverage { block, through, block_complete, complete: false }
            }
        };
        Ok(Some(RawPage { progress, undo, events, coverage }))
    }

    /// Begins a read of one snapshot in which every log of the blocks that are kept is there. On
    /// PostgreSQL a partition that is dropped is gone for older snapshots too: the snapshot is taken
    /// under a lock that keeps partitions from being dropped.
    pub(super) async fn read_events(&self) -> Result<DatabaseTransaction, DbErr> {
        let read = self.database.read().await?;
        if self.database.backend() == DatabaseBackend::Postgres {
            read.execute_unprepared("LOCK TABLE ONLY event IN ACCESS SHARE MODE").await?;
        }
        Ok(read)
    }

    /// Reads a page of logs that are part of the chain and kept, and the chain's cursor in the same snapshot.
    /// The pages before were read through `before`.
    ///
    /// # Errors
    /// When the store does not answer, and as [`check_page`].
    pub async fn list(
        &self,
        chain_id: ChainId,
        wanted: &Wanted,
        span: Span,
        before: Option<Position>,
    ) -> Result<Option<(ChainProgress, Vec<RawEvent>, Option<u64>)>, Error> {
        let read = self.read_events().await?;
        let Some(row) = chain::Entity::find_by_id(signed(chain_id.0)).one(&read).await? else {
            return Ok(None);
        };
        let progress = rows::progress(row);
        if let Some(before) = before {
            check_page(&read, &progress, before).await?;
        }
        let span = Span { floor: span.floor.max(place::before(progress.earliest)), ..span };
        let (events, more) = self.span(&read, chain_id, wanted, span).await?;
        Ok(Some((progress, events, more.map(|(through, _)| through))))
    }

    /// The logs of a span that are part of the chain and, when there are more than its limit, the
    /// place through which they were read and whether the last one's block ends there.
    pub(super) async fn span(
        &self,
        read: &DatabaseTransaction,
        chain_id: ChainId,
        wanted: &Wanted,
        span: Span,
    ) -> Result<(Vec<RawEvent>, Option<(u64, bool)>), Error> {
        let (found, more) = rows_of(read, chain_id, wanted, span).await?;
        let numbers = found.iter().map(|row| row.place().map(place::number_of));
        let blocks = blocks(read, chain_id, &numbers.collect::<Result<_, _>>()?, wanted.void).await?;
        let mut types = BTreeMap::new();
        let mut events = Vec::with_capacity(found.len());
        for row in found {
            let Some(block) = blocks.get(&(place::number_of(row.place()?), row.fork()?)) else { continue };
            let type_ = row.type_()?;
            let of = match types.get(&type_) {
                Some(of) => of,
                None => types.entry(type_).or_insert(self.type_of(type_).await?),
            };
            events.push(row.event(*block, of.clone())?);
        }
        Ok((events, more))
    }
}

/// How much of the log is read.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most logs.
    pub limit: u64,
    /// Only blocks that are at least so final.
    pub finality: Finality,
    /// Newest block that the node calls safe.
    pub safe: Option<u64>,
    /// Last block.
    pub last_block: Option<u64>,
}

impl Bounds {
    fn until(self, progress: &ChainProgress) -> u64 {
        let last_block = self.last_block.map_or(u64::MAX, place::end_of);
        let last_final = progress.finalized.map_or(0, |block| place::end_of(block.number));
        let settled = match self.finality {
            Finality::Latest => u64::MAX,
            Finality::Safe => self.safe.map_or(0, place::end_of).max(last_final),
            Finality::Finalized => last_final,
        };
        last_block.min(settled)
    }
}

/// The blocks of these numbers that are part of the chain, or that were at the fork `void` and are not any
/// more, by number and fork.
async fn blocks(
    read: &DatabaseTransaction,
    chain_id: ChainId,
    numbers: &BTreeSet<u64>,
    void: Option<u64>,
) -> Result<HashMap<(u64, i64), BlockRef>, Error> {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(HashMap::new()) };
    let count = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    let which = if last - first <= count.saturating_mul(DENSE) {
        block::Column::Number.between(signed(*first), signed(*last))
    } else {
        block::Column::Number.is_in(numbers.iter().copied().map(signed))
    };
    let of_fork = match void {
        None => Condition::all().add(block::Column::OrphanedAt.is_null()),
        Some(fork) => Condition::all()
            .add(block::Column::Fork.lte(signed(fork)))
            .add(block::Column::OrphanedAt.gt(signed(fork))),
    };
    let rows: Vec<(i64, i64, HashColumn, i64)> = block::Entity::find()
        .select_only()
        .columns([block::Column::Number, block::Column::Fork, block::Column::Hash, block::Column::Time])
        .filter(block::Column::ChainId.eq(signed(chain_id.0)))
        .filter(of_fork)
        .filter(which)
        .into_tuple()
        .all(read)
        .await?;
    let block = |(number, fork, hash, time): (i64, i64, HashColumn, i64)| {
        ((unsigned(number), fork), rows::block_ref(number, hash.0, time))
    };
    Ok(rows.into_iter().map(block).collect())
}

/// The lowest junction of the reorgs after `fork` and through that of `progress`: what stands above it is not
/// as it was then.
pub(super) async fn junction(
    read: &DatabaseTransaction,
    progress: &ChainProgress,
    fork: u64,
) -> Result<Option<Undo>, Error> {
    if fork >= progress.fork {
        return Ok(None);
    }
    let lowest = reorg::Entity::find()
        .filter(reorg::Column::ChainId.eq(signed(progress.chain_id.0)))
        .filter(reorg::Column::Fork.gt(signed(fork)))
        .filter(reorg::Column::Fork.lte(signed(progress.fork)))
        .order_by_asc(reorg::Column::LastValidNumber)
        .one(read)
        .await?;
    Ok(lowest.map(rows::undo))
}

/// The block that ends at or before place `until`.
async fn block_at(
    read: &DatabaseTransaction,
    progress: &ChainProgress,
    until: u64,
) -> Result<Option<BlockRef>, Error> {
    match progress.indexed {
        Some(indexed) if until >= place::end_of(indexed.number) => Ok(Some(indexed)),
        _ => Ok(super::nearest_block(read, progress.chain_id, place::number_of(until)).await?),
    }
}

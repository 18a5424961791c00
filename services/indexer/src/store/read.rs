//! Reading the log.

use capstan_db::columns::{AddressColumn, HashColumn, TransactionColumn, signed, unsigned};
use capstan_db::indexer::entities::{chain, event, reorg};
use capstan_primitives::ChainId;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use super::{Store, rows};
use crate::{
    domain::{ChainProgress, Coverage, Entry, Event, EventFilter, LogPage, Undo},
    error::Error,
};

/// A page of events of one chain.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Chain.
    pub chain_id: ChainId,
    /// Which events.
    pub filter: EventFilter,
    /// The last position of the page before.
    pub after: Option<u64>,
    /// Newest first.
    pub newest_first: bool,
    /// Most events.
    pub limit: u64,
}

impl Store {
    /// Reads the entries after `after`, about `limit` of them; `None` while the chain's log has not
    /// begun. Orphaned events are left out: the undo that took them back is not.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read_log(
        &self,
        chain_id: ChainId,
        after: u64,
        filter: &EventFilter,
        limit: u64,
    ) -> Result<Option<LogPage>, Error> {
        let read = self.database.read().await?;
        let Some(row) = chain::Entity::find_by_id(signed(chain_id.0)).one(&read).await? else {
            return Ok(None);
        };
        let progress = rows::progress(row);
        let events = whole_blocks(&read, &progress, after, filter, limit).await?;
        let full = u64::try_from(events.len()).unwrap_or_default() >= limit;
        let last = events.last().map(|event| (event.position, event.event.block));
        let undos =
            undos(&read, chain_id, after, last.filter(|_| full).map(|(position, _)| position)).await?;
        let (block, through) = match last.filter(|_| full) {
            Some((position, block)) => (Some(block), position),
            None => (progress.indexed, progress.next_position.saturating_sub(1)),
        };
        let coverage = Coverage { block, through, complete: !full };
        Ok(Some(LogPage { progress, entries: merge(events, undos), coverage }))
    }

    /// Reads a page of events that are part of the chain, and the chain's cursor in the same snapshot.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, query: &ListQuery) -> Result<Option<(ChainProgress, Vec<Event>)>, Error> {
        let read = self.database.read().await?;
        let Some(row) = chain::Entity::find_by_id(signed(query.chain_id.0)).one(&read).await? else {
            return Ok(None);
        };
        let order = if query.newest_first { Order::Desc } else { Order::Asc };
        let rows = canonical(query.chain_id, &query.filter)
            .apply_if(query.after, |select, after| match query.newest_first {
                true => select.filter(event::Column::Position.lt(signed(after))),
                false => select.filter(event::Column::Position.gt(signed(after))),
            })
            .order_by(event::Column::Position, order)
            .limit(query.limit)
            .all(&read)
            .await?;
        let events = rows.into_iter().map(rows::event).collect::<Result<_, _>>()?;
        Ok(Some((rows::progress(row), events)))
    }
}

/// The events that are part of the chain and match `filter`.
fn canonical(chain_id: ChainId, filter: &EventFilter) -> Select<event::Entity> {
    let EventFilter { addresses, kinds, protocols, transaction, from_block, to_block } = filter;
    let some = |list: &Vec<_>| !list.is_empty();
    event::Entity::find()
        .filter(event::Column::ChainId.eq(signed(chain_id.0)))
        .filter(event::Column::OrphanedAt.is_null())
        .apply_if((!addresses.is_empty()).then_some(addresses), |select, addresses| {
            select.filter(event::Column::Address.is_in(addresses.iter().copied().map(AddressColumn)))
        })
        .apply_if(some(kinds).then_some(kinds), |select, kinds| {
            select.filter(event::Column::Kind.is_in(kinds))
        })
        .apply_if(some(protocols).then_some(protocols), |select, protocols| {
            select.filter(event::Column::Protocol.is_in(protocols))
        })
        .apply_if(transaction.clone(), |select, transaction| {
            select.filter(event::Column::TransactionId.eq(TransactionColumn(transaction)))
        })
        .apply_if(*from_block, |select, from| select.filter(event::Column::BlockNumber.gte(signed(from))))
        .apply_if(*to_block, |select, to| select.filter(event::Column::BlockNumber.lte(signed(to))))
}

/// At least `limit` events where there are as many, and the last one's block to its end: derived
/// state is only right at the end of a block.
async fn whole_blocks(
    read: &DatabaseTransaction,
    progress: &ChainProgress,
    after: u64,
    filter: &EventFilter,
    limit: u64,
) -> Result<Vec<Event>, Error> {
    let from = |after: u64| {
        canonical(progress.chain_id, filter)
            .filter(event::Column::Position.gt(signed(after)))
            .order_by_asc(event::Column::Position)
    };
    let mut rows = from(after).limit(limit).all(read).await?;
    if u64::try_from(rows.len()).unwrap_or_default() >= limit
        && let Some(last) = rows.last()
    {
        let same_block = event::Column::BlockHash.eq(HashColumn(last.block_hash.0));
        rows.extend(from(unsigned(last.position)).filter(same_block).all(read).await?);
    }
    rows.into_iter().map(rows::event).collect()
}

async fn undos(
    read: &DatabaseTransaction,
    chain_id: ChainId,
    after: u64,
    before: Option<u64>,
) -> Result<Vec<Undo>, Error> {
    let rows = reorg::Entity::find()
        .filter(reorg::Column::ChainId.eq(signed(chain_id.0)))
        .filter(reorg::Column::Position.gt(signed(after)))
        .apply_if(before, |select, before| select.filter(reorg::Column::Position.lt(signed(before))))
        .order_by_asc(reorg::Column::Position)
        .all(read)
        .await?;
    Ok(rows.into_iter().map(rows::undo).collect())
}

fn merge(events: Vec<Event>, undos: Vec<Undo>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = events.into_iter().map(Box::new).map(Entry::Event).collect();
    entries.extend(undos.into_iter().map(Entry::Undo));
    entries.sort_by_key(|entry| match entry {
        Entry::Event(event) => event.position,
        Entry::Undo(undo) => undo.position,
    });
    entries
}

//! Rows of a page of the log: how many, and how large.

use capstan_db::columns::{AddressColumn, TransactionColumn, bytes, signed, unsigned};
use capstan_db::indexer::entities::event;
use capstan_primitives::{BlockRef, ChainId};
use futures::TryStreamExt;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, Order, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, Select, StreamTrait,
};

use super::{RawEvent, Span, Wanted, rows};
use crate::{
    domain::{EventType, place},
    error::Error,
};

/// About how much data a page has at most, in bytes: logs may be large.
pub(super) const PAGE_BYTES: usize = 4 << 20;
/// Where the data stands in a [`Row`].
const DATA: usize = 7;

/// A row of [`select`], whose columns are read where they stand.
pub(super) struct Row(QueryResult);

/// The rows of a span, orphans included, and where they were cut when there are more than its limit, or than
/// [`PAGE_BYTES`]. What reorgs left at one place stays together: a reader goes on after a place, and its logs
/// are all read.
pub(super) async fn rows_of(
    read: &DatabaseTransaction,
    chain_id: ChainId,
    wanted: &Wanted,
    mut span: Span,
) -> Result<(Vec<Row>, Option<(u64, bool)>), Error> {
    let mut bytes = PAGE_BYTES;
    loop {
        let mut found = Row::some(read, select(chain_id, wanted, span), bytes).await?;
        let limit = usize::try_from(span.limit).unwrap_or(usize::MAX);
        let next = match found.is_cut {
            true => found.rows.last(),
            false => found.rows.get(limit),
        };
        let Some(next) = next.map(Row::place).transpose()? else { return Ok((found.rows, None)) };
        while found.rows.pop_if(|row| row.place().is_ok_and(|place| place == next)).is_some() {}
        if let Some(through) = found.rows.last().map(Row::place).transpose()? {
            let block_complete = place::number_of(next) != place::number_of(through);
            return Ok((found.rows, Some((through, block_complete))));
        }
        span.limit = span.limit.saturating_mul(2).max(2);
        bytes = bytes.saturating_mul(2);
    }
}

fn select(chain_id: ChainId, wanted: &Wanted, span: Span) -> Select<event::Entity> {
    let Wanted { addresses, types, transaction, void: _ } = wanted;
    let order = if span.newest_first { Order::Desc } else { Order::Asc };
    let until = match (span.newest_first, span.after) {
        (true, Some(after)) => event::Column::Place.lt(signed(after)),
        _ => event::Column::Place.lte(signed(span.until)),
    };
    let after = span.after.filter(|_| !span.newest_first).max(span.floor);
    event::Entity::find()
        .select_only()
        .columns([event::Column::Place, event::Column::Fork, event::Column::Type])
        .columns([event::Column::TransactionIndex, event::Column::TransactionId])
        .columns([event::Column::Address, event::Column::Topics, event::Column::Data])
        .filter(event::Column::ChainId.eq(signed(chain_id.0)))
        .filter(until)
        .apply_if(after, |select, after| select.filter(event::Column::Place.gt(signed(after))))
        .apply_if((!addresses.is_empty()).then_some(addresses), |select, addresses| {
            select.filter(event::Column::Address.is_in(addresses.iter().copied().map(AddressColumn)))
        })
        .apply_if(types.as_ref(), |select, types| {
            select.filter(event::Column::Type.is_in(types.iter().copied()))
        })
        .apply_if(transaction.clone(), |select, transaction| {
            select.filter(event::Column::TransactionId.eq(TransactionColumn(transaction)))
        })
        .order_by(event::Column::Place, order)
        .limit(span.limit.saturating_add(1))
}

/// The first rows of a query.
struct Rows {
    rows: Vec<Row>,
    /// Whether they were so large that not all were read.
    is_cut: bool,
}

impl Row {
    /// Rows of not much more data than `most` bytes together.
    async fn some(
        read: &DatabaseTransaction,
        select: Select<event::Entity>,
        most: usize,
    ) -> Result<Rows, DbErr> {
        let mut stream = read.stream(&select.into_query()).await?;
        let (mut rows, mut read) = (Vec::new(), 0);
        while let Some(row) = stream.try_next().await? {
            read += bytes(&row, DATA)?.len();
            rows.push(Self(row));
            if read > most && rows.len() > 1 {
                return Ok(Rows { rows, is_cut: true });
            }
        }
        Ok(Rows { rows, is_cut: false })
    }

    pub(super) fn place(&self) -> Result<u64, DbErr> {
        self.0.try_get_by_index(0).map(unsigned)
    }

    pub(super) fn fork(&self) -> Result<i64, DbErr> {
        self.0.try_get_by_index(1)
    }

    pub(super) fn type_(&self) -> Result<i32, DbErr> {
        self.0.try_get_by_index(2)
    }

    pub(super) fn event(&self, block: BlockRef, of: EventType) -> Result<RawEvent, Error> {
        let place = self.place()?;
        let malformed = |what: &dyn std::fmt::Display| Error::Row(format!("log at place {place}: {what}"));
        let transaction_index: i32 = self.0.try_get_by_index(3)?;
        Ok(RawEvent {
            place,
            block,
            of,
            transaction_index: u32::try_from(transaction_index).map_err(|error| malformed(&error))?,
            transaction: bytes(&self.0, 4)?.try_into().map_err(|error| malformed(&error))?,
            address: bytes(&self.0, 5)?.try_into().map_err(|error| malformed(&error))?,
            topics: rows::topics_of(bytes(&self.0, 6)?).map_err(|error| malformed(&error))?,
            data: bytes(&self.0, DATA)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;

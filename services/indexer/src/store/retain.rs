//! Letting go what is no longer kept: first it is no longer served, then it is removed part by part.

use capstan_db::bulk::BulkWrite;
use capstan_db::columns::{signed, unsigned};
use capstan_db::indexer::entities::{block, chain, event, quarantine, reorg};
use capstan_runtime::failpoint;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use super::{Store, append::move_cursor};
use crate::{
    domain::{ChainProgress, place},
    error::Error,
};

/// Most blocks, and about how many logs, of one transaction: other writers of SQLite wait for it.
const BLOCKS: u64 = 2_000;
const LOGS: u64 = 5_000;
/// Who waits for the table also holds up those who come after: not for long.
const LOCK: &str = "SET LOCAL lock_timeout = '500ms'; LOCK TABLE ONLY event IN ACCESS EXCLUSIVE MODE";
const PARTITIONS: &str = "SELECT child.relname::text AS name FROM pg_inherits
    JOIN pg_class child ON child.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = 'event'::regclass";

impl Store {
    /// Makes `earliest` the oldest block that is served, for every reader at once. Undos that nobody can
    /// be told any more are forgotten: all of what is kept came after them.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn raise_earliest(&self, from: &ChainProgress, earliest: u64) -> Result<ChainProgress, Error> {
        let chain_id = signed(from.chain_id.0);
        let write = self.database.bulk_write().await?;
        let newest: Option<i64> = reorg::Entity::find()
            .select_only()
            .column(reorg::Column::Fork)
            .filter(reorg::Column::ChainId.eq(chain_id))
            .filter(reorg::Column::LastValidNumber.lt(signed(earliest.saturating_sub(1))))
            .order_by_desc(reorg::Column::Fork)
            .into_tuple()
            .one(&write)
            .await?;
        let earliest_fork = from.earliest_fork.max(newest.map_or(0, unsigned));
        let to = ChainProgress { earliest, earliest_fork, ..*from };
        move_cursor(&write, from, &to).await?;
        reorg::Entity::delete_many()
            .filter(reorg::Column::ChainId.eq(chain_id))
            .filter(reorg::Column::Fork.lte(signed(earliest_fork)))
            .exec(&write)
            .await?;
        failpoint("retain.before");
        write.commit().await?;
        failpoint("retain.raised");
        Ok(to)
    }

    /// Removes a part of what is below the oldest block that is served; whether there is more. Orphaned
    /// blocks stay until they are old; the logs of PostgreSQL go with [`Store::drop_partitions`].
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn let_go(&self, from: &ChainProgress) -> Result<(ChainProgress, bool), Error> {
        let chain_id = signed(from.chain_id.0);
        let write = self.database.bulk_write().await?;
        let blocks = oldest(&write, from).await?;
        let bound = bound(&blocks, from.earliest);
        let failures = quarantine::Entity::delete_many()
            .filter(quarantine::Column::ChainId.eq(chain_id))
            .filter(quarantine::Column::BlockNumber.lt(signed(bound)))
            .exec(&write)
            .await?;
        if blocks.is_empty() && failures.rows_affected == 0 {
            return Ok((*from, false));
        }
        let events = blocks.iter().filter(|(number, _)| *number < bound).map(|(_, events)| events).sum();
        let to = ChainProgress {
            events: from.events.saturating_sub(events),
            decode_failures: from.decode_failures.saturating_sub(failures.rows_affected),
            ..*from
        };
        move_cursor(&write, from, &to).await?;
        block::Entity::delete_many()
            .filter(block::Column::ChainId.eq(chain_id))
            .filter(block::Column::Number.lt(signed(bound)))
            .filter(block::Column::OrphanedAt.is_null())
            .exec(&write)
            .await?;
        if write.get_database_backend() != DatabaseBackend::Postgres {
            event::Entity::delete_many()
                .filter(event::Column::ChainId.eq(chain_id))
                .filter(event::Column::Place.lte(place::before(bound).map_or(-1, signed)))
                .exec(&write)
                .await?;
        }
        write.commit().await?;
        failpoint("retain.part");
        Ok((to, bound < from.earliest))
    }

    /// Drops the partitions of PostgreSQL that are wholly below the oldest block that is served, and says
    /// how many. [`Store::read_events`] keeps readers from missing them unawares.
    ///
    /// # Errors
    /// When the store does not answer or is read from for too long, and [`Error::OtherWriter`].
    pub async fn drop_partitions(&self, progress: &ChainProgress) -> Result<u64, Error> {
        if self.database.backend() != DatabaseBackend::Postgres {
            return Ok(0);
        }
        let gone = self.old_partitions(progress).await?;
        let Some(first) = gone.first() else { return Ok(0) };
        tracing::debug!(chain = progress.chain_id.0, first, partitions = gone.len(), "dropping partitions");
        let write = self.database.bulk_write().await?;
        write.execute_unprepared(LOCK).await?;
        let row = chain::Entity::find_by_id(signed(progress.chain_id.0))
            .filter(chain::Column::LogId.eq(signed(progress.log_id)))
            .filter(chain::Column::Writer.eq(signed(progress.writer)));
        row.lock_exclusive().one(&write).await?.ok_or(Error::OtherWriter(progress.chain_id))?;
        for name in &gone {
            write.execute_unprepared(&format!("DROP TABLE {name}")).await?;
        }
        failpoint("retain.dropped");
        write.commit().await?;
        Ok(u64::try_from(gone.len()).unwrap_or_default())
    }

    /// The partitions of which nothing is served.
    async fn old_partitions(&self, progress: &ChainProgress) -> Result<Vec<String>, Error> {
        let prefix = format!("event_{}_", progress.chain_id);
        let is_old = |name: &String| {
            let first = name.strip_prefix(&prefix).and_then(|first| first.parse::<u64>().ok());
            first.is_some_and(|first| first.saturating_add(progress.partition_blocks) <= progress.earliest)
        };
        let read = self.database.read().await?;
        let rows = read.query_all_raw(Statement::from_string(DatabaseBackend::Postgres, PARTITIONS)).await?;
        let names = rows.iter().map(|row| row.try_get::<String>("", "name"));
        Ok(names.collect::<Result<Vec<_>, _>>()?.into_iter().filter(is_old).collect())
    }
}

/// Number and logs of the oldest blocks that are part of the chain and no longer served, at most
/// [`BLOCKS`].
async fn oldest(write: &BulkWrite, from: &ChainProgress) -> Result<Vec<(u64, u64)>, Error> {
    let rows: Vec<(i64, i32)> = block::Entity::find()
        .select_only()
        .columns([block::Column::Number, block::Column::Events])
        .filter(block::Column::ChainId.eq(signed(from.chain_id.0)))
        .filter(block::Column::Number.lt(signed(from.earliest)))
        .filter(block::Column::OrphanedAt.is_null())
        .order_by_asc(block::Column::Number)
        .limit(BLOCKS)
        .into_tuple()
        .all(write)
        .await?;
    Ok(rows.into_iter().map(|(number, events)| (unsigned(number), events.unsigned_abs().into())).collect())
}

/// The first block that stays for now.
fn bound(blocks: &[(u64, u64)], earliest: u64) -> u64 {
    let (Some((first, _)), Some((last, _))) = (blocks.first(), blocks.last()) else { return earliest };
    let mut logs = 0_u64;
    let too_many = blocks.iter().find(|(_, events)| {
        logs = logs.saturating_add(*events);
        logs > LOGS
    });
    let is_full = u64::try_from(blocks.len()).is_ok_and(|count| count >= BLOCKS);
    let stays = too_many.map_or(if is_full { *last } else { earliest }, |(number, _)| *number);
    stays.max(first.saturating_add(1)).min(earliest)
}

#[cfg(test)]
mod tests;

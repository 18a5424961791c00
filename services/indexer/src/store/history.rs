//! History that is added to blocks which are indexed already, for contracts that came later.

use std::collections::BTreeMap;

use capstan_chain::Log;
use capstan_db::bulk::BulkWrite;
use capstan_db::columns::{AddressColumn, signed, unsigned};
use capstan_db::indexer::entities::{block, covered, event, reorg};
use capstan_primitives::{Address, ChainId, Hash};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Statement, sea_query::OnConflict,
};

use super::{
    Store,
    append::{KnownBlock, blocks_of, move_cursor, type_key, write_rest},
    contracts::forget_contract,
    rows,
};
use crate::{
    domain::{Batch, ChainProgress, Covered, NewEvent, place},
    error::Error,
};

/// Rows of one statement; nine columns each stay below the databases' limits of parameters.
pub(super) const ROWS: usize = 1_000;

/// Numbers of kinds of logs.
pub(super) type Types = BTreeMap<(usize, Hash), i32>;

impl Store {
    /// How much of the configured contracts' history is in the log.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn covered(&self, chain_id: ChainId) -> Result<Vec<Covered>, Error> {
        let read = self.database.read().await?;
        let rows = covered::Entity::find()
            .filter(covered::Column::ChainId.eq(signed(chain_id.0)))
            .order_by_asc(covered::Column::Address)
            .all(&read)
            .await?;
        Ok(rows.into_iter().map(rows::covered).collect())
    }

    /// Notes how much of some contracts' history is in the log, and forgets that of others with what they
    /// made, in one transaction.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn cover(&self, from: &ChainProgress, change: Coverings) -> Result<ChainProgress, Error> {
        let Coverings { known, gone, is_new } = change;
        let to = ChainProgress { history: from.history.saturating_add(u64::from(is_new)), ..*from };
        let write = self.database.bulk_write().await?;
        for address in gone {
            forget_contract(&write, from.chain_id, address).await?;
        }
        for covered in known {
            write_covered(&write, from.chain_id, &covered).await?;
        }
        move_cursor(&write, from, &to).await?;
        write.commit().await?;
        Ok(to)
    }

    /// Adds the history of a contract in some indexed blocks, `of` saying how far it is in the log
    /// then, in one transaction. Logs that are there already stay as they are.
    ///
    /// # Errors
    /// As [`Store::append`], and [`Error::OtherBlock`] when a log is of another block than the one
    /// that is indexed at its height.
    pub async fn splice(
        &self,
        from: &ChainProgress,
        of: Covered,
        batch: Batch,
    ) -> Result<ChainProgress, Error> {
        let types = self.types_of(&batch.events).await?;
        let blocks = blocks_of(&[], &batch.events);
        let write = self.database.bulk_write().await?;
        let parts = self.make_partitions(&write, from, &batch.events).await?;
        let junctions = junctions(&write, from.chain_id).await?;
        make_blocks(&write, from, &blocks, &junctions).await?;
        let mut added = 0;
        for events in batch.events.chunks(ROWS) {
            let inserted = insert(&write, from, events, &types, &junctions).await?;
            let count = u64::try_from(events.len()).unwrap_or_default();
            if inserted < count && !of.is_of_pattern() {
                file_anew(&write, from, events, &types, &junctions).await?;
            }
            added += inserted;
        }
        count_events(&write, from.chain_id, &blocks).await?;
        let failures = write_rest(&write, from, batch).await?;
        let completes = of.next_block.is_none();
        let to = ChainProgress {
            history: from.history.saturating_add(u64::from(completes)),
            events: from.events.saturating_add(added),
            decode_failures: from.decode_failures.saturating_add(failures),
            ..*from
        };
        write_covered(&write, from.chain_id, &Covered { added: to.history, ..of }).await?;
        move_cursor(&write, from, &to).await?;
        write.commit().await?;
        self.learn_partitions(parts);
        Ok(to)
    }
}

/// How much of which contracts is in the log from now on.
#[derive(Debug, Default)]
pub struct Coverings {
    /// What is known of them.
    pub known: Vec<Covered>,
    /// Those that are no longer followed.
    pub gone: Vec<Address>,
    /// Whether readers are told that history is not what it was.
    pub is_new: bool,
}

/// Inserts logs that are not there under the forks of their blocks, and says how many.
pub(super) async fn insert(
    write: &BulkWrite,
    from: &ChainProgress,
    events: &[NewEvent],
    types: &Types,
    junctions: &[(u64, u64)],
) -> Result<u64, Error> {
    let model = |event: &NewEvent| {
        let fork = fork_at(from.earliest_fork, junctions, event.log.block_number);
        let type_ = types.get(&type_key(&event.of)).copied();
        rows::new_event(from.chain_id, fork, event, type_).map(rows::NewRow::into_model)
    };
    let rows = events.iter().map(model).collect::<Result<Vec<_>, _>>()?;
    let insert = event::Entity::insert_many(rows).on_conflict(OnConflict::new().do_nothing().to_owned());
    Ok(insert.exec_without_returning(write).await?)
}

/// Writes logs anew that are there under something else than they are now. Of another fork there may be
/// another log in the same place.
pub(super) async fn file_anew(
    write: &BulkWrite,
    from: &ChainProgress,
    events: &[NewEvent],
    types: &Types,
    junctions: &[(u64, u64)],
) -> Result<(), Error> {
    remove(write, from, events.iter().map(|event| &event.log), junctions).await?;
    insert(write, from, events, types, junctions).await?;
    Ok(())
}

/// Removes logs of blocks that are part of the chain, and says how many.
pub(super) async fn remove<'a>(
    write: &BulkWrite,
    from: &ChainProgress,
    logs: impl Iterator<Item = &'a Log>,
    junctions: &[(u64, u64)],
) -> Result<u64, Error> {
    let mut places: BTreeMap<(u64, Address), Vec<i64>> = BTreeMap::new();
    for log in logs {
        let fork = fork_at(from.earliest_fork, junctions, log.block_number);
        let place = place::place(log.block_number, log.log_index).map(signed);
        places.entry((fork, log.address)).or_default().extend(place);
    }
    let mut removed = 0;
    for ((fork, address), places) in places {
        let deleted = event::Entity::delete_many()
            .filter(event::Column::ChainId.eq(signed(from.chain_id.0)))
            .filter(event::Column::Fork.eq(signed(fork)))
            .filter(event::Column::Address.eq(AddressColumn(address)))
            .filter(event::Column::Place.is_in(places));
        removed += deleted.exec(write).await?.rows_affected;
    }
    Ok(removed)
}

pub(super) async fn write_covered(write: &BulkWrite, chain_id: ChainId, of: &Covered) -> Result<(), Error> {
    let replace = OnConflict::columns([covered::Column::ChainId, covered::Column::Address])
        .update_columns([
            covered::Column::Definition,
            covered::Column::StartBlock,
            covered::Column::NextBlock,
            covered::Column::Added,
        ])
        .to_owned();
    covered::Entity::insert(rows::covered_row(chain_id, of))
        .on_conflict(replace)
        .exec_without_returning(write)
        .await?;
    Ok(())
}

/// Fork and junction of every reorg.
pub(super) async fn junctions(write: &BulkWrite, chain_id: ChainId) -> Result<Vec<(u64, u64)>, Error> {
    let rows = reorg::Entity::find().filter(reorg::Column::ChainId.eq(signed(chain_id.0))).all(write).await?;
    Ok(rows.into_iter().map(|row| (unsigned(row.fork), unsigned(row.last_valid_number))).collect())
}

/// The fork of the block that is part of the chain at a height: it was indexed after the last reorg
/// that went below it. Those that are not kept went below all that is.
pub(super) fn fork_at(earliest_fork: u64, junctions: &[(u64, u64)], number: u64) -> u64 {
    let below = junctions.iter().filter(|(_, junction)| *junction < number);
    below.map(|(fork, _)| *fork).max().unwrap_or(0).max(earliest_fork)
}

/// Makes the rows of blocks that had no log so far.
pub(super) async fn make_blocks(
    write: &BulkWrite,
    from: &ChainProgress,
    blocks: &BTreeMap<u64, KnownBlock>,
    junctions: &[(u64, u64)],
) -> Result<(), Error> {
    let (Some((first, _)), Some((last, _))) = (blocks.first_key_value(), blocks.last_key_value()) else {
        return Ok(());
    };
    let which = match blocks.len() {
        ..=ROWS => block::Column::Number.is_in(blocks.keys().copied().map(signed)),
        _ => block::Column::Number.between(signed(*first), signed(*last)),
    };
    let known = block::Entity::find()
        .filter(block::Column::ChainId.eq(signed(from.chain_id.0)))
        .filter(which)
        .filter(block::Column::OrphanedAt.is_null())
        .all(write)
        .await?;
    let known: BTreeMap<u64, _> = known.into_iter().map(|row| (unsigned(row.number), row.hash.0)).collect();
    let other = |(number, block): (&u64, &KnownBlock)| {
        known.get(number).is_some_and(|hash| *hash != block.block.hash)
    };
    if let Some((number, _)) = blocks.iter().find(|(number, block)| other((number, block))) {
        return Err(Error::OtherBlock(*number));
    }
    let new = blocks.iter().filter(|(number, _)| !known.contains_key(number));
    let rows = new.map(|(number, block)| {
        rows::block_row(from.chain_id, fork_at(from.earliest_fork, junctions, *number), *block)
    });
    Ok(capstan_db::bulk::insert_all(write, rows.collect()).await?)
}

/// Counts the logs of blocks anew, from the first of some to the last one.
async fn count_events(
    write: &BulkWrite,
    chain_id: ChainId,
    blocks: &BTreeMap<u64, KnownBlock>,
) -> Result<(), Error> {
    match (blocks.first_key_value(), blocks.last_key_value()) {
        (Some((first, _)), Some((last, _))) => count_between(write, chain_id, *first, *last).await,
        _ => Ok(()),
    }
}

/// Counts the logs of blocks anew.
pub(super) async fn count_between(
    write: &BulkWrite,
    chain_id: ChainId,
    first: u64,
    last: u64,
) -> Result<(), Error> {
    let width = place::end_of(0).saturating_add(1);
    let counted = format!(
        "UPDATE block SET events = (SELECT count(*) FROM event WHERE event.chain_id = block.chain_id \
         AND event.fork = block.fork AND event.place >= block.number * {width} \
         AND event.place < (block.number + 1) * {width}) \
         WHERE chain_id = $1 AND number BETWEEN $2 AND $3 AND orphaned_at IS NULL"
    );
    let values = [signed(chain_id.0).into(), signed(first).into(), signed(last).into()];
    let statement = Statement::from_sql_and_values(write.get_database_backend(), counted, values);
    write.execute_raw(statement).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_of_the_last_fork_that_began_below_it() {
        let junctions = [(1, 10), (2, 5), (3, 20)];
        assert_eq!([4, 5, 6, 11, 20, 21].map(|number| fork_at(0, &junctions, number)), [0, 0, 2, 2, 2, 3]);
        assert_eq!([fork_at(0, &[], 9), fork_at(7, &[], 9), fork_at(7, &[(8, 3)], 9)], [0, 7, 8]);
    }
}

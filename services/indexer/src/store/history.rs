//! History that is added to blocks which are indexed already, for contracts that came later.

use std::collections::BTreeMap;

use capstan_db::bulk::BulkWrite;
use capstan_db::columns::{signed, unsigned};
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
const ROWS: usize = 1_000;

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

    /// Notes how much of some contracts' history is in the log, and forgets that of `gone` with what they
    /// made; with `is_new`, readers are told that history is not what it was.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn cover(
        &self,
        from: &ChainProgress,
        known: &[Covered],
        gone: &[Address],
        is_new: bool,
    ) -> Result<ChainProgress, Error> {
        let to = ChainProgress { history: from.history.saturating_add(u64::from(is_new)), ..*from };
        let write = self.database.bulk_write().await?;
        move_cursor(&write, from, &to).await?;
        for address in gone {
            forget_contract(&write, from.chain_id, *address).await?;
        }
        for covered in known {
            write_covered(&write, from.chain_id, covered).await?;
        }
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
        let blocks = blocks_of(&[], &batch);
        let write = self.database.bulk_write().await?;
        let parts = self.make_partitions(&write, from, &batch.events).await?;
        let junctions = junctions(&write, from.chain_id).await?;
        make_blocks(&write, from, &blocks, &junctions).await?;
        let mut added = 0;
        for events in batch.events.chunks(ROWS) {
            let model = |event: &NewEvent| {
                let fork = fork_at(from.earliest_fork, &junctions, event.log.block_number);
                let type_ = types.get(&type_key(&event.of)).copied();
                rows::new_event(from.chain_id, fork, event, type_).map(rows::NewRow::into_model)
            };
            let rows = events.iter().map(model).collect::<Result<Vec<_>, _>>()?;
            let count = u64::try_from(rows.len()).unwrap_or_default();
            let insert =
                event::Entity::insert_many(rows).on_conflict(OnConflict::new().do_nothing().to_owned());
            let inserted = insert.exec_without_returning(&write).await?;
            if inserted < count && !of.is_of_pattern() {
                file_anew(&write, from.chain_id, events, &types).await?;
            }
            added += inserted;
        }
        let completes = of.next_block.is_none();
        let to = ChainProgress {
            history: from.history.saturating_add(u64::from(completes)),
            events: from.events.saturating_add(added),
            decode_failures: from
                .decode_failures
                .saturating_add(u64::try_from(batch.quarantined.len()).unwrap_or_default()),
            ..*from
        };
        count_events(&write, from.chain_id, &blocks).await?;
        write_rest(&write, from, batch).await?;
        write_covered(&write, from.chain_id, &Covered { added: to.history, ..of }).await?;
        move_cursor(&write, from, &to).await?;
        write.commit().await?;
        self.learn_partitions(parts);
        Ok(to)
    }
}

/// Files logs under their contract that a pattern had brought into the log before.
async fn file_anew(
    write: &BulkWrite,
    chain_id: ChainId,
    events: &[NewEvent],
    types: &BTreeMap<(usize, Hash), i32>,
) -> Result<(), Error> {
    let mut places: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for NewEvent { log, of } in events {
        let place = place::place(log.block_number, log.log_index).map(signed);
        let Some(type_) = types.get(&type_key(of)).copied() else { continue };
        places.entry(type_).or_default().extend(place);
    }
    for (type_, places) in places {
        event::Entity::update_many()
            .col_expr(event::Column::Type, type_.into())
            .filter(event::Column::ChainId.eq(signed(chain_id.0)))
            .filter(event::Column::Place.is_in(places))
            .filter(event::Column::Type.ne(type_))
            .exec(write)
            .await?;
    }
    Ok(())
}

async fn write_covered(write: &BulkWrite, chain_id: ChainId, of: &Covered) -> Result<(), Error> {
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
async fn junctions(write: &BulkWrite, chain_id: ChainId) -> Result<Vec<(u64, u64)>, Error> {
    let rows = reorg::Entity::find().filter(reorg::Column::ChainId.eq(signed(chain_id.0))).all(write).await?;
    Ok(rows.into_iter().map(|row| (unsigned(row.fork), unsigned(row.last_valid_number))).collect())
}

/// The fork of the block that is part of the chain at a height: it was indexed after the last reorg
/// that went below it. Those that are not kept went below all that is.
fn fork_at(earliest_fork: u64, junctions: &[(u64, u64)], number: u64) -> u64 {
    let below = junctions.iter().filter(|(_, junction)| *junction < number);
    below.map(|(fork, _)| *fork).max().unwrap_or(0).max(earliest_fork)
}

/// Makes the rows of blocks that had no log so far.
async fn make_blocks(
    write: &BulkWrite,
    from: &ChainProgress,
    blocks: &BTreeMap<u64, KnownBlock>,
    junctions: &[(u64, u64)],
) -> Result<(), Error> {
    let (Some((first, _)), Some((last, _))) = (blocks.first_key_value(), blocks.last_key_value()) else {
        return Ok(());
    };
    let known = block::Entity::find()
        .filter(block::Column::ChainId.eq(signed(from.chain_id.0)))
        .filter(block::Column::Number.between(signed(*first), signed(*last)))
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

/// Counts the logs of blocks anew.
async fn count_events(
    write: &BulkWrite,
    chain_id: ChainId,
    blocks: &BTreeMap<u64, KnownBlock>,
) -> Result<(), Error> {
    let (Some((first, _)), Some((last, _))) = (blocks.first_key_value(), blocks.last_key_value()) else {
        return Ok(());
    };
    let width = place::end_of(0).saturating_add(1);
    let counted = format!(
        "UPDATE block SET events = (SELECT count(*) FROM event WHERE event.chain_id = block.chain_id \
         AND event.fork = block.fork AND event.place >= block.number * {width} \
         AND event.place < (block.number + 1) * {width}) \
         WHERE chain_id = $1 AND number BETWEEN $2 AND $3 AND orphaned_at IS NULL"
    );
    let values = [signed(chain_id.0).into(), signed(*first).into(), signed(*last).into()];
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

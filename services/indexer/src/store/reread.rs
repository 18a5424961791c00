//! Logs that another definition of their contract makes events of, or no longer does.

use std::collections::{BTreeMap, BTreeSet};

use capstan_db::bulk::BulkWrite;
use capstan_db::columns::{AddressColumn, HashColumn, signed};
use capstan_db::indexer::entities::{event, quarantine};
use capstan_primitives::Address;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    append::{blocks_of, write_rest},
    history::{ROWS, Types, count_between, file_anew, fork_at, insert, junctions, make_blocks},
    rows,
};
use crate::{
    domain::{ChainProgress, NewEvent, Quarantined, Reread, place},
    error::Error,
};

/// How many more events and failures there are.
pub(super) struct Moved {
    pub(super) events: i64,
    pub(super) failures: i64,
}

/// Moves logs between the log and the quarantine, each to its place and the fork of its block, and files
/// others anew. `types` are those of what is moved and of what is filed.
pub(super) async fn put_in_place(
    write: &BulkWrite,
    from: &ChainProgress,
    reread: Reread,
    types: [Types; 2],
) -> Result<Moved, Error> {
    if reread.is_empty() {
        return Ok(Moved { events: 0, failures: 0 });
    }
    let (Reread { moved, filed }, [of_moved, of_filed]) = (reread, types);
    let junctions = junctions(write, from.chain_id).await?;
    let mut blocks: BTreeSet<u64> = moved.quarantined.iter().map(|entry| entry.log.block_number).collect();
    blocks.extend(moved.events.iter().map(|event| event.log.block_number));
    let (mut added, mut removed) = (0, 0);
    for events in moved.events.chunks(ROWS) {
        make_blocks(write, from, &blocks_of(&[], events), &junctions).await?;
        added += insert(write, from, events, &of_moved, &junctions).await?;
    }
    let recovered = release(write, from, &moved.events).await?;
    for events in filed.chunks(ROWS) {
        file_anew(write, from.chain_id, events, &of_filed).await?;
    }
    for entries in moved.quarantined.chunks(ROWS) {
        removed += take_out(write, from, entries, &junctions).await?;
    }
    let failures = write_rest(write, from, moved).await?;
    for number in blocks {
        count_between(write, from.chain_id, number, number).await?;
    }
    let more = |now: u64, before: u64| signed(now).saturating_sub(signed(before));
    Ok(Moved { events: more(added, removed), failures: more(failures, recovered) })
}

/// Takes logs out of the quarantine that are in the log now.
async fn release(write: &BulkWrite, from: &ChainProgress, events: &[NewEvent]) -> Result<u64, Error> {
    let mut released = 0;
    for NewEvent { log, .. } in events {
        let row = (signed(from.chain_id.0), HashColumn(log.block_hash), rows::index(log.log_index)?);
        released += quarantine::Entity::delete_by_id(row).exec(write).await?.rows_affected;
    }
    Ok(released)
}

/// Takes logs out of the log that go into the quarantine. Of blocks that left the chain they stay.
async fn take_out(
    write: &BulkWrite,
    from: &ChainProgress,
    entries: &[Quarantined],
    junctions: &[(u64, u64)],
) -> Result<u64, Error> {
    let mut places: BTreeMap<(u64, Address), Vec<i64>> = BTreeMap::new();
    for Quarantined { log, .. } in entries {
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

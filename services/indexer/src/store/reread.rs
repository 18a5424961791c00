//! Logs that another definition of their contract makes events of, or no longer does.

use std::collections::BTreeSet;

use capstan_db::bulk::BulkWrite;
use capstan_db::columns::{AddressColumn, HashColumn, signed};
use capstan_db::indexer::entities::{event, quarantine};
use capstan_primitives::Address;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    Store,
    append::{blocks_of, move_cursor, write_rest},
    history::{ROWS, Types, count_between, file_anew, insert, junctions, make_blocks, remove, write_covered},
    rows,
};
use crate::{
    domain::{ChainProgress, Covered, EventType, NewEvent, Reread},
    error::Error,
};

/// Numbers of the kinds that logs have now, and of those that they had and have.
struct Kinds {
    moved: Types,
    filed: Types,
    renamed: Vec<(i32, i32)>,
}

impl Store {
    /// Moves logs of a contract between the log and the quarantine, each to its place and the fork of its
    /// block, and files others anew, in one transaction. `behind` is what is still to be fetched of the
    /// contract's history, if that changes.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn reread(
        &self,
        from: &ChainProgress,
        address: Address,
        reread: Reread,
        behind: Option<Covered>,
    ) -> Result<ChainProgress, Error> {
        let kinds = Kinds {
            moved: self.types_of(&reread.moved.events).await?,
            filed: self.types_of(&reread.filed).await?,
            renamed: self.renamed(&reread.renamed).await?,
        };
        let write = self.database.bulk_write().await?;
        let parts = self.make_partitions(&write, from, &reread.moved.events).await?;
        rename(&write, from, address, &kinds.renamed).await?;
        let to = put_in_place(&write, from, reread, &kinds).await?;
        if let Some(behind) = behind {
            write_covered(&write, from.chain_id, &behind).await?;
        }
        move_cursor(&write, from, &to).await?;
        write.commit().await?;
        self.learn_partitions(parts);
        Ok(to)
    }

    async fn renamed(&self, renamed: &[(EventType, EventType)]) -> Result<Vec<(i32, i32)>, Error> {
        let (before, now): (Vec<_>, Vec<_>) = renamed.iter().map(|(before, now)| (before, now)).unzip();
        Ok(self.type_ids(&before).await?.into_iter().zip(self.type_ids(&now).await?).collect())
    }
}

/// What a contract emitted is filed under other names, also in blocks that left the chain.
async fn rename(
    write: &BulkWrite,
    from: &ChainProgress,
    address: Address,
    renamed: &[(i32, i32)],
) -> Result<(), Error> {
    for (before, now) in renamed {
        event::Entity::update_many()
            .col_expr(event::Column::Type, (*now).into())
            .filter(event::Column::ChainId.eq(signed(from.chain_id.0)))
            .filter(event::Column::Address.eq(AddressColumn(address)))
            .filter(event::Column::Type.eq(*before))
            .exec(write)
            .await?;
    }
    Ok(())
}

async fn put_in_place(
    write: &BulkWrite,
    from: &ChainProgress,
    reread: Reread,
    kinds: &Kinds,
) -> Result<ChainProgress, Error> {
    let Reread { moved, filed, renamed: _ } = reread;
    let junctions = junctions(write, from.chain_id).await?;
    let mut blocks: BTreeSet<u64> = moved.quarantined.iter().map(|entry| entry.log.block_number).collect();
    blocks.extend(moved.events.iter().map(|event| event.log.block_number));
    let (mut added, mut removed) = (0, 0);
    for events in moved.events.chunks(ROWS) {
        make_blocks(write, from, &blocks_of(&[], events), &junctions).await?;
        added += insert(write, from, events, &kinds.moved, &junctions).await?;
    }
    let recovered = release(write, from, &moved.events).await?;
    for events in filed.chunks(ROWS) {
        file_anew(write, from, events, &kinds.filed, &junctions).await?;
    }
    // Of blocks that left the chain they stay.
    for entries in moved.quarantined.chunks(ROWS) {
        removed += remove(write, from, entries.iter().map(|entry| &entry.log), &junctions).await?;
    }
    let failures = write_rest(write, from, moved).await?;
    for number in blocks {
        count_between(write, from.chain_id, number, number).await?;
    }
    Ok(ChainProgress {
        events: from.events.saturating_add(added).saturating_sub(removed),
        decode_failures: from.decode_failures.saturating_add(failures).saturating_sub(recovered),
        ..*from
    })
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

//! Rows ↔ domain types.

use capstan_chain::Header;
use capstan_db::columns::{AddressColumn, HashColumn, TransactionColumn, signed, unsigned};
use capstan_db::indexer::entities::{block, chain, contract, event, quarantine, reorg};
use capstan_primitives::{BlockRef, BlockTime, ChainId, Hash};
use sea_orm::{NotSet, Set};

use crate::{
    domain::{ChainProgress, Event, Found, NewEvent, Quarantined, Undo},
    error::Error,
};

pub(super) fn block_ref(number: i64, hash: Hash, time: i64) -> BlockRef {
    BlockRef { number: unsigned(number), hash, time: BlockTime(unsigned(time)) }
}

fn optional_block(number: Option<i64>, hash: Option<HashColumn>, time: Option<i64>) -> Option<BlockRef> {
    Some(block_ref(number?, hash?.0, time?))
}

pub(super) fn progress(row: chain::Model) -> ChainProgress {
    ChainProgress {
        chain_id: ChainId(unsigned(row.chain_id)),
        log_id: unsigned(row.log_id),
        next_position: unsigned(row.next_position),
        indexed: optional_block(row.indexed_number, row.indexed_hash, row.indexed_time),
        finalized: optional_block(row.finalized_number, row.finalized_hash, row.finalized_time),
        indexed_at: row.indexed_at,
        events: unsigned(row.events),
        reorgs: unsigned(row.reorgs),
        decode_failures: unsigned(row.decode_failures),
    }
}

pub(super) fn chain_row(progress: &ChainProgress) -> chain::ActiveModel {
    let block = |block: Option<BlockRef>| {
        (
            Set(block.map(|block| signed(block.number))),
            Set(block.map(|block| HashColumn(block.hash))),
            Set(block.map(|block| signed(block.time.0))),
        )
    };
    let (indexed_number, indexed_hash, indexed_time) = block(progress.indexed);
    let (finalized_number, finalized_hash, finalized_time) = block(progress.finalized);
    chain::ActiveModel {
        chain_id: NotSet,
        log_id: NotSet,
        next_position: Set(signed(progress.next_position)),
        indexed_number,
        indexed_hash,
        indexed_time,
        finalized_number,
        finalized_hash,
        finalized_time,
        indexed_at: Set(progress.indexed_at),
        events: Set(signed(progress.events)),
        reorgs: Set(signed(progress.reorgs)),
        decode_failures: Set(signed(progress.decode_failures)),
    }
}

pub(super) fn found(row: contract::Model) -> Option<Found> {
    // A protocol that this version no longer knows cannot be decoded; its contracts are left alone.
    let protocol = capstan_chain::protocol(&row.protocol)?.name;
    let created_block = unsigned(row.created_block);
    Some(Found { address: row.address.0, protocol, factory: row.factory.0, created_block })
}

pub(super) fn contract_row(chain_id: ChainId, found: &Found) -> contract::ActiveModel {
    contract::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        address: Set(AddressColumn(found.address)),
        protocol: Set(found.protocol.to_owned()),
        factory: Set(AddressColumn(found.factory)),
        created_block: Set(signed(found.created_block)),
    }
}

pub(super) fn block_row(chain_id: ChainId, header: &Header) -> block::ActiveModel {
    block::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        hash: Set(HashColumn(header.block.hash)),
        number: Set(signed(header.block.number)),
        parent_hash: Set(HashColumn(header.parent_hash)),
        time: Set(signed(header.block.time.0)),
        orphaned_at: Set(None),
    }
}

pub(super) fn event_row(chain_id: ChainId, at: u64, event: &NewEvent) -> Result<event::ActiveModel, Error> {
    Ok(event::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        position: Set(signed(at)),
        block_number: Set(signed(event.block.number)),
        block_hash: Set(HashColumn(event.block.hash)),
        block_time: Set(signed(event.block.time.0)),
        transaction_id: Set(TransactionColumn(event.transaction.clone())),
        transaction_index: Set(index(event.transaction_index)?),
        log_index: Set(index(event.log_index)?),
        address: Set(AddressColumn(event.address)),
        protocol: Set(event.protocol.clone()),
        kind: Set(event.kind.clone()),
        name: Set(event.name.clone()),
        arguments: Set(event.arguments.to_string()),
        orphaned_at: Set(None),
    })
}

pub(super) fn event(row: event::Model) -> Result<Event, Error> {
    let malformed = |what: &dyn std::fmt::Display| Error::Row(format!("event {}: {what}", row.position));
    let arguments = serde_json::from_str(&row.arguments).map_err(|error| malformed(&error))?;
    Ok(Event {
        position: unsigned(row.position),
        event: NewEvent {
            block: block_ref(row.block_number, row.block_hash.0, row.block_time),
            transaction_index: u32::try_from(row.transaction_index).map_err(|error| malformed(&error))?,
            log_index: u32::try_from(row.log_index).map_err(|error| malformed(&error))?,
            transaction: row.transaction_id.0,
            address: row.address.0,
            protocol: row.protocol,
            kind: row.kind,
            name: row.name,
            arguments,
        },
    })
}

pub(super) fn quarantine_row(
    chain_id: ChainId,
    entry: Quarantined,
) -> Result<quarantine::ActiveModel, Error> {
    let Quarantined { log, reason } = entry;
    Ok(quarantine::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        block_hash: Set(HashColumn(log.block_hash)),
        log_index: Set(index(log.log_index)?),
        block_number: Set(signed(log.block_number)),
        transaction_id: Set(TransactionColumn(log.transaction)),
        address: Set(AddressColumn(log.address)),
        topics: Set(log.topics.iter().flat_map(|topic| *topic.as_bytes()).collect()),
        data: Set(log.data),
        reason: Set(reason),
    })
}

pub(super) fn reorg_row(chain_id: ChainId, undo: &Undo, seen_at: i64) -> reorg::ActiveModel {
    reorg::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        position: Set(signed(undo.position)),
        last_valid_number: Set(signed(undo.last_valid.number)),
        last_valid_hash: Set(HashColumn(undo.last_valid.hash)),
        last_valid_time: Set(signed(undo.last_valid.time.0)),
        depth: Set(signed(undo.depth)),
        seen_at: Set(seen_at),
    }
}

pub(super) fn undo(row: reorg::Model) -> Undo {
    Undo {
        position: unsigned(row.position),
        last_valid: block_ref(row.last_valid_number, row.last_valid_hash.0, row.last_valid_time),
        depth: unsigned(row.depth),
    }
}

fn index(number: u32) -> Result<i32, Error> {
    i32::try_from(number).map_err(|_| Error::Row(format!("index {number} is over 2^31 - 1")))
}

//! Rows ↔ domain types.

use capstan_chain::Log;
use capstan_db::bulk::CopyRows;
use capstan_db::columns::{AddressColumn, HashColumn, TransactionColumn, signed, unsigned};
use capstan_db::indexer::entities::{block, chain, contract, covered, event, quarantine, reorg};
use capstan_primitives::{BlockRef, BlockTime, ChainId, Hash, Topics};
use sea_orm::Set;

use super::KnownBlock;
use crate::{
    domain::{ChainProgress, Covered, Found, NewEvent, Quarantined, Undo, place},
    error::Error,
};

pub(super) fn block_ref(number: i64, hash: Hash, time: i64) -> BlockRef {
    BlockRef { number: unsigned(number), hash, time: BlockTime(unsigned(time)) }
}

pub(super) fn optional_block(
    number: Option<i64>,
    hash: Option<HashColumn>,
    time: Option<i64>,
) -> Option<BlockRef> {
    Some(block_ref(number?, hash?.0, time?))
}

pub(super) fn progress(row: chain::Model) -> ChainProgress {
    ChainProgress {
        chain_id: ChainId(unsigned(row.chain_id)),
        log_id: unsigned(row.log_id),
        fork: unsigned(row.fork),
        history: unsigned(row.history),
        writer: unsigned(row.writer),
        indexed: optional_block(row.indexed_number, row.indexed_hash, row.indexed_time),
        finalized: optional_block(row.finalized_number, row.finalized_hash, row.finalized_time),
        first_block: unsigned(row.first_block),
        earliest: unsigned(row.earliest),
        earliest_fork: unsigned(row.earliest_fork),
        forgotten_fork: unsigned(row.forgotten_fork),
        partition_blocks: unsigned(row.partition_blocks).max(1),
        indexed_at: row.indexed_at,
        events: unsigned(row.events),
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
        fork: Set(signed(progress.fork)),
        history: Set(signed(progress.history)),
        indexed_number,
        indexed_hash,
        indexed_time,
        finalized_number,
        finalized_hash,
        finalized_time,
        earliest: Set(signed(progress.earliest)),
        earliest_fork: Set(signed(progress.earliest_fork)),
        forgotten_fork: Set(signed(progress.forgotten_fork)),
        indexed_at: Set(progress.indexed_at),
        events: Set(signed(progress.events)),
        decode_failures: Set(signed(progress.decode_failures)),
        ..Default::default()
    }
}

pub(super) fn found(row: contract::Model) -> Option<Found> {
    // A protocol that this version no longer knows cannot be decoded; its contracts are left alone.
    let protocol = capstan_chain::protocol(&row.protocol)?.name;
    let created_block = unsigned(row.created_block);
    let tokens = [row.token0, row.token1].map(|token| token.map(|token| token.0));
    Some(Found { address: row.address.0, protocol, factory: row.factory.0, created_block, tokens })
}

pub(super) fn contract_row(chain_id: ChainId, found: &Found) -> contract::ActiveModel {
    let Found { address, protocol, factory, created_block, tokens } = *found;
    let [token0, token1] = tokens.map(|token| token.map(AddressColumn));
    contract::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        address: Set(AddressColumn(address)),
        protocol: Set(protocol.to_owned()),
        factory: Set(AddressColumn(factory)),
        created_block: Set(signed(created_block)),
        token0: Set(token0),
        token1: Set(token1),
    }
}

pub(super) fn block_row(chain_id: ChainId, fork: u64, known: KnownBlock) -> block::ActiveModel {
    let KnownBlock { block, parent_hash, events } = known;
    block::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        number: Set(signed(block.number)),
        fork: Set(signed(fork)),
        hash: Set(HashColumn(block.hash)),
        parent_hash: Set(parent_hash.map(HashColumn)),
        time: Set(signed(block.time.0)),
        events: Set(events),
        orphaned_at: Set(None),
    }
}

pub(super) fn known_block(row: block::Model) -> KnownBlock {
    let block = block_ref(row.number, row.hash.0, row.time);
    KnownBlock { block, parent_hash: row.parent_hash.map(|hash| hash.0), events: row.events }
}

/// A row of the table of logs that borrows what it can.
pub(super) struct NewRow<'a> {
    chain_id: i64,
    place: i64,
    fork: i64,
    type_: i32,
    transaction_index: i32,
    event: &'a NewEvent,
    topics: &'a [Hash],
}

pub(super) fn new_event<'a>(
    chain_id: ChainId,
    fork: u64,
    event: &'a NewEvent,
    type_: Option<i32>,
) -> Result<NewRow<'a>, Error> {
    let log = &event.log;
    let out_of_range = || Error::Row(format!("log {} of block {}", log.log_index, log.block_number));
    // The first topic is in the type, unless that has none.
    let after_id = usize::from(event.of.topic != Hash::ZERO);
    Ok(NewRow {
        chain_id: signed(chain_id.0),
        place: signed(place::place(log.block_number, log.log_index).ok_or_else(out_of_range)?),
        fork: signed(fork),
        type_: type_.ok_or_else(out_of_range)?,
        transaction_index: index(log.transaction_index)?,
        event,
        topics: log.topics.get(after_id..).unwrap_or_default(),
    })
}

impl NewRow<'_> {
    /// In the order of the columns of the table.
    pub(super) fn copy_to(&self, rows: &mut CopyRows) {
        let log = &self.event.log;
        rows.row().i64(self.chain_id).i64(self.place).i64(self.fork);
        rows.i32(self.type_).i32(self.transaction_index);
        rows.bytes(log.transaction.as_bytes()).bytes(log.address.as_bytes());
        rows.words(self.topics).bytes(&log.data);
    }

    pub(super) fn into_model(self) -> event::ActiveModel {
        let log = &self.event.log;
        event::ActiveModel {
            chain_id: Set(self.chain_id),
            place: Set(self.place),
            fork: Set(self.fork),
            r#type: Set(self.type_),
            transaction_index: Set(self.transaction_index),
            transaction_id: Set(TransactionColumn(log.transaction.clone())),
            address: Set(AddressColumn(log.address)),
            topics: Set(bytes_of(self.topics)),
            data: Set(log.data.clone()),
        }
    }
}

/// Topics that were stored one behind the other.
pub(super) fn topics_of(bytes: &[u8]) -> Result<Topics, &'static str> {
    let (topics, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err("topics are not whole");
    }
    Topics::of(topics.iter().copied().map(Hash::from)).map_err(|_| "there are too many topics")
}

fn bytes_of(topics: &[Hash]) -> Vec<u8> {
    topics.iter().flat_map(|topic| *topic.as_bytes()).collect()
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
        block_time: Set(signed(log.block_time.unwrap_or_default().0)),
        transaction_id: Set(TransactionColumn(log.transaction)),
        transaction_index: Set(index(log.transaction_index)?),
        address: Set(AddressColumn(log.address)),
        topics: Set(bytes_of(&log.topics)),
        data: Set(log.data),
        reason: Set(reason),
    })
}

pub(super) fn covered(row: covered::Model) -> Covered {
    Covered {
        address: row.address.0,
        definition: row.definition.0,
        start_block: unsigned(row.start_block),
        next_block: row.next_block.map(unsigned),
        added: unsigned(row.added),
    }
}

pub(super) fn covered_row(chain_id: ChainId, of: &Covered) -> covered::ActiveModel {
    covered::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        address: Set(AddressColumn(of.address)),
        definition: Set(HashColumn(of.definition)),
        start_block: Set(signed(of.start_block)),
        next_block: Set(of.next_block.map(signed)),
        added: Set(signed(of.added)),
    }
}

pub(super) fn quarantined(row: quarantine::Model) -> Result<Quarantined, Error> {
    let wrong = |what: &str| Error::Row(format!("log {} in quarantine: {what}", row.log_index));
    let index = |number: i32| u32::try_from(number).map_err(|_| wrong("an index is negative"));
    let log = Log {
        address: row.address.0,
        topics: topics_of(&row.topics).map_err(wrong)?,
        block_number: unsigned(row.block_number),
        block_hash: row.block_hash.0,
        block_time: Some(BlockTime(unsigned(row.block_time))),
        transaction_index: index(row.transaction_index)?,
        log_index: index(row.log_index)?,
        transaction: row.transaction_id.0,
        data: row.data,
    };
    Ok(Quarantined { log, reason: row.reason })
}

pub(super) fn reorg_row(chain_id: ChainId, undo: &Undo, seen_at: i64) -> reorg::ActiveModel {
    reorg::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        fork: Set(signed(undo.fork)),
        last_valid_number: Set(signed(undo.last_valid.number)),
        last_valid_hash: Set(HashColumn(undo.last_valid.hash)),
        last_valid_time: Set(signed(undo.last_valid.time.0)),
        depth: Set(signed(undo.depth)),
        seen_at: Set(seen_at),
    }
}

pub(super) fn undo(row: reorg::Model) -> Undo {
    Undo {
        fork: unsigned(row.fork),
        last_valid: block_ref(row.last_valid_number, row.last_valid_hash.0, row.last_valid_time),
        depth: unsigned(row.depth),
    }
}

pub(super) fn index(number: u32) -> Result<i32, Error> {
    i32::try_from(number).map_err(|_| Error::Row(format!("index {number} is over 2^31 - 1")))
}

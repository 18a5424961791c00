//! Rows of registered transactions ↔ domain types.

use capstan_db::columns::{AddressColumn, AmountColumn, HashColumn, TransactionColumn, signed, unsigned};
use capstan_db::indexer::entities::watched_transaction::{ActiveModel, Model};
use capstan_primitives::{BlockRef, ChainId};
use sea_orm::Set;

use super::rows::block_ref;
use crate::{
    domain::{Fate, Inclusion, Moment, Signed, TransactionState, WatchedTransaction},
    error::Error,
};

/// Stands for "never by itself", after every time that a clock can show.
const NEVER: i64 = i64::MAX;

const STATES: [(i16, TransactionState); 6] = [
    (1, TransactionState::Unknown),
    (2, TransactionState::Pending),
    (3, TransactionState::Mined),
    (4, TransactionState::Final),
    (5, TransactionState::Replaced),
    (6, TransactionState::Dropped),
];

pub(super) fn number(of: TransactionState) -> i16 {
    STATES.iter().find(|(_, state)| *state == of).map_or(0, |(number, _)| *number)
}

pub(super) fn state(of: i16) -> Result<TransactionState, Error> {
    let found = STATES.iter().find(|(number, _)| *number == of);
    found.map(|(_, state)| *state).ok_or_else(|| Error::Row(format!("transaction state {of}")))
}

pub(super) fn due(at: i64) -> Option<i64> {
    (at != NEVER).then_some(at)
}

pub(super) fn transaction(row: Model) -> Result<WatchedTransaction, Error> {
    let signed = row.sender.as_ref().zip(row.nonce);
    let signed = signed.map(|(by, nonce)| Signed { by: by.0, nonce: unsigned(nonce) });
    Ok(WatchedTransaction {
        fate: fate(&row)?,
        signed,
        chain_id: ChainId(unsigned(row.chain_id)),
        id: row.hash.0,
        label: row.label,
        registered_at: row.registered_at,
        changed_at: row.changed_at,
        // Only the fork of the last look matters.
        seen: Moment { at: row.seen_at, block: unsigned(row.seen_block), fork: unsigned(row.looked_fork) },
        looked: Moment {
            at: row.looked_at,
            block: unsigned(row.looked_block),
            fork: unsigned(row.looked_fork),
        },
        due_at: due(row.due_at),
        tries: u32::try_from(row.tries).unwrap_or_default(),
        revision: unsigned(row.revision),
    })
}

fn fate(row: &Model) -> Result<Fate, Error> {
    let incomplete = || Error::Row(format!("transaction {} without its block", row.hash.0));
    Ok(match state(row.state)? {
        TransactionState::Unknown => Fate::Unknown,
        TransactionState::Pending => Fate::Pending,
        TransactionState::Dropped => Fate::Dropped,
        TransactionState::Mined | TransactionState::Final => {
            let inclusion = inclusion(row).ok_or_else(incomplete)?;
            Fate::Mined { inclusion, is_final: row.settled }
        }
        TransactionState::Replaced => Fate::Replaced {
            by: row.replaced_by.as_ref().map(|by| by.0.clone()),
            block: block(row).ok_or_else(incomplete)?,
            is_final: row.settled,
        },
    })
}

fn block(row: &Model) -> Option<BlockRef> {
    Some(block_ref(row.block_number?, row.block_hash.as_ref()?.0, row.block_time?))
}

fn inclusion(row: &Model) -> Option<Inclusion> {
    Some(Inclusion {
        block: block(row)?,
        index: u32::try_from(row.transaction_index?).ok()?,
        success: row.success,
        gas_used: unsigned(row.gas_used?),
        gas_price: row.gas_price.map(|price| price.0),
    })
}

pub(super) fn row(of: &WatchedTransaction) -> Result<ActiveModel, Error> {
    let (inclusion, block, replaced_by) = match &of.fate {
        Fate::Mined { inclusion, .. } => (Some(inclusion), Some(inclusion.block), None),
        Fate::Replaced { by, block, .. } => (None, Some(*block), by.clone()),
        Fate::Unknown | Fate::Pending | Fate::Dropped => (None, None, None),
    };
    let index = inclusion.map(|inclusion| i32::try_from(inclusion.index)).transpose();
    let index = index.map_err(|_| Error::Row(format!("index of transaction {} is over 2^31 - 1", of.id)))?;
    Ok(ActiveModel {
        chain_id: Set(signed(of.chain_id.0)),
        hash: Set(TransactionColumn(of.id.clone())),
        label: Set(of.label.clone()),
        state: Set(number(of.fate.state())),
        revision: Set(signed(of.revision)),
        settled: Set(of.fate.is_settled()),
        sender: Set(of.signed.map(|signed| AddressColumn(signed.by))),
        nonce: Set(of.signed.map(|by| signed(by.nonce))),
        block_number: Set(block.map(|block| signed(block.number))),
        block_hash: Set(block.map(|block| HashColumn(block.hash))),
        block_time: Set(block.map(|block| signed(block.time.0))),
        transaction_index: Set(index),
        success: Set(inclusion.and_then(|inclusion| inclusion.success)),
        gas_used: Set(inclusion.map(|inclusion| signed(inclusion.gas_used))),
        gas_price: Set(inclusion.and_then(|inclusion| inclusion.gas_price).map(AmountColumn)),
        replaced_by: Set(replaced_by.map(TransactionColumn)),
        registered_at: Set(of.registered_at),
        changed_at: Set(of.changed_at),
        seen_at: Set(of.seen.at),
        seen_block: Set(signed(of.seen.block)),
        looked_at: Set(of.looked.at),
        looked_block: Set(signed(of.looked.block)),
        looked_fork: Set(signed(of.looked.fork)),
        due_at: Set(of.due_at.unwrap_or(NEVER)),
        tries: Set(i32::try_from(of.tries).unwrap_or(i32::MAX)),
    })
}

//! Logs to events.

use capstan_chain::{Argument, DecodeError, Log, Value};
use capstan_primitives::{BlockRef, BlockTime};
use serde_json::json;

use super::{Contract, Contracts, Found, NewEvent};

/// What the logs of some blocks come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Events in log order.
    pub events: Vec<NewEvent>,
    /// Contracts that factories made.
    pub found: Vec<Found>,
    /// Logs that do not decode as their ABI says.
    pub quarantined: Vec<Quarantined>,
}

/// A log that does not decode as its ABI says.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarantined {
    /// The log.
    pub log: Log,
    /// Why not.
    pub reason: String,
}

/// Decodes `logs`, which are sorted by block and index. A log of an unknown contract, of an event
/// that its ABI does not list, or below its contract's start block is none of ours.
#[must_use]
pub fn decode(logs: &[Log], contracts: &Contracts) -> Batch {
    let mut batch = Batch::default();
    for log in logs {
        let Some(contract) = contracts.get(&log.address) else { continue };
        if log.block_number < contract.start_block {
            continue;
        }
        match contract.abi.decode_log(log) {
            Ok(decoded) => {
                batch.found.extend(Contracts::made_by(contract, &decoded, log.block_number));
                batch.events.push(event(log, contract, decoded.name, &decoded.arguments));
            }
            Err(DecodeError::UnknownEvent) => {}
            Err(error) => batch.quarantined.push(Quarantined { reason: error.to_string(), log: log.clone() }),
        }
    }
    batch
}

fn event(log: &Log, contract: &Contract, name: &str, arguments: &[Argument]) -> NewEvent {
    let time = log.block_time.unwrap_or(BlockTime(0));
    NewEvent {
        block: BlockRef { number: log.block_number, hash: log.block_hash, time },
        transaction: log.transaction.clone(),
        transaction_index: log.transaction_index,
        log_index: log.log_index,
        address: log.address,
        protocol: contract.protocol.clone(),
        kind: contract.kind(name),
        arguments: arguments.iter().map(argument).collect(),
        name: name.to_owned(),
    }
}

fn argument(argument: &Argument) -> serde_json::Value {
    json!([argument.name, argument.type_, value(&argument.value)])
}

fn value(of: &Value) -> serde_json::Value {
    match of {
        Value::Bool(value) => json!(value),
        Value::Integer(_) | Value::Text(_) | Value::Bytes(_) | Value::Address(_) => json!(of.to_string()),
        Value::List(values) => values.iter().map(value).collect(),
    }
}

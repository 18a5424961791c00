//! The method calls that a node is asked with, and whether an answer is about what was asked.

use capstan_primitives::{Address, Hash};
use serde_json::{Value, json};

use crate::{ChainError, Header, LogFilter, rpc::Call};

pub(crate) fn by_number(block: Value) -> Call {
    Call { method: "eth_getBlockByNumber", params: json!([block, false]) }
}

pub(crate) fn by_hash(hash: Hash) -> Call {
    Call { method: "eth_getBlockByHash", params: json!([hash, false]) }
}

/// `blocks` says which: by range or by hash.
pub(crate) fn get_logs(mut blocks: Value, filter: &LogFilter) -> Call {
    if !filter.addresses.is_empty() {
        let addresses: Vec<_> = filter.addresses.iter().map(Address::to_lower_hex).collect();
        json_set(&mut blocks, "address", json!(addresses));
    }
    if !filter.topics.is_empty() {
        // Null stands for any topic; an empty list is that only to some nodes.
        let places =
            filter.topics.iter().map(|topics| if topics.is_empty() { Value::Null } else { json!(topics) });
        json_set(&mut blocks, "topics", places.collect());
    }
    Call { method: "eth_getLogs", params: json!([blocks]) }
}

pub(crate) fn quantity(number: u64) -> Value {
    format!("0x{number:x}").into()
}

pub(crate) fn at_height(header: Header, number: u64) -> Result<Header, ChainError> {
    if header.block.number == number {
        return Ok(header);
    }
    Err(inconsistent(format!("asked for block {number}, got block {}", header.block.number)))
}

pub(crate) fn of_hash(header: Header, hash: Hash) -> Result<Header, ChainError> {
    if header.block.hash == hash {
        return Ok(header);
    }
    Err(inconsistent(format!("asked for block {hash}, got block {}", header.block.hash)))
}

pub(crate) fn inconsistent(reason: String) -> ChainError {
    ChainError::Inconsistent { reason }
}

fn json_set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

//! Reading a node's answers as headers, logs and numbers.

use serde::{Deserialize, de::DeserializeSeed};

use crate::{
    ChainError, Header, Log, refusals,
    rpc::Answer,
    wire::{EachLog, LOG_BYTES, Quantity, WireHeader},
};

/// Reads an answer as `T`.
pub(crate) fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, ChainError> {
    let method = answer.method;
    serde_json::from_str(answer.json.as_str())
        .map_err(|error| ChainError::Malformed { method, reason: error.to_string() })
}

/// Reads a quantity of 64 bits.
pub(crate) fn number(answer: &Answer) -> Result<u64, ChainError> {
    read::<Quantity>(answer).map(|number| number.0)
}

/// Reads a header; absent when the node has no such block, by an empty answer or by an error.
pub(crate) fn header(answer: Result<Answer, ChainError>) -> Result<Option<Header>, ChainError> {
    match answer {
        Ok(answer) => Ok(read::<Option<WireHeader>>(&answer)?.map(Header::from)),
        Err(error) if refusals::is_block_not_seen(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads logs in the order of the chain, without those that were taken back.
pub(crate) fn logs(answer: &Answer) -> Result<Vec<Log>, ChainError> {
    // A list that grows as it is read leaves holes of its earlier sizes.
    let mut logs = Vec::with_capacity(answer.json.as_str().len() / LOG_BYTES);
    each_log(answer, |log| logs.push(log))?;
    let place = |log: &Log| (log.block_number, log.log_index);
    if !logs.is_sorted_by_key(place) {
        logs.sort_unstable_by_key(place);
    }
    Ok(logs)
}

/// Does this with every log in the order of the node, without those that were taken back.
pub(crate) fn each_log(answer: &Answer, each: impl FnMut(Log)) -> Result<(), ChainError> {
    let method = answer.method;
    let malformed = |error: serde_json::Error| ChainError::Malformed { method, reason: error.to_string() };
    let mut json = serde_json::Deserializer::from_str(answer.json.as_str());
    EachLog(each).deserialize(&mut json).and_then(|()| json.end()).map_err(malformed)
}

//! Reading a node's answers as headers, logs and numbers.

use alloy::primitives::U64;
use serde::de::DeserializeOwned;

use crate::{
    ChainError, Header, Log, refusals,
    rpc::Answer,
    wire::{WireHeader, WireLog},
};

/// Reads an answer as `T`.
pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, ChainError> {
    let method = answer.method;
    serde_json::from_str(answer.json.get())
        .map_err(|error| ChainError::Malformed { method, reason: error.to_string() })
}

/// Reads a quantity of 64 bits.
pub(crate) fn number(answer: &Answer) -> Result<u64, ChainError> {
    read::<U64>(answer).map(|number| number.to())
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
    let method = answer.method;
    let wire = read::<Option<Vec<WireLog>>>(answer)?.unwrap_or_default(); // some nodes say null for none
    let read = wire.into_iter().filter_map(|log| log.into_log().transpose());
    let mut logs =
        read.collect::<Result<Vec<_>, _>>().map_err(|reason| ChainError::Malformed { method, reason })?;
    logs.sort_unstable_by_key(|log| (log.block_number, log.log_index));
    Ok(logs)
}

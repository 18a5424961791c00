//! The JSON that nodes answer with, and its translation into this crate's types.

use alloy::primitives::{self, B256, Bytes, U64};
use capstan_primitives::{Address, BlockRef, BlockTime, Hash, TransactionId};
use serde::Deserialize;

use crate::{Header, Log};

/// `eth_getBlockBy…`, only the fields in use, so that chains with other fields can be read too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireHeader {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
}

/// One element of `eth_getLogs`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireLog {
    address: primitives::Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: U64,
    block_hash: B256,
    #[serde(default)]
    block_timestamp: Option<U64>,
    transaction_hash: B256,
    transaction_index: U64,
    log_index: U64,
    #[serde(default)]
    removed: Option<bool>,
}

impl From<WireHeader> for Header {
    fn from(wire: WireHeader) -> Self {
        let WireHeader { number, hash, parent_hash, timestamp } = wire;
        Self {
            block: BlockRef {
                number: number.to(),
                hash: Hash::from(hash.0),
                time: BlockTime(timestamp.to()),
            },
            parent_hash: Hash::from(parent_hash.0),
        }
    }
}

impl WireLog {
    /// The log, or nothing when the node says that a reorg took it back; the error names the bad field.
    pub(crate) fn into_log(self) -> Result<Option<Log>, String> {
        let Self {
            address,
            topics,
            data,
            block_number,
            block_hash,
            block_timestamp,
            transaction_hash,
            transaction_index,
            log_index,
            removed,
        } = self;
        if removed == Some(true) {
            return Ok(None);
        }
        let transaction = TransactionId::try_from(transaction_hash.as_slice());
        Ok(Some(Log {
            block_number: block_number.to(),
            block_hash: Hash::from(block_hash.0),
            block_time: block_timestamp.map(|time| BlockTime(time.to())),
            transaction: transaction.map_err(|error| format!("transactionHash: {error}"))?,
            transaction_index: index(transaction_index, "transactionIndex")?,
            log_index: index(log_index, "logIndex")?,
            address: Address::from(address.into_array()),
            topics: topics.into_iter().map(|topic| Hash::from(topic.0)).collect(),
            data: data.into(),
        }))
    }
}

fn index(value: U64, field: &str) -> Result<u32, String> {
    u32::try_from(value.to::<u64>()).map_err(|_| format!("{field}: over 2^32 - 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(extra: &str) -> String {
        let hash = format!("0x{}", "11".repeat(32));
        format!(
            r#"{{"address":"0x{}","topics":[],"data":"0x","blockNumber":"0x5","blockHash":"{hash}",
            "transactionHash":"{hash}","transactionIndex":"0x0","logIndex":"0x1"{extra}}}"#,
            "22".repeat(20)
        )
    }

    fn read(json: &str) -> Result<Option<Log>, String> {
        serde_json::from_str::<WireLog>(json).map_err(|error| error.to_string())?.into_log()
    }

    #[test]
    fn a_log_is_read_with_and_without_the_time_of_its_block() {
        assert_eq!(read(&log("")).unwrap().unwrap().block_time, None);
        let timed = read(&log(r#","blockTimestamp":"0x65","removed":false"#)).unwrap().unwrap();
        assert_eq!((timed.block_time, timed.log_index), (Some(BlockTime(101)), 1));
        assert_eq!(read(&log(r#","blockTimestamp":null"#)).unwrap().unwrap().block_time, None);
    }

    #[test]
    fn a_removed_log_is_dropped() {
        assert_eq!(read(&log(r#","removed":true"#)), Ok(None));
    }

    #[test]
    fn a_log_of_a_pending_block_is_refused() {
        assert!(read(&log("").replace(r#""blockNumber":"0x5""#, r#""blockNumber":null"#)).is_err());
    }
}

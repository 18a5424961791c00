//! The JSON that nodes answer with, and its translation into this crate's types.

use std::fmt;

use alloy::primitives::U256;
use capstan_primitives::{Address, Amount, BlockRef, BlockTime, Hash, Topics, TransactionId};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, SeqAccess, Visitor},
};

pub(crate) use crate::hex::{Data, Fixed, Quantity};
use crate::{BlockDetails, Header, Log};

/// `eth_getBlockBy…`, only the fields in use, so that chains with other fields can be read too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireHeader {
    number: Quantity,
    hash: Fixed<32>,
    parent_hash: Fixed<32>,
    timestamp: Quantity,
}

/// More of the same answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireDetails {
    #[serde(default)]
    miner: Option<Fixed<20>>,
    gas_limit: Quantity,
    gas_used: Quantity,
    #[serde(default)]
    base_fee_per_gas: Option<U256>,
}

/// The transactions of the same answer, by their ids.
#[derive(Deserialize)]
pub(crate) struct WireBody {
    #[serde(default)]
    pub(crate) transactions: Vec<Fixed<32>>,
}

/// About what a log takes in JSON.
pub(crate) const LOG_BYTES: usize = 600;

/// Reads `eth_getLogs`: does this with each log in its final form as soon as it is read, in the order of
/// the node, without those that were taken back.
pub(crate) struct EachLog<F>(pub(crate) F);

/// One element of `eth_getLogs`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    address: Fixed<20>,
    #[serde(deserialize_with = "topics")]
    topics: Topics,
    data: Data,
    block_number: Quantity,
    block_hash: Fixed<32>,
    #[serde(default)]
    block_timestamp: Option<Quantity>,
    transaction_hash: Fixed<32>,
    transaction_index: Quantity,
    log_index: Quantity,
    #[serde(default)]
    removed: Option<bool>,
}

impl From<WireHeader> for Header {
    fn from(wire: WireHeader) -> Self {
        let WireHeader { number, hash, parent_hash, timestamp } = wire;
        let block = BlockRef { number: number.0, hash: Hash::from(hash.0), time: BlockTime(timestamp.0) };
        Self { block, parent_hash: Hash::from(parent_hash.0) }
    }
}

impl WireDetails {
    pub(crate) fn of(self, header: Header) -> BlockDetails {
        let Self { miner, gas_limit, gas_used, base_fee_per_gas } = self;
        BlockDetails {
            header,
            miner: miner.map_or(Address::ZERO, |miner| Address::from(miner.0)),
            gas_limit: gas_limit.0,
            gas_used: gas_used.0,
            base_fee_per_gas: base_fee_per_gas.map(Amount),
        }
    }
}

impl WireLog {
    /// The log, or nothing when the node says that a reorg took it back; the error names the bad field.
    fn into_log(self) -> Result<Option<Log>, String> {
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
        Ok(Some(Log {
            block_number: block_number.0,
            block_hash: Hash::from(block_hash.0),
            block_time: block_timestamp.map(|time| BlockTime(time.0)),
            transaction: transaction_id(transaction_hash)?,
            transaction_index: index(transaction_index, "transactionIndex")?,
            log_index: index(log_index, "logIndex")?,
            address: Address::from(address.0),
            topics,
            data: data.0,
        }))
    }
}

impl<'de, F: FnMut(Log)> DeserializeSeed<'de> for EachLog<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, F: FnMut(Log)> Visitor<'de> for EachLog<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("logs")
    }

    /// Some nodes say null for none.
    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut logs: A) -> Result<(), A::Error> {
        while let Some(log) = logs.next_element::<WireLog>()? {
            log.into_log().map_err(A::Error::custom)?.into_iter().for_each(&mut self.0);
        }
        Ok(())
    }
}

/// Hashes without an allocation.
struct EachTopic;

impl<'de> Visitor<'de> for EachTopic {
    type Value = Topics;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("topics")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut topics: A) -> Result<Topics, A::Error> {
        let mut read = Topics::default();
        while let Some(Fixed(topic)) = topics.next_element()? {
            read.push(Hash::from(topic)).map_err(A::Error::custom)?;
        }
        Ok(read)
    }
}

fn topics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Topics, D::Error> {
    deserializer.deserialize_seq(EachTopic)
}

pub(crate) fn transaction_id(hash: Fixed<32>) -> Result<TransactionId, String> {
    TransactionId::try_from(hash.0.as_slice()).map_err(|error| format!("transactionHash: {error}"))
}

/// The error names `field`.
pub(crate) fn index(value: Quantity, field: &str) -> Result<u32, String> {
    u32::try_from(value.0).map_err(|_| format!("{field}: over 2^32 - 1"))
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

//! The receipts of a block: their root, and the logs that it proves.

use alloy::{
    consensus::proofs::ordered_trie_root_with_encoder,
    primitives::{self, B256, Bloom, U256},
    rlp::{self, Encodable},
};
use capstan_primitives::{Address, Amount, Hash, Topics};
use serde::Deserialize;

use super::FullHeader;
use crate::{
    ChainError, Header, Log, LogFilter, Place, Receipt,
    calls::inconsistent,
    wire::{Data, Fixed, Quantity, transaction_id},
};

/// Deposits of OP-stack chains.
const DEPOSIT: u64 = 0x7e;

/// One element of `eth_getBlockReceipts`, only what the root is made of, and the transaction's id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    #[serde(rename = "type", default)]
    kind: Option<Quantity>,
    #[serde(default)]
    status: Option<Quantity>,
    /// State after the transaction, in place of the status before Byzantium.
    #[serde(default)]
    root: Option<Data>,
    cumulative_gas_used: Quantity,
    logs: Vec<ReceiptLog>,
    transaction_hash: Fixed<32>,
    /// Not part of the root.
    #[serde(default)]
    effective_gas_price: Option<U256>,
    #[serde(default)]
    deposit_nonce: Option<Quantity>,
    #[serde(default)]
    deposit_receipt_version: Option<Quantity>,
}

#[derive(Deserialize)]
struct ReceiptLog {
    address: Fixed<20>,
    topics: Vec<Fixed<32>>,
    data: Data,
}

/// The receipts of a block, whose root is in its header.
pub(crate) struct ProvedReceipts {
    pub(crate) header: Header,
    /// In the order of the block.
    pub(crate) receipts: Vec<WireReceipt>,
}

/// What the receipts of a block say.
pub(crate) enum BlockReceipts {
    /// Their root is that of the header.
    Proved(ProvedReceipts),
    /// Their root is another, and some are of a type whose encoding is not known.
    Unfamiliar {
        /// The root as of the encoding of Ethereum's receipts.
        root: Hash,
    },
}

impl BlockReceipts {
    /// Compares the receipts with a header that is proved by its hash.
    pub(crate) fn checked(header: &FullHeader, receipts: Vec<WireReceipt>) -> Result<Self, ChainError> {
        let root = Hash::from(ordered_trie_root_with_encoder(&receipts, WireReceipt::encode).0);
        if Some(root) == header.receipts_root() {
            let ids = receipts.iter().map(|receipt| &receipt.transaction_hash.0);
            if ids.eq(header.transactions.iter()) {
                return Ok(Self::Proved(ProvedReceipts { header: header.header, receipts }));
            }
            let hash = header.header.block.hash;
            return Err(inconsistent(format!("the receipts of block {hash} are not of its transactions")));
        }
        if receipts.iter().any(|receipt| !receipt.is_familiar()) {
            return Ok(Self::Unfamiliar { root });
        }
        let block = header.header.block;
        Err(inconsistent(format!("the receipts of block {} do not have the root of its header", block.hash)))
    }
}

impl ProvedReceipts {
    pub(crate) fn into_receipts(self) -> Result<Vec<Receipt>, ChainError> {
        let block = self.header.block;
        let mut before = 0;
        let mut receipts = Vec::with_capacity(self.receipts.len());
        for (transaction_index, receipt) in (0_u32..).zip(self.receipts) {
            let gas = receipt.cumulative_gas_used.0;
            let less = || inconsistent(format!("the gas of block {} grows smaller", block.hash));
            receipts.push(Receipt {
                id: transaction_id(receipt.transaction_hash).map_err(inconsistent)?,
                place: Place { block_number: block.number, block_hash: block.hash, transaction_index },
                is_success: receipt.status.map(|status| status.0 == 1),
                gas_used: gas.checked_sub(before).ok_or_else(less)?,
                effective_gas_price: receipt.effective_gas_price.map(Amount),
                created: None,
            });
            before = gas;
        }
        Ok(receipts)
    }
}

impl WireReceipt {
    fn is_familiar(&self) -> bool {
        matches!(self.kind(), 0..=4 | DEPOSIT)
    }

    fn kind(&self) -> u64 {
        self.kind.map_or(0, |kind| kind.0)
    }

    fn logs(&self) -> Vec<primitives::Log> {
        let logs = self.logs.iter().map(|log| {
            let topics = log.topics.iter().map(|topic| B256::from(topic.0)).collect();
            primitives::Log::new_unchecked(log.address.0.into(), topics, log.data.0.clone().into())
        });
        logs.collect()
    }

    /// Writes the leaf of the trie of receipts (EIP-2718).
    fn encode(&self, out: &mut Vec<u8>) {
        let logs = self.logs();
        let bloom = logs.iter().collect::<Bloom>();
        let mut fields = Vec::new();
        match (&self.status, &self.root) {
            (None, Some(root)) => root.0.as_slice().encode(&mut fields),
            (status, _) => status.map_or(0, |status| status.0).encode(&mut fields),
        }
        self.cumulative_gas_used.0.encode(&mut fields);
        bloom.encode(&mut fields);
        rlp::encode_list(&logs, &mut fields);
        // Before Canyon the root left the nonce out, and nodes name no version.
        if let (DEPOSIT, Some(version)) = (self.kind(), self.deposit_receipt_version) {
            self.deposit_nonce.map_or(0, |nonce| nonce.0).encode(&mut fields);
            version.0.encode(&mut fields);
        }
        if let Some(kind) = u8::try_from(self.kind()).ok().filter(|kind| *kind != 0) {
            out.push(kind);
        }
        rlp::Header { list: true, payload_length: fields.len() }.encode(out);
        out.extend_from_slice(&fields);
    }
}

/// The logs of proved receipts that satisfy one of `filters`, by log index, with the time of their block.
pub(crate) fn proved_logs(proved: ProvedReceipts, filters: &[LogFilter]) -> Result<Vec<Log>, ChainError> {
    let ProvedReceipts { header, receipts } = proved;
    let mut found = Vec::new();
    let mut log_index = 0;
    for (transaction_index, receipt) in (0_u32..).zip(receipts) {
        let transaction = transaction_id(receipt.transaction_hash).map_err(inconsistent)?;
        for log in receipt.logs {
            let topics = Topics::of(log.topics.into_iter().map(|topic| Hash::from(topic.0)));
            let log = Log {
                block_number: header.block.number,
                block_hash: header.block.hash,
                block_time: Some(header.block.time),
                transaction: transaction.clone(),
                transaction_index,
                log_index,
                address: Address::from(log.address.0),
                topics: topics.map_err(|error| inconsistent(error.to_string()))?,
                data: log.data.0,
            };
            log_index += 1;
            found.extend(Some(log).filter(|log| filters.iter().any(|filter| filter.matches(log))));
        }
    }
    Ok(found)
}

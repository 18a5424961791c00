//! The JSON of transactions and receipts, and its translation into this crate's types.

use alloy::primitives::U256;
use capstan_primitives::{Address, Amount, Hash};
use serde::Deserialize;

use crate::{
    Place, Receipt, Transaction,
    wire::{Fixed, Quantity, index, transaction_id},
};

/// `eth_getTransactionBy…`, and an element of a block with its transactions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireTransaction {
    hash: Fixed<32>,
    from: Fixed<20>,
    to: Option<Fixed<20>>,
    value: U256,
    nonce: Quantity,
    #[serde(default)]
    block_number: Option<Quantity>,
    #[serde(default)]
    block_hash: Option<Fixed<32>>,
    #[serde(default)]
    transaction_index: Option<Quantity>,
}

/// `eth_getTransactionReceipt`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    transaction_hash: Fixed<32>,
    #[serde(default)]
    block_number: Option<Quantity>,
    #[serde(default)]
    block_hash: Option<Fixed<32>>,
    #[serde(default)]
    transaction_index: Option<Quantity>,
    #[serde(default)]
    status: Option<Quantity>,
    gas_used: Quantity,
    #[serde(default)]
    effective_gas_price: Option<U256>,
    #[serde(default)]
    contract_address: Option<Fixed<20>>,
}

impl WireTransaction {
    /// The error names the bad field.
    pub(crate) fn into_transaction(self) -> Result<Transaction, String> {
        let Self { hash, from, to, value, nonce, block_number, block_hash, transaction_index } = self;
        Ok(Transaction {
            id: transaction_id(hash)?,
            from: Address::from(from.0),
            to: to.map(|to| Address::from(to.0)),
            value: Amount(value),
            nonce: nonce.0,
            place: place(block_number, block_hash, transaction_index)?,
        })
    }
}

impl WireReceipt {
    /// The error names the bad field.
    pub(crate) fn into_receipt(self) -> Result<Receipt, String> {
        let Self {
            transaction_hash,
            block_number,
            block_hash,
            transaction_index,
            status,
            gas_used,
            effective_gas_price,
            contract_address,
        } = self;
        Ok(Receipt {
            id: transaction_id(transaction_hash)?,
            place: place(block_number, block_hash, transaction_index)?.ok_or("blockHash: missing")?,
            is_success: status.map(|status| status.0 == 1),
            gas_used: gas_used.0,
            effective_gas_price: effective_gas_price.map(Amount),
            created: contract_address.map(|address| Address::from(address.0)),
        })
    }
}

/// Nothing while the transaction is pending, when nodes say null.
fn place(
    number: Option<Quantity>,
    hash: Option<Fixed<32>>,
    transaction_index: Option<Quantity>,
) -> Result<Option<Place>, String> {
    let (Some(number), Some(hash), Some(transaction_index)) = (number, hash, transaction_index) else {
        return Ok(None);
    };
    let transaction_index = index(transaction_index, "transactionIndex")?;
    Ok(Some(Place { block_number: number.0, block_hash: Hash::from(hash.0), transaction_index }))
}

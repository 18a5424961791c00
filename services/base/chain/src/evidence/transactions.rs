//! The transactions of a block: their root, and who signed them.

use alloy::{
    consensus::{TxEnvelope, proofs::calculate_transaction_root, transaction::SignerRecoverable},
    eips::eip2718::Encodable2718,
    primitives::keccak256,
};
use capstan_primitives::{Address, BlockRef, Hash};
use serde::Deserialize;

use super::FullHeader;
use crate::{
    BlockTransactions, ChainError, Place, Transaction, answers, calls::inconsistent, rpc::Answer,
    wire_transaction::WireTransaction,
};

/// A block with its transactions, as this crate reads them.
#[derive(Deserialize)]
struct Plain {
    transactions: Vec<WireTransaction>,
}

/// The same transactions as Ethereum's types.
#[derive(Deserialize)]
struct Signed {
    transactions: Vec<TxEnvelope>,
}

impl BlockTransactions {
    /// Reads a block of `eth_getBlockByHash` with its transactions; `is_bound` says that the header
    /// is proved by its hash.
    pub(crate) fn read(header: &FullHeader, answer: &Answer, is_bound: bool) -> Result<Self, ChainError> {
        let method = answer.method;
        let plain = answers::read::<Plain>(answer)?.transactions.into_iter();
        let transactions = plain.map(WireTransaction::into_transaction).collect::<Result<Vec<_>, _>>();
        let transactions = transactions.map_err(|reason| ChainError::Malformed { method, reason })?;
        check_places(header, &transactions)?;
        let signed = answers::read::<Signed>(answer).ok().filter(|_| is_bound);
        let Some(Signed { transactions: signed }) = signed else {
            return Ok(Self { transactions, is_proved: false });
        };
        let root = Hash::from(calculate_transaction_root(&signed).0);
        let differs = |(told, signed): (&Transaction, &TxEnvelope)| !is_same(told, signed);
        if Some(root) == header.transactions_root() && !transactions.iter().zip(&signed).any(differs) {
            return Ok(Self { transactions, is_proved: true });
        }
        let hash = header.header.block.hash;
        Err(inconsistent(format!("the transactions of block {hash} do not have the root of its header")))
    }
}

fn check_places(header: &FullHeader, transactions: &[Transaction]) -> Result<(), ChainError> {
    let BlockRef { number: block_number, hash: block_hash, .. } = header.header.block;
    let is_right = |(transaction_index, transaction): (u32, &Transaction)| {
        transaction.place == Some(Place { block_number, block_hash, transaction_index })
    };
    if (0_u32..).zip(transactions).all(is_right) {
        return Ok(());
    }
    Err(inconsistent(format!("a transaction of block {block_hash} says that it is elsewhere")))
}

/// Compares what is not part of the root as it was told: the id, and the sender by the signature.
fn is_same(told: &Transaction, signed: &TxEnvelope) -> bool {
    let sender = signed.recover_signer_unchecked();
    // Not `trie_hash`, which repeats what the node said.
    told.id.as_bytes() == keccak256(signed.encoded_2718()).as_slice()
        && sender.is_ok_and(|sender| Address::from(sender.into_array()) == told.from)
}

//! Single transactions, accounts and calls.

use std::sync::Arc;

use capstan_primitives::{Address, Hash, TransactionId};
use serde_json::json;

use crate::{
    At, BlockTransactions, ChainError, ContractCall, Evm, Receipt, Reverted, Transaction, answers,
    calls::{inconsistent, of_hash},
    refusals,
    rpc::{Answer, Call, Rpc},
    views::Returned,
    wire::Data,
    wire_transaction::{WireReceipt, WireTransaction},
};

/// EIP-1898: the block asked for is not known.
const UNKNOWN_BLOCK: i64 = -32_001;

impl Evm {
    /// The transaction of this hash, mined or waiting; absent when the node knows none. Nothing proves
    /// what one endpoint says; [`Evm::block_transactions`] does for those that are mined.
    ///
    /// # Errors
    /// When the node does not answer, or answers with another transaction.
    pub async fn transaction(&self, id: &TransactionId) -> Result<Option<Transaction>, ChainError> {
        const METHOD: &str = "eth_getTransactionByHash";
        let question = async |rpc: Arc<Rpc>| {
            let answer = rpc.call(Call { method: METHOD, params: json!([id]) }).await?;
            let found = answers::read::<Option<WireTransaction>>(&answer)?;
            let found = read(METHOD, found.map(WireTransaction::into_transaction))?;
            let of = found.as_ref().map(|transaction| &transaction.id);
            about(of, id).map(|()| found)
        };
        self.pool.ask(METHOD, question).await
    }

    /// What became of the transaction of this hash; absent while the node knows of no block with it.
    /// Its block may still be orphaned: compare the hash.
    ///
    /// # Errors
    /// When the node does not answer, or answers about another transaction.
    pub async fn receipt(&self, id: &TransactionId) -> Result<Option<Receipt>, ChainError> {
        let question = async |rpc: Arc<Rpc>| self.told_receipt(&rpc, id).await;
        self.pool.ask("eth_getTransactionReceipt", question).await
    }

    pub(crate) async fn told_receipt(
        &self,
        rpc: &Rpc,
        id: &TransactionId,
    ) -> Result<Option<Receipt>, ChainError> {
        const METHOD: &str = "eth_getTransactionReceipt";
        let answer = rpc.call(Call { method: METHOD, params: json!([id]) }).await?;
        let found = answers::read::<Option<WireReceipt>>(&answer)?;
        let found = read(METHOD, found.map(WireReceipt::into_receipt))?;
        let of = found.as_ref().map(|receipt| &receipt.id);
        about(of, id).map(|()| found)
    }

    /// How many transactions `address` has sent, which is the nonce of its next one.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn transaction_count(&self, address: Address, at: At) -> Result<u64, ChainError> {
        const METHOD: &str = "eth_getTransactionCount";
        let question = async |rpc: Arc<Rpc>| {
            let params = json!([address.to_lower_hex(), at.as_str()]);
            answers::number(&rpc.call(Call { method: METHOD, params }).await?)
        };
        self.pool.ask(METHOD, question).await
    }

    /// The transactions of the block of this hash. Where the chain's headers verify they are proved,
    /// too, unless one is of a type that Ethereum does not have.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when the node does not know the block, as after a reorg, and
    /// [`ChainError::Inconsistent`] when the transactions are not those of its header.
    pub async fn block_transactions(&self, hash: Hash) -> Result<BlockTransactions, ChainError> {
        const METHOD: &str = "eth_getBlockByHash";
        self.learn_headers().await;
        let question = async |rpc: Arc<Rpc>| {
            let unknown = |error| if refusals::is_block_not_seen(&error) { missing(hash) } else { error };
            let answer = rpc.call(Call { method: METHOD, params: json!([hash, true]) }).await;
            let body = self.body(&answer.map_err(unknown)?, true)?;
            let (header, transactions) = body.ok_or_else(|| missing(hash))?;
            of_hash(header, hash)?;
            Ok(transactions)
        };
        self.pool.ask(METHOD, question).await
    }

    /// What a call of `to` with `data` returns in the state after the block of this hash.
    ///
    /// # Errors
    /// [`ChainError::Reverted`], [`ChainError::UnknownBlock`] when the node does not know the block, and
    /// [`ChainError::HistoryUnavailable`] when it no longer keeps its state.
    pub async fn call(&self, to: Address, data: &[u8], block: Hash) -> Result<Vec<u8>, ChainError> {
        let call = ContractCall { to, data: data.to_vec() };
        let question = async |rpc: Arc<Rpc>| returned(rpc.call(call.at(block)).await, block);
        let returned = self.pool.ask("eth_call", question).await?;
        returned.map_err(|Reverted { message }| ChainError::Reverted { message })
    }
}

/// The outer error is one of the endpoint. The inner one is the contract's, an answer that must not count
/// against the endpoint.
pub(crate) fn returned(answer: Result<Answer, ChainError>, block: Hash) -> Result<Returned, ChainError> {
    match answer {
        Ok(answer) => answers::read::<Data>(&answer).map(|Data(bytes)| Ok(bytes)),
        Err(ChainError::Node { code, message, .. }) if refusals::is_revert(code, &message) => {
            Ok(Err(Reverted { message }))
        }
        Err(error) => Err(of_block(error, block)),
    }
}

/// An error of a question about a block, which the node may not know.
pub(crate) fn of_block(error: ChainError, block: Hash) -> ChainError {
    let is_unknown = matches!(error, ChainError::Node { code: UNKNOWN_BLOCK, .. });
    if is_unknown || refusals::is_block_not_seen(&error) { missing(block) } else { error }
}

fn read<T>(method: &'static str, found: Option<Result<T, String>>) -> Result<Option<T>, ChainError> {
    found.transpose().map_err(|reason| ChainError::Malformed { method, reason })
}

fn about(found: Option<&TransactionId>, id: &TransactionId) -> Result<(), ChainError> {
    match found.filter(|found| *found != id) {
        None => Ok(()),
        Some(found) => Err(inconsistent(format!("asked for transaction {id}, got {found}"))),
    }
}

fn missing(hash: Hash) -> ChainError {
    ChainError::UnknownBlock { hash }
}

//! Single transactions from a node.

use capstan_chain::{At, Receipt, Transaction};
use capstan_primitives::{BlockRef, TransactionId};

use super::Node;
use crate::{domain::Signed, error::Error};

impl Node {
    /// The transaction of this hash, mined or waiting, when the node has it.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn transaction(&self, id: &TransactionId) -> Result<Option<Transaction>, Error> {
        Ok(self.evm.transaction(id).await?)
    }

    /// The receipt of the transaction of this hash, when the node knows of a block with it.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn receipt(&self, id: &TransactionId) -> Result<Option<Receipt>, Error> {
        Ok(self.evm.receipt(id).await?)
    }

    /// Whether the nonce of a transaction is used on the node's chain.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn is_spent(&self, signed: Signed) -> Result<bool, Error> {
        Ok(self.evm.transaction_count(signed.by, At::Latest).await? > signed.nonce)
    }

    /// Which transaction of a block used the nonce of `signed`, when one did.
    ///
    /// # Errors
    /// When the node does not answer, or no longer knows the block.
    pub async fn spender(&self, block: BlockRef, signed: Signed) -> Result<Option<TransactionId>, Error> {
        let transactions = self.evm.block_transactions(block.hash).await?.transactions;
        let used = |found: &Transaction| found.from == signed.by && found.nonce == signed.nonce;
        Ok(transactions.into_iter().find(used).map(|found| found.id))
    }
}

//! Transactions and their receipts.

use capstan_primitives::{Address, Amount, Hash, TransactionId};

/// Where a transaction was mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Height of the block.
    pub block_number: u64,
    /// Hash of the block.
    pub block_hash: Hash,
    /// Index of the transaction in the block.
    pub transaction_index: u32,
}

/// A transaction, mined or waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its hash.
    pub id: TransactionId,
    /// Who signed it.
    pub from: Address,
    /// Whom it calls; absent when it makes a contract.
    pub to: Option<Address>,
    /// What it carries of the chain's coin, in its smallest unit.
    pub value: Amount,
    /// How many transactions of the sender came before.
    pub nonce: u64,
    /// Where it was mined; absent while it is pending.
    pub place: Option<Place>,
}

impl Transaction {
    /// Whom it calls, or the contract that it makes.
    #[must_use]
    pub fn target(&self) -> Address {
        let made = || {
            let from = <[u8; 20]>::try_from(self.from.as_bytes()).ok()?;
            Some(Address::from(alloy::primitives::Address::from(from).create(self.nonce).into_array()))
        };
        self.to.or_else(made).unwrap_or(Address::ZERO)
    }
}

/// What became of a mined transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Hash of the transaction.
    pub id: TransactionId,
    /// Where it was mined.
    pub place: Place,
    /// Whether it took effect; absent before Byzantium.
    pub is_success: Option<bool>,
    /// Gas that it used.
    pub gas_used: u64,
    /// Price of one unit of gas, in the smallest unit of the coin; absent where nodes do not say.
    pub effective_gas_price: Option<Amount>,
    /// The contract that it made.
    pub created: Option<Address>,
}

/// The transactions of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTransactions {
    /// In the order of the block.
    pub transactions: Vec<Transaction>,
    /// Whether they are proved by the hash of the block: their root is in its header, and the
    /// senders are those who signed. False when a transaction is of a type that only this chain has.
    pub is_proved: bool,
}

/// As of when an account is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// After the newest block.
    Latest,
    /// With the transactions that wait at the node.
    Pending,
}

impl At {
    /// The name in JSON-RPC.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Pending => "pending",
        }
    }
}

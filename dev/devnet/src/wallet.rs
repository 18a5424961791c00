//! The devnet's accounts: all keys come from one well-known mnemonic and are worth nothing elsewhere.

use std::sync::LazyLock;

use alloy::{
    consensus::{SignableTransaction, TxEip1559},
    eips::eip2718::Encodable2718,
    network::TxSignerSync,
    primitives::{Address, Bytes, TxKind, U256},
    signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
};
use anyhow::{Context, Result, anyhow};

pub(crate) const MNEMONIC: &str = "test test test test test test test test test test test junk";
pub(crate) const ACCOUNTS: usize = 20;

/// Far above any base fee of a chain whose blocks are mostly empty.
const MAX_FEE_PER_GAS: u128 = 100_000_000_000;
const MAX_PRIORITY_FEE_PER_GAS: u128 = 1_000_000_000;

/// A transaction to be signed; the nonce is chosen when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    /// Index of the sending account.
    pub(crate) from: usize,
    /// None creates a contract.
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) input: Bytes,
    pub(crate) gas: u64,
}

#[derive(Debug)]
pub(crate) struct Wallet {
    chain_id: u64,
    signers: Vec<PrivateKeySigner>,
}

/// Always the same, and every key takes thousands of hashes.
static SIGNERS: LazyLock<Result<Vec<PrivateKeySigner>>> = LazyLock::new(|| {
    let indexes = 0..u32::try_from(ACCOUNTS)?;
    let signer = |index| MnemonicBuilder::<English>::default().phrase(MNEMONIC).index(index)?.build();
    Ok(indexes.map(signer).collect::<Result<_, _>>()?)
});

impl Wallet {
    pub(crate) fn new(chain_id: u64) -> Result<Self> {
        let derived = SIGNERS.as_ref().map_err(|error| anyhow!("derive the accounts: {error:#}"));
        Ok(Self { chain_id, signers: derived?.clone() })
    }

    pub(crate) fn signers(&self) -> &[PrivateKeySigner] {
        &self.signers
    }

    pub(crate) fn address(&self, account: usize) -> Result<Address> {
        Ok(self.signer(account)?.address())
    }

    /// The signed transaction in its network encoding.
    pub(crate) fn sign(&self, send: &Send, nonce: u64) -> Result<Bytes> {
        let mut transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: send.gas,
            max_fee_per_gas: MAX_FEE_PER_GAS,
            max_priority_fee_per_gas: MAX_PRIORITY_FEE_PER_GAS,
            to: send.to.map_or(TxKind::Create, TxKind::Call),
            value: send.value,
            input: send.input.clone(),
            ..TxEip1559::default()
        };
        let signature = self.signer(send.from)?.sign_transaction_sync(&mut transaction)?;
        Ok(transaction.into_signed(signature).encoded_2718().into())
    }

    fn signer(&self, account: usize) -> Result<&PrivateKeySigner> {
        self.signers.get(account).with_context(|| format!("no account {account}"))
    }
}

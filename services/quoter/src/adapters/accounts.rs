//! What an account has and allows, and how its transactions would do, by the chain's node.

use std::{future::Future, time::Duration};

use alloy::{primitives::U256 as Word, sol, sol_types::SolCall};
use capstan_chain::{ChainError, ContractCall, Evm, Returned, SimulatedCall};
use capstan_primitives::{Address, Hash, U256};
use tokio::time::timeout;

use crate::domain::{swap::Call, wrap::COIN};

/// Longest wait for the node: a swap that is not tried out is better than none.
const PATIENCE: Duration = Duration::from_secs(3);

sol! {
    interface Erc20 {
        function balanceOf(address owner) returns (uint256);
        function allowance(address owner, address spender) returns (uint256);
    }

    interface Permit2 {
        function allowance(address owner, address token, address spender)
            returns (uint160 amount, uint48 expiration, uint48 nonce);
    }
}

/// What Permit2 lets a spender take of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permitted {
    pub(crate) amount: U256,
    /// Unix seconds.
    pub(crate) expiration: u64,
    pub(crate) nonce: u64,
}

/// What an account has of a token, and lets a spender take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) balance: U256,
    /// By the token itself; of the coin, any amount.
    pub(crate) allowance: U256,
    /// By Permit2, when it was asked.
    pub(crate) permitted: Option<Permitted>,
}

/// Whose holdings of which token are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) owner: Address,
    pub(crate) token: Address,
    /// Who may take the token by its own allowance.
    pub(crate) spender: Address,
    /// Who may take it by Permit2, which is the spender then.
    pub(crate) by_permit2: Option<Address>,
}

/// How a transaction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// The error is why it reverted.
    pub(crate) outcome: Result<(), String>,
    pub(crate) gas: Option<u64>,
}

/// The accounts of a chain.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    evm: Evm,
}

impl Accounts {
    pub(crate) const fn new(evm: Evm) -> Self {
        Self { evm }
    }

    /// What an account has and allows after a block.
    ///
    /// # Errors
    /// When the node does not answer in time, or does not know the block.
    pub(crate) async fn holdings(&self, at: Hash, question: Question) -> Result<Holdings, ChainError> {
        let Question { owner, token, spender, by_permit2 } = question;
        if token == Address::from(COIN) {
            let balance = within("eth_getBalance", self.evm.balance(owner, at)).await?;
            return Ok(Holdings { balance, allowance: U256::MAX, permitted: None });
        }
        let ask = |to: Address, data: Vec<u8>| ContractCall { to, data };
        let (account, allowed) = (word20(owner), word20(spender));
        let mut calls = vec![
            ask(token, Erc20::balanceOfCall { owner: account }.abi_encode()),
            ask(token, Erc20::allowanceCall { owner: account, spender: allowed }.abi_encode()),
        ];
        if let Some(taker) = by_permit2 {
            let call =
                Permit2::allowanceCall { owner: account, token: word20(token), spender: word20(taker) };
            calls.push(ask(spender, call.abi_encode()));
        }
        let answers = within("eth_call", self.evm.call_many(at, &calls, None)).await?;
        let number = |place: usize| answers.get(place).and_then(word).unwrap_or_default();
        let permitted = by_permit2.map(|_| answers.get(2).and_then(permitted).unwrap_or(NOTHING));
        Ok(Holdings { balance: number(0), allowance: number(1), permitted })
    }

    /// Whether an account is a contract now, which judges signatures itself.
    ///
    /// # Errors
    /// When the node does not answer in time.
    pub(crate) async fn is_contract(&self, account: Address) -> Result<bool, ChainError> {
        within("eth_getCode", self.evm.has_code(account)).await
    }

    /// How a transaction of `from` does after a block.
    ///
    /// # Errors
    /// When the node does not answer in time, or does not know the block.
    pub(crate) async fn try_out(&self, at: Hash, from: Address, call: &Call) -> Result<Tried, ChainError> {
        let Call { to, data, value } = call.clone();
        let call = SimulatedCall { from, to, data, value };
        let simulated = within("eth_simulateV1", self.evm.try_out(at, &call)).await?;
        let outcome = simulated.returned.map(drop).map_err(|reverted| reverted.message);
        Ok(Tried { outcome, gas: simulated.gas_used })
    }
}

const NOTHING: Permitted = Permitted { amount: U256::ZERO, expiration: 0, nonce: 0 };

async fn within<T>(
    method: &'static str,
    answer: impl Future<Output = Result<T, ChainError>>,
) -> Result<T, ChainError> {
    let late = |_| ChainError::Timeout { method, after: PATIENCE };
    timeout(PATIENCE, answer).await.map_err(late)?
}

fn word20(address: Address) -> alloy::primitives::Address {
    address.as_bytes().first_chunk::<20>().copied().unwrap_or_default().into()
}

fn word(answer: &Returned) -> Option<Word> {
    answer.as_ref().ok()?.first_chunk::<32>().map(|bytes| Word::from_be_bytes(*bytes))
}

fn permitted(answer: &Returned) -> Option<Permitted> {
    let told = Permit2::allowanceCall::abi_decode_returns(answer.as_ref().ok()?).ok()?;
    Some(Permitted {
        amount: Word::from(told.amount),
        expiration: told.expiration.to(),
        nonce: told.nonce.to(),
    })
}

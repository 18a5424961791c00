//! Many calls of contracts at one block, in few requests.

use std::sync::Arc;

use alloy::{
    primitives::{Bytes, hex},
    sol,
    sol_types::{Revert, SolCall, SolError},
};
use capstan_primitives::{Address, Hash};
use futures::future::try_join_all;
use serde_json::json;

use crate::{
    ChainError, Evm,
    reading::returned,
    rpc::{Call, Rpc},
};

/// Calls of one request; nodes bound how much gas a request may take, and how many calls a batch may have.
const CALLS: usize = 100;
/// Longest return data that is told of a revert, in bytes.
const LONGEST_DATA: usize = 100;

sol! {
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Outcome { bool success; bytes returnData; }
    function aggregate3(Call3[] calls) returns (Outcome[] outcomes);
}

/// A call that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractCall {
    /// Contract.
    pub to: Address,
    /// Selector and arguments.
    pub data: Vec<u8>,
}

/// A contract refused a call, or failed in it: an answer of the chain, not a fault of the node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the call reverted: {message}")]
pub struct Reverted {
    /// The contract's reason, or the node's text, shortened.
    pub message: String,
}

/// What a call returned.
pub type Returned = Result<Vec<u8>, Reverted>;

impl Evm {
    /// What calls return in the state after the block `at`, in their order: all see the same state, also of a
    /// block that is no longer on the chain. Up to a hundred go in one request: as a batch, or as one call of the
    /// Multicall3 at `multicall`. Where that is not deployed in this block, or cannot tell whose fault a failure
    /// is, calls are made by themselves.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when the node does not know the block,
    /// [`ChainError::HistoryUnavailable`] when it no longer keeps its state, and when it does not answer.
    pub async fn call_many(
        &self,
        at: Hash,
        calls: &[ContractCall],
        multicall: Option<Address>,
    ) -> Result<Vec<Returned>, ChainError> {
        let some = calls.chunks(CALLS).map(async |some| match multicall {
            Some(multicall) => self.gathered(at, some, multicall).await,
            None => self.batched(at, some).await,
        });
        Ok(try_join_all(some).await?.concat())
    }

    async fn batched(&self, at: Hash, calls: &[ContractCall]) -> Result<Vec<Returned>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let answers = rpc.batch_of(calls.iter().map(|call| call.at(at)).collect()).await?;
            answers.into_iter().map(|answer| returned(answer, at)).collect()
        };
        self.pool.ask("eth_call", question).await
    }

    async fn gathered(
        &self,
        at: Hash,
        calls: &[ContractCall],
        multicall: Address,
    ) -> Result<Vec<Returned>, ChainError> {
        let all = ContractCall { to: multicall, data: gather(calls)? };
        let outcome = self.batched(at, &[all]).await?.pop();
        let Some(mut found) = outcome.and_then(|outcome| scatter(&outcome.ok()?, calls.len())) else {
            return self.batched(at, calls).await;
        };
        // A failure without a reason may be that of gas that the others took.
        let unclear: Vec<usize> =
            (0..).zip(&found).filter(|(_, one)| one.is_none()).map(|(at, _)| at).collect();
        let again: Vec<_> = unclear.iter().filter_map(|place| calls.get(*place).cloned()).collect();
        if !again.is_empty() {
            for (place, one) in unclear.into_iter().zip(self.batched(at, &again).await?) {
                found.get_mut(place).map(|found| found.replace(one));
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

impl ContractCall {
    /// `requireCanonical` is left at its default, false: orphaned blocks can be asked about.
    pub(crate) fn at(&self, block: Hash) -> Call {
        let transaction = json!({ "to": self.to.to_lower_hex(), "data": hex::encode_prefixed(&self.data) });
        Call { method: "eth_call", params: json!([transaction, { "blockHash": block }]) }
    }
}

/// The call of Multicall3 that makes all of `calls`, each of which may fail.
fn gather(calls: &[ContractCall]) -> Result<Vec<u8>, ChainError> {
    let one = |call: &ContractCall| {
        let target = evm_address(call.to)?;
        Ok(Call3 { target, allowFailure: true, callData: Bytes::copy_from_slice(&call.data) })
    };
    Ok(aggregate3Call { calls: calls.iter().map(one).collect::<Result<_, ChainError>>()? }.abi_encode())
}

/// What Multicall3 says that `count` calls returned, without those that failed without a reason; nothing when
/// this is no answer of Multicall3.
fn scatter(answer: &[u8], count: usize) -> Option<Vec<Option<Returned>>> {
    let outcomes = aggregate3Call::abi_decode_returns(answer).ok()?;
    let read = |Outcome { success, returnData: data }: Outcome| match success {
        true => Some(Ok(data.to_vec())),
        false if data.is_empty() => None,
        false => Some(Err(Reverted { message: reason(&data) })),
    };
    (outcomes.len() == count).then(|| outcomes.into_iter().map(read).collect())
}

/// The text of `Error(string)`; other data as it is.
pub(crate) fn reason(data: &[u8]) -> String {
    let text = Revert::abi_decode(data).map(|revert| revert.reason);
    text.unwrap_or_else(|_| hex::encode_prefixed(data.get(..LONGEST_DATA).unwrap_or(data)))
}

fn evm_address(address: Address) -> Result<alloy::primitives::Address, ChainError> {
    let reason = || format!("{address} is not an address of an EVM chain");
    let address = alloy::primitives::Address::try_from(address.as_bytes());
    address.map_err(|_| ChainError::Malformed { method: "eth_call", reason: reason() })
}

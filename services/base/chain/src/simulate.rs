//! Transactions in a row, tried out on the state after a block.

use std::sync::Arc;

use alloy::primitives::hex;
use capstan_primitives::{Address, Hash, U256};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ChainError, Evm, Reverted, answers,
    reading::{of_block, returned},
    rpc::{Answer, Call, Rpc},
    views::{Returned, reason},
    wire::{Data, Quantity},
};

const METHOD: &str = "eth_simulateV1";
/// JSON-RPC: there is no such method.
const NO_METHOD: i64 = -32_601;

/// A transaction to try out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedCall {
    /// Sender, which needs no key, no balance and no nonce.
    pub from: Address,
    /// Contract.
    pub to: Address,
    /// Selector and arguments.
    pub data: Vec<u8>,
    /// Wei that are sent along, which the sender must have.
    pub value: U256,
}

/// What became of a transaction that was tried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// What it returned.
    pub returned: Returned,
    /// Gas that it took, where the node tells it.
    pub gas_used: Option<u64>,
}

#[derive(Deserialize)]
struct WireBlock {
    calls: Vec<WireCall>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCall {
    status: Quantity,
    return_data: Data,
    #[serde(default)]
    gas_used: Option<Quantity>,
    #[serde(default)]
    error: Option<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: String,
}

impl Evm {
    /// What `calls` return when they are made one after the other on the state after the block `at`, each on what
    /// the one before left; nothing is sent. `None` where no endpoint that was asked can do it.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when the node does not know the block,
    /// [`ChainError::HistoryUnavailable`] when it no longer keeps its state, and when it does not answer.
    pub async fn simulate(
        &self,
        at: Hash,
        calls: &[SimulatedCall],
    ) -> Result<Option<Vec<Simulated>>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let calls: Vec<Value> = calls.iter().map(SimulatedCall::json).collect();
            let blocks = json!({ "blockStateCalls": [{ "calls": calls }], "validation": false });
            let params = json!([blocks, { "blockHash": at }]);
            let answer = rpc.call(Call { method: METHOD, params }).await;
            outcomes(&answer.map_err(|error| of_block(error, at))?, calls.len())
        };
        match self.pool.ask(METHOD, question).await {
            Ok(outcomes) => Ok(Some(outcomes)),
            Err(ChainError::Node { code: NO_METHOD, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What becomes of `call` on the state after the block `at`; nothing is sent. Nodes that cannot simulate make it as
    /// a call, and do not tell the gas.
    ///
    /// # Errors
    /// As [`Self::simulate`], and when the sender has not what is to be sent along.
    pub async fn try_out(&self, at: Hash, call: &SimulatedCall) -> Result<Simulated, ChainError> {
        if let Some(simulated) = self.simulate(at, std::slice::from_ref(call)).await? {
            let reason = || "no result of one call".to_owned();
            let first = simulated.into_iter().next();
            return first.ok_or_else(|| ChainError::Malformed { method: METHOD, reason: reason() });
        }
        let question = async |rpc: Arc<Rpc>| {
            let params = json!([call.json(), { "blockHash": at }]);
            returned(rpc.call(Call { method: "eth_call", params }).await, at)
        };
        let returned = self.pool.ask("eth_call", question).await?;
        Ok(Simulated { returned, gas_used: None })
    }

    /// Wei that `address` has after the block `at`.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when the node does not know the block,
    /// [`ChainError::HistoryUnavailable`] when it no longer keeps its state, and when it does not answer.
    pub async fn balance(&self, address: Address, at: Hash) -> Result<U256, ChainError> {
        const METHOD: &str = "eth_getBalance";
        let question = async |rpc: Arc<Rpc>| {
            let params = json!([address.to_lower_hex(), { "blockHash": at }]);
            let answer = rpc.call(Call { method: METHOD, params }).await;
            answers::read::<U256>(&answer.map_err(|error| of_block(error, at))?)
        };
        self.pool.ask(METHOD, question).await
    }
}

impl SimulatedCall {
    fn json(&self) -> Value {
        let Self { from, to, data, value } = self;
        json!({
            "from": from.to_lower_hex(),
            "to": to.to_lower_hex(),
            "data": hex::encode_prefixed(data),
            "value": format!("{value:#x}"),
        })
    }
}

fn outcomes(answer: &Answer, count: usize) -> Result<Vec<Simulated>, ChainError> {
    let blocks = answers::read::<Vec<WireBlock>>(answer)?;
    let outcomes: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).map(WireCall::outcome).collect();
    if outcomes.len() == count {
        return Ok(outcomes);
    }
    let reason = format!("{} results of {count} calls", outcomes.len());
    Err(ChainError::Malformed { method: METHOD, reason })
}

impl WireCall {
    fn outcome(self) -> Simulated {
        let Self { status, return_data: Data(data), gas_used, error } = self;
        let told = || error.map(|error| error.message).unwrap_or_default();
        let failed = |data: &[u8]| Reverted { message: if data.is_empty() { told() } else { reason(data) } };
        let returned = if status.0 == 1 { Ok(data) } else { Err(failed(&data)) };
        Simulated { returned, gas_used: gas_used.map(|gas| gas.0) }
    }
}

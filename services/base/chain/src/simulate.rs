//! Transactions in a row, tried out on the state after a block.

use std::sync::Arc;

use alloy::primitives::hex;
use capstan_primitives::{Address, Hash};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ChainError, Evm, Reverted, answers,
    reading::of_block,
    rpc::{Answer, Call, Rpc},
    views::Returned,
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
    ) -> Result<Option<Vec<Returned>>, ChainError> {
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
}

impl SimulatedCall {
    fn json(&self) -> Value {
        let Self { from, to, data } = self;
        json!({ "from": from.to_lower_hex(), "to": to.to_lower_hex(), "data": hex::encode_prefixed(data) })
    }
}

fn outcomes(answer: &Answer, count: usize) -> Result<Vec<Returned>, ChainError> {
    let blocks = answers::read::<Vec<WireBlock>>(answer)?;
    let outcomes: Vec<_> = blocks.into_iter().flat_map(|block| block.calls).map(WireCall::returned).collect();
    if outcomes.len() == count {
        return Ok(outcomes);
    }
    let reason = format!("{} results of {count} calls", outcomes.len());
    Err(ChainError::Malformed { method: METHOD, reason })
}

impl WireCall {
    fn returned(self) -> Returned {
        let Self { status, return_data: Data(data), error } = self;
        if status.0 == 1 {
            return Ok(data);
        }
        Err(Reverted { message: error.map(|error| error.message).unwrap_or_default() })
    }
}

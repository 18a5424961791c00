//! A small JSON-RPC client: single calls where order matters, batches where it does not.

use std::{collections::HashMap, time::Duration};

use alloy::{
    primitives::{Address, Bytes},
    sol_types::SolCall,
};
use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(60);
/// Bodies stay far below anvil's limit of 2 MB.
const BATCH: usize = 250;

/// One JSON-RPC request: method and parameters.
pub(crate) type Request = (&'static str, Value);

/// A client of one node.
#[derive(Clone, Debug)]
pub struct Rpc {
    client: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct Response {
    id: usize,
    result: Option<Value>,
    error: Option<Value>,
}

impl Rpc {
    /// A client of the node at `url`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: String) -> Result<Self> {
        // Fails only when another part of the process has installed a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { client, url })
    }

    /// Calls `method` and reads its result.
    ///
    /// # Errors
    /// When the node does not answer within a minute, refuses, or answers something else than a `T`.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T> {
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let response = self.post(&body).await.with_context(|| format!("call {method}"))?;
        let value = outcome(serde_json::from_value(response)?).with_context(|| format!("call {method}"))?;
        serde_json::from_value(value).with_context(|| format!("read the answer to {method}"))
    }

    /// Answers in the order of the requests; anvil may run them in any order.
    pub(crate) async fn batch(&self, requests: &[Request]) -> Result<Vec<Result<Value>>> {
        let mut answers = Vec::with_capacity(requests.len());
        for chunk in requests.chunks(BATCH) {
            let body: Vec<Value> = chunk
                .iter()
                .enumerate()
                .map(|(id, (method, params))| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
                .collect();
            let responses: Vec<Response> = serde_json::from_value(self.post(&Value::Array(body)).await?)?;
            let mut by_id: HashMap<usize, Response> = responses.into_iter().map(|r| (r.id, r)).collect();
            answers.extend((0..chunk.len()).map(|id| match by_id.remove(&id) {
                Some(response) => outcome(response),
                None => Err(anyhow!("no answer to request {id} of a batch")),
            }));
        }
        Ok(answers)
    }

    /// Calls a contract's view function on the latest block.
    pub(crate) async fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return> {
        let bytes: Bytes = self.call("eth_call", json!([read(to, call), "latest"])).await?;
        C::abi_decode_returns(&bytes).with_context(|| format!("decode {}", C::SIGNATURE))
    }

    /// The same function on many contracts or arguments, in one round trip; any failure fails all.
    pub(crate) async fn views<C: SolCall>(&self, calls: &[(Address, C)]) -> Result<Vec<C::Return>> {
        let requests: Vec<Request> =
            calls.iter().map(|(to, call)| ("eth_call", json!([read(*to, call), "latest"]))).collect();
        let answers = self.batch(&requests).await?;
        answers
            .into_iter()
            .map(|answer| {
                let bytes: Bytes = serde_json::from_value(answer?)?;
                C::abi_decode_returns(&bytes).with_context(|| format!("decode {}", C::SIGNATURE))
            })
            .collect()
    }

    async fn post(&self, body: &Value) -> Result<Value> {
        Ok(self.client.post(&self.url).json(body).send().await?.error_for_status()?.json().await?)
    }
}

fn read<C: SolCall>(to: Address, call: &C) -> Value {
    json!({ "to": to, "data": Bytes::from(call.abi_encode()) })
}

fn outcome(response: Response) -> Result<Value> {
    if let Some(error) = response.error {
        bail!("the node refused: {error}");
    }
    Ok(response.result.unwrap_or(Value::Null))
}

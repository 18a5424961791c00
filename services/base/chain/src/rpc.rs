//! JSON-RPC calls to one node: ids, batches, deadlines and errors.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use alloy::rpc::json_rpc::{ErrorPayload, Id, Request, RequestPacket, SerializedRequest};
use serde_json::Value;

use crate::{
    ChainError,
    endpoint::Endpoint,
    refusals,
    transport::{Budget, Json, Replies, Reply, Transport},
};

/// One method call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
}

/// What the node answered to one call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) method: &'static str,
    pub(crate) json: Json,
}

/// A node that is asked through one endpoint.
pub(crate) struct Rpc {
    transport: Transport,
    timeout: Duration,
    next_id: AtomicU64,
}

impl Rpc {
    pub(crate) fn new(endpoint: &Endpoint, timeout: Duration, budget: &Budget) -> Result<Self, ChainError> {
        let transport = Transport::new(endpoint, budget)?;
        Ok(Self { transport, timeout, next_id: AtomicU64::new(1) })
    }

    /// Makes one call.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, ChainError> {
        let method = call.method;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let packet = RequestPacket::Single(serialized(call, id)?);
        let mut answers = self.send(method, packet).await?;
        take_answer(&mut answers.replies, method, id)
    }

    /// Makes `N` calls in one request; the answers are in the order of the calls. The outer error
    /// is that of the request, the inner ones are those of single calls.
    pub(crate) async fn batch<const N: usize>(
        &self,
        calls: [Call; N],
    ) -> Result<[Result<Answer, ChainError>; N], ChainError> {
        let methods = calls.each_ref().map(|call| call.method);
        let mut answers = self.batch_of(calls.into()).await?.into_iter();
        Ok(methods.map(|method| answers.next().unwrap_or_else(|| Err(missing(method)))))
    }

    /// [`Rpc::batch`] of a number of calls that is not known beforehand.
    pub(crate) async fn batch_of(
        &self,
        calls: Vec<Call>,
    ) -> Result<Vec<Result<Answer, ChainError>>, ChainError> {
        let first_id = self.next_id.fetch_add(calls.len() as u64, Ordering::Relaxed);
        let ids = (0_u64..).map(|place| first_id.wrapping_add(place));
        let places: Vec<_> = ids.zip(calls.iter().map(|call| call.method)).collect();
        let requests = calls.into_iter().zip(&places).map(|(call, (id, _))| serialized(call, *id));
        let packet = RequestPacket::Batch(requests.collect::<Result<_, _>>()?);
        let method = places.last().map_or("batch", |(_, method)| *method);
        let Replies { is_batch, replies: mut answers } = self.send(method, packet).await?;
        if let (false, [Reply { payload: Err(error), .. }]) = (is_batch, answers.as_slice()) {
            return Err(refusal(method, error)); // the batch as a whole was refused
        }
        Ok(places.into_iter().map(|(id, method)| take_answer(&mut answers, method, id)).collect())
    }

    async fn send(&self, method: &'static str, packet: RequestPacket) -> Result<Replies, ChainError> {
        let sent = self.transport.send(method, packet);
        let late = |_| ChainError::Timeout { method, after: self.timeout };
        tokio::time::timeout(self.timeout, sent).await.map_err(late)?
    }
}

fn serialized(call: Call, id: u64) -> Result<SerializedRequest, ChainError> {
    let Call { method, params } = call;
    let malformed = |error: serde_json::Error| ChainError::Malformed { method, reason: error.to_string() };
    Request::new(method, Id::Number(id), params).try_into().map_err(malformed)
}

pub(crate) fn take_answer(
    answers: &mut Vec<Reply>,
    method: &'static str,
    id: u64,
) -> Result<Answer, ChainError> {
    let place = answers.iter().position(|reply| reply.id == Id::Number(id)).or_else(|| {
        // Errors about a request that the node could not read carry no id.
        answers.iter().position(|reply| reply.id == Id::None && reply.payload.is_err())
    });
    match answers.swap_remove(place.ok_or_else(|| missing(method))?).payload {
        Ok(json) => Ok(Answer { method, json }),
        Err(error) => Err(refusal(method, &error)),
    }
}

fn missing(method: &'static str) -> ChainError {
    ChainError::Malformed { method, reason: "an answer is missing".into() }
}

fn refusal(method: &'static str, error: &ErrorPayload) -> ChainError {
    let data = error.data.as_ref().map(|data| data.get()).unwrap_or_default();
    refusals::recognise(method, error.code, &error.message, data)
}

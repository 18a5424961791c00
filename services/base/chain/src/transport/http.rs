//! JSON-RPC over HTTP with a limit on the size of an answer.
// alloy's own HTTP transport reads a body of any size into memory and drops Retry-After.

use std::time::Duration;

use alloy::rpc::json_rpc::RequestPacket;
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};

use super::{
    Replies,
    budget::{Budget, SMALL, Share},
};
use crate::{ChainError, endpoint::Endpoint, install_crypto_provider};

/// Address space of a large answer of unknown length. What is not used of it takes no memory; one that grew
/// step by step would be copied, and would leave holes of its sizes.
const AT_ONCE: usize = 64 << 20;

pub(crate) struct Http {
    client: Client,
    url: Url,
    budget: Budget,
}

impl Http {
    pub(super) fn new(endpoint: &Endpoint, budget: Budget) -> Result<Self, ChainError> {
        install_crypto_provider();
        let client = Client::builder()
            .redirect(Policy::none()) // a redirected POST arrives as a GET
            .user_agent(concat!("capstan/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed("connect", error))?;
        Ok(Self { client, url: endpoint.url().clone(), budget })
    }

    pub(super) async fn send(
        &self,
        method: &'static str,
        packet: RequestPacket,
    ) -> Result<Replies, ChainError> {
        let malformed =
            |error: serde_json::Error| ChainError::Malformed { method, reason: error.to_string() };
        let body = packet.serialize().map_err(malformed)?;
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let mut response =
            request.body(body.get().to_owned()).send().await.map_err(|error| failed(method, error))?;
        let status = response.status();
        if status.as_u16() == 429 {
            return Err(ChainError::RateLimited { method, retry_after: retry_after(&response) });
        }
        let (body, share) = self.read(method, &mut response).await?;
        let replies = String::from_utf8(body)
            .map_err(|error| error.to_string())
            .and_then(|body| Replies::parse(body, Some(share)).map_err(|error| error.to_string()));
        match replies {
            // Providers put JSON-RPC errors under 4xx statuses, and the error says more than the status.
            Ok(replies) => Ok(replies),
            Err(reason) if status.is_success() => Err(ChainError::Malformed { method, reason }),
            Err(_) => Err(ChainError::HttpStatus { method, status: status.as_u16() }),
        }
    }

    /// The body, and what it takes of the memory for answers.
    async fn read(
        &self,
        method: &'static str,
        response: &mut Response,
    ) -> Result<(Vec<u8>, Share), ChainError> {
        let limit = self.budget.largest();
        let too_large = || ChainError::TooLarge { method, limit };
        let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large());
        }
        let mut share = self.budget.share();
        share.grow(announced).await;
        let mut body = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(method, error))? {
            let bytes = body.len().saturating_add(chunk.len());
            if bytes > limit {
                return Err(too_large());
            }
            share.grow(bytes).await;
            if bytes > body.capacity() && bytes > SMALL {
                body.reserve_exact(AT_ONCE.min(limit).max(bytes).saturating_sub(body.len()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body, share))
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

fn failed(method: &'static str, error: reqwest::Error) -> ChainError {
    ChainError::Connection { method, source: Box::new(error.without_url()) }
}

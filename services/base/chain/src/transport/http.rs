//! JSON-RPC over HTTP with a limit on the size of an answer.
// alloy's own HTTP transport reads a body of any size into memory and drops Retry-After.

use std::time::Duration;

use alloy::rpc::json_rpc::RequestPacket;
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};

use super::Replies;
use crate::{ChainError, endpoint::Endpoint, install_crypto_provider};

pub(crate) struct Http {
    client: Client,
    url: Url,
    max_bytes: usize,
}

impl Http {
    pub(super) fn new(endpoint: &Endpoint, max_bytes: usize) -> Result<Self, ChainError> {
        install_crypto_provider();
        let client = Client::builder()
            .redirect(Policy::none()) // a redirected POST arrives as a GET
            .user_agent(concat!("capstan/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed("connect", error))?;
        Ok(Self { client, url: endpoint.url().clone(), max_bytes })
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
        let body = self.read(method, &mut response).await?;
        let replies = String::from_utf8(body)
            .map_err(|error| error.to_string())
            .and_then(|body| Replies::parse(body).map_err(|error| error.to_string()));
        match replies {
            // Providers put JSON-RPC errors under 4xx statuses, and the error says more than the status.
            Ok(replies) => Ok(replies),
            Err(reason) if status.is_success() => Err(ChainError::Malformed { method, reason }),
            Err(_) => Err(ChainError::HttpStatus { method, status: status.as_u16() }),
        }
    }

    async fn read(&self, method: &'static str, response: &mut Response) -> Result<Vec<u8>, ChainError> {
        let too_large = || ChainError::TooLarge { method, limit: self.max_bytes };
        let announced = response.content_length().unwrap_or(0);
        if announced > u64::try_from(self.max_bytes).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(method, error))? {
            if body.len().saturating_add(chunk.len()) > self.max_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

fn failed(method: &'static str, error: reqwest::Error) -> ChainError {
    ChainError::Connection { method, source: Box::new(error.without_url()) }
}

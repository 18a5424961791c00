//! How a packet of JSON-RPC requests reaches a node and its answer comes back.

mod budget;
mod http;
mod replies;
mod websocket;

use alloy::rpc::json_rpc::RequestPacket;

pub(crate) use budget::Budget;
pub(crate) use replies::{Json, Replies, Reply};
pub(crate) use websocket::Subscription;

use crate::{ChainError, endpoint::Endpoint};

/// A connection to one node. It sets no deadline; the caller does.
pub(crate) enum Transport {
    Http(http::Http),
    Ws(websocket::WebSocket),
}

impl Transport {
    /// Prepares, but does not open, the connection; answers over what `budget` allows are refused. Those over
    /// a WebSocket come whole, and do not count in it.
    pub(crate) fn new(endpoint: &Endpoint, budget: &Budget) -> Result<Self, ChainError> {
        if endpoint.is_ws {
            return Ok(Self::Ws(websocket::WebSocket::new(endpoint, budget.largest())));
        }
        http::Http::new(endpoint, budget.clone()).map(Self::Http)
    }

    /// Sends `packet` and returns the answer; `method` names the request in errors.
    pub(crate) async fn send(
        &self,
        method: &'static str,
        packet: RequestPacket,
    ) -> Result<Replies, ChainError> {
        match self {
            Self::Http(http) => http.send(method, packet).await,
            Self::Ws(socket) => socket.send(method, packet).await.map(Replies::from),
        }
    }
}

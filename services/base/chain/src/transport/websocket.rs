//! JSON-RPC over a WebSocket, and the subscription to new heads.

use std::sync::{Mutex, PoisonError};

use alloy::{
    primitives::B256,
    pubsub::{ConnectionHandle, PubSubConnect, PubSubFrontend, RawSubscription},
    rpc::json_rpc::{Id, Request, RequestPacket, ResponsePacket, ResponsePayload},
    transports::{
        TransportError, TransportErrorKind, TransportResult,
        ws::{WebSocketConfig, WsConnect},
    },
};
use tokio::sync::broadcast::error::RecvError;

use crate::{ChainError, endpoint::Endpoint, install_crypto_provider};

const SUBSCRIBE: &str = "eth_subscribe";

/// A connection that is opened when it is first needed and again after it broke.
pub(crate) struct WebSocket {
    connector: Connector,
    current: Mutex<Option<PubSubFrontend>>,
}

/// A subscription to new heads. Dropping it closes its connection.
pub(crate) struct Subscription {
    heads: RawSubscription,
    _connection: PubSubFrontend,
}

#[derive(Clone)]
struct Connector(WsConnect);

impl Connector {
    fn new(endpoint: &Endpoint, max_bytes: usize) -> Self {
        let config =
            WebSocketConfig::default().max_message_size(Some(max_bytes)).max_frame_size(Some(max_bytes));
        Self(WsConnect::new(endpoint.url().as_str()).with_config(config).with_max_retries(0))
    }

    async fn open(&self, method: &'static str) -> Result<PubSubFrontend, ChainError> {
        install_crypto_provider();
        Box::pin(self.clone().into_service()).await.map_err(|error| failed(method, error))
    }
}

impl PubSubConnect for Connector {
    fn is_local(&self) -> bool {
        self.0.is_local()
    }

    async fn connect(&self) -> TransportResult<ConnectionHandle> {
        self.0.connect().await
    }

    /// Refuses: alloy reconnects without delay to a server that accepts and closes, so we do it ourselves.
    async fn try_reconnect(&self) -> TransportResult<ConnectionHandle> {
        Err(TransportErrorKind::backend_gone())
    }
}

impl WebSocket {
    pub(super) fn new(endpoint: &Endpoint, max_bytes: usize) -> Self {
        Self { connector: Connector::new(endpoint, max_bytes), current: Mutex::new(None) }
    }

    pub(super) async fn send(
        &self,
        method: &'static str,
        packet: RequestPacket,
    ) -> Result<ResponsePacket, ChainError> {
        let connection = match self.current() {
            Some(connection) => connection,
            None => self.replace(Some(self.connector.open(method).await?)).ok_or_else(|| gone(method))?,
        };
        let answer = connection.send_packet(packet).await;
        answer.map_err(|error| {
            self.replace(None);
            failed(method, error)
        })
    }

    fn current(&self) -> Option<PubSubFrontend> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, connection: Option<PubSubFrontend>) -> Option<PubSubFrontend> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = connection;
        current.clone()
    }
}

impl Subscription {
    /// Connects and subscribes; `max_bytes` limits one notification.
    pub(crate) async fn open(endpoint: &Endpoint, max_bytes: usize) -> Result<Self, ChainError> {
        let connection = Connector::new(endpoint, max_bytes).open(SUBSCRIBE).await?;
        let mut request = Request::new(SUBSCRIBE, Id::Number(1), ["newHeads"]);
        request.set_is_subscription();
        let request = request.try_into().map_err(|error: serde_json::Error| malformed(&error))?;
        let answer = connection.send(request).await.map_err(|error| failed(SUBSCRIBE, error))?;
        let id: B256 = match answer.payload {
            ResponsePayload::Success(id) => {
                serde_json::from_str(id.get()).map_err(|error| malformed(&error))?
            }
            ResponsePayload::Failure(error) => {
                return Err(ChainError::Node {
                    method: SUBSCRIBE,
                    code: error.code,
                    message: error.message.into(),
                });
            }
        };
        let heads = connection.get_subscription(id).await.map_err(|error| failed(SUBSCRIBE, error))?;
        Ok(Self { heads, _connection: connection })
    }

    /// Waits for a notification, and takes those that already came after it as the same one.
    /// False when the connection is gone.
    pub(crate) async fn notified(&mut self) -> bool {
        // Lagged: the buffer of 16 ran over, so there certainly is a new head.
        let alive = !matches!(self.heads.recv().await, Err(RecvError::Closed));
        while !self.heads.is_empty() && self.heads.try_recv().is_ok() {}
        alive
    }
}

fn failed(method: &'static str, error: TransportError) -> ChainError {
    match &error {
        TransportError::Transport(kind) if kind.is_backend_gone() => gone(method),
        _ => ChainError::Connection { method, source: Box::new(error) },
    }
}

fn gone(method: &'static str) -> ChainError {
    ChainError::Closed { method }
}

fn malformed(error: &serde_json::Error) -> ChainError {
    ChainError::Malformed { method: SUBSCRIBE, reason: error.to_string() }
}

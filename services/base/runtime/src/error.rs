//! Why a service does not start.

use std::net::SocketAddr;

use crate::config::ConfigError;

/// Why a service does not start; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address to listen on cannot be had.
    #[error(
        "{service} cannot listen on {address}: {source}; end what uses it, or set another address with {setting}"
    )]
    Listen {
        /// The service.
        service: &'static str,
        /// The address.
        address: SocketAddr,
        /// The setting that changes it.
        setting: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Database(#[from] capstan_db::Error),
    /// A service that this one needs is not configured.
    #[error("{service} needs [peers] {peer}: set its address, such as \"http://{peer}:50051\"")]
    PeerMissing {
        /// The service that starts.
        service: &'static str,
        /// The service that it needs.
        peer: String,
    },
    /// The address of a peer is not a URL.
    #[error("[peers] {peer} = {url:?} is not an http URL")]
    PeerUrl {
        /// The peer.
        peer: String,
        /// What is configured.
        url: String,
    },
    /// Something of the service's own, in its words.
    #[error("{0}")]
    Service(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StartError {
    /// Wraps a service's own error.
    pub fn service(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Service(error.into())
    }
}

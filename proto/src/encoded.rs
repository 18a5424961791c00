//! The server of `capstan.indexer.v1.IndexerService` with batches of events that are encoded already: to a server
//! that writes hundreds of thousands of them a second, a struct for each is dear.

use bytes::Bytes;

use crate::indexer::{Heartbeat, StreamSession, UndoSignal};

mod service {
    #![allow(
        missing_docs,
        clippy::allow_attributes_without_reason,
        clippy::excessive_nesting,
        clippy::too_many_lines,
        reason = "generated from the contract, which carries the comments"
    )]

    include!(concat!(env!("OUT_DIR"), "/encoded/capstan.indexer.v1.rs"));
}

pub use service::indexer_service_server;

/// [`capstan.indexer.v1.StreamEventsResponse`](crate::indexer::StreamEventsResponse), the same on the wire.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamEventsResponse {
    /// What the message says.
    #[prost(oneof = "Message", tags = "1, 2, 3, 4")]
    pub message: Option<Message>,
}

/// What a message of `StreamEvents` says.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Message {
    /// Always the first message.
    #[prost(message, tag = "1")]
    Session(StreamSession),
    /// An encoded [`EventBatch`](crate::indexer::EventBatch): within a message, bytes and a message are written alike.
    #[prost(bytes = "bytes", tag = "2")]
    Events(Bytes),
    /// Blocks left the chain.
    #[prost(message, tag = "3")]
    Undo(UndoSignal),
    /// Nothing new matched.
    #[prost(message, tag = "4")]
    Heartbeat(Heartbeat),
}

//! Calls an rpc of the contract on the service that serves it.

use std::{error::Error as _, sync::Arc, time::Duration};

use prost_reflect::DynamicMessage;
use tonic::{Request, Response, Status, TimeoutExpired, client::Grpc, metadata::MetadataMap};

use crate::{
    adapters::{
        codec::DynamicCodec,
        upstream::{Peer, Upstreams},
    },
    domain::contract::Binding,
    error::Error,
};

/// Largest answer of a service that becomes JSON, in bytes.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

// The service learns a slightly later deadline, so that the gateway is the one who speaks of it.
const DEADLINE_SLACK: Duration = Duration::from_millis(250);

/// One call: what to say, with which metadata, and how long to wait.
#[derive(Debug)]
pub struct Call {
    /// The request message of the binding's rpc.
    pub message: DynamicMessage,
    /// What travels beside it.
    pub metadata: MetadataMap,
    /// How long the answer may take.
    pub deadline: Duration,
}

/// Calls the rpc of `binding`.
///
/// # Errors
/// When the service is not configured, not reachable or too slow, or when it refuses.
pub async fn unary(
    upstreams: &Upstreams,
    binding: &Arc<Binding>,
    call: Call,
) -> Result<Response<DynamicMessage>, Error> {
    let service = binding.method.parent_service();
    let peer = upstreams.find(service.full_name())?;
    let upstream = peer.upstream()?;
    let mut request = Request::new(call.message);
    *request.metadata_mut() = call.metadata;
    request.set_timeout(call.deadline + DEADLINE_SLACK);
    let codec = DynamicCodec { output: binding.method.output() };
    let exchange = async {
        let mut client = Grpc::new(upstream).max_decoding_message_size(MAX_ANSWER_BYTES);
        client.ready().await.map_err(|cause| unreachable(peer, cause))?;
        let answer = client.unary(request, binding.grpc_path.clone(), codec).await;
        answer.map_err(|status| refused(peer, status))
    };
    let late = |_| Error::Deadline { peer: peer.name.clone() };
    tokio::time::timeout(call.deadline, exchange).await.map_err(late)?
}

/// What a broken exchange with a peer means.
#[must_use]
pub fn unreachable(peer: &Peer, cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let peer = peer.name.clone();
    if is_timeout(cause.as_ref()) {
        return Error::Deadline { peer };
    }
    Error::PeerUnreachable { peer, source: cause }
}

// A status that the service sent has no source; one that the transport made up has.
fn refused(peer: &Peer, status: Status) -> Error {
    if status.source().is_some() { unreachable(peer, status.into()) } else { Error::Refused(status) }
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TimeoutExpired>() || error.source().is_some_and(is_timeout)
}

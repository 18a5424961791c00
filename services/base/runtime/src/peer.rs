//! Channels to other services.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::StartError;

const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// A channel that connects when it is first used and again whenever the peer comes back.
///
/// # Errors
/// When `url` is not an http URL.
pub(crate) fn channel(peer: &str, url: &str) -> Result<Channel, StartError> {
    let wrong = |_| StartError::PeerUrl { peer: peer.to_owned(), url: url.to_owned() };
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(wrong)?;
    if endpoint.uri().scheme_str() != Some("http") {
        return Err(StartError::PeerUrl { peer: peer.to_owned(), url: url.to_owned() });
    }
    Ok(endpoint
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
        // A replay sends batches of up to 1 MiB; the usual window of 64 KiB would wait within each.
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_lazy())
}

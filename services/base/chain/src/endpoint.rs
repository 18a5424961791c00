//! The address of a node, written to logs and errors without the keys that providers put into it.

use std::fmt;

use reqwest::Url;

use crate::ChainError;

/// A parsed endpoint URL; `Display` shows scheme, host and port only, since path, query and user
/// may hold the key of an account.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Url,
    /// Whether this is a WebSocket.
    pub(crate) is_ws: bool,
}

impl Endpoint {
    /// Parses the URL at `position` (from 0) of the configured list.
    pub(crate) fn parse(position: usize, text: &str) -> Result<Self, ChainError> {
        let invalid = |reason: &str| ChainError::InvalidUrl { position, reason: reason.to_owned() };
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("has no host"));
        }
        match url.scheme() {
            "http" | "https" => Ok(Self { url, is_ws: false }),
            "ws" | "wss" => Ok(Self { url, is_ws: true }),
            other => Err(invalid(&format!("scheme {other} is not supported; use http, https, ws or wss"))),
        }
    }

    /// The whole URL, for opening a connection only.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_an_endpoint_is_never_shown() {
        let endpoint = Endpoint::parse(0, "wss://me:secret@node.example:8443/v2/key?token=other").unwrap();
        assert_eq!(endpoint.to_string(), "wss://node.example:8443");
        assert_eq!(format!("{endpoint:?}"), "wss://node.example:8443");
        assert!(endpoint.is_ws);
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_its_position() {
        for text in ["", "node.example", "ftp://node.example", "http://"] {
            let error = Endpoint::parse(3, text).unwrap_err();
            assert!(matches!(error, ChainError::InvalidUrl { position: 3, .. }), "{text}: {error}");
        }
    }
}

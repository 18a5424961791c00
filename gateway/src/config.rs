//! What can be set for the gateway.

use std::{net::SocketAddr, time::Duration};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;

/// The `[gateway]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Origins whose pages may call the gateway, such as `https://app.example`; `*`: any.
    pub cors_origins: Vec<Origin>,
    /// How long a unary call may take: over REST at most, over gRPC when the caller does not say.
    /// In milliseconds, at most a day.
    pub request_timeout_ms: u64,
    /// Whether services for operators are served too, to everybody who reaches the gateway.
    pub admin: bool,
    /// Largest request body over REST, in bytes.
    pub max_body_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            cors_origins: vec![Origin::Any],
            request_timeout_ms: 10_000,
            admin: false,
            max_body_bytes: 1024 * 1024,
        }
    }
}

impl Config {
    /// The deadline of a call whose caller does not set one.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms.min(DAY_MS))
    }
}

/// Whose pages may call the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Origin {
    /// Everybody's.
    Any,
    /// Those of this scheme, host and port.
    Exactly(HeaderValue),
}

/// Text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as \"https://app.example\", nor \"*\"")]
pub struct InvalidOrigin(String);

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ']));
        let value = HeaderValue::from_str(&text).ok().filter(|_| is_origin);
        value.map(Self::Exactly).ok_or(InvalidOrigin(text))
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Any => "*".to_owned(),
            Origin::Exactly(value) => value.to_str().unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_else() {
        for text in ["*", "https://app.example", "http://localhost:5173"] {
            let origin = Origin::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(origin), text);
        }
        for text in ["", "app.example", "https://", "https://a/", "https://a b", "ftp://a", "https://a\n"] {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

//! What an operator can see of an endpoint.

use std::{num::NonZeroU32, time::Duration};

/// What an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Serves requests.
    #[default]
    Primary,
    /// Serves requests while no primary can.
    Fallback,
}

/// URL of an endpoint and what it is for.
#[derive(Clone)]
pub struct EvmUrl {
    /// http, https, ws or wss.
    pub url: String,
    /// What it is for.
    pub role: Role,
    /// Most requests a second that it is sent.
    pub requests_per_second: Option<NonZeroU32>,
}

impl From<&str> for EvmUrl {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), role: Role::Primary, requests_per_second: None }
    }
}

/// Whether an endpoint is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointState {
    /// It is asked.
    Ready,
    /// Its head is behind that of others, which are preferred.
    Lagging,
    /// It wants fewer requests and is left alone for a while.
    Limited,
    /// It failed or lied too often, and comes back once it proves well.
    Ejected,
}

/// One endpoint that serves requests, as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Scheme, host and port.
    pub url: String,
    /// What it is for.
    pub role: Role,
    /// Whether it is asked.
    pub state: EndpointState,
    /// Average time to an answer; zero before the first.
    pub latency: Duration,
    /// Requests under way.
    pub in_flight: u32,
    /// Most requests at a time, adapted to what it bears.
    pub limit: u32,
    /// Requests that it did not answer.
    pub errors: u64,
    /// Answers that could not be true.
    pub lies: u64,
    /// Requests that it refused as too many.
    pub rate_limited: u64,
}

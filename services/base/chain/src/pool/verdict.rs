//! What an answer says about the endpoint that gave it.

use std::time::Duration;

use crate::{ChainError, ErrorClass};

/// What one request taught about its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered.
    Good,
    /// It has not seen, or no longer keeps, what was asked for; another may.
    Behind,
    /// It does not serve such questions, or none this old; another may. Says nothing of its other answers.
    Unable,
    /// It sent more than is read, which may be the question's fault or its own.
    Flood,
    /// It refused the question itself; another would too.
    Refused,
    /// Another endpoint, asked later, answered first.
    Outrun,
    /// It did not answer.
    Failed,
    /// Its answer cannot be true.
    Lie,
    /// It wants fewer requests, after a wait if it says so.
    Limited(Option<Duration>),
}

impl Verdict {
    pub(super) fn on<T>(result: &Result<T, ChainError>) -> Self {
        let Err(error) = result else {
            return Self::Good;
        };
        match error {
            ChainError::RateLimited { retry_after, .. } => Self::Limited(*retry_after),
            ChainError::HttpStatus { status: 503, .. } => Self::Limited(None),
            ChainError::BehindRequest { .. } | ChainError::UnknownBlock { .. } => Self::Behind,
            ChainError::HistoryUnavailable { .. } | ChainError::FormatUnknown { .. } => Self::Unable,
            ChainError::TooLarge { .. } => Self::Flood,
            ChainError::RangeTooLarge { .. } | ChainError::EmptyRange { .. } => Self::Refused,
            ChainError::Node { code: -32_602..=-32_600, .. } => Self::Unable,
            _ if error.class() == ErrorClass::Inconsistent => Self::Lie,
            _ => Self::Failed,
        }
    }

    /// Whether another endpoint may do better.
    pub(super) fn another_may_help(self) -> bool {
        !matches!(self, Self::Good | Self::Refused)
    }
}

//! What can go wrong in the market, and what its callers are told.

use capstan_primitives::{ChainId, PageTokenError};
use capstan_runtime::status::Failure;
use sea_orm::DbErr;
use tonic::{Code, Status};

use crate::domain::name::Name;

const DOMAIN: &str = "market.capstan";

/// A failure of the market.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No chain that was asked has the market.
    #[error("there is no market {0}")]
    MarketNotFound(Name),
    /// A chain that is not configured.
    #[error("chain {0} is not followed")]
    ChainNotFollowed(ChainId),
    /// A field of a request is wrong.
    #[error("{field}: {problem}")]
    Field {
        /// The field as in the contract.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A page token is not of this request.
    #[error("page_token: {0}")]
    PageToken(PageTokenError),
    /// A stream cursor cannot be used.
    #[error("cursor: {0}")]
    Cursor(String),
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database does not answer or refuses.
    #[error("the database failed: {0}")]
    Database(#[from] DbErr),
    /// A row holds what no version of this service writes.
    #[error("the table {table} holds a row that cannot be read: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Another projector moved the cursor since it was read.
    #[error("another projector of chain {0} moved the cursor")]
    CursorMoved(ChainId),
}

impl Error {
    /// A wrong field of a request.
    pub(crate) fn field(field: &'static str, problem: impl ToString) -> Self {
        Self::Field { field, problem: problem.to_string() }
    }

    fn failure(&self) -> Failure {
        match self {
            Self::Store(_) => Failure::store_unavailable(),
            Self::MarketNotFound(name) => Failure::new(Code::NotFound, "MARKET_NOT_FOUND", self.to_string())
                .with_metadata("market_id", name),
            Self::ChainNotFollowed(chain) => {
                Failure::new(Code::NotFound, "CHAIN_NOT_FOLLOWED", self.to_string())
                    .with_metadata("chain_id", chain)
            }
            Self::Field { field, problem } => Failure::invalid_field(*field, problem),
            Self::PageToken(problem) => {
                Failure::invalid_field("page_token", problem).with_reason("PAGE_TOKEN_INVALID")
            }
            Self::Cursor(problem) => Failure::invalid_field("cursor", problem).with_reason("CURSOR_INVALID"),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Store(error) => tracing::error!(%error, "request failed"),
            refused => tracing::debug!(error = %refused, "request refused"),
        }
        error.failure().into_status(DOMAIN)
    }
}

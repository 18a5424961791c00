//! What can go wrong in the quoter, and what its callers are told.

use capstan_chain::ChainError;
use capstan_primitives::{ChainId, PageTokenError};
use capstan_runtime::status::Failure;
use tonic::{Code, Status};

use crate::domain::pool::PoolId;

const DOMAIN: &str = "quoter.capstan";

/// A failure of the quoter.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A chain that is not configured.
    #[error("chain {0} is not configured")]
    ChainNotConfigured(ChainId),
    /// The log has not been read through yet.
    #[error("the state of chain {0} is still being made from the event log")]
    NotReady(ChainId),
    /// No node has said yet what gas costs.
    #[error("what gas costs on chain {0} is not known yet")]
    GasUnknown(ChainId),
    /// There is no such pool.
    #[error("there is no pool {0}")]
    PoolNotFound(PoolId),
    /// No pool trades the token, or none leads to the reference.
    #[error("{0}")]
    TokenNotFound(String),
    /// A field of a request is wrong.
    #[error("{field}: {problem}")]
    Field {
        /// The field as in the contract.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A page token is not of this request.
    #[error("page_token: {0}")]
    PageToken(PageTokenError),
    /// Too many quotes wait.
    #[error("{0} quotes wait already")]
    Overloaded(usize),
    /// The chain's node did not say what only it can say.
    #[error("the node of chain {chain} could not be asked: {source}")]
    Node {
        /// The chain.
        chain: ChainId,
        /// Why not.
        source: ChainError,
    },
    /// The process is stopping, or a quote could not be finished.
    #[error("the quote was not finished")]
    Unfinished,
}

impl Error {
    /// A wrong field of a request.
    pub(crate) fn field(field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Field { field: field.into(), problem: problem.to_string() }
    }

    fn failure(&self) -> Failure {
        let new = |code, reason| Failure::new(code, reason, self.to_string());
        match self {
            Self::ChainNotConfigured(chain) => {
                new(Code::NotFound, "CHAIN_NOT_CONFIGURED").with_metadata("chain_id", chain)
            }
            Self::NotReady(chain) => new(Code::Unavailable, "NOT_READY").with_metadata("chain_id", chain),
            Self::GasUnknown(chain) => new(Code::Unavailable, "GAS_UNKNOWN").with_metadata("chain_id", chain),
            Self::PoolNotFound(pool) => new(Code::NotFound, "POOL_NOT_FOUND").with_metadata("pool_id", pool),
            Self::TokenNotFound(_) => new(Code::NotFound, "TOKEN_NOT_FOUND"),
            Self::Field { field, problem } => Failure::invalid_field(field.clone(), problem),
            Self::PageToken(problem) => {
                Failure::invalid_field("page_token", problem).with_reason("PAGE_TOKEN_INVALID")
            }
            Self::Overloaded(_) => new(Code::ResourceExhausted, "OVERLOADED"),
            Self::Node {
                source: ChainError::UnknownBlock { .. } | ChainError::HistoryUnavailable { .. },
                ..
            } => new(Code::FailedPrecondition, "STATE_UNAVAILABLE"),
            Self::Node { chain, .. } => {
                new(Code::Unavailable, "NODE_UNAVAILABLE").with_metadata("chain_id", chain)
            }
            Self::Unfinished => new(Code::Unavailable, "NOT_READY"),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        tracing::debug!(%error, "request refused");
        error.failure().into_status(DOMAIN)
    }
}

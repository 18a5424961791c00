//! What can go wrong between a client and a service, and what the client is told.

use capstan_runtime::status::Failure;
use http::StatusCode;
use tonic::{Code, Status};

use crate::domain::fields::Invalid;

/// The `ErrorInfo.domain` of errors that the gateway makes itself.
pub const DOMAIN: &str = "gateway.capstan";

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A request that did not get the answer it wanted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No rpc, file or page has this path.
    #[error("no such path")]
    UnknownRoute,
    /// The path exists, with these methods only.
    #[error("this path takes {}", .allow.join(", "))]
    MethodNotAllowed {
        /// The methods.
        allow: Vec<String>,
    },
    /// The body is larger than the configuration allows.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The largest size, in bytes.
        limit: usize,
    },
    /// The body is not of a type that the path understands.
    #[error("the content type must be {expected}")]
    ContentType {
        /// The types that are understood.
        expected: &'static str,
    },
    /// The request could not be read to its end.
    #[error("the request could not be read")]
    BodyUnreadable(#[source] Cause),
    /// gRPC came over HTTP/1.
    #[error("gRPC needs HTTP/2; gRPC-web works over HTTP/1")]
    NeedsHttp2,
    /// A path value, query parameter or body does not fit the contract.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The contract has no such rpc.
    #[error("no such rpc")]
    UnknownRpc,
    /// The contract has the service, the configuration does not say where it runs.
    #[error("peer {peer} is not configured")]
    PeerNotConfigured {
        /// The service's name.
        peer: String,
    },
    /// The service did not take the call, or the connection broke.
    #[error("peer {peer} is not reachable")]
    PeerUnreachable {
        /// The service's name.
        peer: String,
        /// What the transport says; for the log only.
        source: Cause,
    },
    /// The service did not answer in time.
    #[error("peer {peer} did not answer in time")]
    Deadline {
        /// The service's name.
        peer: String,
    },
    /// The service's answer has no JSON form.
    #[error("the answer could not be written as JSON")]
    Answer(#[source] serde_json::Error),
    /// The service said no; its words are handed on.
    #[error("{}", .0.message())]
    Refused(Status),
}

impl Error {
    /// Whether it is ours to fix, rather than the caller's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.http_status().is_server_error() && !matches!(self, Self::UnknownRpc)
    }

    /// The HTTP status over REST.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        match self {
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused(status) => http_status(status.code()),
            _ => http_status(self.code()),
        }
    }

    /// The gRPC status with its details; what travels over gRPC and what the JSON shape is made of.
    #[must_use]
    pub fn into_status(self) -> Status {
        let (code, reason) = (self.code(), self.reason());
        let failure = match self {
            Self::Refused(status) => return status,
            Self::Invalid(Invalid { field, problem }) => {
                Failure::invalid_field(&field, problem).with_metadata("field", field)
            }
            other => match other.variable() {
                Some((key, value)) => Failure::new(code, reason, other.to_string()).with_metadata(key, value),
                None => Failure::new(code, reason, other.to_string()),
            },
        };
        failure.into_status(DOMAIN)
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownRoute => Code::NotFound,
            Self::MethodNotAllowed { .. } | Self::UnknownRpc => Code::Unimplemented,
            Self::BodyTooLarge { .. }
            | Self::ContentType { .. }
            | Self::BodyUnreadable(_)
            | Self::NeedsHttp2
            | Self::Invalid(_) => Code::InvalidArgument,
            Self::PeerNotConfigured { .. } | Self::PeerUnreachable { .. } => Code::Unavailable,
            Self::Deadline { .. } => Code::DeadlineExceeded,
            Self::Answer(_) => Code::Internal,
            Self::Refused(status) => status.code(),
        }
    }

    // Stable: callers decide by it.
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownRoute => "ROUTE_UNKNOWN",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Self::ContentType { .. } => "CONTENT_TYPE_UNSUPPORTED",
            Self::BodyUnreadable(_) => "BODY_UNREADABLE",
            Self::NeedsHttp2 => "HTTP2_REQUIRED",
            Self::Invalid(_) => "INVALID_FIELD",
            Self::UnknownRpc => "RPC_UNKNOWN",
            Self::PeerNotConfigured { .. } => "PEER_NOT_CONFIGURED",
            Self::PeerUnreachable { .. } => "PEER_UNREACHABLE",
            Self::Deadline { .. } => "DEADLINE_EXCEEDED",
            Self::Answer(_) => "ANSWER_UNREADABLE",
            Self::Refused(_) => "",
        }
    }

    // AIP-193: every part of the message that varies is also machine-readable.
    fn variable(&self) -> Option<(&'static str, String)> {
        match self {
            Self::MethodNotAllowed { allow } => Some(("allow", allow.join(", "))),
            Self::BodyTooLarge { limit } => Some(("limit", limit.to_string())),
            Self::ContentType { expected } => Some(("expected", (*expected).to_owned())),
            Self::PeerNotConfigured { peer }
            | Self::PeerUnreachable { peer, .. }
            | Self::Deadline { peer } => Some(("peer", peer.clone())),
            _ => None,
        }
    }
}

/// The HTTP status of a gRPC code, by the table of `google.rpc.Code`.
#[must_use]
pub fn http_status(code: Code) -> StatusCode {
    let number = match code {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::DeadlineExceeded => 504,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::PermissionDenied => 403,
        Code::Unauthenticated => 401,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The name of a gRPC code in `google.rpc.Code`.
#[must_use]
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

//! Failures as gRPC statuses: a class, a stable reason, and the field that is wrong.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A failure in the words of its caller. The cause stays in the log.
#[derive(Debug, Clone)]
pub struct Failure {
    code: Code,
    reason: &'static str,
    message: String,
    field: Option<String>,
    metadata: HashMap<String, String>,
}

impl Failure {
    /// The caller's request is wrong in `field`, named as in the contract.
    pub fn invalid_field(field: impl Into<String>, description: impl std::fmt::Display) -> Self {
        let field = field.into();
        let message = format!("{field}: {description}");
        Self { field: Some(field), ..Self::new(Code::InvalidArgument, "INVALID_FIELD", message) }
    }

    /// Any other failure: its code, a stable reason in UPPER_SNAKE, and a text for people.
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), field: None, metadata: HashMap::new() }
    }

    /// The store does not answer; the caller may try again.
    #[must_use]
    pub fn store_unavailable() -> Self {
        Self::new(Code::Unavailable, "STORE_UNAVAILABLE", "the store does not answer; try again")
    }

    /// Gives the failure another reason.
    #[must_use]
    pub fn with_reason(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// Adds a dynamic part of the message in a form that programs can read.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.metadata.insert(key.into(), value.to_string());
        self
    }

    /// The status on the wire; `domain` names the service, such as `market.capstan`.
    #[must_use]
    pub fn into_status(self, domain: &'static str) -> Status {
        let mut details = ErrorDetails::with_error_info(self.reason, domain, self.metadata);
        if let Some(field) = self.field {
            let description =
                self.message.strip_prefix(&format!("{field}: ")).unwrap_or(&self.message).to_owned();
            details.add_bad_request_violation(field, description);
        }
        Status::with_error_details(self.code, self.message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_field_is_named() {
        let status = Failure::invalid_field("page_size", "is 0 to 500")
            .with_metadata("max", 500)
            .into_status("x.capstan");
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "page_size: is 0 to 500"));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_FIELD", "x.capstan"));
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!((violation.field.as_str(), violation.description.as_str()), ("page_size", "is 0 to 500"));
    }
}

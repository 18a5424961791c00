//! Errors as the one JSON shape of AIP-193.

use axum::body::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Response, header};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use serde_json::{Map, Value, json};
use tonic_types::pb;

use crate::{
    domain::json,
    error::{Error, code_name},
};

/// The types that error details can have: those of `google.rpc` and those of the contract.
#[derive(Debug, Clone)]
pub struct DetailTypes {
    pools: Vec<DescriptorPool>,
}

impl DetailTypes {
    /// The standard types and those of `contract`.
    #[must_use]
    pub fn new(contract: &DescriptorPool) -> Self {
        let standard = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).ok();
        Self { pools: standard.into_iter().chain([contract.clone()]).collect() }
    }

    /// The answer to a REST request that failed.
    #[must_use]
    pub(super) fn response(&self, error: Error, request_id: &str) -> Response<Body> {
        let http = error.http_status();
        let allow = match &error {
            Error::MethodNotAllowed { allow } => HeaderValue::from_str(&allow.join(", ")).ok(),
            _ => None,
        };
        let status = error.into_status();
        let body = json!({"error": {
            "code": http.as_u16(),
            "status": code_name(status.code()),
            "message": status.message(),
            "details": self.details(status.details()),
            "requestId": request_id,
        }});
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = http;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(allow.map(|methods| (header::ALLOW, methods)));
        response
    }

    // Details that cannot be read cost nobody the code and the message.
    fn details(&self, bytes: &[u8]) -> Vec<Value> {
        let status = pb::Status::decode(bytes).unwrap_or_default();
        status.details.iter().map(|detail| self.detail(detail)).collect()
    }

    fn detail(&self, any: &Any) -> Value {
        self.read(any)
            .unwrap_or_else(|| json!({"typeUrl": any.type_url, "value": BASE64_STANDARD.encode(&any.value)}))
    }

    fn read(&self, any: &Any) -> Option<Value> {
        let (_, name) = any.type_url.rsplit_once('/')?;
        let find = |pool: &DescriptorPool| pool.get_message_by_name(name);
        let descriptor = self.pools.iter().find_map(find)?;
        let message = DynamicMessage::decode(descriptor, any.value.as_slice()).ok()?;
        let mut fields = Map::from_iter([("@type".to_owned(), Value::from(any.type_url.clone()))]);
        match json::to_value(&message).ok()? {
            Value::Object(own) => fields.extend(own),
            other => drop(fields.insert("value".to_owned(), other)),
        }
        Some(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn types() -> DetailTypes {
        DetailTypes::new(&DescriptorPool::decode(capstan_proto::FILE_DESCRIPTOR_SET).unwrap())
    }

    #[test]
    fn every_standard_detail_is_decoded() {
        let mut details = ErrorDetails::new();
        details
            .set_retry_info(Some(std::time::Duration::from_millis(1500)))
            .set_debug_info(["frame".to_owned()], "why")
            .add_quota_failure_violation("user", "too many")
            .set_error_info("REASON", "market.capstan", [])
            .add_precondition_failure_violation("TOS", "user", "not accepted")
            .add_bad_request_violation("address", "not an address")
            .set_request_info("id", "data")
            .set_resource_info("market", "0x1", "me", "gone")
            .add_help_link("read", "https://example.com")
            .set_localized_message("de", "Nein");
        let status = Status::with_error_details(Code::InvalidArgument, "no", details);
        let decoded = types().details(status.details());
        assert_eq!(decoded.len(), 10);
        assert!(decoded.iter().all(|detail| detail["@type"].is_string()), "{decoded:?}");
        let retry = decoded.iter().find(|detail| detail.get("retryDelay").is_some()).unwrap();
        assert_eq!(retry["retryDelay"], "1.500s");
    }

    #[test]
    fn an_unknown_detail_is_kept_as_base64_and_broken_ones_are_left_out() {
        let unknown = Any { type_url: "type.googleapis.com/x.Y".into(), value: vec![255, 1] };
        let status = pb::Status { details: vec![unknown], ..Default::default() };
        let decoded = types().details(&status.encode_to_vec());
        let expected = json!({"typeUrl": "type.googleapis.com/x.Y", "value": "/wE="});
        assert_eq!(decoded, [expected]);
        assert!(types().details(&[255, 255]).is_empty());
    }
}

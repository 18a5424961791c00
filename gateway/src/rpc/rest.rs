//! REST: an HTTP request becomes one call of one rpc, and its answer JSON.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost_reflect::DynamicMessage;
use tonic::metadata::MetadataMap;

use super::{Edge, layers::RequestId};
use crate::{
    domain::{
        contract::{Binding, Body as BodyRule},
        fields::Invalid,
        json,
        request::{self, Parts},
        routes::Route,
        template::PathParts,
    },
    error::Error,
    operations::call::{self, Call},
};

/// Response metadata by which a service chooses the HTTP status of a success.
pub(super) const HTTP_CODE: &str = "x-http-code";

const TIMEOUT: &str = "grpc-timeout";

// What a service may need to know of the HTTP request; everything else stays here.
const FORWARDED: [&str; 4] = ["authorization", "traceparent", "tracestate", "idempotency-key"];

/// A request and the route that it matched.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The route.
    pub route: &'a Route<Arc<Binding>>,
    /// The path as the route reads it.
    pub path: PathParts<'a>,
    /// The query, still encoded.
    pub query: &'a str,
    /// The id of the request.
    pub id: &'a RequestId,
}

/// Calls the rpc behind a route.
///
/// # Errors
/// When the request does not fit the contract, or the service does not answer or refuses.
pub(super) async fn answer(
    edge: &Edge,
    asked: Asked<'_>,
    request: Request<Body>,
) -> Result<Response<Body>, Error> {
    let binding = &asked.route.target;
    let (head, body) = request.into_parts();
    let longest = edge.config.request_timeout();
    let deadline = deadline(&head.headers)?.unwrap_or(longest).min(longest);
    let body = read_body(edge, binding, &head.headers, body).await?;
    let parts = Parts { path: &asked.path, template: &asked.route.template, query: asked.query, body: &body };
    let message = request::build(binding, parts)?;
    let metadata = metadata(&head.headers, asked.id);
    let call = Call { message, metadata, deadline };
    let answer = call::unary(&edge.upstreams, binding, call).await?;
    respond(binding, &answer)
}

fn respond(binding: &Binding, answer: &tonic::Response<DynamicMessage>) -> Result<Response<Body>, Error> {
    let body = json::write(answer.get_ref(), binding.response_body.as_ref()).map_err(Error::Answer)?;
    let chosen = answer.metadata().get(HTTP_CODE).and_then(|code| code.to_str().ok());
    let chosen = chosen.and_then(|code| code.parse::<StatusCode>().ok());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = chosen.filter(|code| code.as_u16() >= 200).unwrap_or(StatusCode::OK);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

async fn read_body(edge: &Edge, binding: &Binding, headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let limit = edge.config.max_body_bytes;
    if announced_length(headers).is_some_and(|length| length > limit) {
        return Err(Error::BodyTooLarge { limit });
    }
    if binding.body == BodyRule::None {
        return Ok(Bytes::new());
    }
    if !is_json(headers) {
        return Err(Error::ContentType { expected: "application/json" });
    }
    let reading = Limited::new(body, limit).collect();
    let read = tokio::time::timeout(edge.config.request_timeout(), reading).await;
    match read {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::BodyTooLarge { limit }),
        Ok(Err(error)) => Err(Error::BodyUnreadable(error)),
        Err(late) => Err(Error::BodyUnreadable(late.into())),
    }
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

// A body without a type is taken at its word: it is JSON or it will not parse.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn metadata(headers: &HeaderMap, id: &RequestId) -> MetadataMap {
    let mut kept = HeaderMap::new();
    for name in FORWARDED {
        kept.extend(headers.get(name).map(|value| (http::HeaderName::from_static(name), value.clone())));
    }
    kept.insert(RequestId::HEADER, id.value().clone());
    MetadataMap::from_headers(kept)
}

// The server around the router cuts a request off at this very deadline, in words that are not JSON;
// the gateway speaks a little earlier.
fn deadline(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(None);
    };
    let parsed = value.to_str().ok().and_then(parse_timeout).map(|time| time.mul_f64(0.9));
    parsed.map(Some).ok_or_else(|| Invalid::new(TIMEOUT, "not a gRPC timeout, such as 500m").into())
}

// The format of gRPC: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let countable = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let amount: u64 = digits.parse().ok().filter(|_| countable)?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_up_to_eight_digits_and_a_unit() {
        assert_eq!(parse_timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse_timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for text in ["", "m", "100", "1.5S", "+1S", "123456789S", "1é", "1s"] {
            assert_eq!(parse_timeout(text), None, "{text}");
        }
    }
}

//! One JSON shape for everything that goes wrong.

use std::{collections::BTreeMap, time::Duration};

use capstan_gateway::config::Config;
use capstan_proto::market::GetMarketResponse;
use http::Method;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::edge::{Answer, Edge, Setup};

fn error(answer: &Answer, code: u16, status: &str) -> Value {
    assert_eq!(answer.status, code, "{}", answer.text);
    let mut body = answer.json();
    let error = body["error"].take();
    assert_eq!(error["code"], code);
    assert_eq!(error["status"], status);
    assert_eq!(error["requestId"], answer.header("x-request-id"));
    assert!(!answer.header("x-request-id").is_empty());
    assert!(!error["message"].as_str().unwrap().is_empty());
    error
}

fn detail<'e>(error: &'e Value, name: &str) -> &'e Value {
    let details = error["details"].as_array().unwrap();
    let url = format!("type.googleapis.com/google.rpc.{name}");
    details.iter().find(|detail| detail["@type"] == url).unwrap_or(&Value::Null)
}

fn violated(error: &Value) -> &str {
    detail(error, "BadRequest")["fieldViolations"][0]["field"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_wrong_query_or_path_value_names_itself() {
    let edge = Edge::start().await;
    for (path, field) in [
        ("/api/markets?nope=1", "nope"),
        ("/api/markets?market.nope=1", "market.nope"),
        ("/api/markets?pageSize=ten", "pageSize"),
        ("/api/markets?page_size=4294967296", "page_size"),
        ("/api/markets?page_size=%2B4", "page_size"),
        ("/api/markets?page_size=", "page_size"),
        ("/api/markets?page_size=1&page_size=2", "page_size"),
        ("/api/markets?resolved=yes", "resolved"),
        ("/api/markets?chain_id=-1", "chain_id"),
        ("/api/markets?page_token=%ff", "page_token"),
        ("/api/markets/0x1?market_id=0x2", "market_id"),
        ("/api/markets/%ff", "market_id"),
    ] {
        let answer = edge.get(path).await;
        let error = error(&answer, 400, "INVALID_ARGUMENT");
        assert_eq!(violated(&error), field, "{path}");
        assert_eq!(detail(&error, "ErrorInfo")["reason"], "INVALID_FIELD");
        assert!(error["message"].as_str().unwrap().starts_with(field), "{error}");
    }
    assert_eq!(edge.backend.count(), 0);
}

#[tokio::test]
async fn unknown_paths_are_not_found_and_known_ones_name_their_methods() {
    let edge = Edge::start().await;
    for path in ["/api/nope", "/v1/markets/1/2/3", "/v1", "/api", "/nope.Service/Do", "/v1/markets/", "/x.js"]
    {
        let answer = Answer::of(edge.http.get(edge.url(path)).header("accept", "text/html")).await;
        if path != "/x.js" {
            error(&answer, 404, "NOT_FOUND");
        }
        error(&Answer::of(edge.http.post(edge.url(path))).await, 404, "NOT_FOUND");
    }
    let answer = Answer::of(edge.http.delete(edge.url("/api/markets/1"))).await;
    error(&answer, 405, "UNIMPLEMENTED");
    assert_eq!(answer.header("allow"), "GET, HEAD");
    let answer = edge.get("/capstan.market.v1.MarketService/GetMarket").await;
    error(&answer, 405, "UNIMPLEMENTED");
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn a_service_path_in_another_protocol_is_an_unsupported_type() {
    let edge = Edge::start().await;
    let url = edge.url("/capstan.market.v1.MarketService/GetMarket");
    let request = edge.http.post(&url).header("content-type", "application/json").body("{}");
    error(&Answer::of(request).await, 415, "INVALID_ARGUMENT");
    let request = edge.http.post(&url).header("content-type", "application/grpc-web+json").body("{}");
    error(&Answer::of(request).await, 415, "INVALID_ARGUMENT");
    let request = edge.http.post(&url).header("content-type", "application/grpc").body("");
    error(&Answer::of(request).await, 400, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn a_refusal_keeps_its_code_message_and_details() {
    let edge = Edge::start().await;
    edge.backend.answers::<GetMarketResponse>(|| {
        let mut details = ErrorDetails::new();
        details
            .set_error_info("MARKET_NOT_FOUND", "market.capstan", [("market_id".into(), "0x1".into())])
            .add_bad_request_violation("market_id", "unknown");
        Err(Status::with_error_details(Code::NotFound, "no market 0x1", details))
    });
    let answer = edge.get("/v1/markets/0x1").await;
    let error = error(&answer, 404, "NOT_FOUND");
    assert_eq!(error["message"], "no market 0x1");
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "MARKET_NOT_FOUND",
        "domain": "market.capstan",
        "metadata": {"market_id": "0x1"},
    });
    assert_eq!(detail(&error, "ErrorInfo"), &info);
    assert_eq!(violated(&error), "market_id");
}

#[tokio::test]
async fn every_grpc_code_has_its_http_status() {
    let edge = Edge::start().await;
    for (code, http) in [
        (Code::Cancelled, 499),
        (Code::Unknown, 500),
        (Code::InvalidArgument, 400),
        (Code::DeadlineExceeded, 504),
        (Code::NotFound, 404),
        (Code::AlreadyExists, 409),
        (Code::PermissionDenied, 403),
        (Code::ResourceExhausted, 429),
        (Code::FailedPrecondition, 400),
        (Code::Aborted, 409),
        (Code::OutOfRange, 400),
        (Code::Unimplemented, 501),
        (Code::Internal, 500),
        (Code::Unavailable, 503),
        (Code::DataLoss, 500),
        (Code::Unauthenticated, 401),
    ] {
        edge.backend.answers::<GetMarketResponse>(move || Err(Status::new(code, "as said")));
        let answer = edge.get("/v1/markets/0x1").await;
        assert_eq!(answer.status, http, "{code:?}");
        assert_eq!(answer.json()["error"]["message"], "as said");
    }
}

#[tokio::test]
async fn a_service_that_is_down_or_not_configured_is_unavailable_without_inner_words() {
    let setup = Setup { peers: Some(BTreeMap::new()), down: vec!["market"], ..Setup::default() };
    let edge = Edge::with(setup).await;
    let answer = edge.get("/api/markets").await;
    let down = error(&answer, 503, "UNAVAILABLE");
    assert_eq!(down["message"], "peer market is not reachable");
    assert_eq!(detail(&down, "ErrorInfo")["reason"], "PEER_UNREACHABLE");
    assert!(!answer.text.contains("127.0.0.1") && !answer.text.contains("tcp"), "{}", answer.text);
    let missing = error(&edge.get("/api/indexer/status").await, 503, "UNAVAILABLE");
    assert_eq!(missing["message"], "peer indexer is not configured");
}

#[tokio::test]
async fn a_slow_service_is_given_up_at_the_deadline() {
    let silent = axum::Router::new().fallback(std::future::pending::<()>);
    let peers = Some(BTreeMap::from([("market", silent.into())]));
    let config = Config { request_timeout_ms: 50, ..Config::default() };
    let edge = Edge::with(Setup { peers, config, ..Setup::default() }).await;
    let late = error(&edge.get("/api/markets").await, 504, "DEADLINE_EXCEEDED");
    assert_eq!(late["message"], "peer market did not answer in time");
    let request = edge.http.get(edge.url("/api/markets")).header("grpc-timeout", "soon");
    let bad = error(&Answer::of(request).await, 400, "INVALID_ARGUMENT");
    assert_eq!(violated(&bad), "grpc-timeout");
}

#[tokio::test]
async fn the_deadline_of_the_caller_counts_when_it_is_shorter() {
    let silent = axum::Router::new().fallback(std::future::pending::<()>);
    let peers = Some(BTreeMap::from([("market", silent.into())]));
    let config = Config { request_timeout_ms: 3_600_000, ..Config::default() };
    let edge = Edge::with(Setup { peers, config, ..Setup::default() }).await;
    let request = edge.http.get(edge.url("/api/markets")).header("grpc-timeout", "1S");
    let answer = tokio::time::timeout(Duration::from_secs(60), Answer::of(request)).await.unwrap();
    error(&answer, 504, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn an_id_that_does_not_belong_into_a_log_is_replaced() {
    let edge = Edge::start().await;
    for id in ["", "a b", &"x".repeat(129)] {
        let request = edge.http.request(Method::GET, edge.url("/api/nope")).header("x-request-id", id);
        let answer = Answer::of(request).await;
        assert_ne!(answer.header("x-request-id"), id);
        error(&answer, 404, "NOT_FOUND");
    }
}

//! Every shape of http rule, on a contract of its own with a service that says what it heard.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{Router, body::Body, response::Response};
use bytes::Bytes;
use capstan_gateway::{
    config::Config,
    domain::{
        contract::Contract,
        request::{self, Parts},
        template::PathParts,
    },
};
use futures::stream;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::edge::{Answer, Edge, Setup};

fn descriptors() -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway");
    let google = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/third_party");
    let mut compiler = protox::Compiler::new([root, google]).unwrap();
    compiler.include_imports(true).open_file("sample.proto").unwrap();
    compiler.encode_file_descriptor_set()
}

/// A gateway for `sample.proto`, whose service answers with the request.
async fn sample(config: Config) -> Edge {
    let peers = Some(BTreeMap::from([("sample", Router::new().fallback(echo).into())]));
    Edge::with(Setup { descriptors: descriptors(), peers, config, ..Setup::default() }).await
}

// Request and answer are the same message, so the bytes of one are the bytes of the other.
async fn echo(request: axum::extract::Request) -> Response {
    let message: Bytes = request.into_body().collect().await.unwrap().to_bytes();
    let status = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
    let frames = [Ok::<_, axum::Error>(Frame::data(message)), Ok(Frame::trailers(status))];
    let body = Body::new(StreamBody::new(stream::iter(frames)));
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

impl Edge {
    async fn heard(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        given(answer.json())
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.http.request(method.parse().unwrap(), self.url(path));
        Answer::of(request.header("content-type", "application/json; charset=utf-8").body(body)).await
    }
}

// Drops what is only there because it has no presence.
fn given(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let empty =
        [json!(""), json!("0"), json!(0), json!(0.0), json!([]), json!({}), json!("COLOUR_UNSPECIFIED")];
    let fields = fields.into_iter().map(|(name, value)| (name, given(value)));
    Value::Object(fields.filter(|(_, value)| !empty.contains(value)).collect())
}

#[tokio::test]
async fn paths_fill_fields_of_every_depth() {
    let edge = sample(Config::default()).await;
    assert_eq!(edge.heard("/v1/samples/a%20b").await, json!({"text": "a b"}));
    assert_eq!(edge.heard("/v1/samples/literal").await, json!({}));
    let name = json!({"nested": {"name": "shelves/s 1/books/x/y%2Fz"}});
    assert_eq!(edge.heard("/v1/shelves/s%201/books/x/y%2Fz").await, name);
    let colour = json!({"colour": "COLOUR_RED", "big": "-9223372036854775808"});
    assert_eq!(edge.heard("/v1/colours/COLOUR_RED/-9223372036854775808").await, colour);
    assert_eq!(edge.heard("/v1/colours/1/0").await, json!({"colour": "COLOUR_RED"}));
    assert_eq!(edge.get("/v1/colours/BLUE/0").await.status, 400);
}

#[tokio::test]
async fn queries_fill_every_kind_of_field() {
    let edge = sample(Config::default()).await;
    for (query, expected) in [
        ("numbers=1&numbers=18446744073709551615", json!({"numbers": ["1", "18446744073709551615"]})),
        (
            "nested.deeper.smallNumber=7&nested.name=x",
            json!({"nested": {"name": "x", "deeper": {"smallNumber": 7}}}),
        ),
        (
            "colour=COLOUR_RED&colours=1&colours=COLOUR_RED",
            json!({"colour": "COLOUR_RED", "colours": ["COLOUR_RED", "COLOUR_RED"]}),
        ),
        ("flag=false", json!({"flag": false})),
        ("at=2026-01-01T00:00:00.25Z&wait=1.5s", json!({"at": "2026-01-01T00:00:00.250Z", "wait": "1.500s"})),
        ("raw=_-8", json!({"raw": "/+8="})),
        ("ratio=2.5", json!({"ratio": 2.5})),
        ("wrapped=18446744073709551615", json!({"wrapped": "18446744073709551615"})),
        ("left=x", json!({"left": "x"})),
    ] {
        assert_eq!(edge.heard(&format!("/v1/samples/literal?{query}")).await, expected, "{query}");
    }
    for query in [
        "left=x&right=y",
        "nested=x",
        "nested.deeper=1",
        "labels=x",
        "labels.a=b",
        "numbers.x=1",
        "at=yesterday",
        "raw=%21",
        "ratio=1e999",
        ".=1",
        "=1",
    ] {
        let answer = edge.get(&format!("/v1/samples/literal?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_is_the_message_or_one_field_of_it() {
    let edge = sample(Config::default()).await;
    let whole = r#"{"text": "t", "nested": {"small_number": 3}, "numbers": [1, "2"], "labels": {"a": "b"}}"#;
    let expected =
        json!({"text": "t", "nested": {"smallNumber": 3}, "numbers": ["1", "2"], "labels": {"a": "b"}});
    assert_eq!(given(edge.send("POST", "/v1/samples", whole).await.json()), expected);
    assert_eq!(given(edge.send("POST", "/v1/samples", "").await.json()), json!({}));

    let merged = edge.send("POST", "/v1/samples/a:b:merge?big=5", r#"{"name": "n"}"#).await.json();
    assert_eq!(given(merged), json!({"text": "a:b", "big": "5", "nested": {"name": "n"}}));
    let patched = edge.send("PATCH", "/v1/samples/x", "[4]").await.json();
    assert_eq!(given(patched), json!({"text": "x", "numbers": ["4"]}));
}

#[tokio::test]
async fn an_answer_is_the_message_or_one_field_of_it() {
    let edge = sample(Config::default()).await;
    assert_eq!(edge.get("/v1/nested?nested.name=x").await.json(), json!({"name": "x", "smallNumber": 0}));
    assert_eq!(edge.get("/v1/nested").await.json(), Value::Null);
    assert_eq!(edge.get("/v1/numbers?numbers=7").await.json(), json!(["7"]));
    assert_eq!(edge.get("/v1/numbers").await.json(), json!([]));
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused() {
    let edge = sample(Config { max_body_bytes: 1000, ..Config::default() }).await;
    for (path, body) in [
        ("/v1/samples", "{"),
        ("/v1/samples", "[]"),
        ("/v1/samples", r#"{"nope": 1}"#),
        ("/v1/samples", r#"{"big": "x"}"#),
        ("/v1/samples", r#"{} {}"#),
        ("/v1/samples", r#"{"left": "a", "right": "b"}"#),
        ("/v1/samples/x:merge", r#"{"name": "a"}, "big": "1", "nested": {"name": "b"}"#),
        ("/v1/samples?big=1", "{}"),
        ("/v1/samples/x:merge?nested.name=y", "{}"),
    ] {
        let answer = edge.send("POST", path, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(answer.json()["error"]["status"], "INVALID_ARGUMENT");
    }
    let deep = "[".repeat(400) + &"]".repeat(400);
    assert_eq!(edge.send("POST", "/v1/samples", format!(r#"{{"nested": {deep}}}"#)).await.status, 400);

    let large = edge.send("POST", "/v1/samples", format!(r#"{{"text": "{}"}}"#, "x".repeat(1000))).await;
    assert_eq!((large.status, large.json()["error"]["status"].as_str()), (413, Some("INVALID_ARGUMENT")));
    let chunks = stream::iter((0..11).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100]))));
    let chunked = edge.send("POST", "/v1/samples", reqwest::Body::wrap_stream(chunks)).await;
    assert_eq!(chunked.status, 413);

    let form = edge.http.post(edge.url("/v1/samples")).header("content-type", "text/plain").body("{}");
    assert_eq!(Answer::of(form).await.status, 415);
}

proptest! {
    #[test]
    fn no_query_and_no_body_make_the_translation_panic(
        name in "(text|numbers|nested|nested\\.deeper|colour|at|wait|raw|wrapped|labels|left|choice|[a-z.%]{0,4})",
        value in "[-+0-9TZ:.eE%a-f ]{0,12}",
        key in "(text|numbers|nested|colour|flag|big|at|wait|raw|left|labels|ratio|wrapped|[a-z]{0,3})",
        json in "([-0-9.eE]{1,8}|\"[-0-9TZ:.smA-F=]{0,20}\"|null|true|\\[\\]|\\{\\}|\\[null\\]|\\{\"a\":1\\}|[\\[{\"}\\],:0]{0,9})",
    ) {
        static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::read(&descriptors()).unwrap());
        let query = format!("{name}={value}");
        let body = format!("{{\"{key}\": {json}}}");
        for route in CONTRACT.routes().iter() {
            let path = PathParts { segments: vec!["v1", &value, &name, &key], verb: None };
            let parts = Parts { path: &path, template: &route.template, query: &query, body: body.as_bytes() };
            let _ = request::build(&route.target, parts);
            let _ = request::build(&route.target, Parts { query: "", body: json.as_bytes(), ..parts });
        }
    }
}

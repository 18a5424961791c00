//! What the gateway says about the platform.

use std::collections::BTreeMap;

use capstan_proto::indexer::{ChainState, ChainStatus, GetHealthResponse, GetStatusResponse};
use serde_json::json;
use tonic::Status;

use crate::{
    backend::Backend,
    edge::{Edge, Setup, healthy},
};

fn health(status: &'static str) -> impl Fn() -> Result<GetHealthResponse, Status> {
    move || Ok(GetHealthResponse { status: status.into(), database: "ok".into(), chains: Vec::new() })
}

#[tokio::test]
async fn a_platform_that_is_well_is_200_with_everything_ok() {
    let edge = Edge::start().await;
    edge.backend.answers(health("ok"));
    for path in ["/health", "/v1/health"] {
        let answer = edge.get(path).await;
        assert_eq!(answer.status, 200);
        let mut body = answer.json();
        assert!(body["uptime"].take().as_str().unwrap().parse::<u64>().is_ok());
        assert_eq!(body, json!({"status": "ok", "database": "ok", "indexer": "ok", "uptime": null}));
    }
}

#[tokio::test]
async fn an_indexer_that_lags_makes_it_503_with_the_same_body() {
    let edge = Edge::start().await;
    edge.backend.answers(health("degraded"));
    let answer = edge.get("/health").await;
    assert_eq!(answer.status, 503);
    let body = answer.json();
    assert_eq!((&body["status"], &body["indexer"]), (&json!("degraded"), &json!("degraded")));
    assert_eq!(body["database"], "ok");
}

#[tokio::test]
async fn a_service_that_is_down_makes_it_503_and_is_named_by_the_status() {
    let backend = Backend::default();
    backend.answers(health("ok"));
    backend.answers(|| {
        let chain = ChainStatus { chain_id: 8453, state: ChainState::Live.into(), ..Default::default() };
        Ok(GetStatusResponse { chains: vec![chain] })
    });
    let peers = Some(BTreeMap::from([("indexer", healthy(&backend).await)]));
    let edge = Edge::with(Setup { peers, down: vec!["market"], ..Setup::default() }).await;
    let answer = edge.get("/health").await;
    assert_eq!((answer.status, &answer.json()["status"]), (503, &json!("degraded")));
    let answer = edge.get("/api/status").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["status"], "degraded");
    let services =
        json!([{"name": "indexer", "health": "SERVING"}, {"name": "market", "health": "UNREACHABLE"}]);
    assert_eq!(body["services"], services);
    assert_eq!(body["chains"][0]["chainId"], "8453");
    assert_eq!(body["chains"][0]["state"], "CHAIN_STATE_LIVE");
}

#[tokio::test]
async fn nothing_behind_the_gateway_is_503_and_still_an_answer() {
    let peers = Some(BTreeMap::from([("indexer", Backend::default().routes())]));
    for setup in [
        Setup { peers: Some(BTreeMap::new()), ..Setup::default() },
        Setup { peers: Some(BTreeMap::new()), down: vec!["indexer", "market"], ..Setup::default() },
    ] {
        let edge = Edge::with(setup).await;
        let answer = edge.get("/health").await;
        assert_eq!(answer.status, 503);
        let body = answer.json();
        assert_eq!((&body["database"], &body["indexer"]), (&json!("unavailable"), &json!("unavailable")));
        assert_eq!(edge.get("/v1/status").await.json()["chains"], json!([]));
    }
    let edge = Edge::with(Setup { peers, ..Setup::default() }).await;
    let body = edge.get("/v1/status").await.json();
    assert_eq!(body["services"], json!([{"name": "indexer", "health": "NOT_SERVING"}]));
}

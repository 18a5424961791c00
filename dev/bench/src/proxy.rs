//! A proxy before the node that counts calls and can be slow and refuse; answers are streamed through unread.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, TRANSFER_ENCODING},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

/// What the proxy does besides counting.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// Added to every request.
    pub(crate) latency: Duration,
    /// Each so-manieth request is refused with status 429; 0: none.
    pub(crate) refuse_each: u64,
}

/// A running proxy; dropping it closes its port.
pub(crate) struct Proxy {
    url: String,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    client: reqwest::Client,
    node: String,
    faults: Faults,
    requests: AtomicU64,
    calls: Mutex<BTreeMap<String, u64>>,
}

/// As much of a request as is counted.
#[derive(Deserialize)]
#[serde(untagged)]
enum Question {
    Batch(Vec<Call>),
    Single(Call),
}

#[derive(Deserialize)]
struct Call {
    method: String,
}

impl Proxy {
    /// Listens on a free port of loopback before the node at `node`.
    pub(crate) async fn start(node: String, faults: Faults) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let shared =
            Arc::new(Shared { client, node, faults, requests: AtomicU64::new(0), calls: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        // It ends with the set; what an error could say, the client hears.
        serving.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, shared, _serving: serving })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// HTTP requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Calls so far by method, those in batches included.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let request = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    shared.count(&body);
    sleep(shared.faults.latency).await;
    if shared.faults.refuse_each > 0 && request.is_multiple_of(shared.faults.refuse_each) {
        return (StatusCode::TOO_MANY_REQUESTS, "slow down").into_response();
    }
    let question = shared.client.post(&shared.node).header(CONTENT_TYPE, "application/json").body(body);
    match question.send().await {
        Ok(answer) => {
            let mut headers = answer.headers().clone();
            // The length stays if there is one; how pieces are framed is this server's own affair.
            headers.remove(TRANSFER_ENCODING);
            (answer.status(), headers, Body::from_stream(answer.bytes_stream())).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Shared {
    fn count(&self, body: &[u8]) {
        let methods = match serde_json::from_slice(body) {
            Ok(Question::Batch(calls)) => calls,
            Ok(Question::Single(call)) => vec![call],
            Err(_) => return,
        };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        for Call { method } in methods {
            *calls.entry(method).or_default() += 1;
        }
    }
}

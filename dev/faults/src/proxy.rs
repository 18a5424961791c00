//! The proxy: one port for HTTP and WebSocket, and the counts of what came in.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{Fault, Script, answer::answer, http::Request};

/// A proxy before one node. Dropping it closes its port and all connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _listening: JoinSet<()>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    /// URL of the node.
    pub(crate) node: String,
    pub(crate) client: reqwest::Client,
    script: Mutex<Script>,
    counts: Mutex<Counts>,
    sockets: Mutex<CancellationToken>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: u64,
    calls: BTreeMap<String, u64>,
}

impl FaultProxy {
    /// Listens on a free port of loopback before the node at `node`, as in `http://127.0.0.1:8545`;
    /// honest until it gets a script.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start(node: &str) -> io::Result<Self> {
        // Without a choice of cryptography the client panics; losing a race leaves one installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            node: node.to_owned(),
            client: reqwest::Client::builder().build().map_err(io::Error::other)?,
            script: Mutex::default(),
            counts: Mutex::default(),
            sockets: Mutex::default(),
        });
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _listening: listening })
    }

    /// URL for requests.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// URL for a WebSocket, which is passed through as it is.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Follows this script from the next request on.
    pub fn follow(&self, script: Script) {
        *locked(&self.shared.script) = script;
    }

    /// How many HTTP requests came in.
    #[must_use]
    pub fn requests(&self) -> u64 {
        locked(&self.shared.counts).requests
    }

    /// How often `method` was called over HTTP, in batches or alone.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        locked(&self.shared.counts).calls.get(method).copied().unwrap_or(0)
    }

    /// Ends all WebSockets without a closing handshake; new ones may come.
    pub fn cut_websockets(&self) {
        std::mem::take(&mut *locked(&self.shared.sockets)).cancel();
    }
}

impl Shared {
    /// Counts a request and says what goes wrong with it.
    pub(crate) fn fault_of(&self, question: &Value) -> Option<Fault> {
        let calls = question.as_array().map_or_else(|| vec![question], |calls| calls.iter().collect());
        let methods: Vec<&str> =
            calls.iter().filter_map(|call| call.get("method").and_then(Value::as_str)).collect();
        let mut counts = locked(&self.counts);
        counts.requests += 1;
        for method in &methods {
            *counts.calls.entry((*method).to_owned()).or_default() += 1;
        }
        drop(counts);
        locked(&self.script).next(&methods)
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // A broken connection is what clients are here to bear.
        connections.spawn(async move { drop(serve(client, &shared).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    while let Some(request) = Request::read(&mut client).await? {
        if request.is_websocket() {
            return pass_through(client, &request, shared).await;
        }
        if !answer(shared, request, &mut client).await? {
            return Ok(());
        }
    }
    Ok(())
}

async fn pass_through(
    mut client: BufReader<TcpStream>,
    request: &Request,
    shared: &Shared,
) -> io::Result<()> {
    let cut = locked(&shared.sockets).clone();
    let address = shared.node.trim_start_matches("http://").trim_end_matches('/');
    let mut node = TcpStream::connect(address).await?;
    node.write_all(request.head.as_bytes()).await?;
    cut.run_until_cancelled(copy_bidirectional(&mut client, &mut node)).await.transpose().map(drop)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Starts services and a gateway on ports that the system chooses, and stops them with the test.

use std::{collections::BTreeMap, net::SocketAddr};

use capstan_gateway::{adapters::web_app::WebApp, config::Config, edge};
use capstan_proto::{
    indexer::{indexer_service_server, pool_service_server, transaction_service_server},
    market::market_service_server,
    quoter::quoter_service_server,
};
use serde_json::Value;
use tokio::task::JoinSet;
use tonic::{
    service::Routes,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::ServingStatus;

use crate::backend::Backend;

/// A gateway with `market` and `indexer` behind it.
pub(crate) struct Edge {
    pub(crate) backend: Backend,
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
    _tasks: JoinSet<()>,
}

/// What a test asks of the gateway before it starts.
pub(crate) struct Setup {
    pub(crate) descriptors: Vec<u8>,
    pub(crate) app: WebApp,
    pub(crate) config: Config,
    /// Peers in place of the scripted ones.
    pub(crate) peers: Option<BTreeMap<&'static str, Routes>>,
    /// Peers whose port nobody listens on.
    pub(crate) down: Vec<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            descriptors: capstan_proto::FILE_DESCRIPTOR_SET.to_vec(),
            app: WebApp::default(),
            config: Config::default(),
            peers: None,
            down: Vec::new(),
        }
    }
}

impl Edge {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let mut tasks = JoinSet::new();
        let backend = Backend::default();
        let peers = match setup.peers {
            Some(peers) => peers,
            None => BTreeMap::from([
                ("market", healthy(&backend).await),
                ("indexer", healthy(&backend).await),
                ("quoter", healthy(&backend).await),
            ]),
        };
        let mut channels = BTreeMap::new();
        for (name, routes) in peers {
            channels.insert(name.to_owned(), channel(serve(&mut tasks, routes)));
        }
        for name in setup.down {
            channels.insert(name.to_owned(), channel(nobody()));
        }
        let edge = edge(&setup.descriptors, &channels, setup.app, setup.config).unwrap();
        let address = serve(&mut tasks, Routes::from(edge.router()));
        Self { backend, address, http: client(), _tasks: tasks }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn channel(&self) -> Channel {
        channel(self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.http.get(self.url(path))).await
    }
}

/// An HTTP answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The services together with a gRPC health service that says they serve.
pub(crate) async fn healthy(backend: &Backend) -> Routes {
    let (reporter, health) = tonic_health::server::health_reporter();
    let services = [
        market_service_server::SERVICE_NAME,
        indexer_service_server::SERVICE_NAME,
        transaction_service_server::SERVICE_NAME,
        pool_service_server::SERVICE_NAME,
        quoter_service_server::SERVICE_NAME,
    ];
    for service in services {
        reporter.set_service_status(service, ServingStatus::Serving).await;
    }
    backend.routes().add_service(health)
}

fn serve(tasks: &mut JoinSet<()>, routes: Routes) -> SocketAddr {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let incoming = TcpIncoming::bind(any).unwrap().with_nodelay(Some(true));
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().accept_http1(true).add_routes(routes);
    tasks.spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    address
}

// Port 1 of loopback is reserved and refuses at once.
fn nobody() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

fn client() -> reqwest::Client {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

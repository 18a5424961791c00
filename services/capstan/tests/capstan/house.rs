//! A chain with traffic and the whole platform on it, in this process, as `capstan up` starts it.

use std::{net::SocketAddr, time::Duration};

use alloy::{
    eips::BlockId,
    primitives::B256,
    providers::{DynProvider, Provider, ProviderBuilder},
};
use capstan_db::{Database, DatabaseUrl, testing::TestStore};
use capstan_devnet::{Devnet, Options};
use capstan_faults::FaultProxy;
use capstan_gateway::Gateway;
use capstan_indexer::Indexer;
use capstan_market::Market;
use capstan_primitives::Clock;
use capstan_proto::market::{StreamMarketsRequest, market_service_client::MarketServiceClient};
use capstan_quoter::Quoter;
use capstan_runtime::{Instance, Running, Service, bind, config::Settings, start};
use serde_json::Value;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

pub(crate) struct House {
    pub(crate) devnet: Devnet,
    running: Vec<Running>,
    settings: Settings,
    /// The quoter's own way to the node, where it has one.
    pub(crate) node: Option<FaultProxy>,
    client: reqwest::Client,
    provider: DynProvider,
    store: TestStore,
}

impl House {
    /// On SQLite.
    pub(crate) async fn open(options: Options) -> Self {
        Self::open_on(TestStore::sqlite(), options).await
    }

    pub(crate) async fn open_on(store: TestStore, options: Options) -> Self {
        Self::open_with(store, options, "").await
    }

    /// With more sections in its configuration.
    pub(crate) async fn open_with(store: TestStore, options: Options, sections: &str) -> Self {
        Self::open_changed(store, options, |toml| format!("{toml}\n{sections}")).await
    }

    /// With another configuration than the chain's.
    pub(crate) async fn open_changed(
        store: TestStore,
        options: Options,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let devnet = Devnet::start(options).await.unwrap();
        Self::open_before((devnet, None), store, change).await
    }

    /// On SQLite, with a quoter whose node can be made to fail.
    pub(crate) async fn open_quoting(options: Options, sections: &str) -> Self {
        let devnet = Devnet::start(options).await.unwrap();
        let node = FaultProxy::start(&devnet.http_url()).await.unwrap();
        let change = |toml| format!("{toml}\n{sections}");
        Self::open_before((devnet, Some(node)), TestStore::sqlite(), change).await
    }

    async fn open_before(
        (devnet, node): (Devnet, Option<FaultProxy>),
        store: TestStore,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("capstan.toml");
        std::fs::write(&file, change(devnet.config_toml())).unwrap();
        let url = match &store.url {
            DatabaseUrl::Postgres(url) => url.clone(),
            sqlite => sqlite.to_string(),
        };
        let settings = Settings::from_layers(Some(&file), []).unwrap().with("test", "database.url", url);
        let settings = settings.with("test", "indexer.poll_interval_ms", 50);
        let client = reqwest::Client::new();
        let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap()).erased();
        let mut house = Self { devnet, running: Vec::new(), settings, node, client, provider, store };
        house.start().await;
        house
    }

    /// Starts every service on the data that is there.
    pub(crate) async fn start(&mut self) {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        for place in 0..4 {
            let running = match place {
                0 => self.start_one::<Indexer>(any).await,
                1 => self.start_one::<Market>(any).await,
                2 => self.start_one::<Quoter>(any).await,
                _ => self.start_one::<Gateway>(any).await,
            };
            self.running.push(running);
        }
    }

    async fn start_one<S: Service>(&self, address: SocketAddr) -> Running {
        let listener = bind::<S>(address).await.unwrap();
        let mut platform = self.settings.platform().unwrap();
        let peers = self.running.iter().map(|running| (running.name.to_owned(), running.url()));
        platform.peers.extend(peers);
        if let Some(node) = self.node.as_ref().filter(|_| S::NAME == Quoter::NAME) {
            platform.chains[0].rpc_urls = vec![node.http_url().into(), node.ws_url().into()];
        }
        let config = self.settings.section(S::NAME).unwrap();
        let instance = Instance { platform, config, clock: Clock::System };
        start::<S>(listener, instance).await.unwrap()
    }

    /// Stops one service; it can be started again.
    pub(crate) async fn stop_one<S: Service>(&self) {
        self.one::<S>().stop(Duration::from_secs(10)).await;
    }

    /// Starts a service that was stopped, where it was.
    pub(crate) async fn start_again<S: Service>(&mut self) {
        let address = self.one::<S>().address;
        let again = self.start_one::<S>(address).await;
        *self.running.iter_mut().find(|running| running.name == S::NAME).unwrap() = again;
    }

    fn one<S: Service>(&self) -> &Running {
        self.running.iter().find(|running| running.name == S::NAME).unwrap()
    }

    /// Stops every service; the chain goes on.
    pub(crate) async fn stop(&mut self) {
        while let Some(running) = self.running.pop() {
            running.stop(Duration::from_secs(10)).await;
        }
    }

    /// Where the gateway is.
    pub(crate) fn url(&self) -> String {
        self.running.last().unwrap().url()
    }

    pub(crate) fn provider(&self) -> DynProvider {
        self.provider.clone()
    }

    /// The tables of the market, which say what no answer does.
    pub(crate) async fn tables(&self) -> Database {
        let options = capstan_db::Options::new(self.store.url.clone());
        Database::open(&options, Market::NAME).await.unwrap()
    }

    /// The chain's newest block.
    pub(crate) async fn head(&self) -> B256 {
        self.provider().get_block(BlockId::latest()).await.unwrap().unwrap().header.hash
    }

    /// Waits, over gRPC through the gateway, until the markets are level with the chain.
    pub(crate) async fn level(&self) -> B256 {
        let head = self.head().await;
        let mut client = MarketServiceClient::connect(self.url()).await.unwrap();
        let mut stream = client.stream_markets(StreamMarketsRequest::default()).await.unwrap().into_inner();
        loop {
            let message = stream.message().await.unwrap().unwrap();
            let block = message.as_of.and_then(|as_of| as_of.block);
            if block.is_some_and(|block| block.hash == format!("{head:#x}")) {
                return head;
            }
        }
    }

    /// Waits until every service says of itself that it can do its work, as it does when it has read the log.
    pub(crate) async fn serving(&self) {
        for (running, service) in self.running.iter().zip([
            "capstan.indexer.v1.IndexerService",
            "capstan.market.v1.MarketService",
            "capstan.quoter.v1.QuoterService",
        ]) {
            let channel = Endpoint::from_shared(running.url()).unwrap().connect().await.unwrap();
            let request = HealthCheckRequest { service: service.to_owned() };
            let mut watched = HealthClient::new(channel).watch(request).await.unwrap().into_inner();
            while watched.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
        }
    }

    /// A REST answer with its status.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(format!("{}{path}", self.url())).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A REST answer to a JSON body, with its status.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.client.post(format!("{}{path}", self.url())).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Every item of a paged REST list; each page is of the block `head`.
    pub(crate) async fn list(&self, path: &str, field: &str, page_size: usize, head: B256) -> Vec<Value> {
        let mut items = Vec::new();
        let mut token = String::new();
        loop {
            let and = if path.contains('?') { '&' } else { '?' };
            let (status, mut page) =
                self.get(&format!("{path}{and}pageSize={page_size}&pageToken={token}")).await;
            assert_eq!(status, 200, "{path}: {page}");
            let as_of = page["asOf"].as_array().map_or(&page["asOf"], |all| &all[0]);
            assert_eq!(as_of["block"]["hash"], format!("{head:#x}"), "{path}: {page}");
            items.append(page[field].as_array_mut().unwrap());
            token = page["nextPageToken"].as_str().unwrap().to_owned();
            if token.is_empty() {
                return items;
            }
        }
    }
}

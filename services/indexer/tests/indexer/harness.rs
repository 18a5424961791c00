//! A chain with traffic and an indexer that follows it.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use alloy::{
    primitives::{Address, B256},
    providers::{Provider, ProviderBuilder},
    rpc::types::Filter,
};
use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options};
use capstan_indexer::{Config, Indexer};
use capstan_primitives::Clock;
use capstan_proto::indexer::{
    Event, GetStatusRequest, ListEventsRequest, StreamEventsRequest, StreamEventsResponse,
    indexer_service_client::IndexerServiceClient, stream_events_response::Message,
};
use capstan_runtime::{Instance, Platform, Running, StartError, bind, config::Settings, start};
use tonic::{Status, Streaming, transport::Channel};

pub(crate) type Client = IndexerServiceClient<Channel>;

/// Identity of an event: block hash and log index.
pub(crate) type Id = (String, u32);

pub(crate) async fn devnet() -> Devnet {
    Devnet::start(Options::default()).await.unwrap()
}

pub(crate) fn platform(devnet: &Devnet, store: &TestStore) -> Platform {
    platform_of(&devnet.config_toml(), &database_url(store))
}

pub(crate) fn database_url(store: &TestStore) -> String {
    match &store.url {
        capstan_db::DatabaseUrl::Postgres(url) => url.clone(),
        sqlite => sqlite.to_string(),
    }
}

pub(crate) fn platform_of(toml: &str, database_url: &str) -> Platform {
    patient(settings_of(toml, database_url).platform().unwrap())
}

/// On a machine that does much else, a store is not away because it took long.
fn patient(mut platform: Platform) -> Platform {
    platform.database.timeout_ms = 60_000;
    platform
}

/// Why a configuration cannot be read.
pub(crate) fn refused_by_the_settings(toml: &str) -> String {
    settings_of(toml, "sqlite://nowhere").platform().unwrap_err().to_string()
}

fn settings_of(toml: &str, database_url: &str) -> Settings {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("capstan.toml");
    std::fs::write(&file, toml).unwrap();
    Settings::from_layers(Some(&file), []).unwrap().with("test", "database.url", database_url)
}

/// What a configuration file says, its section of the indexer included.
pub(crate) fn configured(toml: &str, database_url: &str) -> (Platform, Config) {
    let settings = settings_of(toml, database_url);
    (patient(settings.platform().unwrap()), settings.section("indexer").unwrap())
}

pub(crate) async fn try_start(platform: Platform) -> Result<Running, StartError> {
    try_start_with(platform, Config::default()).await
}

/// With what of `config` is not set small for tests.
pub(crate) async fn try_start_with(platform: Platform, config: Config) -> Result<Running, StartError> {
    let config = Config { poll_interval_ms: 50, batch_blocks: 7, ..config };
    try_start_as(platform, config).await
}

/// With `config` as it is.
pub(crate) async fn try_start_as(platform: Platform, config: Config) -> Result<Running, StartError> {
    try_start_at(platform, config, Clock::System).await
}

/// An indexer that has its time from `clock`, and a client of it.
pub(crate) async fn indexer_at(platform: Platform, config: Config, clock: &Clock) -> (Running, Client) {
    let config = Config { poll_interval_ms: 50, batch_blocks: 7, ..config };
    connected(try_start_at(platform, config, clock.clone()).await.unwrap()).await
}

async fn try_start_at(platform: Platform, config: Config, clock: Clock) -> Result<Running, StartError> {
    show_errors();
    let listener = bind::<Indexer>(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    start::<Indexer>(listener, Instance { platform, config, clock }).await
}

/// Shows with a test that fails what callers are not told: why the store did not answer.
fn show_errors() {
    // The first test of the process installs it for all.
    let _installed = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::ERROR)
        .with_test_writer()
        .try_init();
}

/// An indexer and a client of it.
pub(crate) async fn indexer(platform: Platform) -> (Running, Client) {
    connected(try_start(platform).await.unwrap()).await
}

/// An indexer as a configuration file says, and a client of it.
pub(crate) async fn indexer_of(toml: &str, store: &TestStore) -> (Running, Client) {
    let (platform, config) = configured(toml, &database_url(store));
    connected(try_start_with(platform, config).await.unwrap()).await
}

async fn connected(running: Running) -> (Running, Client) {
    let client = Client::connect(running.url()).await.unwrap().max_decoding_message_size(64 << 20);
    (running, client)
}

pub(crate) async fn stop(running: Running) {
    running.stop(Duration::from_secs(10)).await;
}

/// What a subscriber has after undoing what it was told to undo.
#[derive(Debug, Default)]
pub(crate) struct Subscriber {
    pub(crate) events: Vec<Event>,
    pub(crate) cursor: String,
    pub(crate) undos: Vec<(u64, u64)>,
    /// Newest block, by number and hash.
    pub(crate) through: (u64, String),
}

impl Subscriber {
    pub(crate) async fn open(&self, client: &mut Client) -> Streaming<StreamEventsResponse> {
        client.stream_events(self.request()).await.unwrap().into_inner()
    }

    fn request(&self) -> StreamEventsRequest {
        StreamEventsRequest { cursor: self.cursor.clone(), max_batch_events: 5, ..Default::default() }
    }

    /// Takes one message; says whether it was a heartbeat.
    pub(crate) async fn take(&mut self, stream: &mut Streaming<StreamEventsResponse>) -> bool {
        self.try_take(stream).await.unwrap()
    }

    pub(crate) async fn try_take(
        &mut self,
        stream: &mut Streaming<StreamEventsResponse>,
    ) -> Result<bool, Status> {
        let ended = || Status::unavailable("the stream ended");
        match stream.message().await?.ok_or_else(ended)?.message.unwrap() {
            Message::Session(session) => self.cursor = session.cursor,
            Message::Events(batch) => {
                assert!(!batch.events.is_empty());
                if batch.block_complete {
                    self.through = batch.block.map(|block| (block.number, block.hash)).unwrap();
                }
                self.events.extend(batch.events);
                self.cursor = batch.cursor;
            }
            Message::Undo(undo) => {
                let last = undo.last_valid_block.unwrap().number;
                self.events.retain(|event| event.block.as_ref().unwrap().number <= last);
                self.undos.push((last, undo.depth));
                self.cursor = undo.cursor;
            }
            Message::Heartbeat(heartbeat) => {
                self.through = heartbeat.block.map(|block| (block.number, block.hash)).unwrap_or_default();
                self.cursor = heartbeat.cursor;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Follows until the block with this number and hash is covered.
    pub(crate) async fn follow_to(&mut self, client: &mut Client, head: (u64, B256)) {
        self.try_follow_to(client, head).await.unwrap();
    }

    /// As [`Self::follow_to`], from an indexer that may die meanwhile.
    pub(crate) async fn try_follow_to(
        &mut self,
        client: &mut Client,
        head: (u64, B256),
    ) -> Result<(), Status> {
        let mut stream = client.stream_events(self.request()).await?.into_inner();
        let wanted = (head.0, format!("{:#x}", head.1));
        while !(self.try_take(&mut stream).await? && self.through == wanted) {}
        Ok(())
    }

    pub(crate) fn ids(&self) -> Vec<Id> {
        ids(&self.events)
    }
}

pub(crate) fn ids(events: &[Event]) -> Vec<Id> {
    events.iter().map(|event| (event.block.as_ref().unwrap().hash.clone(), event.log_index)).collect()
}

/// The node's newest block.
pub(crate) async fn head(devnet: &Devnet) -> (u64, B256) {
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    let block = provider.get_block_by_number(Default::default()).await.unwrap().unwrap();
    (block.header.number, block.header.hash)
}

/// Passes the time between two looks at what is waited for. To look all the time would keep the processors
/// from what is waited for.
pub(crate) async fn look_again() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Waits until everything is indexed and as much is final as the configuration allows.
pub(crate) async fn settle(client: &mut Client, devnet: &Devnet, toml: &str) {
    let (_, blocks) = toml.split_once("finality = { blocks = ").unwrap();
    let blocks: u64 = blocks.split_once(' ').unwrap().0.parse().unwrap();
    let (number, hash) = head(devnet).await;
    let last_final = number.checked_sub(blocks);
    loop {
        let status = status(client).await;
        let indexed = status.indexed.is_some_and(|block| block.hash == format!("{hash:#x}"));
        if indexed && status.finalized.map(|block| block.number) == last_final {
            return;
        }
        look_again().await;
    }
}

/// Every event of the followed contracts as the node itself lists them: all logs, those of other
/// contracts and of events that the protocols do not list left out.
pub(crate) async fn truth(devnet: &Devnet) -> Vec<Id> {
    let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
    let deployment = devnet.deployment();
    let mut contracts: BTreeMap<Address, &str> = BTreeMap::from([
        (deployment.conditional_tokens, "gnosis.conditional_tokens"),
        (deployment.fpmm_factory, "gnosis.fpmm_factory"),
        (deployment.uniswap.v2_factory, "uniswap.v2.factory"),
        (deployment.uniswap.v3_factory, "uniswap.v3.factory"),
    ]);
    contracts.extend(deployment.markets.iter().map(|market| (market.amm, "gnosis.fpmm")));
    contracts.extend(deployment.pools.iter().map(|pool| match pool.version {
        capstan_devnet::PoolVersion::V2 => (pool.address, "uniswap.v2.pair"),
        capstan_devnet::PoolVersion::V3 => (pool.address, "uniswap.v3.pool"),
    }));
    let known = |address: &Address, topic: &B256| {
        if *address == deployment.market_factory {
            return true;
        }
        let topics = contracts.get(address).map(|name| capstan_chain::protocol(name).unwrap().abi.topics());
        topics.is_some_and(|topics| topics.iter().any(|known| known.as_bytes() == topic.as_slice()))
    };
    let logs = provider.get_logs(&Filter::new().from_block(0)).await.unwrap();
    logs.iter()
        .filter(|log| log.topic0().is_some_and(|topic| known(&log.address(), topic)))
        .map(|log| {
            (format!("{:#x}", log.block_hash.unwrap()), u32::try_from(log.log_index.unwrap()).unwrap())
        })
        .collect()
}

/// Every event over `ListEvents`, page by page.
pub(crate) async fn listed(client: &mut Client, page_size: i32, newest_first: bool) -> Vec<Event> {
    let mut request = ListEventsRequest { page_size, newest_first, ..Default::default() };
    let mut events = Vec::new();
    loop {
        let page = client.list_events(request.clone()).await.unwrap().into_inner();
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return events;
        }
        request.page_token = page.next_page_token;
    }
}

pub(crate) async fn status(client: &mut Client) -> capstan_proto::indexer::ChainStatus {
    let status = client.get_status(GetStatusRequest {}).await.unwrap().into_inner();
    status.chains.into_iter().next().unwrap()
}

/// How often, how long, by which seed and on what, for whoever runs the tests.
#[expect(clippy::disallowed_methods, reason = "said by the environment")]
pub(crate) fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

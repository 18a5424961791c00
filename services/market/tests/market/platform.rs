//! A market on port 0 and an indexer that says what the test tells it to say.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use capstan_db::testing::TestStore;
use capstan_market::{
    Config, Factory, Market,
    simulated::{COLLATERAL, World},
};
use capstan_primitives::{Address, ChainId, Clock};
use capstan_proto::{
    indexer::{
        self, StreamEventsRequest, StreamEventsResponse, StreamSession,
        indexer_service_server::{IndexerService, IndexerServiceServer},
        stream_events_response::Message,
    },
    market::{
        self as wire, ListMarketsRequest, StreamMarketsRequest, StreamMarketsResponse,
        market_service_client::MarketServiceClient, stream_markets_response::Message as Change,
    },
};
use capstan_runtime::{Instance, Platform, Running, StartError, Tasks, platform, start};
use futures::{StreamExt, stream::BoxStream};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::{Request, Response, Status, Streaming, transport::Channel};

pub(crate) const CHAIN: u64 = 31_338;

type Said = Result<StreamEventsResponse, Status>;

/// One connection of the market to the indexer, from the indexer's side. Dropping it ends the stream.
pub(crate) struct Session(mpsc::UnboundedSender<Said>);

impl Session {
    pub(crate) fn say(&self, message: Message) {
        self.0.send(Ok(StreamEventsResponse { message: Some(message) })).expect("the market listens");
    }

    pub(crate) fn apply(&self, world: &World, from: u64, to: u64) {
        self.say(Message::Events(world.log.batch(from, to)));
    }

    pub(crate) fn refuse(self, status: Status) {
        self.0.send(Err(status)).expect("the market listens");
    }
}

/// What comes of a connection: a stream, or a refusal.
type Next = Result<mpsc::UnboundedReceiver<Said>, Status>;

/// The indexer.
#[derive(Clone, Default)]
struct Script {
    /// By chain, the connections to come.
    sessions: Arc<Mutex<HashMap<u64, VecDeque<Next>>>>,
    requests: Arc<Mutex<Vec<StreamEventsRequest>>>,
}

#[tonic::async_trait]
impl IndexerService for Script {
    type StreamEventsStream = BoxStream<'static, Said>;

    async fn stream_events(
        &self,
        request: Request<StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let chain = request.get_ref().chain_ids[0];
        let next = self.sessions.lock().unwrap().entry(chain).or_default().pop_front();
        let Some(next) = next else { return Err(Status::unavailable("nothing more is scripted")) };
        let cursor = request.get_ref().cursor.clone();
        self.requests.lock().unwrap().push(request.into_inner());
        let said = next?;
        let session = Message::Session(StreamSession { chains: Vec::new(), cursor });
        let first = Ok(StreamEventsResponse { message: Some(session) });
        let said = UnboundedReceiverStream::new(said);
        Ok(Response::new(futures::stream::iter([first]).chain(said).boxed()))
    }

    async fn commit_cursor(
        &self,
        _: Request<indexer::CommitCursorRequest>,
    ) -> Result<Response<indexer::CommitCursorResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_cursor(
        &self,
        _: Request<indexer::GetCursorRequest>,
    ) -> Result<Response<indexer::GetCursorResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn list_events(
        &self,
        _: Request<indexer::ListEventsRequest>,
    ) -> Result<Response<indexer::ListEventsResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_status(
        &self,
        _: Request<indexer::GetStatusRequest>,
    ) -> Result<Response<indexer::GetStatusResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_health(
        &self,
        _: Request<indexer::GetHealthRequest>,
    ) -> Result<Response<indexer::GetHealthResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

/// An indexer that is served.
pub(crate) struct ScriptedIndexer {
    script: Script,
    pub(crate) address: SocketAddr,
    tasks: Tasks,
}

impl ScriptedIndexer {
    pub(crate) async fn start() -> Self {
        let tasks = Tasks::new("test");
        let script = Script::default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = IndexerServiceServer::new(script.clone()).max_encoding_message_size(64 << 20);
        let stopping = tasks.stopping().cancelled_owned();
        tasks.helper(
            "indexer",
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopping),
        );
        Self { script, address, tasks }
    }

    /// The script of the next connection for a chain.
    pub(crate) fn session_of(&self, chain: u64) -> Session {
        let (say, said) = mpsc::unbounded_channel();
        self.script.sessions.lock().unwrap().entry(chain).or_default().push_back(Ok(said));
        Session(say)
    }

    /// Forgets the scripts of connections that nobody made.
    pub(crate) fn forget_sessions(&self) {
        self.script.sessions.lock().unwrap().clear();
    }

    pub(crate) async fn stop(self) {
        self.tasks.stop(Duration::from_secs(5)).await;
    }
}

/// A running market and what it runs on.
pub(crate) struct TestPlatform {
    pub(crate) client: MarketServiceClient<Channel>,
    indexer: ScriptedIndexer,
    running: Running,
    store: TestStore,
    chains: Vec<u64>,
    /// What it is started with.
    pub(crate) config: Config,
}

impl TestPlatform {
    pub(crate) async fn start() -> Self {
        Self::start_on(TestStore::sqlite(), &[CHAIN]).await
    }

    pub(crate) async fn start_on(store: TestStore, chains: &[u64]) -> Self {
        let indexer = ScriptedIndexer::start().await;
        let running = start_market(url(&store), indexer.address, chains).await;
        let client = connect(&running).await;
        Self { client, indexer, running, store, chains: chains.to_vec(), config: config() }
    }

    /// The script of the market's next connection.
    pub(crate) fn session(&self) -> Session {
        self.session_of(CHAIN)
    }

    /// The script of the next connection for one of several chains.
    pub(crate) fn session_of(&self, chain: u64) -> Session {
        self.indexer.session_of(chain)
    }

    /// The market's next connection is refused.
    pub(crate) fn refuse(&self, status: Status) {
        self.indexer.script.sessions.lock().unwrap().entry(CHAIN).or_default().push_back(Err(status));
    }

    /// The cursors that the market asked to go on from, connection by connection.
    pub(crate) fn cursors(&self) -> Vec<String> {
        self.indexer.script.requests.lock().unwrap().iter().map(|request| request.cursor.clone()).collect()
    }

    /// What the market asked for last.
    pub(crate) fn last_request(&self) -> StreamEventsRequest {
        self.indexer.script.requests.lock().unwrap().last().cloned().expect("a request")
    }

    /// Stops the market and starts it again on the same store.
    pub(crate) async fn restart(&mut self) {
        self.running.stop(Duration::from_secs(5)).await;
        let started =
            start_with(url(&self.store), self.indexer.address, &self.chains, self.config.clone()).await;
        self.running = started.unwrap();
        self.client = connect(&self.running).await;
    }

    /// Opens a stream of changes.
    pub(crate) async fn stream(&mut self, request: StreamMarketsRequest) -> Changes {
        Changes::of(self.client.stream_markets(request).await.unwrap().into_inner())
    }

    /// Waits until the tables are as of the newest block of `world`.
    pub(crate) async fn until(&mut self, world: &World) {
        let chain_id = world.log.chain_id;
        let mut changes = self.stream(StreamMarketsRequest { chain_id, ..Default::default() }).await;
        changes.until(world).await;
    }

    /// All markets of a list, page by page.
    pub(crate) async fn all_markets(&mut self, mut request: ListMarketsRequest) -> Vec<wire::Market> {
        let mut markets = Vec::new();
        loop {
            let page = self.client.list_markets(request.clone()).await.unwrap().into_inner();
            markets.extend(page.markets);
            if page.next_page_token.is_empty() {
                return markets;
            }
            request.page_token = page.next_page_token;
        }
    }

    pub(crate) async fn stop(self) {
        self.running.stop(Duration::from_secs(5)).await;
        self.indexer.stop().await;
    }
}

/// A stream of changes from the caller's side, which watches over its epochs and sequence.
pub(crate) struct Changes {
    stream: Streaming<StreamMarketsResponse>,
    /// Epoch and sequence of the last message.
    last: Option<(u64, u64)>,
}

impl Changes {
    pub(crate) const fn of(stream: Streaming<StreamMarketsResponse>) -> Self {
        Self { stream, last: None }
    }

    pub(crate) async fn next(&mut self) -> StreamMarketsResponse {
        let message = self.stream.message().await.unwrap().expect("the stream goes on");
        let now = (message.epoch, message.sequence);
        if let Some((epoch, sequence)) = self.last {
            match message.message {
                Some(Change::Heartbeat(_)) => assert_eq!(now, (epoch, sequence), "{message:?}"),
                Some(Change::Resync(_)) => assert!(now.0 > epoch && now.1 == sequence + 1, "{message:?}"),
                _ => assert_eq!(now, (epoch, sequence + 1), "{message:?}"),
            }
        }
        self.last = Some(now);
        message
    }

    /// The next message that is not a heartbeat.
    pub(crate) async fn next_change(&mut self) -> StreamMarketsResponse {
        loop {
            let message = self.next().await;
            if !matches!(message.message, Some(Change::Heartbeat(_))) {
                return message;
            }
        }
    }

    /// Everything through the newest block of `world`.
    pub(crate) async fn until(&mut self, world: &World) -> Vec<StreamMarketsResponse> {
        let wanted = world.log.head().expect("a block").hash.to_string();
        let mut messages = Vec::new();
        loop {
            let message = self.next().await;
            let block = message.as_of.as_ref().and_then(|as_of| as_of.block.as_ref());
            let there = block.is_some_and(|block| block.hash == wanted);
            messages.push(message);
            if there {
                return messages;
            }
        }
    }
}

async fn connect(running: &Running) -> MarketServiceClient<Channel> {
    MarketServiceClient::connect(running.url()).await.unwrap()
}

fn config() -> Config {
    Config { heartbeat_ms: 50, ..Config::default() }
}

pub(crate) async fn start_market(url: String, indexer: SocketAddr, chains: &[u64]) -> Running {
    start_with(url, indexer, chains, config()).await.unwrap()
}

/// A market that knows something of factories, without an indexer.
pub(crate) async fn try_start_market(url: String, factories: Vec<Factory>) -> Result<Running, StartError> {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    start_with(url, nobody, &[CHAIN], Config { factories, ..config() }).await
}

async fn start_with(
    url: String,
    indexer: SocketAddr,
    chains: &[u64],
    config: Config,
) -> Result<Running, StartError> {
    let chain = |id: &u64| platform::Chain {
        id: ChainId(*id),
        name: format!("chain {id}"),
        rpc_urls: Vec::new(),
        start_block: 0,
        finality: platform::FinalityRule::default(),
        retention: None,
        partition_blocks: None,
        tokens: vec![platform::Token {
            address: Address::from(COLLATERAL),
            symbol: "USDC".into(),
            decimals: 6,
        }],
        contracts: Vec::new(),
        wildcards: Vec::new(),
        accounts: Vec::new(),
        blocks: Vec::new(),
    };
    let platform = Platform {
        database: platform::DatabaseSection { url, max_connections: 8, ..Default::default() },
        peers: [("indexer".to_owned(), format!("http://{indexer}"))].into(),
        chains: chains.iter().map(chain).collect(),
        ..Platform::default()
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    start::<Market>(listener, Instance { platform, config, clock: Clock::System }).await
}

/// Where a store is, as the configuration says it.
pub(crate) fn url(store: &TestStore) -> String {
    match &store.url {
        capstan_db::DatabaseUrl::Sqlite(directory) => format!("sqlite://{}", directory.display()),
        capstan_db::DatabaseUrl::Postgres(url) => url.clone(),
    }
}

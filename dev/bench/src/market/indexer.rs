//! An indexer that says what the measurement tells it to: a history, and blocks as they come.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use capstan_proto::indexer::{
    self, StreamEventsRequest, StreamEventsResponse,
    indexer_service_server::{IndexerService, IndexerServiceServer},
};
use futures::{Stream, StreamExt, stream, stream::BoxStream};
use tokio::{
    net::TcpListener,
    sync::broadcast,
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tokio_stream::wrappers::{BroadcastStream, IntervalStream, TcpListenerStream};
use tonic::{Request, Response, Status};

use super::log;

const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// More than are ever under way.
const ROOM: usize = 64;
/// As the indexer's own.
const HEARTBEAT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);

type Said = Result<StreamEventsResponse, Status>;

/// The server; dropping it ends it.
pub(super) struct Indexer {
    pub(super) url: String,
    live: broadcast::Sender<StreamEventsResponse>,
    _serving: JoinSet<()>,
}

impl Indexer {
    /// Serves `history` to whoever asks, and then what is said.
    pub(super) async fn start(history: Vec<StreamEventsResponse>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (live, _) = broadcast::channel(ROOM);
        let script = Script { history: Arc::new(history), live: live.clone() };
        let service = IndexerServiceServer::new(script).max_encoding_message_size(MAX_MESSAGE_BYTES);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let server = tonic::transport::Server::builder().tcp_nodelay(true).add_service(service);
            drop(server.serve_with_incoming(TcpListenerStream::new(listener)).await);
        });
        Ok(Self { url, live, _serving: serving })
    }

    /// Hands a message to the market.
    pub(super) fn say(&self, message: StreamEventsResponse) {
        // Fails only while nobody listens.
        let _ = self.live.send(message);
    }

    /// Waits until somebody follows.
    pub(super) async fn followed(&self) -> Result<()> {
        let listens = async {
            while self.live.receiver_count() == 0 {
                sleep(POLL).await;
            }
        };
        timeout(PATIENCE, listens).await.context("the market does not follow")
    }
}

struct Script {
    history: Arc<Vec<StreamEventsResponse>>,
    live: broadcast::Sender<StreamEventsResponse>,
}

impl Script {
    fn messages(&self) -> impl Stream<Item = Said> + use<> {
        let live = BroadcastStream::new(self.live.subscribe());
        let live = live.map(|said| said.map_err(|error| Status::data_loss(error.to_string())));
        let history = Arc::clone(&self.history);
        let history = stream::iter(0..history.len()).filter_map(move |at| {
            let message = history.get(at).cloned().map(Ok);
            async { message }
        });
        let idle = IntervalStream::new(interval(HEARTBEAT)).skip(1).map(|_| Ok(log::heartbeat()));
        history.chain(stream::select(live, idle))
    }
}

#[tonic::async_trait]
impl IndexerService for Script {
    type StreamEventsStream = BoxStream<'static, Said>;

    async fn stream_events(
        &self,
        _: Request<StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        Ok(Response::new(self.messages().boxed()))
    }

    async fn commit_cursor(
        &self,
        _: Request<indexer::CommitCursorRequest>,
    ) -> Result<Response<indexer::CommitCursorResponse>, Status> {
        Err(unused())
    }

    async fn get_cursor(
        &self,
        _: Request<indexer::GetCursorRequest>,
    ) -> Result<Response<indexer::GetCursorResponse>, Status> {
        Err(unused())
    }

    async fn list_events(
        &self,
        _: Request<indexer::ListEventsRequest>,
    ) -> Result<Response<indexer::ListEventsResponse>, Status> {
        Err(unused())
    }

    async fn get_status(
        &self,
        _: Request<indexer::GetStatusRequest>,
    ) -> Result<Response<indexer::GetStatusResponse>, Status> {
        Err(unused())
    }

    async fn get_health(
        &self,
        _: Request<indexer::GetHealthRequest>,
    ) -> Result<Response<indexer::GetHealthResponse>, Status> {
        Err(unused())
    }
}

fn unused() -> Status {
    Status::unimplemented("the market does not ask for it")
}

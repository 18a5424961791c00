//! The gRPC edge of the indexer: translate, call, translate.

mod admin;
mod canonical;
mod checksums;
mod convert;
mod events;
mod filters;
mod pools;
mod protobuf;
mod publish;
mod request;
mod stream;
mod transaction_wire;
mod transactions;

use capstan_primitives::{Clock, Finality};
use capstan_proto::{
    encoded::indexer_service_server::IndexerService,
    indexer::{
        ChainHealth, CommitCursorRequest, CommitCursorResponse, GetCursorRequest, GetCursorResponse,
        GetHealthRequest, GetHealthResponse, GetStatusRequest, GetStatusResponse, ListEventsRequest,
        ListEventsResponse, StreamEventsRequest,
    },
};
use capstan_runtime::Tasks;
pub(crate) use pools::PoolRpc;
pub(crate) use publish::Publisher;
use tonic::{Request, Response, Status};
pub(crate) use transactions::TransactionRpc;

pub(crate) use admin::AdminRpc;

use crate::{
    domain::PageStart,
    error::Error,
    operations::{ChainState, EventLog, ListQuery, Listed},
};

const MAX_PAGE: u64 = 1_000;
const DEFAULT_PAGE: u64 = 100;

/// `capstan.indexer.v1.IndexerService`.
#[derive(Debug)]
pub(crate) struct Rpc {
    pub(crate) log: EventLog,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl IndexerService for Rpc {
    type StreamEventsStream = stream::Messages;

    async fn stream_events(
        &self,
        request: Request<StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let stream = stream::open(self.log.clone(), request.into_inner(), self.tasks.clone()).await?;
        Ok(Response::new(stream))
    }

    async fn commit_cursor(
        &self,
        request: Request<CommitCursorRequest>,
    ) -> Result<Response<CommitCursorResponse>, Status> {
        let CommitCursorRequest { consumer_id, cursor } = request.into_inner();
        self.log.commit(&consumer_id, &cursor, self.clock.now().timestamp_millis()).await?;
        Ok(Response::new(CommitCursorResponse {}))
    }

    async fn get_cursor(
        &self,
        request: Request<GetCursorRequest>,
    ) -> Result<Response<GetCursorResponse>, Status> {
        let GetCursorRequest { consumer_id } = request.into_inner();
        let committed = self.log.committed(&consumer_id).await?;
        let (cursor, at) = committed.ok_or(Error::UnknownConsumer(consumer_id))?;
        Ok(Response::new(GetCursorResponse { cursor, committed_at: Some(convert::millis(at)) }))
    }

    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let chains = self.log.chains().map(|(_, handle)| convert::chain_status(handle)).collect();
        Ok(Response::new(GetStatusResponse { chains }))
    }

    async fn get_health(&self, _: Request<GetHealthRequest>) -> Result<Response<GetHealthResponse>, Status> {
        let mut store_answers = true;
        let mut follows = true;
        let mut chains = Vec::new();
        for (id, handle) in self.log.chains() {
            store_answers &= self.log.progress(id).await.is_ok();
            let view = handle.view.borrow();
            follows &= matches!(view.state, ChainState::Live | ChainState::Syncing | ChainState::Standby);
            let state = convert::chain_state(view.state).into();
            chains.push(ChainHealth { chain_id: id.0, state, lag_blocks: convert::lag(&view).0 });
        }
        let status = if store_answers && follows { "ok" } else { "degraded" }.to_owned();
        let database = if store_answers { "ok" } else { "unavailable" }.to_owned();
        Ok(Response::new(GetHealthResponse { status, database, chains }))
    }
}

impl Rpc {
    async fn list(&self, request: ListEventsRequest) -> Result<ListEventsResponse, Error> {
        let chain_id = self.log.chain(request.chain_id)?;
        let filter = filters::list_filter(&request)?;
        let limit = page_size(request.page_size)?;
        let binding = format!("ListEvents {chain_id} {} newest={}", filter.binding(), request.newest_first);
        let page = PageStart::decode(&request.page_token, &binding).map_err(Error::PageToken)?;
        let query = ListQuery { chain_id, filter, page, newest_first: request.newest_first, limit };
        let Listed { progress, events, next } = self.log.list(&query).await?;
        let finalized = progress.finalized.map(|block| block.number);
        let safe = self.log.safe(chain_id);
        let finality = |number| Finality::of_safe(number, safe, finalized);
        let payloads: Vec<_> = request.payloads().collect();
        let mut writer = events::EventWriter::new(chain_id, &payloads);
        let written = events.iter().map(|event| writer.message(finality(event.block.number), event));
        Ok(ListEventsResponse {
            events: written.collect::<Result<_, _>>()?,
            next_page_token: next.map(|start| start.encode(&binding)).unwrap_or_default(),
            as_of: progress.indexed.map(|block| convert::as_of(chain_id, block, finality(block.number))),
        })
    }
}

fn page_size(size: i32) -> Result<u64, Error> {
    match u64::try_from(size) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) if size <= MAX_PAGE => Ok(size),
        _ => Err(Error::Field {
            field: "page_size".into(),
            description: format!("{size} is out of range; 0 to {MAX_PAGE} can be asked for"),
        }),
    }
}

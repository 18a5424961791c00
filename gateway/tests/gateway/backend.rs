//! Services that answer what a test tells them to and remember what they were asked.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
};

use capstan_proto::{
    indexer::{
        indexer_admin_service_server::*, indexer_service_server::*, pool_service_server::*,
        transaction_service_server::*, *,
    },
    market::{self, market_service_server::*, *},
    quoter::{self, quoter_service_server::*},
};
use futures::Stream;
use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap, service::Routes};

type Answer<T> = Box<dyn Fn() -> Result<T, Status> + Send>;
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[derive(Clone, Default)]
pub(crate) struct Backend {
    answers: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Asked {
    message: Box<dyn Any + Send>,
    name: &'static str,
    metadata: MetadataMap,
}

impl Backend {
    /// Every rpc that answers with a `T` answers so from now on; without a script, with a default `T`.
    pub(crate) fn answers<T: 'static>(&self, answer: impl Fn() -> Result<T, Status> + Send + 'static) {
        let answer: Answer<T> = Box::new(answer);
        self.answers.lock().unwrap().insert(TypeId::of::<T>(), Box::new(answer));
    }

    /// The last request of type `T`, with its metadata.
    pub(crate) fn asked<T: Clone + 'static>(&self) -> (T, MetadataMap) {
        let asked = self.asked.lock().unwrap();
        let found = asked.iter().rev().find_map(|asked| Some((asked.message.downcast_ref::<T>()?, asked)));
        let (message, asked) = found.expect("such a request");
        (message.clone(), asked.metadata.clone())
    }

    /// The Rust name of the last request's type.
    pub(crate) fn last_name(&self) -> &'static str {
        self.asked.lock().unwrap().last().map_or("", |asked| asked.name)
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn routes(&self) -> Routes {
        Routes::new(MarketServiceServer::new(self.clone()))
            .add_service(IndexerServiceServer::new(self.clone()))
            .add_service(IndexerAdminServiceServer::new(self.clone()))
            .add_service(TransactionServiceServer::new(self.clone()))
            .add_service(PoolServiceServer::new(self.clone()))
            .add_service(QuoterServiceServer::new(self.clone()))
    }

    fn reply<Q: Send + 'static, T: Default + 'static>(
        &self,
        request: Request<Q>,
    ) -> Result<Response<T>, Status> {
        self.note(request);
        let answers = self.answers.lock().unwrap();
        let script = answers.get(&TypeId::of::<T>()).and_then(|a| a.downcast_ref::<Answer<T>>());
        script.map_or_else(|| Ok(T::default()), |answer| answer()).map(Response::new)
    }

    fn note<Q: Send + 'static>(&self, request: Request<Q>) {
        let (metadata, _, message) = request.into_parts();
        let asked = Asked { message: Box::new(message), name: type_name::<Q>(), metadata };
        self.asked.lock().unwrap().push(asked);
    }
}

/// What `StreamMarkets` sends before it ends with an error.
pub(crate) fn script() -> Vec<StreamMarketsResponse> {
    let message = |cursor: &str| StreamMarketsResponse {
        cursor: cursor.to_owned(),
        message: Some(stream_markets_response::Message::Heartbeat(market::Heartbeat {})),
        ..Default::default()
    };
    vec![message("a"), message("b")]
}

macro_rules! unary {
    ($service:ident { $($name:ident($request:ty) -> $response:ty;)* } $($stream:tt)*) => {
        #[async_trait]
        impl $service for Backend {
            $(async fn $name(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                self.reply(request)
            })*
            $($stream)*
        }
    };
}

unary! {
    MarketService {
        list_markets(ListMarketsRequest) -> ListMarketsResponse;
        batch_get_markets(BatchGetMarketsRequest) -> BatchGetMarketsResponse;
        quote_trade(QuoteTradeRequest) -> QuoteTradeResponse;
        list_candles(ListCandlesRequest) -> ListCandlesResponse;
        get_market(GetMarketRequest) -> GetMarketResponse;
        get_prices(GetPricesRequest) -> GetPricesResponse;
        list_price_history(ListPriceHistoryRequest) -> ListPriceHistoryResponse;
        list_trades(ListTradesRequest) -> ListTradesResponse;
        list_market_positions(ListMarketPositionsRequest) -> ListMarketPositionsResponse;
        list_user_positions(ListUserPositionsRequest) -> ListUserPositionsResponse;
        list_user_liquidity(ListUserLiquidityRequest) -> ListUserLiquidityResponse;
        list_user_history(ListUserHistoryRequest) -> ListUserHistoryResponse;
    }
    type StreamMarketsStream = Streamed<StreamMarketsResponse>;

    async fn stream_markets(
        &self,
        request: Request<StreamMarketsRequest>,
    ) -> Result<Response<Self::StreamMarketsStream>, Status> {
        self.note(request);
        let end = Err(Status::aborted("enough: 100%"));
        let items = script().into_iter().map(Ok).chain([end]);
        Ok(Response::new(Box::pin(futures::stream::iter(items))))
    }
}

unary! {
    IndexerService {
        commit_cursor(CommitCursorRequest) -> CommitCursorResponse;
        get_cursor(GetCursorRequest) -> GetCursorResponse;
        list_events(ListEventsRequest) -> ListEventsResponse;
        get_status(GetStatusRequest) -> GetStatusResponse;
        get_health(GetHealthRequest) -> GetHealthResponse;
    }
    type StreamEventsStream = Streamed<StreamEventsResponse>;

    async fn stream_events(
        &self,
        request: Request<StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        self.note(request);
        Ok(Response::new(Box::pin(futures::stream::empty())))
    }
}

unary! {
    TransactionService {
        register_transaction(RegisterTransactionRequest) -> RegisterTransactionResponse;
        get_transaction(GetTransactionRequest) -> GetTransactionResponse;
        list_recent_transactions(ListRecentTransactionsRequest) -> ListRecentTransactionsResponse;
    }
    type WatchTransactionStream = Streamed<WatchTransactionResponse>;

    async fn watch_transaction(
        &self,
        request: Request<WatchTransactionRequest>,
    ) -> Result<Response<Self::WatchTransactionStream>, Status> {
        self.note(request);
        Ok(Response::new(Box::pin(futures::stream::empty())))
    }
}

unary! {
    PoolService {
        list_pools(ListPoolsRequest) -> ListPoolsResponse;
        get_pool(GetPoolRequest) -> GetPoolResponse;
    }
}

unary! {
    IndexerAdminService {
        list_contracts(ListContractsRequest) -> ListContractsResponse;
        add_contract(AddContractRequest) -> AddContractResponse;
        remove_contract(RemoveContractRequest) -> RemoveContractResponse;
        list_decode_failures(ListDecodeFailuresRequest) -> ListDecodeFailuresResponse;
        reset_chain(ResetChainRequest) -> ResetChainResponse;
    }
}

unary! {
    QuoterService {
        get_quote(quoter::GetQuoteRequest) -> quoter::GetQuoteResponse;
        batch_get_quotes(quoter::BatchGetQuotesRequest) -> quoter::BatchGetQuotesResponse;
        build_swap(quoter::BuildSwapRequest) -> quoter::BuildSwapResponse;
        get_liquidity_depth(quoter::GetLiquidityDepthRequest) -> quoter::GetLiquidityDepthResponse;
        get_token_price(quoter::GetTokenPriceRequest) -> quoter::GetTokenPriceResponse;
        verify_quote(quoter::VerifyQuoteRequest) -> quoter::VerifyQuoteResponse;
        get_gas_fees(quoter::GetGasFeesRequest) -> quoter::GetGasFeesResponse;
        list_pools(quoter::ListPoolsRequest) -> quoter::ListPoolsResponse;
        get_pool(quoter::GetPoolRequest) -> quoter::GetPoolResponse;
        get_health(quoter::GetHealthRequest) -> quoter::GetHealthResponse;
    }
    type StreamGasFeesStream = Streamed<quoter::StreamGasFeesResponse>;

    async fn stream_gas_fees(
        &self,
        request: Request<quoter::StreamGasFeesRequest>,
    ) -> Result<Response<Self::StreamGasFeesStream>, Status> {
        self.note(request);
        Ok(Response::new(Box::pin(futures::stream::empty())))
    }

    type StreamQuotesStream = Streamed<quoter::StreamQuotesResponse>;

    async fn stream_quotes(
        &self,
        request: Request<quoter::StreamQuotesRequest>,
    ) -> Result<Response<Self::StreamQuotesStream>, Status> {
        self.note(request);
        Ok(Response::new(Box::pin(futures::stream::empty())))
    }
}

//! `capstan.quoter.v1.QuoterService`: translate, call one operation, translate.

mod convert;
mod gas;
mod request;
mod stream;
mod swap;
mod verify;

use std::time::Duration;

use capstan_primitives::PageToken;
use capstan_proto::quoter::{self as wire, quoter_service_server::QuoterService};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    domain::route::Level,
    error::Error,
    operations::{Depth, PoolFilter, PoolPage, Quoter},
};

type Answer<T> = Result<Response<T>, Status>;

const MOST_QUOTES: usize = 100;
const POOLS: usize = 100;
const MOST_POOLS: usize = 500;

/// The gRPC service.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    pub(crate) quoter: Quoter,
    /// Longest silence of a stream.
    pub(crate) heartbeat: Duration,
    pub(crate) stopping: CancellationToken,
}

#[tonic::async_trait]
impl QuoterService for Rpc {
    async fn get_quote(&self, request: Request<wire::GetQuoteRequest>) -> Answer<wire::GetQuoteResponse> {
        let (chain, ask) = request::ask(request.into_inner().quote, "quote.")?;
        let answer = self.quoter.quote(self.quoter.chain(chain)?, &ask).await?;
        let quote = Some(convert::quote(&self.quoter, &ask, &answer));
        Ok(Response::new(wire::GetQuoteResponse { quote }))
    }

    async fn batch_get_quotes(
        &self,
        request: Request<wire::BatchGetQuotesRequest>,
    ) -> Answer<wire::BatchGetQuotesResponse> {
        let quotes = request.into_inner().quotes;
        if quotes.is_empty() || quotes.len() > MOST_QUOTES {
            return Err(Error::field("quotes", format!("has not 1 to {MOST_QUOTES} items")).into());
        }
        let read = |(at, quote)| request::ask(Some(quote), &format!("quotes[{at}]."));
        let asks = quotes.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let first = asks.first().map_or(0, |(chain, _)| *chain);
        if let Some(at) = asks.iter().position(|(chain, _)| *chain != first) {
            let problem = "is another chain than that of the first";
            return Err(Error::field(format!("quotes[{at}].chain_id"), problem).into());
        }
        let asks: Vec<_> = asks.into_iter().map(|(_, ask)| ask).collect();
        let answers = self.quoter.quote_all(self.quoter.chain(first)?, &asks).await?;
        let quotes = asks.iter().zip(&answers).map(|(ask, answer)| convert::quote(&self.quoter, ask, answer));
        Ok(Response::new(wire::BatchGetQuotesResponse { quotes: quotes.collect() }))
    }

    type StreamQuotesStream = stream::Quotes;

    async fn stream_quotes(
        &self,
        request: Request<wire::StreamQuotesRequest>,
    ) -> Answer<Self::StreamQuotesStream> {
        Ok(Response::new(stream::open(self, request.into_inner())?))
    }

    async fn get_liquidity_depth(
        &self,
        request: Request<wire::GetLiquidityDepthRequest>,
    ) -> Answer<wire::GetLiquidityDepthResponse> {
        let wire::GetLiquidityDepthRequest { chain_id, base_token, quote_token } = request.into_inner();
        let base = request::token("base_token", &base_token)?;
        let quote = request::token("quote_token", &quote_token)?;
        if base == quote {
            return Err(Error::field("quote_token", "is the same token as base_token").into());
        }
        let Depth { mid, sell, buy, snapshot } = self.quoter.chain(chain_id)?.depth(base, quote)?;
        let sold = |level: Level| wire::DepthLevel {
            move_bps: level.move_bps,
            base_amount: level.amount_in.to_string(),
            quote_amount: level.amount_out.to_string(),
        };
        let bought = |level: Level| wire::DepthLevel {
            move_bps: level.move_bps,
            base_amount: level.amount_out.to_string(),
            quote_amount: level.amount_in.to_string(),
        };
        Ok(Response::new(wire::GetLiquidityDepthResponse {
            mid_price: mid.map(|mid| mid.to_string()).unwrap_or_default(),
            sell: sell.into_iter().map(sold).collect(),
            buy: buy.into_iter().map(bought).collect(),
            as_of: Some(convert::as_of(&snapshot)),
        }))
    }

    async fn get_token_price(
        &self,
        request: Request<wire::GetTokenPriceRequest>,
    ) -> Answer<wire::GetTokenPriceResponse> {
        let wire::GetTokenPriceRequest { token, chain_id, reference } = request.into_inner();
        let token = request::token("token", &token)?;
        let reference = request::optional_token("reference", &reference)?;
        let price = self.quoter.chain(chain_id)?.price(token, reference)?;
        Ok(Response::new(wire::GetTokenPriceResponse {
            token: token.to_string(),
            reference: price.reference.to_string(),
            price: price.path.price.to_string(),
            whole_price: price.whole.map(|whole| whole.to_string()),
            pools: convert::path(&price.snapshot.pools, &price.path.path),
            as_of: Some(convert::as_of(&price.snapshot)),
        }))
    }

    async fn get_gas_fees(
        &self,
        request: Request<wire::GetGasFeesRequest>,
    ) -> Answer<wire::GetGasFeesResponse> {
        let fees = Some(gas::fees(self, request.into_inner().chain_id)?);
        Ok(Response::new(wire::GetGasFeesResponse { fees }))
    }

    type StreamGasFeesStream = gas::Fees;

    async fn stream_gas_fees(
        &self,
        request: Request<wire::StreamGasFeesRequest>,
    ) -> Answer<Self::StreamGasFeesStream> {
        Ok(Response::new(gas::stream(self, request.into_inner().chain_id)?))
    }

    async fn verify_quote(
        &self,
        request: Request<wire::VerifyQuoteRequest>,
    ) -> Answer<wire::VerifyQuoteResponse> {
        Ok(Response::new(verify::verify(self, request.into_inner()).await?))
    }

    async fn build_swap(&self, request: Request<wire::BuildSwapRequest>) -> Answer<wire::BuildSwapResponse> {
        Ok(Response::new(swap::build(self, request.into_inner()).await?))
    }

    async fn list_pools(&self, request: Request<wire::ListPoolsRequest>) -> Answer<wire::ListPoolsResponse> {
        let wire::ListPoolsRequest {
            chain_id,
            token,
            other_token,
            protocol,
            include_unusable,
            page_size,
            page_token,
        } = request.into_inner();
        let tokens = [
            request::optional_token("token", &token)?,
            request::optional_token("other_token", &other_token)?,
        ];
        let tokens = tokens.into_iter().flatten().collect();
        let filter =
            PoolFilter { tokens, protocol: request::optional_protocol(&protocol)?, include_unusable };
        let chain = self.quoter.chain(chain_id)?;
        let binding = format!("ListPools {} {filter:?}", chain.live.chain);
        let after = place(&page_token, &binding)?;
        let PoolPage { pools, next, snapshot } = chain.pools(&filter, (after, size(page_size)?))?;
        let token = |place: usize| PageToken { key: place.to_be_bytes().to_vec() }.encode(&binding);
        Ok(Response::new(wire::ListPoolsResponse {
            pools: pools.iter().map(|entry| convert::pool(&snapshot, entry, false)).collect(),
            next_page_token: next.map(token).unwrap_or_default(),
            as_of: Some(convert::as_of(&snapshot)),
        }))
    }

    async fn get_pool(&self, request: Request<wire::GetPoolRequest>) -> Answer<wire::GetPoolResponse> {
        let wire::GetPoolRequest { pool_id, chain_id } = request.into_inner();
        let (snapshot, entry) = self.quoter.chain(chain_id)?.pool(request::pool_id(&pool_id)?)?;
        let pool = Some(convert::pool(&snapshot, &entry, true));
        Ok(Response::new(wire::GetPoolResponse { pool, as_of: Some(convert::as_of(&snapshot)) }))
    }

    async fn get_health(&self, _: Request<wire::GetHealthRequest>) -> Answer<wire::GetHealthResponse> {
        let chains: Vec<wire::ChainHealth> = self.quoter.chains().map(|chain| self.health(chain)).collect();
        let is_ok = chains.iter().all(|chain| chain.as_of.is_some());
        let status = if is_ok { "ok" } else { "degraded" }.to_owned();
        Ok(Response::new(wire::GetHealthResponse { status, chains }))
    }
}

impl Rpc {
    fn health(&self, chain: &crate::operations::Chain) -> wire::ChainHealth {
        let chain_id = chain.live.chain.0;
        let checks = convert::checks(chain);
        let Some(snapshot) = chain.live.snapshot() else {
            return wire::ChainHealth { chain_id, ..checks };
        };
        let (pools, pools_unusable, tokens) = convert::counts(&snapshot.pools);
        wire::ChainHealth {
            chain_id,
            as_of: Some(convert::as_of(&snapshot)),
            pools,
            pools_unusable,
            tokens,
            state_age_ms: self.quoter.age_ms(&snapshot),
            gas_age_ms: gas::fees(self, chain_id).ok().map(|fees| fees.age_ms),
            ..checks
        }
    }
}

fn size(page_size: i32) -> Result<usize, Error> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(POOLS),
        Ok(size) => Ok(size.min(MOST_POOLS)),
        Err(_) => Err(Error::field("page_size", "must not be negative")),
    }
}

fn place(token: &str, binding: &str) -> Result<usize, Error> {
    if token.is_empty() {
        return Ok(0);
    }
    let token = PageToken::decode(token, binding).map_err(Error::PageToken)?;
    let key = token.key.first_chunk::<8>().copied().unwrap_or_default();
    usize::try_from(u64::from_be_bytes(key)).map_err(|_| Error::field("page_token", "is too large"))
}

//! `capstan.market.v1.MarketService`: translate, call one operation, translate.

mod candles;
pub(crate) mod convert;
mod deeds;
mod filters;
mod page;
mod quote;
mod stream;

use std::time::Duration;

use capstan_proto::market::{self as wire, market_service_server::MarketService};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use self::{convert::Collaterals, page::Sizes};
use crate::{
    domain::name::Name,
    error::Error,
    operations::{MarketName, Markets},
};

type Answer<T> = Result<Response<T>, Status>;

const MARKETS: Sizes = Sizes { default: 50, max: 500 };
const POINTS: Sizes = Sizes { default: 500, max: 1_000 };
const CANDLES: Sizes = Sizes { default: 500, max: 1_000 };
const TRADES: Sizes = Sizes { default: 50, max: 500 };
const POSITIONS: Sizes = Sizes { default: 100, max: 500 };
const ACTIVITIES: Sizes = Sizes { default: 50, max: 500 };

/// The gRPC service.
pub(crate) struct Rpc {
    pub(crate) markets: Markets,
    pub(crate) collaterals: Collaterals,
    /// Longest silence of a stream.
    pub(crate) heartbeat: Duration,
    pub(crate) stopping: CancellationToken,
}

fn market_name(chain_id: u64, market_id: &str) -> Result<MarketName, Error> {
    let name = market_id.parse().map_err(|problem: String| Error::field("market_id", problem))?;
    Ok(MarketName { chain_id, name })
}

#[tonic::async_trait]
impl MarketService for Rpc {
    async fn list_markets(
        &self,
        request: Request<wire::ListMarketsRequest>,
    ) -> Answer<wire::ListMarketsResponse> {
        let request = request.into_inner();
        let (of, order) = (filters::markets(&request)?, filters::market_order(request.order)?);
        let wire::ListMarketsRequest { chain_id, page_size, page_token, .. } = request;
        let binding = format!("ListMarkets {chain_id} {of:?} {order:?}");
        let page = page::request(MARKETS, page_size, &page_token, &binding)?;
        let (page, states) = self.markets.list(chain_id, (&of, order), page).await?;
        Ok(Response::new(wire::ListMarketsResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            markets: page.items.into_iter().map(|market| self.collaterals.market(market)).collect(),
            as_of: convert::all_as_of(&states),
        }))
    }

    async fn get_market(&self, request: Request<wire::GetMarketRequest>) -> Answer<wire::GetMarketResponse> {
        let wire::GetMarketRequest { market_id, chain_id } = request.into_inner();
        let (market, state) = self.markets.get(market_name(chain_id, &market_id)?).await?;
        let market = Some(self.collaterals.market(market));
        Ok(Response::new(wire::GetMarketResponse { market, as_of: Some(convert::as_of(&state)) }))
    }

    async fn batch_get_markets(
        &self,
        request: Request<wire::BatchGetMarketsRequest>,
    ) -> Answer<wire::BatchGetMarketsResponse> {
        let wire::BatchGetMarketsRequest { market_ids, chain_id } = request.into_inner();
        let names = filters::market_ids(&market_ids)?;
        let (markets, missing, states) = self.markets.get_all(chain_id, &names).await?;
        Ok(Response::new(wire::BatchGetMarketsResponse {
            markets: markets.into_iter().map(|market| self.collaterals.market(market)).collect(),
            missing: missing.iter().map(Name::to_string).collect(),
            as_of: convert::all_as_of(&states),
        }))
    }

    async fn get_prices(&self, request: Request<wire::GetPricesRequest>) -> Answer<wire::GetPricesResponse> {
        let wire::GetPricesRequest { market_id, chain_id } = request.into_inner();
        let (market, last, state) = self.markets.prices(market_name(chain_id, &market_id)?).await?;
        Ok(Response::new(wire::GetPricesResponse {
            market_id: market.announcement.id.to_string(),
            prices: convert::outcome_prices(&market, &last),
            as_of: Some(convert::as_of(&state)),
        }))
    }

    async fn quote_trade(
        &self,
        request: Request<wire::QuoteTradeRequest>,
    ) -> Answer<wire::QuoteTradeResponse> {
        let request = request.into_inner();
        let (name, trade) = (market_name(request.chain_id, &request.market_id)?, quote::Trade::of(&request)?);
        let (market, state) = self.markets.get(name).await?;
        let (quote, problem) = match trade.quote(&market)? {
            Ok(quote) => (Some(quote), wire::QuoteProblem::Unspecified),
            Err(problem) => (None, problem),
        };
        Ok(Response::new(wire::QuoteTradeResponse {
            market_id: market.announcement.id.to_string(),
            quote,
            problem: problem.into(),
            as_of: Some(convert::as_of(&state)),
        }))
    }

    async fn list_price_history(
        &self,
        request: Request<wire::ListPriceHistoryRequest>,
    ) -> Answer<wire::ListPriceHistoryResponse> {
        let wire::ListPriceHistoryRequest { market_id, chain_id, newest_first, page_size, page_token } =
            request.into_inner();
        let name = market_name(chain_id, &market_id)?;
        let binding = format!("ListPriceHistory {:?} {chain_id} {newest_first}", name.name);
        let page = page::request(POINTS, page_size, &page_token, &binding)?;
        let (page, state) = self.markets.price_history(name, newest_first, page).await?;
        Ok(Response::new(wire::ListPriceHistoryResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            points: page.items.iter().map(|(block, state)| convert::price_point(*block, state)).collect(),
            as_of: Some(convert::as_of(&state)),
        }))
    }

    async fn list_candles(
        &self,
        request: Request<wire::ListCandlesRequest>,
    ) -> Answer<wire::ListCandlesResponse> {
        let request = request.into_inner();
        let name = market_name(request.chain_id, &request.market_id)?;
        let of = candles::wanted(&request)?;
        let binding = format!("ListCandles {:?} {} {of:?}", name.name, request.chain_id);
        let page = page::request(CANDLES, request.page_size, &request.page_token, &binding)?;
        let (page, state) = self.markets.candles(name, of, page).await?;
        Ok(Response::new(wire::ListCandlesResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            candles: page.items.into_iter().map(candles::told).collect(),
            as_of: Some(convert::as_of(&state)),
        }))
    }

    async fn list_trades(
        &self,
        request: Request<wire::ListTradesRequest>,
    ) -> Answer<wire::ListTradesResponse> {
        let wire::ListTradesRequest { market_id, chain_id, page_size, page_token } = request.into_inner();
        let name = market_name(chain_id, &market_id)?;
        let binding = format!("ListTrades {:?} {chain_id}", name.name);
        let page = page::request(TRADES, page_size, &page_token, &binding)?;
        let (market, page, state) = self.markets.trades(name, page).await?;
        let id = market.announcement.id;
        Ok(Response::new(wire::ListTradesResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            trades: page.items.into_iter().map(|trade| convert::trade(state.chain, id, trade)).collect(),
            as_of: Some(convert::as_of(&state)),
        }))
    }

    async fn list_market_positions(
        &self,
        request: Request<wire::ListMarketPositionsRequest>,
    ) -> Answer<wire::ListMarketPositionsResponse> {
        let request = request.into_inner();
        let (name, of) = (market_name(request.chain_id, &request.market_id)?, filters::holders(&request)?);
        let binding = format!("ListMarketPositions {:?} {} {of:?}", name.name, name.chain_id);
        let page = page::request(POSITIONS, request.page_size, &request.page_token, &binding)?;
        let (page, state) = self.markets.holders(name, of, page).await?;
        Ok(Response::new(wire::ListMarketPositionsResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            positions: page.items.into_iter().map(convert::position).collect(),
            as_of: Some(convert::as_of(&state)),
        }))
    }

    async fn list_user_positions(
        &self,
        request: Request<wire::ListUserPositionsRequest>,
    ) -> Answer<wire::ListUserPositionsResponse> {
        let wire::ListUserPositionsRequest { address, chain_id, page_size, page_token, closed } =
            request.into_inner();
        let user = filters::account("address", &address)?;
        let binding = format!("ListUserPositions {user} {chain_id} {closed}");
        let page = page::request(POSITIONS, page_size, &page_token, &binding)?;
        let (page, states) = self.markets.positions_of(chain_id, (user, closed), page).await?;
        Ok(Response::new(wire::ListUserPositionsResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            positions: page.items.into_iter().map(convert::position).collect(),
            as_of: convert::all_as_of(&states),
        }))
    }

    async fn list_user_liquidity(
        &self,
        request: Request<wire::ListUserLiquidityRequest>,
    ) -> Answer<wire::ListUserLiquidityResponse> {
        let wire::ListUserLiquidityRequest { address, chain_id, page_size, page_token } =
            request.into_inner();
        let user = filters::account("address", &address)?;
        let binding = format!("ListUserLiquidity {user} {chain_id}");
        let page = page::request(POSITIONS, page_size, &page_token, &binding)?;
        let (page, states) = self.markets.shares_of(chain_id, user, page).await?;
        Ok(Response::new(wire::ListUserLiquidityResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            positions: page.items.iter().map(convert::shares).collect(),
            as_of: convert::all_as_of(&states),
        }))
    }

    async fn list_user_history(
        &self,
        request: Request<wire::ListUserHistoryRequest>,
    ) -> Answer<wire::ListUserHistoryResponse> {
        let wire::ListUserHistoryRequest { address, chain_id, page_size, page_token } = request.into_inner();
        let user = filters::account("address", &address)?;
        let binding = format!("ListUserHistory {user} {chain_id}");
        let page = page::request(ACTIVITIES, page_size, &page_token, &binding)?;
        let (page, states) = self.markets.history_of(chain_id, user, page).await?;
        Ok(Response::new(wire::ListUserHistoryResponse {
            next_page_token: page::next(page.next.as_ref(), &binding),
            activities: page.items.into_iter().map(deeds::told).collect(),
            as_of: convert::all_as_of(&states),
        }))
    }

    type StreamMarketsStream = stream::Messages;

    async fn stream_markets(&self, request: Request<wire::StreamMarketsRequest>) -> Answer<stream::Messages> {
        let session = stream::Session::open(self, request.into_inner()).await?;
        Ok(Response::new(session.messages()))
    }
}

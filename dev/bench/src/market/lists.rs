//! Every list of the market's contract, as one kind of question.

use anyhow::Result;
use capstan_proto::market::{
    ListCandlesRequest, ListMarketPositionsRequest, ListMarketsRequest, ListPriceHistoryRequest,
    ListTradesRequest, ListUserHistoryRequest, ListUserPositionsRequest,
};

use super::service::Client;

/// A list with its filters.
#[derive(Debug, Clone)]
pub(super) enum List {
    Markets(Box<ListMarketsRequest>),
    Trades(ListTradesRequest),
    Prices(ListPriceHistoryRequest),
    Candles(ListCandlesRequest),
    Holders(ListMarketPositionsRequest),
    Positions(ListUserPositionsRequest),
    History(ListUserHistoryRequest),
}

/// One answer.
pub(super) struct Page {
    pub(super) items: usize,
    /// Empty at the end of the list.
    pub(super) next: String,
}

impl List {
    /// Reads a page; size 0 is the default of the list.
    pub(super) async fn page(&self, client: &mut Client, page_size: i32, page_token: &str) -> Result<Page> {
        let page_token = page_token.to_owned();
        macro_rules! page {
            ($method:ident, $request:expr, $items:ident) => {{
                let mut request = $request.clone();
                (request.page_size, request.page_token) = (page_size, page_token);
                let answer = client.$method(request).await?.into_inner();
                Page { items: answer.$items.len(), next: answer.next_page_token }
            }};
        }
        Ok(match self {
            Self::Markets(of) => page!(list_markets, of.as_ref(), markets),
            Self::Trades(of) => page!(list_trades, of, trades),
            Self::Prices(of) => page!(list_price_history, of, points),
            Self::Candles(of) => page!(list_candles, of, candles),
            Self::Holders(of) => page!(list_market_positions, of, positions),
            Self::Positions(of) => page!(list_user_positions, of, positions),
            Self::History(of) => page!(list_user_history, of, activities),
        })
    }
}

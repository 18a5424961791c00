//! Trades, price histories and the markets of what users did.

use std::collections::HashMap;

use capstan_primitives::{Address, BlockRef, ChainId, Hash};

use super::{MarketName, Markets, Page, PageRequest};
use crate::{
    domain::{
        candle::{Candle, Interval},
        market::{Activity, Market, MarketId, PoolState},
    },
    error::Error,
    store::{CandlesFilter, ChainState, HistoryFilter, HistoryKey, Read, SnapshotsFilter},
};

/// An activity and the market that it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActivityOf {
    pub(crate) chain: ChainId,
    /// None when no known market has the condition and collateral.
    pub(crate) market_id: Option<MarketId>,
    pub(crate) activity: Activity,
}

/// Which candles of a market.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CandlesOf {
    pub(crate) interval: Interval,
    pub(crate) newest_first: bool,
    /// Those that begin at this moment or later, in seconds since 1970.
    pub(crate) from: Option<u64>,
    /// Those that begin before this moment.
    pub(crate) until: Option<u64>,
}

/// A page of a price history: states of the pool after blocks, keyed by block number.
pub(crate) type PricePage = Page<(BlockRef, PoolState), u64>;

impl Markets {
    /// How a market's pool developed.
    pub(crate) async fn price_history(
        &self,
        name: MarketName,
        newest_first: bool,
        page: PageRequest<u64>,
    ) -> Result<(PricePage, ChainState), Error> {
        let read = self.store.read().await?;
        let (market, state) = self.find(&read, name).await?;
        let limit = page.limit();
        let points = match market.amm {
            None => Vec::new(),
            Some(pool) => {
                let chain = state.chain;
                read.snapshots(SnapshotsFilter { chain, pool, newest_first, after: page.after, limit })
                    .await?
            }
        };
        Ok((Page::of(points, page.size, |(block, _)| block.number), state))
    }

    /// How a market's prices developed, in spans of time.
    pub(crate) async fn candles(
        &self,
        name: MarketName,
        of: CandlesOf,
        page: PageRequest<u64>,
    ) -> Result<(Page<Candle, u64>, ChainState), Error> {
        let read = self.store.read().await?;
        let (market, state) = self.find(&read, name).await?;
        let CandlesOf { interval, newest_first, from, until } = of;
        let (chain, after, limit) = (state.chain, page.after, page.limit());
        let candles = match market.amm {
            None => Vec::new(),
            Some(pool) => {
                let filter = CandlesFilter { chain, pool, interval, newest_first, after, from, until, limit };
                read.candles(filter).await?
            }
        };
        Ok((Page::of(candles, page.size, |last| last.start), state))
    }

    /// Trades with a market's pool, newest first.
    pub(crate) async fn trades(
        &self,
        name: MarketName,
        page: PageRequest<HistoryKey>,
    ) -> Result<(Market, Page<Activity, HistoryKey>, ChainState), Error> {
        let read = self.store.read().await?;
        let (market, state) = self.find(&read, name).await?;
        let limit = page.limit();
        let trades = match market.amm {
            None => Vec::new(),
            Some(pool) => {
                read.history(HistoryFilter::TradesWith(state.chain, pool), page.after, limit).await?
            }
        };
        let trades = trades.into_iter().map(|(_, trade)| trade).collect();
        let chain = state.chain;
        Ok((market, Page::of(trades, page.size, |trade| key(chain, trade)), state))
    }
}

pub(super) async fn with_markets(
    read: &Read,
    states: &[ChainState],
    found: Vec<(ChainId, Activity)>,
) -> Result<Vec<ActivityOf>, Error> {
    let mut markets: HashMap<(ChainId, Hash, Address, Option<Address>), MarketId> = HashMap::new();
    for state in states {
        let of_chain = found.iter().filter(|(chain, _)| *chain == state.chain);
        let activities: Vec<&Activity> = of_chain.map(|(_, activity)| activity).collect();
        let known = read.markets_of(state.chain, &activities).await?;
        markets.extend(
            known
                .into_iter()
                .map(|((condition, collateral, pool), id)| ((state.chain, condition, collateral, pool), id)),
        );
    }
    let with_market = |(chain, activity): (ChainId, Activity)| ActivityOf {
        chain,
        market_id: markets.get(&(chain, activity.condition_id, activity.collateral, activity.pool)).copied(),
        activity,
    };
    Ok(found.into_iter().map(with_market).collect())
}

pub(super) fn key(chain: ChainId, activity: &Activity) -> HistoryKey {
    let Activity { block, log_index, .. } = activity;
    HistoryKey { time: block.time.0, chain, block: block.number, log_index: *log_index, item: 0 }
}

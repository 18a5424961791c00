//! Candles are what the price history and the trades say, whatever the interval, the page and the order.

use std::collections::{BTreeMap, BTreeSet};

use capstan_db::testing::TestStore;
use capstan_market::simulated::{Dice, World};
use capstan_primitives::Price;
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{
        Candle, CandleInterval, GetMarketRequest, ListCandlesRequest, ListMarketsRequest,
        ListPriceHistoryRequest, ListTradesRequest, OutcomeCandle, PricePoint, Trade,
    },
};
use prost_types::Timestamp;

use crate::platform::{CHAIN, TestPlatform};

const SEED: u64 = 31;
const BLOCKS: usize = 110;
/// So that an hour has a few blocks and the chain lasts for a day.
const PACE: u64 = 977;

const INTERVALS: [(CandleInterval, i64); 5] = [
    (CandleInterval::CandleInterval1m, 60),
    (CandleInterval::CandleInterval5m, 300),
    (CandleInterval::CandleInterval1h, 3_600),
    (CandleInterval::CandleInterval6h, 21_600),
    (CandleInterval::CandleInterval1d, 86_400),
];

fn world() -> World {
    let mut world = World::new(CHAIN);
    world.log.pace = PACE;
    world.go_on(&mut Dice::new(SEED), BLOCKS);
    world
}

async fn candles(platform: &mut TestPlatform, request: &ListCandlesRequest, size: i32) -> Vec<Candle> {
    let mut request = ListCandlesRequest { page_size: size, ..request.clone() };
    let mut candles = Vec::new();
    loop {
        let page = platform.client.list_candles(request.clone()).await.unwrap().into_inner();
        candles.extend(page.candles);
        if page.next_page_token.is_empty() {
            return candles;
        }
        request.page_token = page.next_page_token;
    }
}

fn units(price: &str) -> u128 {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}{fraction:0<width$}", width = Price::DECIMALS).parse().unwrap()
}

/// What the candles must be, by their begin.
fn expected(points: &[PricePoint], trades: &[Trade], seconds: i64) -> BTreeMap<i64, Candle> {
    let start = |block: &Option<capstan_proto::primitives::BlockRef>| {
        let time = block.as_ref().unwrap().time.as_ref().unwrap().seconds;
        time - time % seconds
    };
    let mut spans: BTreeMap<i64, Vec<Vec<String>>> = BTreeMap::new();
    let mut before: Vec<String> = Vec::new();
    for PricePoint { block, prices, .. } in points {
        let first = [before.clone()];
        spans.entry(start(block)).or_insert_with(|| first.into()).push(prices.clone());
        before.clone_from(prices);
    }
    let candle = |(start, prices): (i64, Vec<Vec<String>>)| {
        let known: Vec<Vec<String>> = prices.into_iter().filter(|prices| !prices.is_empty()).collect();
        let outcome = |index: usize| {
            let of: Vec<&String> = known.iter().map(|prices| &prices[index]).collect();
            OutcomeCandle {
                open: of[0].clone(),
                high: (*of.iter().max_by_key(|price| units(price)).unwrap()).clone(),
                low: (*of.iter().min_by_key(|price| units(price)).unwrap()).clone(),
                close: (*of.last().unwrap()).clone(),
            }
        };
        let count = known.first().map_or(0, Vec::len);
        let start_time = Some(Timestamp { seconds: start, nanos: 0 });
        let outcomes = (0..count).map(outcome).collect();
        (start, Candle { start_time, outcomes, volume: "0".to_owned(), trade_count: 0 })
    };
    let mut candles: BTreeMap<i64, Candle> = spans.into_iter().map(candle).collect();
    for trade in trades {
        let candle = candles.get_mut(&start(&trade.block)).unwrap();
        let volume: u128 =
            candle.volume.parse::<u128>().unwrap() + trade.collateral_amount.parse::<u128>().unwrap();
        (candle.volume, candle.trade_count) = (volume.to_string(), candle.trade_count + 1);
    }
    candles
}

async fn history(platform: &mut TestPlatform, market_id: &str) -> (Vec<PricePoint>, Vec<Trade>) {
    let (market_id, page_size) = (market_id.to_owned(), 500);
    let points = ListPriceHistoryRequest { market_id: market_id.clone(), page_size, ..Default::default() };
    let points = platform.client.list_price_history(points).await.unwrap().into_inner();
    let trades = ListTradesRequest { market_id, page_size, ..Default::default() };
    let trades = platform.client.list_trades(trades).await.unwrap().into_inner();
    assert!(points.next_page_token.is_empty() && trades.next_page_token.is_empty());
    (points.points, trades.trades)
}

/// The volumes of a day and a week, by the trades.
async fn compare_volumes(platform: &mut TestPlatform, market_id: &str, trades: &[Trade]) {
    let request = GetMarketRequest { market_id: market_id.to_owned(), chain_id: 0 };
    let answer = platform.client.get_market(request).await.unwrap().into_inner();
    let now = answer.as_of.unwrap().block.unwrap().time.unwrap().seconds;
    let market = answer.market.unwrap();
    for (seconds, shown) in [(86_400, &market.volume_24h), (7 * 86_400, &market.volume_7d)] {
        let time = |trade: &Trade| trade.block.as_ref().unwrap().time.as_ref().unwrap().seconds;
        let recent = trades.iter().filter(|trade| time(trade) > now - seconds);
        let volume: u128 = recent.map(|trade| trade.collateral_amount.parse::<u128>().unwrap()).sum();
        assert_eq!(*shown, volume.to_string());
    }
    assert_eq!(market.volume_7d, market.volume);
}

async fn compare(platform: &mut TestPlatform, market_id: &str) -> usize {
    let (points, trades) = history(platform, market_id).await;
    compare_volumes(platform, market_id, &trades).await;
    for (interval, seconds) in INTERVALS {
        let all: Vec<Candle> = expected(&points, &trades, seconds).into_values().collect();
        for newest_first in [false, true] {
            let mut wanted = all.clone();
            if newest_first {
                wanted.reverse();
            }
            let request = ListCandlesRequest {
                market_id: market_id.to_owned(),
                interval: interval.into(),
                newest_first,
                ..Default::default()
            };
            for size in [1, 3, 1_000] {
                assert_eq!(candles(platform, &request, size).await, wanted, "{interval:?} {size}");
            }
            let starts: Vec<i64> = all.iter().map(|candle| candle.start_time.unwrap().seconds).collect();
            let Some(middle) = starts.get(starts.len() / 2).copied() else { continue };
            for (from, until) in
                [(Some(middle), None), (None, Some(middle)), (Some(middle + 1), Some(middle + 9 * seconds))]
            {
                let time = |seconds: i64| Timestamp { seconds, nanos: 0 };
                let request = ListCandlesRequest {
                    start_time: from.map(time),
                    end_time: until.map(time),
                    ..request.clone()
                };
                let in_range = |candle: &&Candle| {
                    let start = candle.start_time.unwrap().seconds;
                    from.is_none_or(|from| start >= from) && until.is_none_or(|until| start < until)
                };
                let some: Vec<Candle> = wanted.iter().filter(in_range).cloned().collect();
                assert_eq!(candles(platform, &request, 2).await, some, "{interval:?} {from:?} {until:?}");
            }
        }
    }
    trades.len()
}

#[tokio::test]
async fn candles_are_what_prices_and_trades_say() {
    let world = world();
    let last = u64::try_from(BLOCKS).unwrap();
    for store in TestStore::both().await {
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        // Batches end anywhere in the candles.
        for (from, to) in [(1, 13), (14, 14), (15, 40), (41, last)] {
            session.apply(&world, from, to);
        }
        session.say(Message::Heartbeat(world.log.heartbeat(None)));
        platform.until(&world).await;
        let markets = platform.client.list_markets(ListMarketsRequest::default()).await.unwrap().into_inner();
        let mut trades = BTreeSet::new();
        for market in markets.markets {
            trades.insert(compare(&mut platform, &market.market_id).await);
        }
        assert!(trades.last().is_some_and(|most| *most > 5), "{trades:?}");
        platform.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_with_the_field() {
    let world = world();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 20);
    session.say(Message::Heartbeat(world.log.heartbeat(None)));
    let market_id = world.pools[0].address.to_string();
    let hour = CandleInterval::CandleInterval1h.into();
    let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let request = ListCandlesRequest { market_id, interval: hour, ..Default::default() };
    for (request, field) in [
        (ListCandlesRequest { interval: 0, ..request.clone() }, "interval"),
        (ListCandlesRequest { interval: 99, ..request.clone() }, "interval"),
        (ListCandlesRequest { start_time: time(9), end_time: time(9), ..request.clone() }, "start_time"),
        (ListCandlesRequest { start_time: time(-1), ..request.clone() }, "start_time"),
        (ListCandlesRequest { end_time: time(-1), ..request.clone() }, "end_time"),
        (ListCandlesRequest { page_token: "?".into(), ..request.clone() }, "page_token"),
    ] {
        let status = platform.client.list_candles(request).await.unwrap_err();
        assert!(status.message().contains(field), "{field}: {status:?}");
    }
    platform.stop().await;
}

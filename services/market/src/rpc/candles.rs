//! `ListCandles`: wire ↔ domain.

use capstan_primitives::{BlockTime, Price};
use capstan_proto::market as wire;

use super::{convert::timestamp, filters::moment};
use crate::{
    domain::candle::{Candle, Interval, Prices},
    error::Error,
    operations::CandlesOf,
};

pub(super) fn wanted(request: &wire::ListCandlesRequest) -> Result<CandlesOf, Error> {
    let interval = match request.interval() {
        wire::CandleInterval::CandleInterval1m => Interval::Minute,
        wire::CandleInterval::CandleInterval5m => Interval::FiveMinutes,
        wire::CandleInterval::CandleInterval1h => Interval::Hour,
        wire::CandleInterval::CandleInterval6h => Interval::SixHours,
        wire::CandleInterval::CandleInterval1d => Interval::Day,
        wire::CandleInterval::Unspecified => {
            return Err(Error::field("interval", "is missing; CANDLE_INTERVAL_1H is an hour"));
        }
    };
    let from = moment("start_time", request.start_time)?;
    let until = moment("end_time", request.end_time)?;
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(Error::field("start_time", "is not before end_time"));
    }
    Ok(CandlesOf { interval, newest_first: request.newest_first, from, until })
}

pub(super) fn told(candle: Candle) -> wire::Candle {
    let Candle { start, prices, volume, trades, .. } = candle;
    wire::Candle {
        start_time: Some(timestamp(BlockTime(start))),
        outcomes: prices.map(outcomes).unwrap_or_default(),
        volume: volume.to_string(),
        trade_count: trades,
    }
}

fn outcomes(prices: Prices) -> Vec<wire::OutcomeCandle> {
    let Prices { open, high, low, close } = prices;
    let outcome = |(((open, high), low), close): (((Price, Price), Price), Price)| wire::OutcomeCandle {
        open: open.to_string(),
        high: high.to_string(),
        low: low.to_string(),
        close: close.to_string(),
    };
    open.into_iter().zip(high).zip(low).zip(close).map(outcome).collect()
}

//! `QuoteTrade`: wire → wish, quote → wire.

use capstan_primitives::{Amount, Price};
use capstan_proto::market::{self as wire, quote_trade_request};

use crate::{
    domain::{
        market::{Market, Side},
        quote::{Pool, Quote, Wish},
    },
    error::Error,
};

/// Slippage when none is named, in hundredths of a percent.
const SLIPPAGE: u32 = 100;
const MAX_SLIPPAGE: u32 = 10_000;

/// A trade that somebody wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    side: Side,
    outcome: u32,
    wish: Wish,
    slippage: u32,
}

impl Trade {
    pub(super) fn of(request: &wire::QuoteTradeRequest) -> Result<Self, Error> {
        use quote_trade_request::Amount::{CollateralAmount, OutcomeAmount};
        let side = match request.side() {
            wire::TradeSide::Buy => Side::Buy,
            wire::TradeSide::Sell => Side::Sell,
            wire::TradeSide::Unspecified => {
                return Err(Error::field("side", "is neither TRADE_SIDE_BUY nor TRADE_SIDE_SELL"));
            }
        };
        let amount =
            |field, text: &str| text.parse::<Amount>().map_err(|problem| Error::field(field, problem));
        let wish = match &request.amount {
            Some(CollateralAmount(text)) => Wish::Collateral(amount("collateral_amount", text)?),
            Some(OutcomeAmount(text)) => Wish::Tokens(amount("outcome_amount", text)?),
            None => return Err(Error::field("collateral_amount", "is missing, and so is outcome_amount")),
        };
        let slippage = request.slippage_bps.unwrap_or(SLIPPAGE);
        if slippage > MAX_SLIPPAGE {
            return Err(Error::field("slippage_bps", format!("is {slippage}, over {MAX_SLIPPAGE}")));
        }
        Ok(Self { side, outcome: request.outcome_index, wish, slippage })
    }

    /// The quote, or why there is none.
    pub(super) fn quote(
        self,
        market: &Market,
    ) -> Result<Result<wire::TradeQuote, wire::QuoteProblem>, Error> {
        let outcome = usize::try_from(self.outcome).unwrap_or(usize::MAX);
        let (Some(state), Some(fee)) = (&market.pool, market.fee) else {
            return Ok(Err(wire::QuoteProblem::NoPool));
        };
        let count = state.balances.len();
        if outcome >= count {
            let problem = format!("is {outcome}, and the market has {count} outcomes");
            return Err(Error::field("outcome_index", problem));
        }
        if state.balances.iter().any(|balance| balance.is_zero()) {
            return Ok(Err(wire::QuoteProblem::NoLiquidity));
        }
        let quote = Pool { balances: &state.balances, fee }.quote(self.side, outcome, self.wish);
        let told = quote.and_then(|quote| self.told(&quote, outcome, market));
        Ok(told.ok_or(wire::QuoteProblem::Reverts))
    }

    fn told(self, quote: &Quote, outcome: usize, market: &Market) -> Option<wire::TradeQuote> {
        let of_outcome = |prices: Option<Vec<Price>>| prices?.get(outcome).copied();
        let before = of_outcome(market.prices())?;
        let after = of_outcome(quote.prices_after())?;
        Some(wire::TradeQuote {
            collateral_amount: quote.collateral.to_string(),
            outcome_amount: quote.tokens.to_string(),
            fee: quote.fee.to_string(),
            outcome_amount_limit: quote.guard(self.side, self.slippage).to_string(),
            average_price: quote.average_price().map(|price| price.to_string()),
            price_before: before.to_string(),
            price_after: after.to_string(),
            price_impact: quote.impact(self.side, before).map(|share| share.to_string()),
        })
    }
}

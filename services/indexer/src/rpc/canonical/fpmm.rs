//! Gnosis fixed product market makers and their factories.

use capstan_chain::Integer;
use capstan_proto::indexer::{
    LiquidityChanged, MarketCreated, TradeExecuted, TradeSide, canonical_event::Event,
};

use super::{
    Adapter,
    erc20::{APPROVAL, TRANSFER},
    fields::Fields,
};

pub(super) const EVENTS: Adapter = &[
    TRANSFER,
    APPROVAL,
    ("FPMMBuy", bought),
    ("FPMMSell", sold),
    ("FPMMFundingAdded", added),
    ("FPMMFundingRemoved", removed),
];

pub(super) const FACTORY_EVENTS: Adapter = &[("FixedProductMarketMakerCreation", created)];

fn bought(of: &Fields<'_>) -> Option<Vec<Event>> {
    let trader = of.address("buyer")?;
    traded(of, TradeSide::Buy, trader, [of.amount("investmentAmount")?, of.amount("outcomeTokensBought")?])
}

fn sold(of: &Fields<'_>) -> Option<Vec<Event>> {
    let trader = of.address("seller")?;
    traded(of, TradeSide::Sell, trader, [of.amount("outcomeTokensSold")?, of.amount("returnAmount")?])
}

/// A trade whose trader gets the output. Outcome tokens have no address of their own.
fn traded(
    of: &Fields<'_>,
    side: TradeSide,
    trader: String,
    [amount_in, amount_out]: [String; 2],
) -> Option<Vec<Event>> {
    Some(vec![Event::TradeExecuted(TradeExecuted {
        venue: of.protocol.to_owned(),
        pool: of.contract(),
        recipient: trader.clone(),
        trader,
        token_in: if side == TradeSide::Buy { of.token(0) } else { String::new() },
        token_out: if side == TradeSide::Sell { of.token(0) } else { String::new() },
        amount_in,
        amount_out,
        fee: of.amount("feeAmount")?,
        token_in_index: None,
        side: side.into(),
        outcome_index: Some(of.unsigned("outcomeIndex")?),
    })])
}

fn added(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::LiquidityChanged(LiquidityChanged {
        pool: of.contract(),
        provider: of.address("funder")?,
        outcome_amounts: of.amounts("amountsAdded")?,
        shares: of.amount("sharesMinted")?,
        ..LiquidityChanged::default()
    })])
}

fn removed(of: &Fields<'_>) -> Option<Vec<Event>> {
    let amounts = of.integers("amountsRemoved")?;
    let provider = of.address("funder")?;
    Some(vec![Event::LiquidityChanged(LiquidityChanged {
        pool: of.contract(),
        recipient: provider.clone(),
        provider,
        outcome_amounts: amounts.into_iter().map(|amount: Integer| (-amount).to_string()).collect(),
        shares: of.negated("sharesBurnt")?,
        fees_paid: of.amount("collateralRemovedFromFeePool")?,
        ..LiquidityChanged::default()
    })])
}

fn created(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::MarketCreated(MarketCreated {
        condition_ids: of.bytes_list("conditionIds")?,
        conditional_tokens: of.address("conditionalTokens")?,
        market_maker: of.address("fixedProductMarketMaker")?,
        collateral: of.address("collateralToken")?,
        creator: of.address("creator")?,
        fee: of.amount("fee")?,
        ..MarketCreated::default()
    })])
}

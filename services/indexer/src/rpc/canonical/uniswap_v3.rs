//! Uniswap V3 pools and their factory.

use capstan_chain::Integer;
use capstan_proto::indexer::{LiquidityChanged, PoolCreated, TradeExecuted, canonical_event::Event};

use super::{Adapter, fields::Fields};

// `Collect` pays out what `Burn` took out of the pool before, and fees, in one sum: no change of liquidity.
pub(super) const EVENTS: Adapter = &[("Swap", swapped), ("Mint", added), ("Burn", removed)];

pub(super) const FACTORY_EVENTS: Adapter = &[("PoolCreated", created)];

fn created(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::PoolCreated(PoolCreated {
        pool: of.address("pool")?,
        token0: of.address("token0")?,
        token1: of.address("token1")?,
        fee: Some(of.unsigned("fee")?),
        tick_spacing: Some(of.signed("tickSpacing")?),
    })])
}

/// Amounts are changes of the pool: the input is positive, the output negative, or zero when a small
/// input buys nothing.
fn swapped(of: &Fields<'_>) -> Option<Vec<Event>> {
    let (amount0, amount1) = (of.integer("amount0")?, of.integer("amount1")?);
    let is_input = |amount: Integer| !amount.is_negative() && !amount.magnitude().is_zero();
    let (token_in_index, amount_in, amount_out) = match (is_input(amount0), is_input(amount1)) {
        (true, false) => (0, amount0, amount1),
        (false, true) => (1, amount1, amount0),
        _ => return None,
    };
    Some(vec![Event::TradeExecuted(TradeExecuted {
        venue: of.protocol.to_owned(),
        pool: of.contract(),
        trader: of.address("sender")?,
        recipient: of.address("recipient")?,
        token_in: of.token(usize::from(token_in_index == 1)),
        token_out: of.token(usize::from(token_in_index == 0)),
        amount_in: amount_in.to_string(),
        amount_out: amount_out.magnitude().to_string(),
        token_in_index: Some(token_in_index),
        ..TradeExecuted::default()
    })])
}

fn added(of: &Fields<'_>) -> Option<Vec<Event>> {
    changed(of, Fields::amount)
}

fn removed(of: &Fields<'_>) -> Option<Vec<Event>> {
    changed(of, Fields::negated)
}

fn changed<'a>(of: &Fields<'a>, signed: fn(&Fields<'a>, &str) -> Option<String>) -> Option<Vec<Event>> {
    Some(vec![Event::LiquidityChanged(LiquidityChanged {
        pool: of.contract(),
        provider: of.address("owner")?,
        amount0: signed(of, "amount0")?,
        amount1: signed(of, "amount1")?,
        shares: signed(of, "amount")?,
        tick_lower: Some(of.signed("tickLower")?),
        tick_upper: Some(of.signed("tickUpper")?),
        ..LiquidityChanged::default()
    })])
}

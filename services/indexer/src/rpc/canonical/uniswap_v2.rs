//! Uniswap V2 pairs and their factory.

use capstan_primitives::Amount;
use capstan_proto::indexer::{LiquidityChanged, PoolCreated, TradeExecuted, canonical_event::Event};

use super::{
    Adapter,
    erc20::{APPROVAL, TRANSFER},
    fields::Fields,
};
use crate::domain::Exchange;

pub(super) const EVENTS: Adapter =
    &[TRANSFER, APPROVAL, ("Swap", swapped), ("Mint", added), ("Burn", removed)];

pub(super) const FACTORY_EVENTS: Adapter = &[("PairCreated", created)];

fn created(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::PoolCreated(PoolCreated {
        pool: of.address("pair")?,
        token0: of.address("token0")?,
        token1: of.address("token1")?,
        fee: None,
        tick_spacing: None,
    })])
}

/// A swap of one token for the other. One that takes and returns the same token is a flash loan.
fn swapped(of: &Fields<'_>) -> Option<Vec<Event>> {
    let amount = |name| of.integer(name).map(|integer| Amount(integer.magnitude()));
    let into = [amount("amount0In")?, amount("amount1In")?];
    let out = [amount("amount0Out")?, amount("amount1Out")?];
    let Exchange { is_token0_in, amount_in, amount_out } = Exchange::netted(into, out)?;
    Some(vec![Event::TradeExecuted(TradeExecuted {
        venue: of.protocol.to_owned(),
        pool: of.contract(),
        trader: of.address("sender")?,
        recipient: of.address("to")?,
        token_in: of.token(usize::from(!is_token0_in)),
        token_out: of.token(usize::from(is_token0_in)),
        amount_in: amount_in.to_string(),
        amount_out: amount_out.to_string(),
        token_in_index: Some(u32::from(!is_token0_in)),
        ..TradeExecuted::default()
    })])
}

fn added(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::LiquidityChanged(LiquidityChanged {
        pool: of.contract(),
        provider: of.address("sender")?,
        amount0: of.amount("amount0")?,
        amount1: of.amount("amount1")?,
        ..LiquidityChanged::default()
    })])
}

fn removed(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::LiquidityChanged(LiquidityChanged {
        pool: of.contract(),
        provider: of.address("sender")?,
        recipient: of.address("to")?,
        amount0: of.negated("amount0")?,
        amount1: of.negated("amount1")?,
        ..LiquidityChanged::default()
    })])
}

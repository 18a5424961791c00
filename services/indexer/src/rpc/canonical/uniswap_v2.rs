//! Uniswap V2 pairs and their factory.

use capstan_primitives::U256;
use capstan_proto::indexer::{LiquidityChanged, PoolCreated, TradeExecuted, canonical_event::Event};

use super::{
    Adapter,
    erc20::{APPROVAL, TRANSFER},
    fields::Fields,
};

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
    let amount = |name| of.integer(name).map(|integer| integer.magnitude());
    let (in0, out0) = (amount("amount0In")?, amount("amount0Out")?);
    let (in1, out1) = (amount("amount1In")?, amount("amount1Out")?);
    let first = exchanged(in0, out0, in1, out1).map(|amounts| (0, amounts));
    let second = || exchanged(in1, out1, in0, out0).map(|amounts| (1, amounts));
    let (token_in_index, [amount_in, amount_out]) = first.or_else(second)?;
    Some(vec![Event::TradeExecuted(TradeExecuted {
        venue: of.protocol.to_owned(),
        pool: of.contract(),
        trader: of.address("sender")?,
        recipient: of.address("to")?,
        amount_in: amount_in.to_string(),
        amount_out: amount_out.to_string(),
        token_in_index: Some(token_in_index),
        ..TradeExecuted::default()
    })])
}

/// What the pair has more of one token and less of the other, when it is so.
fn exchanged(taken: U256, returned: U256, repaid: U256, given: U256) -> Option<[U256; 2]> {
    let amounts = [taken.checked_sub(returned)?, given.checked_sub(repaid)?];
    amounts.iter().all(|amount| !amount.is_zero()).then_some(amounts)
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

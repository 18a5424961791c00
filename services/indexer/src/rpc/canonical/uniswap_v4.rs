//! The manager of all Uniswap V4 pools.

use capstan_chain::Integer;
use capstan_proto::indexer::{TradeExecuted, canonical_event::Event};

use super::{Adapter, fields::Fields};

// `ModifyLiquidity` does not say which amounts moved, and a new pool may have a fee that its hook decides.
pub(super) const EVENTS: Adapter = &[("Swap", swapped)];

/// Amounts are changes of the caller: the input is negative, the output positive, or zero when a small
/// input buys nothing. A pool has no contract: it is known by its id.
fn swapped(of: &Fields<'_>) -> Option<Vec<Event>> {
    let (amount0, amount1) = (of.integer("amount0")?, of.integer("amount1")?);
    let (token_in_index, amount_in, amount_out) = match (amount0.is_negative(), amount1.is_negative()) {
        (true, false) => (0, amount0, amount1),
        (false, true) => (1, amount1, amount0),
        _ => return None,
    };
    let text = |amount: Integer| amount.magnitude().to_string();
    Some(vec![Event::TradeExecuted(TradeExecuted {
        venue: of.protocol.to_owned(),
        pool: of.bytes("id")?,
        trader: of.address("sender")?,
        amount_in: text(amount_in),
        amount_out: text(amount_out),
        token_in_index: Some(token_in_index),
        ..TradeExecuted::default()
    })])
}

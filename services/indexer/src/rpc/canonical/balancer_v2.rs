//! Balancer V2: the vault trades for all pools, whose shares are tokens.

use capstan_primitives::Address;
use capstan_proto::indexer::{TradeExecuted, canonical_event::Event};

use super::{Adapter, erc20, fields::Fields};

pub(super) const VAULT_EVENTS: Adapter = &[("Swap", swapped)];

pub(super) const POOL_EVENTS: Adapter = erc20::EVENTS;

// A pool that was made has any number of tokens, and the event does not say which.
pub(super) const FACTORY_EVENTS: Adapter = &[];

/// Characters of 0x and an address, with which the id of a pool begins.
const ADDRESS: usize = 42;

fn swapped(of: &Fields<'_>) -> Option<Vec<Event>> {
    let pool: Address = of.bytes("poolId")?.get(..ADDRESS)?.parse().ok()?;
    Some(vec![Event::TradeExecuted(TradeExecuted {
        venue: of.protocol.to_owned(),
        pool: pool.to_string(),
        token_in: of.address("tokenIn")?,
        token_out: of.address("tokenOut")?,
        amount_in: of.amount("amountIn")?,
        amount_out: of.amount("amountOut")?,
        ..TradeExecuted::default()
    })])
}

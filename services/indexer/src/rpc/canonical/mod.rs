//! What events mean in words that are the same for every protocol: one adapter for each protocol.

mod balancer_v2;
mod chainlink;
mod conditional_tokens;
mod erc20;
mod erc4626;
mod fields;
mod fpmm;
mod native;
mod permit2;
#[cfg(test)]
mod tests;
mod uniswap_v2;
mod uniswap_v3;
mod uniswap_v4;
mod weth9;

use capstan_chain::Decoded;
use capstan_proto::indexer::{CanonicalEvent, canonical_event::Event};

use crate::domain;
use fields::Fields;

/// What one event means. None when the event means nothing that has a message, or its values are out
/// of what the protocol's contracts can log.
type Reading = fn(&Fields<'_>) -> Option<Vec<Event>>;

/// The events of a protocol that mean something, by name.
type Adapter = &'static [(&'static str, Reading)];

const ADAPTERS: &[(&str, Adapter)] = &[
    ("balancer.v2.vault", balancer_v2::VAULT_EVENTS),
    ("balancer.v2.weighted_pool", balancer_v2::POOL_EVENTS),
    ("balancer.v2.weighted_pool_factory", balancer_v2::FACTORY_EVENTS),
    ("chainlink.aggregator", chainlink::EVENTS),
    ("erc20", erc20::EVENTS),
    ("erc4626", erc4626::EVENTS),
    ("gnosis.conditional_tokens", conditional_tokens::EVENTS),
    ("gnosis.fpmm", fpmm::EVENTS),
    ("gnosis.fpmm_factory", fpmm::FACTORY_EVENTS),
    ("native", native::EVENTS),
    ("permit2", permit2::EVENTS),
    ("uniswap.v2.factory", uniswap_v2::FACTORY_EVENTS),
    ("uniswap.v2.pair", uniswap_v2::EVENTS),
    ("uniswap.v3.factory", uniswap_v3::FACTORY_EVENTS),
    ("uniswap.v3.pool", uniswap_v3::EVENTS),
    ("uniswap.v4.pool_manager", uniswap_v4::EVENTS),
    ("weth9", weth9::EVENTS),
];

/// What an event means that is `decoded`, in order; empty when nothing is known.
pub(super) fn of(decoded: &Decoded<'_>, event: &domain::Event) -> Vec<CanonicalEvent> {
    let domain::Event { definition, address, tokens, .. } = event;
    read(&Fields { protocol: &definition.protocol, event: decoded, emitter: address, tokens })
}

fn read(of: &Fields<'_>) -> Vec<CanonicalEvent> {
    let Fields { protocol, event, .. } = *of;
    let adapter = ADAPTERS.iter().find(|(name, _)| *name == protocol);
    let reading = adapter.and_then(|(_, events)| events.iter().find(|(name, _)| *name == event.name));
    let meanings = reading.and_then(|(_, read)| read(of));
    let wrap = |event| CanonicalEvent { event: Some(event) };
    meanings.unwrap_or_default().into_iter().map(wrap).collect()
}

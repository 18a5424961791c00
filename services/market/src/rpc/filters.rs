//! What requests name and narrow their answers by.

use std::collections::BTreeSet;

use capstan_primitives::{Address, Hash};
use capstan_proto::market as wire;

use crate::{
    domain::{category, name::Name},
    error::Error,
    operations::{ChangeKind, Wanted},
    store::{HolderOrder, HoldersOf, MarketOrder, MarketsOf},
};

/// Most markets of one request.
const MARKETS: usize = 100;
const SEARCH_BYTES: usize = 200;
/// What a stream tells of when it is not said: what the users of all markets do would be too much.
const KINDS: [ChangeKind; 4] =
    [ChangeKind::Price, ChangeKind::Trade, ChangeKind::Liquidity, ChangeKind::Lifecycle];

pub(super) fn markets(request: &wire::ListMarketsRequest) -> Result<MarketsOf, Error> {
    let wire::ListMarketsRequest {
        resolved, creator, collateral_token, condition_id, search, category, ..
    } = request;
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let address = |field, text| some(text).map(|text| account(field, &text)).transpose();
    let condition = some(condition_id).map(|text| text.parse::<Hash>()).transpose();
    if search.len() > SEARCH_BYTES {
        return Err(Error::field("search", format!("has {} bytes, over {SEARCH_BYTES}", search.len())));
    }
    if category.len() > category::LONGEST {
        let problem = format!("has {} bytes, over {}", category.len(), category::LONGEST);
        return Err(Error::field("category", problem));
    }
    let of = MarketsOf {
        resolved: *resolved,
        creator: address("creator", creator)?,
        collateral: address("collateral_token", collateral_token)?,
        condition: condition.map_err(|problem| Error::field("condition_id", problem))?,
        search: some(search),
        due_after: moment("due_after", request.due_after)?,
        due_before: moment("due_before", request.due_before)?,
        category: some(category),
        factory_without_category: None,
    };
    match (of.due_after, of.due_before) {
        (Some(after), Some(before)) if after >= before => {
            Err(Error::field("due_after", "is not before due_before"))
        }
        _ => Ok(of),
    }
}

pub(super) fn market_order(order: i32) -> Result<MarketOrder, Error> {
    match wire::MarketOrder::try_from(order) {
        Ok(wire::MarketOrder::Unspecified | wire::MarketOrder::Newest) => Ok(MarketOrder::Newest),
        Ok(wire::MarketOrder::ResolutionTime) => Ok(MarketOrder::ResolutionTime),
        Ok(wire::MarketOrder::Volume) => Ok(MarketOrder::Volume),
        Ok(wire::MarketOrder::Liquidity) => Ok(MarketOrder::Liquidity),
        Err(_) => Err(Error::field("order", format!("{order} is no order"))),
    }
}

/// Which holders of a market, and in which order.
pub(super) fn holders(request: &wire::ListMarketPositionsRequest) -> Result<HoldersOf, Error> {
    let order = match wire::PositionOrder::try_from(request.order) {
        Ok(wire::PositionOrder::Unspecified | wire::PositionOrder::Holder) => HolderOrder::Holder,
        Ok(wire::PositionOrder::Amount) => HolderOrder::Amount,
        Err(_) => return Err(Error::field("order", format!("{} is no order", request.order))),
    };
    Ok(HoldersOf { outcome: request.outcome_index, order })
}

pub(super) fn market_ids(texts: &[String]) -> Result<Vec<Name>, Error> {
    if texts.is_empty() || texts.len() > MARKETS {
        return Err(Error::field("market_ids", format!("has {} ids, expected 1 to {MARKETS}", texts.len())));
    }
    texts.iter().map(|text| market_id(text)).collect()
}

fn market_id(text: &str) -> Result<Name, Error> {
    text.parse().map_err(|problem: String| Error::field("market_ids", problem))
}

/// What a stream is to tell of.
pub(super) fn wanted(market_ids: &[String], kinds: &[i32]) -> Result<Wanted<Name>, Error> {
    if market_ids.len() > MARKETS {
        let problem = format!("has {} entries, at most {MARKETS} are allowed", market_ids.len());
        return Err(Error::field("market_ids", problem));
    }
    let markets = market_ids.iter().map(|text| market_id(text)).collect::<Result<BTreeSet<Name>, Error>>()?;
    let kinds = kinds.iter().map(|kind| change_kind(*kind)).collect::<Result<BTreeSet<_>, Error>>()?;
    let kinds = if kinds.is_empty() { BTreeSet::from(KINDS) } else { kinds };
    Ok(Wanted { kinds, markets })
}

fn change_kind(kind: i32) -> Result<ChangeKind, Error> {
    match wire::StreamKind::try_from(kind) {
        Ok(wire::StreamKind::Price) => Ok(ChangeKind::Price),
        Ok(wire::StreamKind::Trade) => Ok(ChangeKind::Trade),
        Ok(wire::StreamKind::Liquidity) => Ok(ChangeKind::Liquidity),
        Ok(wire::StreamKind::Position) => Ok(ChangeKind::Position),
        Ok(wire::StreamKind::Lifecycle) => Ok(ChangeKind::Lifecycle),
        Ok(wire::StreamKind::Unspecified) | Err(_) => {
            Err(Error::field("kinds", format!("{kind} is no kind")))
        }
    }
}

/// An address of 20 bytes.
pub(super) fn account(field: &'static str, text: &str) -> Result<Address, Error> {
    let address: Address = text.parse().map_err(|problem| Error::field(field, problem))?;
    if address.as_bytes().len() != 20 {
        return Err(Error::field(field, "has 64 hex digits, expected 40"));
    }
    Ok(address)
}

/// Seconds since 1970, rounded up.
pub(super) fn moment(
    field: &'static str,
    time: Option<prost_types::Timestamp>,
) -> Result<Option<u64>, Error> {
    let Some(prost_types::Timestamp { seconds, nanos }) = time else { return Ok(None) };
    let seconds = seconds.saturating_add(i64::from(nanos > 0));
    u64::try_from(seconds).map(Some).map_err(|_| Error::field(field, "is before 1970"))
}

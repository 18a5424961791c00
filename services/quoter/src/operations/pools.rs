//! Pools, prices and depth.

use std::sync::Arc;

use capstan_primitives::Address;

use super::{Chain, Snapshot};
use crate::{
    domain::{
        graph::Token,
        pool::{PoolId, Protocol},
        rate::Rate,
        route::{self, Level, PricePath},
        state::Entry,
    },
    error::Error,
};

/// Which pools are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolFilter {
    pub(crate) tokens: Vec<Address>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) include_unusable: bool,
}

impl PoolFilter {
    fn takes(&self, entry: &Entry) -> bool {
        let tokens = entry.pool.tokens();
        self.tokens.iter().all(|token| tokens.contains(token))
            && self.protocol.is_none_or(|protocol| entry.pool.protocol() == protocol)
            && (self.include_unusable || entry.problem.is_none())
    }
}

/// A price of a token.
#[derive(Debug)]
pub(crate) struct Price {
    pub(crate) reference: Address,
    pub(crate) path: PricePath,
    /// In whole tokens, where both decimals are known.
    pub(crate) whole: Option<Rate>,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// A page of pools.
#[derive(Debug)]
pub(crate) struct PoolPage {
    pub(crate) pools: Vec<Entry>,
    /// The place to go on from; none at the end.
    pub(crate) next: Option<usize>,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// How much moves a pair's price.
#[derive(Debug)]
pub(crate) struct Depth {
    pub(crate) mid: Option<Rate>,
    /// Selling the base token.
    pub(crate) sell: Vec<Level>,
    /// Buying it.
    pub(crate) buy: Vec<Level>,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Chain {
    /// Pools after a place in the list, oldest first, and the place to go on from.
    ///
    /// # Errors
    /// When there is no state yet.
    pub(crate) fn pools(
        &self,
        filter: &PoolFilter,
        (after, size): (usize, usize),
    ) -> Result<PoolPage, Error> {
        let snapshot = self.snapshot()?;
        let listed = snapshot.pools.iter().enumerate().skip(after).filter(|(_, entry)| filter.takes(entry));
        let mut found: Vec<(usize, Entry)> =
            listed.take(size.saturating_add(1)).map(|(place, entry)| (place, entry.clone())).collect();
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|(place, _)| place + 1);
        let pools = found.into_iter().map(|(_, entry)| entry).collect();
        Ok(PoolPage { pools, next, snapshot })
    }

    /// A pool.
    ///
    /// # Errors
    /// When there is none, or no state yet.
    pub(crate) fn pool(&self, id: PoolId) -> Result<(Arc<Snapshot>, Entry), Error> {
        let snapshot = self.snapshot()?;
        let entry = snapshot.pools.get(&id).cloned().ok_or(Error::PoolNotFound(id))?;
        Ok((snapshot, entry))
    }

    /// The mid price of a token in a reference, or in the configured one.
    ///
    /// # Errors
    /// When no pools lead there, or there is no state yet.
    pub(crate) fn price(&self, token: Address, reference: Option<Address>) -> Result<Price, Error> {
        let snapshot = self.snapshot()?;
        let reference = reference.or(self.reference).ok_or_else(|| {
            Error::field("reference", "must be given: no reference token of this chain is configured")
        })?;
        let (from, to) = (known(&snapshot, token)?, known(&snapshot, reference)?);
        let path = route::price(&snapshot.pools, from, to);
        let path = path.ok_or_else(|| {
            Error::TokenNotFound(format!("no usable pools lead from token {token} to token {reference}"))
        })?;
        let whole = self.whole(path.price, (token, reference));
        Ok(Price { reference, path, whole, snapshot })
    }

    fn whole(&self, price: Rate, (token, reference): (Address, Address)) -> Option<Rate> {
        let unit = |token| {
            let decimals = *self.decimals.get(&token)?;
            Some(Rate::scaled(
                capstan_primitives::U256::from(10).pow(capstan_primitives::U256::from(decimals)),
                0,
            ))
        };
        price.times(unit(token)?).over(unit(reference)?)
    }

    /// How much moves a pair's price: selling the base token, and buying it.
    ///
    /// # Errors
    /// When no pool trades one of them, or there is no state yet.
    pub(crate) fn depth(&self, base: Address, quote: Address) -> Result<Depth, Error> {
        let snapshot = self.snapshot()?;
        let (base, quote) = (known(&snapshot, base)?, known(&snapshot, quote)?);
        let (sell, buy) =
            (route::depth(&snapshot.pools, base, quote), route::depth(&snapshot.pools, quote, base));
        let mid = route::price(&snapshot.pools, base, quote).map(|path| path.price);
        Ok(Depth { mid, sell, buy, snapshot })
    }
}

fn known(snapshot: &Snapshot, token: Address) -> Result<Token, Error> {
    let unknown = || Error::TokenNotFound(format!("no pool trades token {token}"));
    snapshot.pools.graph().token(&token).ok_or_else(unknown)
}

//! Every verb of the service.

mod changes;
mod deeds;
mod histories;
mod lists;
mod project;
mod shared;

use std::{collections::BTreeMap, sync::Arc};

use capstan_primitives::ChainId;
use tokio::sync::watch;

pub(crate) use changes::{Change, ChangeKind, StreamItem, StreamPosition, Wanted};
pub(crate) use deeds::Deed;
pub(crate) use histories::{ActivityOf, CandlesOf};
pub(crate) use project::Projector;

use crate::{
    domain::{
        market::{Market, MarketId},
        name::Name,
    },
    error::Error,
    store::{ChainState, MarketOrder, MarketsFilter, MarketsOf, Read, Store},
};

/// Answers questions about markets.
#[derive(Debug, Clone)]
pub(crate) struct Markets {
    store: Store,
    /// Every followed chain, and what changes with each committed step of its projection.
    chains: Arc<BTreeMap<ChainId, watch::Receiver<u64>>>,
    /// What streams are told next.
    shared: Arc<shared::Shared>,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub(crate) struct Page<T, K> {
    pub(crate) items: Vec<T>,
    /// Key of the last item; none when the list ends here.
    pub(crate) next: Option<K>,
}

/// Where a page begins and how long it is.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest<K> {
    /// Key of the last item before it.
    pub(crate) after: Option<K>,
    pub(crate) size: u64,
}

impl<K> PageRequest<K> {
    /// One more than asked for, to see whether the list goes on.
    fn limit(&self) -> u64 {
        self.size.saturating_add(1)
    }
}

impl<T, K> Page<T, K> {
    /// A page of at most `size` of `items`, which were read with [`PageRequest::limit`].
    fn of(mut items: Vec<T>, size: u64, key: impl FnOnce(&T) -> K) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// Which market of which chain; chain 0 is the only one that has it.
#[derive(Debug, Clone)]
pub(crate) struct MarketName {
    pub(crate) chain_id: u64,
    pub(crate) name: Name,
}

impl Markets {
    pub(crate) fn new(store: Store, chains: BTreeMap<ChainId, watch::Receiver<u64>>) -> Self {
        Self { store, chains: Arc::new(chains), shared: Arc::default() }
    }

    /// The chains of a request; 0 means all.
    fn chains(&self, chain_id: u64) -> Result<Vec<ChainId>, Error> {
        match chain_id {
            0 => Ok(self.chains.keys().copied().collect()),
            id if self.chains.contains_key(&ChainId(id)) => Ok(vec![ChainId(id)]),
            id => Err(Error::ChainNotFollowed(ChainId(id))),
        }
    }

    async fn find(&self, read: &Read, name: MarketName) -> Result<(Market, ChainState), Error> {
        let mut found = Vec::new();
        for state in read.chains(&self.chains(name.chain_id)?).await? {
            let ids = read.ids_of(state.chain, std::slice::from_ref(&name.name)).await?;
            let Some(id) = ids.get(&name.name).copied() else { continue };
            let markets = match read.market(&state, id).await? {
                Some(market) => vec![market],
                None => of_condition(read, &state, id).await?,
            };
            found.extend(markets.into_iter().map(|market| (market, state.clone())));
        }
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (Some((last, _)), _) if found.iter().any(|(market, _)| market.chain == last.chain) => {
                Err(Error::field("market_id", "is a condition of several markets; list them by condition_id"))
            }
            (Some(_), _) => Err(Error::field("chain_id", "several chains have this market; name one")),
            (None, _) => Err(Error::MarketNotFound(name.name)),
        }
    }
}

/// The markets of the condition that an id may be; two are enough to see that it does not name one.
async fn of_condition(read: &Read, state: &ChainState, id: MarketId) -> Result<Vec<Market>, Error> {
    let MarketId::Factory(condition) = id else { return Ok(Vec::new()) };
    let of = MarketsOf { condition: Some(condition), ..MarketsOf::default() };
    let chains = std::slice::from_ref(state);
    let order = MarketOrder::default();
    Ok(read.list_markets(MarketsFilter { chains, of: &of, order, after: None, limit: 2 }).await?)
}

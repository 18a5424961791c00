//! Lists of markets of a category, which markets say themselves or have by the configuration.

use super::{MarketKey, MarketsFilter, MarketsOf};
use crate::{
    domain::market::Market,
    store::{ChainState, Error, Read},
};

impl Read {
    /// Markets in some order.
    ///
    /// Those that say their category and those of each contract that it is configured for are lists of their own,
    /// each in the order of an index, which are put together: no index has them as one.
    pub(crate) async fn list_markets(&self, filter: MarketsFilter<'_>) -> Result<Vec<Market>, Error> {
        let MarketsFilter { chains, of, order, after, limit } = filter;
        let mut lists = vec![self.listed(MarketsFilter { chains, of, order, after, limit }).await?];
        for (chain, factory) in of.category.iter().flat_map(|category| self.categories.factories(category)) {
            let chains: Vec<ChainState> =
                chains.iter().filter(|state| state.chain == chain).cloned().collect();
            let of = MarketsOf { category: None, factory_without_category: Some(factory), ..of.clone() };
            if !chains.is_empty() {
                lists.push(
                    self.listed(MarketsFilter { chains: &chains, of: &of, order, after, limit }).await?,
                );
            }
        }
        let several = lists.len() > 1;
        let mut markets: Vec<Market> = lists.into_iter().flatten().collect();
        if several {
            markets.sort_by_cached_key(|market| MarketKey::of(market, order));
            if order.is_descending() {
                markets.reverse();
            }
            markets.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(markets)
    }
}

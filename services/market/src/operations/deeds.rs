//! What users did, and what they gave and were given.

use std::collections::HashMap;

use capstan_primitives::{Address, ChainId};

use super::{
    Markets, Page, PageRequest,
    histories::{self, ActivityOf},
};
use crate::{
    domain::{gift::Gift, market::Activity},
    error::Error,
    store::{ChainState, HistoryFilter, HistoryKey, Outcome, Read},
};

/// One entry of a user's history.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Activity(ActivityOf),
    /// With what the token is in a market; none when no known market has it.
    Gift(ChainId, Gift, Option<Outcome>),
}

/// The same without its market.
enum Found {
    Activity(ChainId, Activity),
    Gift(ChainId, Gift),
}

impl Found {
    fn key(&self) -> HistoryKey {
        match self {
            Self::Activity(chain, activity) => histories::key(*chain, activity),
            Self::Gift(chain, gift) => key(*chain, gift),
        }
    }
}

impl Markets {
    /// What a user did, gave and was given on one chain or all, newest first.
    pub(crate) async fn history_of(
        &self,
        chain_id: u64,
        user: Address,
        page: PageRequest<HistoryKey>,
    ) -> Result<(Page<Deed, HistoryKey>, Vec<ChainState>), Error> {
        let chains = self.chains(chain_id)?;
        let read = self.store.read().await?;
        let states = read.chains(&chains).await?;
        let limit = page.limit();
        let done = read.history(HistoryFilter::Of(&states, user), page.after, limit).await?;
        let given = read.gifts_of(&states, user, page.after, limit).await?;
        let done = done.into_iter().map(|(chain, activity)| Found::Activity(chain, activity));
        let given = given.into_iter().map(|(chain, gift)| Found::Gift(chain, gift));
        let mut found: Vec<Found> = done.chain(given).collect();
        found.sort_by_cached_key(|found| std::cmp::Reverse(found.key()));
        let page = Page::of(found, page.size, Found::key);
        let items = with_markets(&read, &states, page.items).await?;
        Ok((Page { items, next: page.next }, states))
    }
}

/// The same entries in the same order.
async fn with_markets(read: &Read, states: &[ChainState], found: Vec<Found>) -> Result<Vec<Deed>, Error> {
    let gifts: Vec<(ChainId, &Gift)> = found
        .iter()
        .filter_map(|found| match found {
            Found::Gift(chain, gift) => Some((*chain, gift)),
            Found::Activity(..) => None,
        })
        .collect();
    let outcomes = match gifts.is_empty() {
        true => HashMap::new(),
        false => read.outcomes_of_gifts(&gifts).await?,
    };
    let done = found
        .iter()
        .filter_map(|found| match found {
            Found::Activity(chain, activity) => Some((*chain, activity.clone())),
            Found::Gift(..) => None,
        })
        .collect();
    let mut done = histories::with_markets(read, states, done).await?.into_iter();
    let deed = |found: Found| match found {
        Found::Activity(..) => done.next().map(Deed::Activity),
        Found::Gift(chain, gift) => {
            let outcome = outcomes.get(&(chain, gift.asset)).copied();
            Some(Deed::Gift(chain, gift, outcome))
        }
    };
    Ok(found.into_iter().filter_map(deed).collect())
}

fn key(chain: ChainId, gift: &Gift) -> HistoryKey {
    let Gift { block, log_index, item, .. } = gift;
    HistoryKey { time: block.time.0, chain, block: block.number, log_index: *log_index, item: *item }
}

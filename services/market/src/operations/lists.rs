//! Markets and positions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_primitives::{Address, Amount, ChainId, Price, U256};

use super::{MarketName, Markets, Page, PageRequest};
use crate::{
    domain::{
        market::{Activity, Market, MarketId, Tokens},
        name::Name,
        position::{Position, Shares},
        state::Holding,
    },
    error::Error,
    store::{
        ChainState, Facts, HolderKey, HoldersOf, MarketKey, MarketOrder, MarketsFilter, MarketsOf, Read,
        UserHoldingKey,
    },
};

impl Markets {
    /// Markets of one chain or all.
    pub(crate) async fn list(
        &self,
        chain_id: u64,
        (of, order): (&MarketsOf, MarketOrder),
        page: PageRequest<MarketKey>,
    ) -> Result<(Page<Market, MarketKey>, Vec<ChainState>), Error> {
        let chains = self.chains(chain_id)?;
        let read = self.store.read().await?;
        let states = read.chains(&chains).await?;
        let limit = page.limit();
        let filter = MarketsFilter { chains: &states, of, order, after: page.after, limit };
        let markets = read.list_markets(filter).await?;
        let key = |last: &Market| MarketKey::of(last, order);
        Ok((Page::of(markets, page.size, key), states))
    }

    /// One market.
    pub(crate) async fn get(&self, name: MarketName) -> Result<(Market, ChainState), Error> {
        let read = self.store.read().await?;
        self.find(&read, name).await
    }

    /// One market, and the newest trade of each of its outcomes that has one.
    pub(crate) async fn prices(
        &self,
        name: MarketName,
    ) -> Result<(Market, Vec<Activity>, ChainState), Error> {
        let read = self.store.read().await?;
        let (market, state) = self.find(&read, name).await?;
        let trades = match market.amm {
            None => Vec::new(),
            Some(pool) => read.last_trades((state.chain, market.announcement.id), pool).await?,
        };
        Ok((market, trades, state))
    }

    /// Markets by their names, each for every chain that has it, and which no chain has.
    pub(crate) async fn get_all(
        &self,
        chain_id: u64,
        names: &[Name],
    ) -> Result<(Vec<Market>, Vec<Name>, Vec<ChainState>), Error> {
        let chains = self.chains(chain_id)?;
        let read = self.store.read().await?;
        let states = read.chains(&chains).await?;
        let mut found: HashMap<&Name, Vec<Market>> = HashMap::new();
        for state in &states {
            let of_names = read.ids_of(state.chain, names).await?;
            let ids: Vec<MarketId> = of_names.values().copied().collect();
            let markets = read.markets_with(state, &ids).await?;
            let names: BTreeSet<&Name> = names.iter().collect();
            for name in names {
                let market = of_names.get(name).and_then(|id| markets.get(id));
                found.entry(name).or_default().extend(market.cloned());
            }
        }
        let is_missing = |name: &&Name| found.get(name).is_none_or(Vec::is_empty);
        let missing = names.iter().filter(is_missing).cloned().collect();
        let markets = names.iter().filter_map(|name| found.get(name)).flatten().cloned().collect();
        Ok((markets, missing, states))
    }

    /// Who holds tokens of a market.
    pub(crate) async fn holders(
        &self,
        name: MarketName,
        of: HoldersOf,
        page: PageRequest<HolderKey>,
    ) -> Result<(Page<Position, HolderKey>, ChainState), Error> {
        let read = self.store.read().await?;
        let (market, state) = self.find(&read, name).await?;
        let count = market.outcome_count();
        if let Some(outcome) =
            of.outcome.filter(|outcome| usize::try_from(*outcome).is_ok_and(|it| it >= count))
        {
            let problem = format!("is {outcome}, and the market has {count} outcomes");
            return Err(Error::field("outcome_index", problem));
        }
        let (id, limit) = (market.announcement.id, page.limit());
        let mut positions = read.holders((state.chain, id), of, page.after, limit).await?;
        let markets = HashMap::from([(market.announcement.id, market)]);
        describe(&read, state.chain, &markets, &mut positions).await?;
        let key = |last: &Position| HolderKey {
            outcome_index: last.outcome_index,
            amount: last.amount,
            holder: last.holder,
        };
        Ok((Page::of(positions, page.size, key), state))
    }

    /// What a user holds, or held and holds no more.
    pub(crate) async fn positions_of(
        &self,
        chain_id: u64,
        (user, closed): (Address, bool),
        page: PageRequest<UserHoldingKey>,
    ) -> Result<(Page<Position, UserHoldingKey>, Vec<ChainState>), Error> {
        let chains = self.chains(chain_id)?;
        let read = self.store.read().await?;
        let states = read.chains(&chains).await?;
        let limit = page.limit();
        let mut positions = match closed {
            true => read.closed_of(&states, user, page.after, limit).await?,
            false => read.holdings_of(&states, user, page.after, limit).await?,
        };
        describe_all(&read, &states, &mut positions).await?;
        let key = |last: &Position| UserHoldingKey {
            chain: last.chain,
            contract: last.contract,
            token: last.token,
        };
        Ok((Page::of(positions, page.size, key), states))
    }

    /// Shares of pools that a user has or had.
    pub(crate) async fn shares_of(
        &self,
        chain_id: u64,
        user: Address,
        page: PageRequest<UserHoldingKey>,
    ) -> Result<(Page<Shares, UserHoldingKey>, Vec<ChainState>), Error> {
        let chains = self.chains(chain_id)?;
        let read = self.store.read().await?;
        let states = read.chains(&chains).await?;
        let limit = page.limit();
        let shares = read.shares_of(&states, user, page.after, limit).await?;
        let key =
            |last: &Shares| UserHoldingKey { chain: last.chain, contract: last.pool, token: U256::ZERO };
        Ok((Page::of(shares, page.size, key), states))
    }
}

/// Adds what their markets say to positions in many markets.
async fn describe_all(read: &Read, states: &[ChainState], positions: &mut [Position]) -> Result<(), Error> {
    for state in states {
        let of_chain = positions.iter().filter(|position| position.chain == state.chain);
        let mut ids: Vec<MarketId> = of_chain.map(|position| position.market_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let markets = read.markets_at(state.chain, &ids, (state.at(), Facts::Worth)).await?;
        let markets = markets.into_iter().map(|market| (market.announcement.id, market)).collect();
        describe(read, state.chain, &markets, positions).await?;
    }
    Ok(())
}

/// Adds to the positions on one chain what their markets say of them.
async fn describe(
    read: &Read,
    chain: ChainId,
    markets: &HashMap<MarketId, Market>,
    positions: &mut [Position],
) -> Result<(), Error> {
    let mut ids: BTreeMap<Address, Vec<U256>> = BTreeMap::new();
    for Tokens { contract, ids: of_market } in markets.values().filter_map(|market| market.tokens.as_ref()) {
        ids.entry(*contract).or_default().extend(of_market);
    }
    let of_chain = || positions.iter().filter(|position| position.chain == chain);
    let mut holders: Vec<Address> = of_chain().map(|position| position.holder).collect();
    holders.sort_unstable();
    holders.dedup();
    let mut balances = HashMap::new();
    for (contract, ids) in ids {
        balances.extend(read.balances_among((chain, contract), &holders, &ids).await?);
    }
    let holdings: Vec<Holding> = of_chain().map(Position::holding).collect();
    let mut costs = read.costs_of(chain, &holdings).await?;
    let prices: HashMap<MarketId, Option<Vec<Price>>> =
        markets.iter().map(|(id, market)| (*id, market.prices())).collect();
    for position in positions.iter_mut().filter(|position| position.chain == chain) {
        let Some(market) = markets.get(&position.market_id) else { continue };
        let prices = prices.get(&position.market_id).and_then(Option::as_deref);
        position.describe(market, prices, costs.remove(&position.holding()).unwrap_or_default());
        let balance = |token: &U256| balances.get(&Holding { token: *token, ..position.holding() });
        let ids = market.tokens.iter().flat_map(|tokens| &tokens.ids);
        position.mergeable =
            ids.map(|id| balance(id).copied().unwrap_or(Amount::ZERO)).min().unwrap_or(Amount::ZERO);
    }
    Ok(())
}

//! Loads what a batch of events can touch.

use std::collections::{BTreeMap, HashMap};

use capstan_db::{
    columns::{HashColumn, signed},
    market::entities::{amm, condition, market, pool_snapshot, resolution},
};
use capstan_primitives::{Address, Amount, ChainId, Hash};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    CHUNK, Error, Write, balances, interest,
    memory::{Memory, unknown},
    read, rows,
};
use crate::domain::{
    market::MarketId,
    state::{KnownMarket, KnownPool, Touched},
};

impl Write {
    /// Loads what `touched` names and `memory` does not know yet.
    pub(crate) async fn load(&self, touched: &Touched, memory: &mut Memory) -> Result<(), Error> {
        memory.prepare(self.position());
        let Memory { state, known, .. } = memory;
        let from = Source { transaction: &self.transaction, chain: self.chain };
        let addresses = unknown(&mut known.addresses, touched.addresses.iter().copied());
        let conditions = unknown(&mut known.conditions, touched.conditions.iter().copied());
        let backings = unknown(&mut known.backings, touched.backings.iter().copied());
        let pools = from.pools(&addresses).await?;
        let links = read::links_with(&self.transaction, self.chain, &addresses).await?;
        let named = touched.markets.iter().chain(links.values());
        let market_ids = unknown(&mut known.markets, named.copied());
        let markets = from.markets(&market_ids, &conditions).await?;
        let about = markets.values().map(|market| market.condition_id);
        let resolved = unknown(&mut known.resolved, conditions.iter().copied().chain(about));
        let created: Vec<Address> = touched.created_pools.iter().copied().collect();
        let holdings = touched.holdings.iter().copied().chain(pools.values().flat_map(KnownPool::holdings));
        let holdings = unknown(&mut known.holdings, holdings);
        let creators = pools.values().map(|known| known.pool.creator).chain(touched.creators.iter().copied());
        let creators = unknown(&mut known.creators, creators);
        state.balances.extend(balances::load(&self.transaction, self.chain, &holdings).await?);
        state.balances.extend(balances::load_of(&self.transaction, self.chain, &created).await?);
        state.open_interest.extend(interest::load(from.transaction, self.chain, &backings, i64::MAX).await?);
        state.factories.extend(from.factories(&creators).await?);
        state.conditions.extend(from.conditions(&conditions).await?);
        state.resolutions.extend(from.resolutions(&resolved).await?);
        state.pools.extend(pools);
        state.markets.extend(markets);
        state.links.extend(links);
        Ok(())
    }
}

struct Source<'a> {
    transaction: &'a DatabaseTransaction,
    chain: ChainId,
}

impl Source<'_> {
    fn chain(&self) -> i64 {
        signed(self.chain.0)
    }

    async fn pools(&self, addresses: &[Address]) -> Result<HashMap<Address, KnownPool>, Error> {
        let mut pools = HashMap::new();
        for addresses in addresses.chunks(CHUNK) {
            let found = amm::Entity::find()
                .filter(amm::Column::ChainId.eq(self.chain()))
                .filter(amm::Column::Address.is_in(rows::padded(rows::addresses(addresses.iter().copied()))))
                .all(self.transaction)
                .await?;
            let found_addresses: Vec<Address> = found.iter().map(|row| row.address.0).collect();
            let ids: Vec<MarketId> = found_addresses.iter().copied().map(MarketId::Pool).collect();
            let mut tokens = read::tokens(self.transaction, self.chain, &ids, i64::MAX).await?;
            let states =
                read::latest_snapshots(self.transaction, self.chain, &found_addresses, i64::MAX).await?;
            let mut states: HashMap<Address, pool_snapshot::Model> =
                states.into_iter().map(|row| (row.amm.0, row)).collect();
            for row in found {
                let address = row.address.0;
                let tokens =
                    tokens.remove(&MarketId::Pool(address)).map(|tokens| tokens.ids).unwrap_or_default();
                let before = states.remove(&address).map(|row| rows::pool_state(&row)).transpose()?;
                let (volume, trades) =
                    before.as_ref().map_or((Amount::ZERO, 0), |state| (state.volume, state.trades));
                pools.insert(address, KnownPool { pool: rows::pool(row, tokens)?, volume, trades, before });
            }
        }
        Ok(pools)
    }

    /// Markets of factories by id, and those that are about one of `conditions`.
    async fn markets(
        &self,
        ids: &[MarketId],
        conditions: &[Hash],
    ) -> Result<BTreeMap<MarketId, KnownMarket>, Error> {
        let of_chain = || market::Entity::find().filter(market::Column::ChainId.eq(self.chain()));
        let mut found = Vec::new();
        for ids in ids.chunks(CHUNK) {
            let ids = rows::padded(ids.iter().map(|id| id.as_bytes().to_vec()));
            found.extend(of_chain().filter(market::Column::MarketId.is_in(ids)).all(self.transaction).await?);
        }
        for conditions in conditions.chunks(CHUNK) {
            let conditions = rows::padded(conditions.iter().copied().map(HashColumn));
            let query = of_chain().filter(market::Column::ConditionId.is_in(conditions));
            found.extend(query.all(self.transaction).await?);
        }
        let mut markets = BTreeMap::new();
        for row in found {
            let id = rows::market_id("market", &row.market_id)?;
            if id.pool().is_none() {
                let (factory, collateral) = (row.factory.0, row.collateral.0);
                let condition_id = row.condition_id.0;
                markets
                    .insert(id, KnownMarket { factory, condition_id, collateral, tokens: None, pool: None });
            }
        }
        self.complete(&mut markets).await?;
        Ok(markets)
    }

    async fn complete(&self, markets: &mut BTreeMap<MarketId, KnownMarket>) -> Result<(), Error> {
        let ids: Vec<MarketId> = markets.keys().copied().collect();
        for (id, tokens) in read::tokens(self.transaction, self.chain, &ids, i64::MAX).await? {
            if let Some(market) = markets.get_mut(&id) {
                market.tokens = Some(tokens);
            }
        }
        for (id, link) in read::links_of(self.transaction, self.chain, &ids, i64::MAX).await? {
            if let Some(market) = markets.get_mut(&id) {
                market.pool = Some(link.amm.0);
            }
        }
        Ok(())
    }

    async fn conditions(
        &self,
        ids: &[Hash],
    ) -> Result<HashMap<Hash, Vec<crate::domain::market::Condition>>, Error> {
        let mut conditions: HashMap<Hash, Vec<_>> = HashMap::new();
        for ids in ids.chunks(CHUNK) {
            let found = condition::Entity::find()
                .filter(condition::Column::ChainId.eq(self.chain()))
                .filter(
                    condition::Column::ConditionId.is_in(rows::padded(ids.iter().copied().map(HashColumn))),
                )
                .order_by_asc(condition::Column::BlockNumber)
                .order_by_asc(condition::Column::LogIndex)
                .all(self.transaction)
                .await?;
            for row in found {
                conditions.entry(row.condition_id.0).or_default().push(rows::condition(row));
            }
        }
        Ok(conditions)
    }

    async fn resolutions(&self, ids: &[Hash]) -> Result<HashMap<(Address, Hash), Vec<Amount>>, Error> {
        let mut resolutions = HashMap::new();
        for ids in ids.chunks(CHUNK) {
            let found = resolution::Entity::find()
                .filter(resolution::Column::ChainId.eq(self.chain()))
                .filter(
                    resolution::Column::ConditionId.is_in(rows::padded(ids.iter().copied().map(HashColumn))),
                )
                .all(self.transaction)
                .await?;
            for row in found {
                let payouts = rows::from_json("resolution", &row.payouts)?;
                resolutions.insert((row.contract.0, row.condition_id.0), payouts);
            }
        }
        Ok(resolutions)
    }

    /// Those creators of pools that are factories themselves.
    async fn factories(&self, creators: &[Address]) -> Result<Vec<Address>, Error> {
        let mut factories = Vec::new();
        for creators in creators.chunks(CHUNK) {
            let found: Vec<capstan_db::columns::AddressColumn> = market::Entity::find()
                .select_only()
                .distinct()
                .column(market::Column::Factory)
                .filter(market::Column::ChainId.eq(self.chain()))
                .filter(
                    market::Column::Factory.is_in(rows::padded(rows::addresses(creators.iter().copied()))),
                )
                .into_tuple()
                .all(self.transaction)
                .await?;
            factories.extend(found.into_iter().map(|address| address.0));
        }
        Ok(factories)
    }
}

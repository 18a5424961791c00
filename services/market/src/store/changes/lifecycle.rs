//! What happened to markets, block by block.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use capstan_db::{
    columns::{HashColumn, signed},
    market::entities::{amm_condition, amm_link, condition, market, resolution},
};
use capstan_primitives::{Address, BlockRef, ChainId, Hash};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::Range;
use crate::{
    domain::{
        change::MarketEvent,
        market::{Market, MarketId},
    },
    store::{CHUNK, Error, Facts, Read, rows},
};

/// What may have happened to a market: a condition counts for those whose tokens its contract keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    Prepared(Address),
    Announced,
    Linked,
    Resolved(Address),
}

/// What happened to markets of one block.
pub(super) type Touches = BTreeMap<MarketId, BTreeSet<Touch>>;

impl Read {
    /// The markets that something happened to, by block.
    pub(super) async fn touches_in(&self, range: Range) -> Result<BTreeMap<i64, Touches>, Error> {
        let mut touches: BTreeMap<i64, Touches> = BTreeMap::new();
        let mut add = |block: i64, id: MarketId, touch: Touch| {
            touches.entry(block).or_default().entry(id).or_default().insert(touch);
        };
        let announced = market::Entity::find()
            .filter(market::Column::ChainId.eq(signed(range.chain.0)))
            .filter(market::Column::BlockNumber.between(range.first, range.last));
        for row in announced.all(&self.transaction).await? {
            add(row.block_number, rows::market_id("market", &row.market_id)?, Touch::Announced);
        }
        let linked = amm_link::Entity::find()
            .filter(amm_link::Column::ChainId.eq(signed(range.chain.0)))
            .filter(amm_link::Column::BlockNumber.between(range.first, range.last));
        for row in linked.all(&self.transaction).await? {
            add(row.block_number, rows::market_id("amm_link", &row.market_id)?, Touch::Linked);
        }
        let conditions = self.conditions_in(range).await?;
        let ids: BTreeSet<Hash> = conditions.iter().map(|(_, condition, _)| *condition).collect();
        let markets = self.markets_about(range.chain, &ids.into_iter().collect::<Vec<_>>()).await?;
        for (block, condition, touch) in conditions {
            for id in markets.get(&condition).into_iter().flatten() {
                add(block, *id, touch);
            }
        }
        Ok(touches)
    }

    /// Conditions that were prepared or resolved.
    async fn conditions_in(&self, range: Range) -> Result<Vec<(i64, Hash, Touch)>, Error> {
        let prepared = condition::Entity::find()
            .filter(condition::Column::ChainId.eq(signed(range.chain.0)))
            .filter(condition::Column::BlockNumber.between(range.first, range.last))
            .all(&self.transaction)
            .await?;
        let resolved = resolution::Entity::find()
            .filter(resolution::Column::ChainId.eq(signed(range.chain.0)))
            .filter(resolution::Column::BlockNumber.between(range.first, range.last))
            .all(&self.transaction)
            .await?;
        let prepared = prepared
            .iter()
            .map(|row| (row.block_number, row.condition_id.0, Touch::Prepared(row.contract.0)));
        let resolved = resolved
            .iter()
            .map(|row| (row.block_number, row.condition_id.0, Touch::Resolved(row.contract.0)));
        Ok(prepared.chain(resolved).collect())
    }

    /// Every market that has each condition, alone or among others.
    async fn markets_about(
        &self,
        chain: ChainId,
        conditions: &[Hash],
    ) -> Result<HashMap<Hash, BTreeSet<MarketId>>, Error> {
        let mut markets: HashMap<Hash, BTreeSet<MarketId>> = HashMap::new();
        for conditions in conditions.chunks(CHUNK) {
            let ids = || conditions.iter().copied().map(HashColumn);
            let found = market::Entity::find()
                .filter(market::Column::ChainId.eq(signed(chain.0)))
                .filter(market::Column::ConditionId.is_in(ids()));
            for row in found.all(&self.transaction).await? {
                let id = rows::market_id("market", &row.market_id)?;
                markets.entry(row.condition_id.0).or_default().insert(id);
            }
            let pools = amm_condition::Entity::find()
                .filter(amm_condition::Column::ChainId.eq(signed(chain.0)))
                .filter(amm_condition::Column::ConditionId.is_in(ids()));
            for row in pools.all(&self.transaction).await? {
                markets.entry(row.condition_id.0).or_default().insert(MarketId::Pool(row.amm.0));
            }
        }
        Ok(markets)
    }

    /// The touched markets as they were after a block, with what happened to them.
    pub(super) async fn touched_at(
        &self,
        chain: ChainId,
        block: BlockRef,
        touches: &Touches,
    ) -> Result<Vec<(Market, BTreeSet<MarketEvent>)>, Error> {
        let ids: Vec<MarketId> = touches.keys().copied().collect();
        let markets = self.markets_at(chain, &ids, (block.into(), Facts::All)).await?;
        let with_events = |mut market: Market| {
            // They are counted now, and the block may be any.
            market.holders.clear();
            let events = events(&market, touches.get(&market.announcement.id)?);
            (!events.is_empty()).then_some((market, events))
        };
        Ok(markets.into_iter().filter_map(with_events).collect())
    }
}

fn events(market: &Market, touches: &BTreeSet<Touch>) -> BTreeSet<MarketEvent> {
    let keeps = |contract: &Address| market.tokens.as_ref().is_some_and(|it| it.contract == *contract);
    let event = |touch: &Touch| match touch {
        Touch::Prepared(contract) => keeps(contract).then_some(MarketEvent::ConditionPrepared),
        Touch::Announced => Some(MarketEvent::Created),
        Touch::Linked => Some(MarketEvent::PoolDeployed),
        Touch::Resolved(contract) if keeps(contract) && market.payouts.is_some() => {
            Some(MarketEvent::Resolved)
        }
        Touch::Resolved(contract) => keeps(contract).then_some(MarketEvent::ConditionResolved),
    };
    touches.iter().filter_map(event).collect()
}

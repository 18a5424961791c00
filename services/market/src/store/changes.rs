//! What changed block by block, for streams: read from the tables, so that any place can be resumed.

use std::collections::{BTreeMap, BTreeSet};

use capstan_db::{
    columns::{HashColumn, signed, unsigned},
    market::entities::{
        activity, amm_condition, amm_link, block, market, pool_snapshot, resolution, undo_log,
    },
};
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Error, Read, rows};
use crate::domain::market::{Activity, Market, MarketId, PoolState};

/// Reorgs since some moment, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undone {
    /// Number of the newest reorg.
    pub(crate) sequence: u64,
    /// The lowest of their last valid blocks; none when one of them took everything back.
    pub(crate) last_valid: Option<BlockRef>,
}

/// What one block changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockChanges {
    pub(crate) block: BlockRef,
    /// Markets that were created, got their pool or were resolved, as they were after the block.
    pub(crate) markets: Vec<Market>,
    /// Trades in log order.
    pub(crate) trades: Vec<(MarketId, Activity)>,
    /// Pools that changed, as they were after the block.
    pub(crate) pools: Vec<(MarketId, PoolState)>,
}

impl Read {
    /// Number of the newest reorg of a chain; 0 before the first.
    pub(crate) async fn newest_undo(&self, chain: ChainId) -> Result<u64, Error> {
        let newest = undo_log::Entity::find()
            .filter(undo_log::Column::ChainId.eq(signed(chain.0)))
            .order_by_desc(undo_log::Column::Sequence)
            .limit(1)
            .one(&self.transaction)
            .await?;
        Ok(newest.map_or(0, |row| unsigned(row.sequence)))
    }

    /// The newest block with events at or below `number`.
    pub(crate) async fn newest_block(&self, chain: ChainId, number: u64) -> Result<Option<BlockRef>, Error> {
        let newest = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain.0)))
            .filter(block::Column::Number.lte(signed(number)))
            .order_by_desc(block::Column::Number)
            .limit(1)
            .one(&self.transaction)
            .await?;
        Ok(newest.as_ref().map(rows::block_ref))
    }

    /// The reorgs of a chain after number `since`; none when there were none.
    pub(crate) async fn undone_since(&self, chain: ChainId, since: u64) -> Result<Option<Undone>, Error> {
        let found = undo_log::Entity::find()
            .filter(undo_log::Column::ChainId.eq(signed(chain.0)))
            .filter(undo_log::Column::Sequence.gt(signed(since)))
            .order_by_asc(undo_log::Column::Sequence)
            .all(&self.transaction)
            .await?;
        let Some(newest) = found.last() else { return Ok(None) };
        // Of equally deep ones the newest names the block that is on the chain now.
        let deepest = found.iter().rev().min_by_key(|row| row.last_valid_number.unwrap_or(-1));
        let last_valid = deepest.and_then(|row| {
            let (number, time) = (row.last_valid_number?, row.last_valid_time?);
            let hash = row.last_valid_hash.as_ref()?.0;
            Some(BlockRef { number: unsigned(number), hash, time: BlockTime(unsigned(time)) })
        });
        Ok(Some(Undone { sequence: unsigned(newest.sequence), last_valid }))
    }

    /// What the next blocks changed, from block `first` on, at most `limit` blocks with events.
    pub(crate) async fn changes_from(
        &self,
        chain: ChainId,
        first: u64,
        limit: u64,
    ) -> Result<Vec<BlockChanges>, Error> {
        let blocks = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain.0)))
            .filter(block::Column::Number.gte(signed(first)))
            .order_by_asc(block::Column::Number)
            .limit(limit)
            .all(&self.transaction)
            .await?;
        let Some(last) = blocks.last().map(|block| block.number) else { return Ok(Vec::new()) };
        let range = Range { chain, first: signed(first), last };
        let mut touched = self.touched_markets(range).await?;
        let mut trades = self.trades_in(range).await?;
        let mut pools = self.snapshots_in(range).await?;
        let mut changes = Vec::with_capacity(blocks.len());
        for row in &blocks {
            let ids: Vec<MarketId> = touched.remove(&row.number).unwrap_or_default().into_iter().collect();
            let trades = trades.remove(&row.number).unwrap_or_default();
            let pools = pools.remove(&row.number).unwrap_or_default();
            changes.push(self.block_changes(rows::block_ref(row), range.chain, (ids, trades, pools)).await?);
        }
        Ok(changes)
    }

    async fn block_changes(
        &self,
        block: BlockRef,
        chain: ChainId,
        (ids, trades, pools): (Vec<MarketId>, Vec<Activity>, Vec<(Address, PoolState)>),
    ) -> Result<BlockChanges, Error> {
        let mut addresses: Vec<Address> = trades.iter().filter_map(|trade| trade.pool).collect();
        addresses.extend(pools.iter().map(|(pool, _)| *pool));
        let markets = self.markets_of_pools(chain, &addresses, signed(block.number)).await?;
        let of = |pool: Address| markets.get(&pool).copied().unwrap_or(MarketId::Pool(pool));
        Ok(BlockChanges {
            block,
            markets: self.markets_at(chain, &ids, block.into()).await?,
            trades: trades.into_iter().filter_map(|trade| Some((of(trade.pool?), trade))).collect(),
            pools: pools.into_iter().map(|(pool, state)| (of(pool), state)).collect(),
        })
    }

    /// Markets that were announced, linked or resolved, by block.
    async fn touched_markets(&self, range: Range) -> Result<BTreeMap<i64, BTreeSet<MarketId>>, Error> {
        let mut touched: BTreeMap<i64, BTreeSet<MarketId>> = BTreeMap::new();
        let mut add = |block: i64, id: MarketId| touched.entry(block).or_default().insert(id);
        let announced = market::Entity::find()
            .filter(market::Column::ChainId.eq(signed(range.chain.0)))
            .filter(market::Column::BlockNumber.between(range.first, range.last));
        for row in announced.all(&self.transaction).await? {
            add(row.block_number, rows::market_id("market", &row.market_id)?);
        }
        let linked = amm_link::Entity::find()
            .filter(amm_link::Column::ChainId.eq(signed(range.chain.0)))
            .filter(amm_link::Column::BlockNumber.between(range.first, range.last));
        for row in linked.all(&self.transaction).await? {
            add(row.block_number, rows::market_id("amm_link", &row.market_id)?);
        }
        let resolved = resolution::Entity::find()
            .filter(resolution::Column::ChainId.eq(signed(range.chain.0)))
            .filter(resolution::Column::BlockNumber.between(range.first, range.last));
        for row in resolved.all(&self.transaction).await? {
            for id in self.markets_about(range.chain, &row.condition_id).await? {
                add(row.block_number, id);
            }
        }
        Ok(touched)
    }

    /// Every market that has the condition, alone or among others.
    async fn markets_about(&self, chain: ChainId, condition: &HashColumn) -> Result<Vec<MarketId>, Error> {
        let found = market::Entity::find()
            .filter(market::Column::ChainId.eq(signed(chain.0)))
            .filter(market::Column::ConditionId.eq(condition.clone()))
            .all(&self.transaction)
            .await?;
        let mut ids = found
            .iter()
            .map(|row| rows::market_id("market", &row.market_id))
            .collect::<Result<Vec<_>, _>>()?;
        let pools = amm_condition::Entity::find()
            .filter(amm_condition::Column::ChainId.eq(signed(chain.0)))
            .filter(amm_condition::Column::ConditionId.eq(condition.clone()))
            .all(&self.transaction)
            .await?;
        ids.extend(pools.iter().map(|row| MarketId::Pool(row.amm.0)));
        Ok(ids)
    }

    async fn trades_in(&self, range: Range) -> Result<BTreeMap<i64, Vec<Activity>>, Error> {
        let found = activity::Entity::find()
            .filter(activity::Column::ChainId.eq(signed(range.chain.0)))
            .filter(activity::Column::BlockNumber.between(range.first, range.last))
            .filter(activity::Column::Kind.is_in([rows::BUY, rows::SELL]))
            .order_by_asc(activity::Column::BlockNumber)
            .order_by_asc(activity::Column::LogIndex)
            .all(&self.transaction)
            .await?;
        let mut trades: BTreeMap<i64, Vec<Activity>> = BTreeMap::new();
        for (_, trade) in self.activities(found).await? {
            trades.entry(signed(trade.block.number)).or_default().push(trade);
        }
        Ok(trades)
    }

    async fn snapshots_in(&self, range: Range) -> Result<BTreeMap<i64, Vec<(Address, PoolState)>>, Error> {
        let found = pool_snapshot::Entity::find()
            .filter(pool_snapshot::Column::ChainId.eq(signed(range.chain.0)))
            .filter(pool_snapshot::Column::BlockNumber.between(range.first, range.last))
            .order_by_asc(pool_snapshot::Column::BlockNumber)
            .order_by_asc(pool_snapshot::Column::Amm)
            .all(&self.transaction)
            .await?;
        let mut pools: BTreeMap<i64, Vec<(Address, PoolState)>> = BTreeMap::new();
        for row in found {
            pools.entry(row.block_number).or_default().push((row.amm.0, rows::pool_state(&row)?));
        }
        Ok(pools)
    }
}

/// Blocks of one chain, both ends included.
#[derive(Debug, Clone, Copy)]
struct Range {
    chain: ChainId,
    first: i64,
    last: i64,
}

//! What changed block by block, for streams: read from the tables, so that any place can be resumed.

mod lifecycle;
mod positions;

use std::collections::{BTreeMap, BTreeSet};

use capstan_db::{
    columns::{signed, unsigned},
    market::entities::{activity, block, pool_snapshot, undo_log},
};
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

pub(crate) use positions::{OutcomeOf, TokenChange};

use super::{Error, Read, rows};
use crate::domain::{
    change::MarketEvent,
    market::{Activity, Market, MarketId, PoolState},
};

/// Blocks to read the changes of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChangesFilter {
    pub(crate) chain: ChainId,
    /// The first one.
    pub(crate) first: u64,
    /// Most blocks with events.
    pub(crate) limit: u64,
    /// Whether to read what users hold more or less of.
    pub(crate) positions: bool,
}

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
    /// Markets that something happened to, as they were after the block.
    pub(crate) markets: Vec<(Market, BTreeSet<MarketEvent>)>,
    /// Trades and liquidity in log order, each with its pool.
    pub(crate) activities: Vec<(MarketId, Address, Activity)>,
    /// Pools that changed, as they were after the block.
    pub(crate) pools: Vec<(MarketId, Address, PoolState)>,
    /// What users hold more or less of; empty when it was not asked for.
    pub(crate) positions: Vec<TokenChange>,
}

/// What one block changed, as it is in the tables.
struct Rows {
    touches: lifecycle::Touches,
    activities: Vec<Activity>,
    pools: Vec<(Address, PoolState)>,
    positions: Vec<TokenChange>,
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

    /// What the next blocks with events changed.
    pub(crate) async fn changes_from(&self, filter: ChangesFilter) -> Result<Vec<BlockChanges>, Error> {
        let ChangesFilter { chain, first, limit, positions } = filter;
        let blocks = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain.0)))
            .filter(block::Column::Number.gte(signed(first)))
            .order_by_asc(block::Column::Number)
            .limit(limit)
            .all(&self.transaction)
            .await?;
        let Some(last) = blocks.last().map(|block| block.number) else { return Ok(Vec::new()) };
        let range = Range { chain, first: signed(first), last };
        let mut touches = self.touches_in(range).await?;
        let mut activities = self.activities_in(range).await?;
        let mut pools = self.snapshots_in(range).await?;
        let mut positions = if positions { self.positions_in(range).await? } else { BTreeMap::new() };
        let mut changes = Vec::with_capacity(blocks.len());
        for row in &blocks {
            let rows = Rows {
                touches: touches.remove(&row.number).unwrap_or_default(),
                activities: activities.remove(&row.number).unwrap_or_default(),
                pools: pools.remove(&row.number).unwrap_or_default(),
                positions: positions.remove(&row.number).unwrap_or_default(),
            };
            changes.push(self.block_changes(chain, rows::block_ref(row), rows).await?);
        }
        Ok(changes)
    }

    async fn block_changes(
        &self,
        chain: ChainId,
        block: BlockRef,
        rows: Rows,
    ) -> Result<BlockChanges, Error> {
        let Rows { touches, activities, pools, positions } = rows;
        let mut addresses: Vec<Address> = activities.iter().filter_map(|activity| activity.pool).collect();
        addresses.extend(pools.iter().map(|(pool, _)| *pool));
        let markets = self.markets_of_pools(chain, &addresses, signed(block.number)).await?;
        let of = |pool: Address| markets.get(&pool).copied().unwrap_or(MarketId::Pool(pool));
        let activities = activities.into_iter().filter_map(|activity| {
            let pool = activity.pool?;
            Some((of(pool), pool, activity))
        });
        Ok(BlockChanges {
            block,
            markets: self.touched_at(chain, block, &touches).await?,
            activities: activities.collect(),
            pools: pools.into_iter().map(|(pool, state)| (of(pool), pool, state)).collect(),
            positions,
        })
    }

    /// Trades and liquidity.
    async fn activities_in(&self, range: Range) -> Result<BTreeMap<i64, Vec<Activity>>, Error> {
        let found = activity::Entity::find()
            .filter(activity::Column::ChainId.eq(signed(range.chain.0)))
            .filter(activity::Column::BlockNumber.between(range.first, range.last))
            .filter(activity::Column::Kind.is_in(rows::WITH_POOLS))
            .order_by_asc(activity::Column::BlockNumber)
            .order_by_asc(activity::Column::LogIndex)
            .all(&self.transaction)
            .await?;
        let mut activities: BTreeMap<i64, Vec<Activity>> = BTreeMap::new();
        for (_, activity) in self.activities(found).await? {
            activities.entry(signed(activity.block.number)).or_default().push(activity);
        }
        Ok(activities)
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

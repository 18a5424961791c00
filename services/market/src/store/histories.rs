//! What happened: trades of a pool, what a user did, and how a pool's balances developed.

use std::collections::{BTreeMap, HashMap};

use capstan_db::{
    columns::{AddressColumn, signed, unsigned},
    market::entities::{activity, amm_link, market, outcome_token, pool_snapshot},
};
use capstan_primitives::{Address, BlockRef, ChainId, Hash};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, Order, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement},
};

use super::{CHUNK, ChainState, Error, Read, rows};
use crate::domain::market::{Activity, MarketId, PoolState};

/// Whose history.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HistoryFilter<'a> {
    /// Trades with one pool.
    TradesWith(ChainId, Address),
    /// Everything that one user did on some chains.
    Of(&'a [ChainState], Address),
}

/// Place of an activity, or of a gift, in a history over several chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HistoryKey {
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) chain: ChainId,
    pub(crate) block: u64,
    pub(crate) log_index: u32,
    /// Index of a gift in its event; 0 for an activity, which has its event alone.
    pub(crate) item: u32,
}

/// Which snapshots of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SnapshotsFilter {
    pub(crate) chain: ChainId,
    pub(crate) pool: Address,
    pub(crate) newest_first: bool,
    /// Only those that come after this block in the order.
    pub(crate) after: Option<u64>,
    pub(crate) limit: u64,
}

impl Read {
    /// A history, newest first.
    pub(crate) async fn history(
        &self,
        filter: HistoryFilter<'_>,
        after: Option<HistoryKey>,
        limit: u64,
    ) -> Result<Vec<(ChainId, Activity)>, Error> {
        let query = match filter {
            HistoryFilter::TradesWith(chain, pool) => trades_with(chain, pool, after),
            HistoryFilter::Of(chains, user) => done_by(chains, user, after),
        };
        let found = query.limit(limit).all(&self.transaction).await?;
        self.activities(found).await
    }

    /// The newest trade of each outcome of a market with its pool.
    pub(crate) async fn last_trades(
        &self,
        (chain, market): (ChainId, MarketId),
        pool: Address,
    ) -> Result<Vec<Activity>, Error> {
        let query = trades_of_last_blocks((chain, market), pool);
        let statement = self.transaction.get_database_backend().build(&query);
        let found = activity::Model::find_by_statement(statement).all(&self.transaction).await?;
        let mut last: BTreeMap<Option<u32>, Activity> = BTreeMap::new();
        for (_, trade) in self.activities(found).await? {
            let newer = |known: &Activity| known.log_index < trade.log_index;
            if last.get(&trade.outcome_index).is_none_or(newer) {
                last.insert(trade.outcome_index, trade);
            }
        }
        Ok(last.into_values().collect())
    }

    /// Activities of rows, in the same order.
    pub(super) async fn activities(
        &self,
        found: Vec<activity::Model>,
    ) -> Result<Vec<(ChainId, Activity)>, Error> {
        let mut numbers: HashMap<i64, Vec<i64>> = HashMap::new();
        for row in &found {
            numbers.entry(row.chain_id).or_default().push(row.block_number);
        }
        let mut hashes: HashMap<(i64, i64), Hash> = HashMap::new();
        for (chain, mut numbers) in numbers {
            numbers.dedup();
            let blocks = self.blocks(ChainId(unsigned(chain)), &numbers).await?;
            hashes.extend(blocks.into_iter().map(|(number, block)| ((chain, number), block.hash)));
        }
        let activity = |row: activity::Model| {
            let chain = ChainId(unsigned(row.chain_id));
            let hash = hashes.get(&(row.chain_id, row.block_number)).copied().unwrap_or_default();
            Ok((chain, rows::activity(row, hash)?))
        };
        found.into_iter().map(activity).collect()
    }

    /// The listed market behind each activity; nothing for those without one.
    pub(crate) async fn markets_of(
        &self,
        chain: ChainId,
        activities: &[&Activity],
    ) -> Result<HashMap<(Hash, Address, Option<Address>), MarketId>, Error> {
        let pools: Vec<Address> = activities.iter().filter_map(|activity| activity.pool).collect();
        let by_pool = self.markets_of_pools(chain, &pools, i64::MAX).await?;
        let conditions: Vec<Hash> = activities.iter().map(|activity| activity.condition_id).collect();
        let by_condition = self.markets_of_conditions(chain, &conditions).await?;
        let mut markets = HashMap::new();
        for activity in activities {
            let key = (activity.condition_id, activity.collateral);
            let market = match activity.pool {
                Some(pool) => by_pool.get(&pool),
                None => by_condition.get(&key),
            };
            if let Some(market) = market {
                markets.insert((key.0, key.1, activity.pool), *market);
            }
        }
        Ok(markets)
    }

    /// The market of each pool as known at block `at`: the one that a factory made of it, otherwise
    /// the pool's own.
    pub(super) async fn markets_of_pools(
        &self,
        chain: ChainId,
        pools: &[Address],
        at: i64,
    ) -> Result<HashMap<Address, MarketId>, Error> {
        let mut markets: HashMap<Address, MarketId> =
            pools.iter().map(|pool| (*pool, MarketId::Pool(*pool))).collect();
        for pools in pools.chunks(CHUNK) {
            let found = amm_link::Entity::find()
                .filter(amm_link::Column::ChainId.eq(signed(chain.0)))
                .filter(amm_link::Column::Amm.is_in(rows::padded(rows::addresses(pools.iter().copied()))))
                .filter(amm_link::Column::BlockNumber.lte(at))
                .all(&self.transaction)
                .await?;
            for row in found {
                markets.insert(row.amm.0, rows::market_id("amm_link", &row.market_id)?);
            }
        }
        Ok(markets)
    }

    /// The oldest listed market of each condition and collateral.
    async fn markets_of_conditions(
        &self,
        chain: ChainId,
        conditions: &[Hash],
    ) -> Result<HashMap<(Hash, Address), MarketId>, Error> {
        let mut markets = HashMap::new();
        for ids in conditions.chunks(CHUNK) {
            let found = market::Entity::find()
                .filter(market::Column::ChainId.eq(signed(chain.0)))
                .filter(
                    market::Column::ConditionId
                        .is_in(rows::padded(ids.iter().copied().map(capstan_db::columns::HashColumn))),
                )
                .filter(market::Column::SupersededByBlock.is_null())
                .order_by_asc(market::Column::BlockNumber)
                .order_by_asc(market::Column::LogIndex)
                .all(&self.transaction)
                .await?;
            for row in found {
                let id = rows::market_id("market", &row.market_id)?;
                markets.entry((row.condition_id.0, row.collateral.0)).or_insert(id);
            }
        }
        Ok(markets)
    }

    /// How a pool developed: its state after each block that changed it.
    pub(crate) async fn snapshots(
        &self,
        filter: SnapshotsFilter,
    ) -> Result<Vec<(BlockRef, PoolState)>, Error> {
        let SnapshotsFilter { chain, pool, newest_first, after, limit } = filter;
        let number = pool_snapshot::Column::BlockNumber;
        let mut query = pool_snapshot::Entity::find()
            .filter(pool_snapshot::Column::ChainId.eq(signed(chain.0)))
            .filter(pool_snapshot::Column::Amm.eq(AddressColumn(pool)))
            .order_by(number, if newest_first { Order::Desc } else { Order::Asc })
            .limit(limit);
        if let Some(after) = after.map(signed) {
            query = query.filter(if newest_first { number.lt(after) } else { number.gt(after) });
        }
        let found = query.all(&self.transaction).await?;
        let numbers: Vec<i64> = found.iter().map(|row| row.block_number).collect();
        let blocks = self.blocks(chain, &numbers).await?;
        let known = found.iter().filter_map(|row| Some((*blocks.get(&row.block_number)?, row)));
        known.map(|(block, row)| Ok((block, rows::pool_state(row)?))).collect()
    }
}

/// The trades of each outcome in the last block that had one. Driven by the outcomes, so that each costs two looks
/// into the index, however many trades there were.
fn trades_of_last_blocks((chain, market): (ChainId, MarketId), pool: Address) -> SelectStatement {
    let of_outcome = |column| (outcome_token::Entity, column);
    let newest = |column| Expr::col(("newest", column));
    let last = Query::select()
        .expr(newest(activity::Column::BlockNumber).max())
        .from_as(activity::Entity, "newest")
        .and_where(newest(activity::Column::ChainId).eq(signed(chain.0)))
        .and_where(newest(activity::Column::Amm).eq(pool.as_bytes().to_vec()))
        .and_where(
            newest(activity::Column::OutcomeIndex).equals(of_outcome(outcome_token::Column::OutcomeIndex)),
        )
        .to_owned();
    let of_trade = |column| Expr::col((activity::Entity, column));
    let on = Condition::all()
        .add(of_trade(activity::Column::ChainId).eq(signed(chain.0)))
        .add(of_trade(activity::Column::Amm).eq(pool.as_bytes().to_vec()))
        .add(of_trade(activity::Column::OutcomeIndex).equals(of_outcome(outcome_token::Column::OutcomeIndex)))
        .add(of_trade(activity::Column::BlockNumber).eq(last));
    Query::select()
        .columns(activity::Column::iter().map(|column| (activity::Entity, column)))
        .from(outcome_token::Entity)
        .inner_join(activity::Entity, on)
        .and_where(Expr::col(of_outcome(outcome_token::Column::ChainId)).eq(signed(chain.0)))
        .and_where(Expr::col(of_outcome(outcome_token::Column::MarketId)).eq(market.as_bytes().to_vec()))
        .to_owned()
}

fn trades_with(chain: ChainId, pool: Address, after: Option<HistoryKey>) -> Select<activity::Entity> {
    let order = [activity::Column::BlockNumber, activity::Column::LogIndex];
    let mut query = activity::Entity::find()
        .filter(activity::Column::ChainId.eq(signed(chain.0)))
        .filter(activity::Column::Amm.eq(AddressColumn(pool)))
        .filter(activity::Column::Kind.is_in([rows::BUY, rows::SELL]));
    if let Some(key) = after {
        let key = [signed(key.block), i64::from(key.log_index)];
        query = query.filter(Expr::tuple(order.map(Expr::col)).lt(Expr::tuple(key.map(Expr::value))));
    }
    query.order_by_desc(activity::Column::BlockNumber).order_by_desc(activity::Column::LogIndex)
}

fn done_by(chains: &[ChainState], user: Address, after: Option<HistoryKey>) -> Select<activity::Entity> {
    let order = [
        activity::Column::BlockTime,
        activity::Column::ChainId,
        activity::Column::BlockNumber,
        activity::Column::LogIndex,
    ];
    let mut query = activity::Entity::find()
        .filter(activity::Column::UserAddress.eq(AddressColumn(user)))
        .filter(activity::Column::ChainId.is_in(chains.iter().map(|state| signed(state.chain.0))));
    if let Some(key) = after {
        let key = [signed(key.time), signed(key.chain.0), signed(key.block), i64::from(key.log_index)];
        query = query.filter(Expr::tuple(order.map(Expr::col)).lt(Expr::tuple(key.map(Expr::value))));
    }
    for column in order {
        query = query.order_by_desc(column);
    }
    query
}

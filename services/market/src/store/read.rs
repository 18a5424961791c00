//! What every answer begins with: how far the chains are, and the parts that several answers share.

use std::collections::{BTreeMap, HashMap};

use capstan_db::{
    columns::{signed, unsigned},
    market::entities::{amm, amm_link, block, cursor, outcome_token, pool_snapshot},
};
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult,
    Iterable, JoinType, Order, QueryFilter, QueryOrder,
    sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement},
};

use super::{CHUNK, Error, rows};
use crate::domain::{
    category::Categories,
    market::{MarketId, Tokens},
};

/// An answer that has begun: a snapshot of the store.
pub(crate) struct Read {
    pub(super) transaction: DatabaseTransaction,
    pub(super) categories: Categories,
}

/// How far a chain is projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainState {
    pub(crate) chain: ChainId,
    /// When this store began to follow the chain, milliseconds since 1970.
    pub(crate) started_at: i64,
    /// Cursor of the event log.
    pub(crate) cursor: String,
    /// Newest block whose effects are in the tables.
    pub(crate) through: Option<BlockRef>,
    /// Newest finalized block.
    pub(crate) finalized: Option<u64>,
    /// Whether this version of the projection filled the tables.
    pub(crate) of_this_version: bool,
}

/// A moment of a chain that markets are seen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) number: u64,
    pub(crate) time: BlockTime,
    /// Whether the tables may lack numbers that the version which filled them did not keep.
    pub(crate) of_earlier_version: bool,
}

impl From<BlockRef> for At {
    fn from(block: BlockRef) -> Self {
        Self { number: block.number, time: block.time, of_earlier_version: false }
    }
}

impl ChainState {
    /// Where everything in the tables is at or below.
    pub(crate) fn at(&self) -> At {
        let (number, time) = self.through.map_or((0, BlockTime(0)), |block| (block.number, block.time));
        At { number, time, of_earlier_version: !self.of_this_version }
    }
}

impl Read {
    /// The state of `chains`, by chain id.
    pub(crate) async fn chains(&self, chains: &[ChainId]) -> Result<Vec<ChainState>, Error> {
        let ids = chains.iter().map(|chain| signed(chain.0));
        let found = cursor::Entity::find()
            .filter(cursor::Column::ChainId.is_in(ids))
            .order_by_asc(cursor::Column::ChainId)
            .all(&self.transaction)
            .await?;
        Ok(found.into_iter().map(chain_state).collect())
    }

    /// The newest block that had events, of those that were made at a moment or before.
    pub(super) async fn newest_at(&self, chain: ChainId, time: u64) -> Result<Option<i64>, Error> {
        let newest = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain.0)))
            .filter(block::Column::Time.lte(signed(time)))
            .order_by_desc(block::Column::Time)
            .order_by_desc(block::Column::Number)
            .one(&self.transaction)
            .await?;
        Ok(newest.map(|row| row.number))
    }

    /// Blocks that had events, by number.
    pub(super) async fn blocks(
        &self,
        chain: ChainId,
        numbers: &[i64],
    ) -> Result<HashMap<i64, BlockRef>, Error> {
        Ok(blocks(&self.transaction, chain, numbers).await?)
    }
}

/// Blocks that had events, by number.
pub(super) async fn blocks<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    numbers: &[i64],
) -> Result<HashMap<i64, BlockRef>, DbErr> {
    let mut blocks = HashMap::new();
    for numbers in numbers.chunks(CHUNK) {
        let found = block::Entity::find()
            .filter(block::Column::ChainId.eq(signed(chain.0)))
            .filter(block::Column::Number.is_in(rows::padded(numbers.iter().copied())))
            .all(connection)
            .await?;
        blocks.extend(found.iter().map(|row| (row.number, rows::block_ref(row))));
    }
    Ok(blocks)
}

fn chain_state(row: cursor::Model) -> ChainState {
    let through = match (row.block_number, row.block_hash, row.block_time) {
        (Some(number), Some(hash), Some(time)) => {
            Some(BlockRef { number: unsigned(number), hash: hash.0, time: BlockTime(unsigned(time)) })
        }
        _ => None,
    };
    ChainState {
        chain: ChainId(unsigned(row.chain_id)),
        started_at: row.started_at,
        cursor: row.cursor,
        through,
        finalized: row.finalized_number.map(unsigned),
        of_this_version: row.version == super::write::VERSION,
    }
}

/// The outcome tokens of markets, as known at block `at`.
pub(super) async fn tokens<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    markets: &[MarketId],
    at: i64,
) -> Result<BTreeMap<MarketId, Tokens>, Error> {
    let mut tokens = BTreeMap::new();
    for ids in markets.chunks(CHUNK) {
        let found = outcome_token::Entity::find()
            .filter(outcome_token::Column::ChainId.eq(signed(chain.0)))
            .filter(
                outcome_token::Column::MarketId
                    .is_in(rows::padded(ids.iter().map(|id| id.as_bytes().to_vec()))),
            )
            .filter(outcome_token::Column::BlockNumber.lte(at))
            .order_by_asc(outcome_token::Column::MarketId)
            .order_by_asc(outcome_token::Column::OutcomeIndex)
            .all(connection)
            .await?;
        for outcomes in found.chunk_by(|a, b| a.market_id == b.market_id) {
            if let (Some(first), Some(known)) = (outcomes.first(), rows::tokens(outcomes)) {
                tokens.insert(rows::market_id("outcome_token", &first.market_id)?, known);
            }
        }
    }
    Ok(tokens)
}

/// The links of markets, as known at block `at`.
pub(super) async fn links_of<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    markets: &[MarketId],
    at: i64,
) -> Result<BTreeMap<MarketId, amm_link::Model>, Error> {
    let mut links = BTreeMap::new();
    for ids in markets.chunks(CHUNK) {
        let found = amm_link::Entity::find()
            .filter(amm_link::Column::ChainId.eq(signed(chain.0)))
            .filter(
                amm_link::Column::MarketId.is_in(rows::padded(ids.iter().map(|id| id.as_bytes().to_vec()))),
            )
            .filter(amm_link::Column::BlockNumber.lte(at))
            .all(connection)
            .await?;
        for row in found {
            links.insert(rows::market_id("amm_link", &row.market_id)?, row);
        }
    }
    Ok(links)
}

/// The newest snapshot of each pool at or below block `at`.
pub(super) async fn latest_snapshots<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    pools: &[Address],
    at: i64,
) -> Result<Vec<pool_snapshot::Model>, DbErr> {
    let mut found = Vec::new();
    for pools in pools.chunks(CHUNK) {
        let query = match connection.get_database_backend() {
            DatabaseBackend::Postgres => newest_in_one_look(chain, at),
            _ => newest_in_two_looks(chain, at),
        };
        let of_pools =
            Condition::all().add(Expr::col((amm::Entity, amm::Column::ChainId)).eq(signed(chain.0))).add(
                Expr::col((amm::Entity, amm::Column::Address))
                    .is_in(rows::padded(rows::addresses(pools.iter().copied()))),
            );
        let statement = connection.get_database_backend().build(&query.clone().cond_where(of_pools).take());
        found.extend(pool_snapshot::Model::find_by_statement(statement).all(connection).await?);
    }
    Ok(found)
}

/// Markets of factories by their pools.
pub(super) async fn links_with<C: ConnectionTrait>(
    connection: &C,
    chain: ChainId,
    pools: &[Address],
) -> Result<HashMap<Address, MarketId>, Error> {
    let mut links = HashMap::new();
    for pools in pools.chunks(CHUNK) {
        let found = amm_link::Entity::find()
            .filter(amm_link::Column::ChainId.eq(signed(chain.0)))
            .filter(amm_link::Column::Amm.is_in(rows::addresses(pools.iter().copied())))
            .all(connection)
            .await?;
        for row in found {
            links.insert(row.amm.0, rows::market_id("amm_link", &row.market_id)?);
        }
    }
    Ok(links)
}

/// Driven by the pools, so that each costs one look into the index, however long its history.
fn newest_in_one_look(chain: ChainId, at: i64) -> SelectStatement {
    let of_snapshot = |column| Expr::col((pool_snapshot::Entity, column));
    let newest = Query::select()
        .columns(pool_snapshot::Column::iter())
        .from(pool_snapshot::Entity)
        .and_where(of_snapshot(pool_snapshot::Column::ChainId).eq(signed(chain.0)))
        .and_where(of_snapshot(pool_snapshot::Column::Amm).equals((amm::Entity, amm::Column::Address)))
        .and_where(of_snapshot(pool_snapshot::Column::BlockNumber).lte(at))
        .order_by((pool_snapshot::Entity, pool_snapshot::Column::BlockNumber), Order::Desc)
        .limit(1)
        .take();
    Query::select()
        .columns(pool_snapshot::Column::iter().map(|column| ("newest", column)))
        .from(amm::Entity)
        .join_lateral(JoinType::InnerJoin, newest, "newest", Condition::all())
        .take()
}

/// The same where no subquery can look at the row that it is joined to.
fn newest_in_two_looks(chain: ChainId, at: i64) -> SelectStatement {
    let newest = Query::select()
        .expr(Expr::col(("newest", pool_snapshot::Column::BlockNumber)).max())
        .from_as(pool_snapshot::Entity, "newest")
        .and_where(Expr::col(("newest", pool_snapshot::Column::ChainId)).eq(signed(chain.0)))
        .and_where(
            Expr::col(("newest", pool_snapshot::Column::Amm)).equals((amm::Entity, amm::Column::Address)),
        )
        .and_where(Expr::col(("newest", pool_snapshot::Column::BlockNumber)).lte(at))
        .to_owned();
    let of_snapshot = |column| Expr::col((pool_snapshot::Entity, column));
    let on = Condition::all()
        .add(of_snapshot(pool_snapshot::Column::ChainId).eq(signed(chain.0)))
        .add(of_snapshot(pool_snapshot::Column::Amm).equals((amm::Entity, amm::Column::Address)))
        .add(of_snapshot(pool_snapshot::Column::BlockNumber).eq(newest));
    Query::select()
        .columns(pool_snapshot::Column::iter().map(|column| (pool_snapshot::Entity, column)))
        .from(amm::Entity)
        .inner_join(pool_snapshot::Entity, on)
        .take()
}

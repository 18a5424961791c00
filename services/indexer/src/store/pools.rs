//! Liquidity pools and how far the log was read into them.

use std::collections::BTreeMap;

use capstan_db::bulk::insert_all;
use capstan_db::columns::{AddressColumn, signed};
use capstan_db::indexer::entities::{chain, pool, pool_cursor, pool_state};
use capstan_primitives::{Address, BlockRef, ChainId};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, OnConflict, Order, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult, Iterable,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{Store, known::check_page, pool_rows, rows};
use crate::{
    domain::{ChainProgress, PageStart, Pool, PoolState, PoolVersion, Position, place},
    error::Error,
};

/// Addresses of one query.
const CHUNK: usize = 500;
/// Seconds that volumes are of.
const DAY: u64 = 86_400;

/// How far the log was read into the pools of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCursor {
    /// Position in the log.
    pub at: Position,
    /// Newest block that was read.
    pub block: Option<BlockRef>,
    /// Newest block that was final when states that were a day older were let go: a reset below it leaves
    /// pools without a state.
    pub final_number: u64,
    /// First block of which, and of those after it, everything was read; none when everything was.
    pub whole_from: Option<u64>,
}

/// What a part of the log changed.
#[derive(Debug, Default)]
pub struct PoolChanges {
    /// New pools.
    pub pools: Vec<Pool>,
    /// Changed pools after each block that changed them.
    pub states: BTreeMap<(Address, u64), (BlockRef, PoolState)>,
    /// Newest final block that was read: what is a day older is not needed any more.
    pub finalized: Option<BlockRef>,
}

/// A page of pools of one chain in the order in which they were made.
#[derive(Debug, Clone)]
pub struct PoolQuery {
    /// Chain.
    pub chain_id: ChainId,
    /// Only those of this Uniswap.
    pub version: Option<PoolVersion>,
    /// Only those with this token.
    pub token: Option<Address>,
    /// Only this one.
    pub address: Option<Address>,
    /// Where the page begins; none for the first one.
    pub page: Option<PageStart>,
    /// Most of them.
    pub limit: u64,
}

/// Pools as of one block.
#[derive(Debug, Default)]
pub struct PoolPage {
    /// How far the log was read; nothing where none is.
    pub cursor: Option<PoolCursor>,
    /// Each pool as it is, and as it was a day before.
    pub pools: Vec<(Pool, PoolState, PoolState)>,
    /// Whether there are more.
    pub more: bool,
}

impl Store {
    /// How far the log was read into the pools of a chain.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn pool_cursor(&self, chain_id: ChainId) -> Result<Option<PoolCursor>, Error> {
        let read = self.database.read().await?;
        Ok(cursor(&read, chain_id).await?)
    }

    /// Those of `addresses` that are pools, as they are now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn pool_states(
        &self,
        chain_id: ChainId,
        addresses: &[Address],
    ) -> Result<BTreeMap<Address, (PoolVersion, PoolState)>, Error> {
        let read = self.database.read().await?;
        let mut found = BTreeMap::new();
        for addresses in addresses.chunks(CHUNK) {
            let pools = pool::Entity::find()
                .filter(pool::Column::ChainId.eq(signed(chain_id.0)))
                .filter(pool::Column::Address.is_in(addresses.iter().copied().map(AddressColumn)))
                .all(&read)
                .await?;
            let mut states = newest_of(&read, chain_id, addresses, None).await?;
            for row in pools {
                let pool = pool_rows::pool(&row)?;
                let state = states.remove(&pool.address).unwrap_or_default();
                found.insert(pool.address, (pool.version, state));
            }
        }
        Ok(found)
    }

    /// Writes what a part of the log changed and moves the cursor from exactly `from`, in one transaction.
    ///
    /// # Errors
    /// [`Error::OtherWriter`] when the cursor is not at `from` any more; nothing is written then.
    pub async fn change_pools(
        &self,
        chain_id: ChainId,
        from: Option<PoolCursor>,
        to: PoolCursor,
        changes: PoolChanges,
    ) -> Result<(), Error> {
        let write = self.database.bulk_write().await?;
        move_cursor(&write, chain_id, from, to).await?;
        let pools: Vec<_> = changes.pools.iter().map(|pool| pool_rows::pool_row(chain_id, pool)).collect();
        insert_all(&write, pools).await?;
        let touched: Vec<(Address, u64)> = changes.states.keys().copied().collect();
        for (address, number) in &touched {
            // The part of the block that was read before.
            pool_state::Entity::delete_by_id((signed(chain_id.0), AddressColumn(*address), signed(*number)))
                .exec(&write)
                .await?;
        }
        let states = changes.states.into_iter();
        let states: Vec<_> = states
            .map(|((address, _), (block, state))| pool_rows::state_row(chain_id, address, block, &state))
            .collect();
        insert_all(&write, states).await?;
        if let Some(horizon) = changes.finalized.and_then(|block| block.time.0.checked_sub(DAY)) {
            let mut addresses: Vec<Address> = touched.into_iter().map(|(address, _)| address).collect();
            addresses.dedup();
            for address in addresses {
                prune(&write, chain_id, address, horizon).await?;
            }
        }
        write.commit().await?;
        Ok(())
    }

    /// Takes back what came from blocks above the one that `to` is at, in one transaction.
    ///
    /// # Errors
    /// As [`Store::change_pools`].
    pub async fn undo_pools(
        &self,
        chain_id: ChainId,
        from: PoolCursor,
        to: PoolCursor,
        last_valid: u64,
    ) -> Result<(), Error> {
        let write = self.database.write().await?;
        move_cursor(&write, chain_id, Some(from), to).await?;
        pool_state::Entity::delete_many()
            .filter(pool_state::Column::ChainId.eq(signed(chain_id.0)))
            .filter(pool_state::Column::BlockNumber.gt(signed(last_valid)))
            .exec(&write)
            .await?;
        pool::Entity::delete_many()
            .filter(pool::Column::ChainId.eq(signed(chain_id.0)))
            .filter(pool::Column::CreatedPlace.gt(signed(place::end_of(last_valid))))
            .exec(&write)
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Forgets the pools of a chain. Of those that were made before block `but_before` only the state is
    /// forgotten.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_pools(&self, chain_id: ChainId, but_before: Option<u64>) -> Result<(), Error> {
        let (write, chain) = (self.database.write().await?, signed(chain_id.0));
        let kept = but_before.and_then(place::before).map_or(-1, signed);
        pool_state::Entity::delete_many().filter(pool_state::Column::ChainId.eq(chain)).exec(&write).await?;
        pool::Entity::delete_many()
            .filter(pool::Column::ChainId.eq(chain))
            .filter(pool::Column::CreatedPlace.gt(kept))
            .exec(&write)
            .await?;
        pool_cursor::Entity::delete_by_id(chain).exec(&write).await?;
        write.commit().await?;
        Ok(())
    }

    /// A page of pools and the block that they are of, in one snapshot.
    ///
    /// # Errors
    /// When the store does not answer, and as [`check_page`].
    pub async fn pools(&self, query: &PoolQuery) -> Result<PoolPage, Error> {
        let chain_id = query.chain_id;
        let read = self.database.read().await?;
        let Some(cursor) = cursor(&read, chain_id).await? else { return Ok(PoolPage::default()) };
        if let Some(page) = query.page {
            check(&read, chain_id, &cursor, page).await?;
        }
        let rows = select(query).all(&read).await?;
        let more = u64::try_from(rows.len()).is_ok_and(|rows| rows > query.limit);
        let day_before = cursor.block.and_then(|block| block.time.0.checked_sub(DAY));
        let rows = rows.iter().take(usize::try_from(query.limit).unwrap_or(usize::MAX));
        let pools = rows.map(pool_rows::pool).collect::<Result<Vec<_>, _>>()?;
        let mut page = PoolPage { cursor: Some(cursor), pools: Vec::with_capacity(pools.len()), more };
        for pools in pools.chunks(CHUNK) {
            let addresses: Vec<_> = pools.iter().map(|pool| pool.address).collect();
            let mut states = newest_of(&read, chain_id, &addresses, None).await?;
            let mut earlier = match day_before {
                Some(time) => newest_of(&read, chain_id, &addresses, Some(time)).await?,
                None => BTreeMap::new(),
            };
            page.pools.extend(pools.iter().map(|pool| {
                let of = |states: &mut BTreeMap<_, _>| states.remove(&pool.address).unwrap_or_default();
                (*pool, of(&mut states), of(&mut earlier))
            }));
        }
        Ok(page)
    }
}

/// Checks that the pools go on from the page before, by what was read of the log for them.
async fn check(
    read: &DatabaseTransaction,
    chain_id: ChainId,
    cursor: &PoolCursor,
    page: PageStart,
) -> Result<(), Error> {
    let Some(row) = chain::Entity::find_by_id(signed(chain_id.0)).one(read).await? else { return Ok(()) };
    let Position { log_id, fork, .. } = cursor.at;
    let progress = ChainProgress { log_id, fork, indexed: cursor.block, ..rows::progress(row) };
    check_page(read, &progress, page.read).await
}

fn select(query: &PoolQuery) -> sea_orm::Select<pool::Entity> {
    let PoolQuery { chain_id, version, token, address, page, limit } = query;
    let after = page.map(|page| page.after);
    pool::Entity::find()
        .filter(pool::Column::ChainId.eq(signed(chain_id.0)))
        .apply_if(*version, |rows, version| rows.filter(pool::Column::Version.eq(pool_rows::number(version))))
        .apply_if(token.map(AddressColumn), |rows, token| {
            rows.filter(pool::Column::Token0.eq(token.clone()).or(pool::Column::Token1.eq(token)))
        })
        .apply_if(address.map(AddressColumn), |rows, address| rows.filter(pool::Column::Address.eq(address)))
        .apply_if(after, |rows, after| rows.filter(pool::Column::CreatedPlace.gt(signed(after))))
        .order_by_asc(pool::Column::CreatedPlace)
        .limit(limit.saturating_add(1))
}

async fn cursor(read: &DatabaseTransaction, chain_id: ChainId) -> Result<Option<PoolCursor>, DbErr> {
    let row = pool_cursor::Entity::find_by_id(signed(chain_id.0)).one(read).await?;
    Ok(row.map(pool_rows::cursor))
}

/// Some pools after the newest block, of those whose time is at most `until` when it is given. The block is
/// looked up for each pool: it may have many states of one day.
async fn newest_of(
    read: &DatabaseTransaction,
    chain_id: ChainId,
    addresses: &[Address],
    until: Option<u64>,
) -> Result<BTreeMap<Address, PoolState>, DbErr> {
    let (known, number) = ("known", pool_state::Column::BlockNumber);
    let of_pool =
        |column: pool_state::Column, of: pool::Column| Expr::col((known, column)).equals((pool::Entity, of));
    let mut newest = Query::select();
    newest
        .column((known, number))
        .from_as(pool_state::Entity, known)
        .and_where(of_pool(pool_state::Column::ChainId, pool::Column::ChainId))
        .and_where(of_pool(pool_state::Column::Address, pool::Column::Address))
        .limit(1);
    if let Some(until) = until {
        let time = (known, pool_state::Column::BlockTime);
        newest.and_where(Expr::col(time).lte(signed(until))).order_by(time, Order::Desc);
    }
    newest.order_by((known, number), Order::Desc);
    let of_row = |column: pool_state::Column, of: pool::Column| {
        Expr::col((pool_state::Entity, column)).equals((pool::Entity, of))
    };
    let is_newest = of_row(pool_state::Column::ChainId, pool::Column::ChainId)
        .and(of_row(pool_state::Column::Address, pool::Column::Address))
        .and(Expr::col((pool_state::Entity, number)).eq(newest));
    let mut states = Query::select();
    states
        .columns(pool_state::Column::iter().map(|column| (pool_state::Entity, column)))
        .from(pool::Entity)
        .join(JoinType::InnerJoin, pool_state::Entity, is_newest)
        .and_where(Expr::col((pool::Entity, pool::Column::ChainId)).eq(signed(chain_id.0)))
        .and_where(
            Expr::col((pool::Entity, pool::Column::Address))
                .is_in(addresses.iter().copied().map(AddressColumn)),
        );
    let rows = pool_state::Model::find_by_statement(read.get_database_backend().build(&states));
    let rows = rows.all(read).await?.into_iter();
    Ok(rows.map(|row| (row.address.0, pool_rows::state(row))).collect())
}

/// Forgets a pool as it was before the newest of its states that is at least as old as `horizon`.
async fn prune(
    write: &impl ConnectionTrait,
    chain_id: ChainId,
    address: Address,
    horizon: u64,
) -> Result<(), DbErr> {
    let kept = pool_state::Entity::find()
        .filter(pool_state::Column::ChainId.eq(signed(chain_id.0)))
        .filter(pool_state::Column::Address.eq(AddressColumn(address)))
        .filter(pool_state::Column::BlockTime.lte(signed(horizon)))
        .order_by_desc(pool_state::Column::BlockTime)
        .order_by_desc(pool_state::Column::BlockNumber)
        .one(write)
        .await?;
    let Some(kept) = kept else { return Ok(()) };
    pool_state::Entity::delete_many()
        .filter(pool_state::Column::ChainId.eq(kept.chain_id))
        .filter(pool_state::Column::Address.eq(kept.address))
        .filter(pool_state::Column::BlockNumber.lt(kept.block_number))
        .exec(write)
        .await
        .map(drop)
}

/// Moves the cursor from exactly `from`: what a second process does at the same time is refused.
async fn move_cursor(
    write: &impl ConnectionTrait,
    chain_id: ChainId,
    from: Option<PoolCursor>,
    to: PoolCursor,
) -> Result<(), Error> {
    let row = pool_rows::cursor_row(chain_id, to);
    let moved = match from {
        None => {
            let keep = OnConflict::column(pool_cursor::Column::ChainId).do_nothing().to_owned();
            pool_cursor::Entity::insert(row).on_conflict(keep).exec_without_returning(write).await?
        }
        Some(PoolCursor { at, .. }) => {
            let moved = pool_cursor::Entity::update_many()
                .set(row)
                .filter(pool_cursor::Column::ChainId.eq(signed(chain_id.0)))
                .filter(pool_cursor::Column::LogId.eq(signed(at.log_id)))
                .filter(pool_cursor::Column::Fork.eq(signed(at.fork)))
                .filter(pool_cursor::Column::Place.eq(signed(at.place)))
                .exec(write)
                .await?;
            moved.rows_affected
        }
    };
    if moved == 1 { Ok(()) } else { Err(Error::OtherWriter(chain_id)) }
}

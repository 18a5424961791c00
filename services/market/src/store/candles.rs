//! Candles: kept as blocks come and go, and made of snapshots where they are not there.

use std::collections::BTreeSet;

use capstan_db::{
    bulk::replace_all,
    columns::{AddressColumn, AmountColumn, signed, unsigned},
    market::entities::{candle, pool_snapshot},
};
use capstan_primitives::{Address, Amount, ChainId, Price};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, Order, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{CHUNK, Error, Read, Write, memory::Memory, read, rows};
use crate::domain::{
    candle::{Candle, Candles, Interval, Kept, Prices, joined, of as candles_of},
    market::PoolState,
    state::Snapshot,
};

/// Which candles of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CandlesFilter {
    pub(crate) chain: ChainId,
    pub(crate) pool: Address,
    pub(crate) interval: Interval,
    pub(crate) newest_first: bool,
    /// Only those that begin after this one in the order.
    pub(crate) after: Option<u64>,
    /// Only those that begin at this moment or later.
    pub(crate) from: Option<u64>,
    /// Only those that begin before this moment.
    pub(crate) until: Option<u64>,
    pub(crate) limit: u64,
}

impl Write {
    /// Adds what snapshots, which are in order, make of the candles and of the ranks.
    pub(super) async fn save_candles(
        &self,
        snapshots: &[Snapshot],
        memory: &mut Memory,
    ) -> Result<(), Error> {
        self.save_ranks(snapshots).await?;
        for kept in Kept::ALL {
            let candles = candles_of(snapshots, kept).map_err(corrupt)?;
            let mut all = self.known_candles(kept, &candles, memory).await?;
            for (key, candle) in candles {
                match all.get_mut(&key) {
                    Some(known) => known.join(candle).map_err(corrupt)?,
                    None => drop(all.insert(key, candle)),
                }
            }
            // In order of time, so that the last one stays.
            let newest = all.iter().map(|((pool, _), candle)| ((kept, *pool), candle.clone()));
            memory.candles.extend(newest);
            store(&self.transaction, self.chain, kept, all).await?;
        }
        Ok(())
    }

    /// Those of `wanted` that are there. There is none behind the newest one of a pool.
    async fn known_candles(&self, kept: Kept, wanted: &Candles, memory: &Memory) -> Result<Candles, Error> {
        let (mut known, mut missing) = (Candles::new(), Vec::new());
        for (pool, start) in wanted.keys().copied() {
            match memory.candles.get(&(kept, pool)) {
                Some(newest) if newest.start == start => drop(known.insert((pool, start), newest.clone())),
                Some(newest) if newest.start < start => {}
                _ => missing.push((pool, start)),
            }
        }
        known.append(&mut load(&self.transaction, self.chain, kept, &missing).await?);
        Ok(known)
    }

    /// Takes back what blocks above `floor` made of the candles and of the ranks. Call it while the blocks are there.
    pub(super) async fn undo_candles(&self, floor: i64) -> Result<(), Error> {
        self.undo_ranks(floor).await?;
        let above = || {
            candle::Entity::find()
                .filter(candle::Column::ChainId.eq(signed(self.chain.0)))
                .filter(candle::Column::LastBlock.gt(floor))
        };
        let cut = above().filter(candle::Column::FirstBlock.lte(floor)).all(&self.transaction).await?;
        candle::Entity::delete_many()
            .filter(candle::Column::ChainId.eq(signed(self.chain.0)))
            .filter(candle::Column::LastBlock.gt(floor))
            .exec(&self.transaction)
            .await?;
        for row in cut {
            let snapshots = self.snapshots(row.amm.0, row.first_block, floor).await?;
            for kept in Kept::ALL.into_iter().filter(|kept| seconds(*kept) == row.seconds) {
                let candles = candles_of(&snapshots, kept).map_err(corrupt)?;
                let same = |((_, start), _): &(&(Address, u64), &Candle)| signed(*start) == row.start;
                let same = candles.iter().filter(same).map(|(key, candle)| (*key, candle.clone()));
                store(&self.transaction, self.chain, kept, same.collect()).await?;
            }
        }
        Ok(())
    }

    /// Snapshots of a pool in these blocks, oldest first.
    async fn snapshots(&self, pool: Address, first: i64, last: i64) -> Result<Vec<Snapshot>, Error> {
        let number = pool_snapshot::Column::BlockNumber;
        let of_pool = || {
            pool_snapshot::Entity::find()
                .filter(pool_snapshot::Column::ChainId.eq(signed(self.chain.0)))
                .filter(pool_snapshot::Column::Amm.eq(AddressColumn(pool)))
        };
        let before = of_pool().filter(number.lt(first)).order_by_desc(number).one(&self.transaction).await?;
        let mut before = before.map(|row| rows::pool_state(&row)).transpose()?;
        let query = of_pool().filter(number.between(first, last)).order_by_asc(number);
        let found = query.all(&self.transaction).await?;
        let numbers: Vec<i64> = found.iter().map(|row| row.block_number).collect();
        let blocks = read::blocks(&self.transaction, self.chain, &numbers).await?;
        let mut snapshots = Vec::with_capacity(found.len());
        for row in &found {
            let state: PoolState = rows::pool_state(row)?;
            let missing = || Error::Corrupt {
                table: "block",
                problem: format!("block {} is missing, which changed a pool", row.block_number),
            };
            let block = *blocks.get(&row.block_number).ok_or_else(missing)?;
            snapshots.push(Snapshot { pool, block, before: before.replace(state.clone()), state });
        }
        Ok(snapshots)
    }
}

impl Read {
    /// Candles of a pool.
    pub(crate) async fn candles(&self, filter: CandlesFilter) -> Result<Vec<Candle>, Error> {
        let CandlesFilter { chain, pool, interval, newest_first, after, from, until, limit } = filter;
        let start = candle::Column::Start;
        let mut query = candle::Entity::find()
            .filter(candle::Column::ChainId.eq(signed(chain.0)))
            .filter(candle::Column::Amm.eq(AddressColumn(pool)))
            .filter(candle::Column::Seconds.eq(seconds(interval.kept())))
            .order_by(start, if newest_first { Order::Desc } else { Order::Asc })
            .limit(limit.saturating_mul(interval.parts()));
        // A span begins at a multiple of its length, and so do its parts: none is cut.
        let first_from = |moment: u64| {
            let begin = interval.start_of(moment);
            if begin == moment { moment } else { begin.saturating_add(interval.seconds()) }
        };
        if let Some(from) = from {
            query = query.filter(start.gte(signed(first_from(from))));
        }
        if let Some(until) = until {
            query = query.filter(start.lt(signed(first_from(until))));
        }
        if let Some(after) = after {
            query = query.filter(match newest_first {
                true => start.lt(signed(after)),
                false => start.gte(signed(after.saturating_add(interval.seconds()))),
            });
        }
        let found = query.all(&self.transaction).await?;
        let mut kept = found
            .into_iter()
            .map(candle_of)
            .map(|row| row.map(|(_, candle)| candle))
            .collect::<Result<Vec<_>, _>>()?;
        if newest_first {
            kept.reverse();
        }
        let mut candles = joined(kept, interval).map_err(corrupt)?;
        if newest_first {
            candles.reverse();
        }
        // The last of a full page may lack parts that were not read; there are more than enough before it.
        candles.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(candles)
    }
}

async fn load(
    transaction: &DatabaseTransaction,
    chain: ChainId,
    kept: Kept,
    keys: &[(Address, u64)],
) -> Result<Candles, Error> {
    let mut found = Candles::new();
    let starts = || keys.iter().map(|(_, start)| signed(*start));
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else { return Ok(found) };
    let wanted: BTreeSet<(Address, u64)> = keys.iter().copied().collect();
    let pools: BTreeSet<Address> = keys.iter().map(|(pool, _)| *pool).collect();
    let pools: Vec<Address> = pools.into_iter().collect();
    // A span of each pool, which the index has in one piece; of pairs PostgreSQL reads everything.
    for pools in pools.chunks(CHUNK) {
        let query = candle::Entity::find()
            .filter(candle::Column::ChainId.eq(signed(chain.0)))
            .filter(candle::Column::Amm.is_in(rows::padded(rows::addresses(pools.iter().copied()))))
            .filter(candle::Column::Seconds.eq(seconds(kept)))
            .filter(candle::Column::Start.between(first, last));
        for row in query.all(transaction).await? {
            let (pool, candle) = candle_of(row)?;
            if wanted.contains(&(pool, candle.start)) {
                found.insert((pool, candle.start), candle);
            }
        }
    }
    Ok(found)
}

async fn store(
    transaction: &DatabaseTransaction,
    chain: ChainId,
    kept: Kept,
    candles: Candles,
) -> Result<(), Error> {
    let rows = candles.into_iter().map(|((pool, _), candle)| row(chain, pool, kept, candle)).collect();
    Ok(replace_all(transaction, rows).await?)
}

fn row(chain: ChainId, pool: Address, kept: Kept, candle: Candle) -> candle::ActiveModel {
    let Candle { start, first_block, last_block, prices, volume, trades } = candle;
    let [open, high, low, close] = match prices {
        Some(Prices { open, high, low, close }) => [open, high, low, close],
        None => [const { Vec::new() }; 4],
    };
    let units = |prices: Vec<Price>| {
        let units: Vec<Amount> = prices.into_iter().map(|price| Amount(price.units())).collect();
        rows::json(&units)
    };
    candle::ActiveModel {
        chain_id: Set(signed(chain.0)),
        amm: Set(pool.into()),
        seconds: Set(seconds(kept)),
        start: Set(signed(start)),
        first_block: Set(signed(first_block)),
        last_block: Set(signed(last_block)),
        open: Set(units(open)),
        high: Set(units(high)),
        low: Set(units(low)),
        close: Set(units(close)),
        volume: Set(AmountColumn(volume)),
        trades: Set(signed(trades)),
    }
}

fn candle_of(row: candle::Model) -> Result<(Address, Candle), Error> {
    let prices = |text: &str| -> Result<Vec<Price>, Error> {
        let units: Vec<Amount> = rows::from_json("candle", text)?;
        Ok(units.into_iter().map(|units| Price::from_units(units.0)).collect())
    };
    let (open, high) = (prices(&row.open)?, prices(&row.high)?);
    let (low, close) = (prices(&row.low)?, prices(&row.close)?);
    let prices = (!open.is_empty()).then_some(Prices { open, high, low, close });
    let candle = Candle {
        start: unsigned(row.start),
        first_block: unsigned(row.first_block),
        last_block: unsigned(row.last_block),
        prices,
        volume: row.volume.0,
        trades: unsigned(row.trades),
    };
    Ok((row.amm.0, candle))
}

fn seconds(kept: Kept) -> i32 {
    i32::try_from(kept.seconds()).unwrap_or(i32::MAX)
}

fn corrupt(error: capstan_primitives::AmountError) -> Error {
    Error::Corrupt { table: "pool_snapshot", problem: error.to_string() }
}

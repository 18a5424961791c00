//! Rows of liquidity pools ↔ domain types.

use capstan_db::columns::{AddressColumn, AmountColumn, HashColumn, signed, unsigned};
use capstan_db::indexer::entities::{pool, pool_cursor, pool_state};
use capstan_primitives::{Address, BlockRef, ChainId};
use sea_orm::Set;

use super::{PoolCursor, rows::optional_block};
use crate::{
    domain::{Pool, PoolState, PoolVersion, Position},
    error::Error,
};

pub(super) const fn number(of: PoolVersion) -> i16 {
    match of {
        PoolVersion::V2 => 2,
        PoolVersion::V3 => 3,
    }
}

pub(super) fn pool(row: &pool::Model) -> Result<Pool, Error> {
    let malformed = |what: &str| Error::Row(format!("pool {}: {what}", row.address.0));
    let version = match row.version {
        2 => PoolVersion::V2,
        3 => PoolVersion::V3,
        _ => return Err(malformed("version")),
    };
    Ok(Pool {
        address: row.address.0,
        version,
        factory: row.factory.0,
        token0: row.token0.0,
        token1: row.token1.0,
        fee: u32::try_from(row.fee).map_err(|_| malformed("fee"))?,
        tick_spacing: row.tick_spacing,
        created_place: unsigned(row.created_place),
    })
}

pub(super) fn pool_row(chain_id: ChainId, of: &Pool) -> pool::ActiveModel {
    let Pool { address, version, factory, token0, token1, fee, tick_spacing, created_place } = *of;
    pool::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        address: Set(AddressColumn(address)),
        version: Set(number(version)),
        factory: Set(AddressColumn(factory)),
        token0: Set(AddressColumn(token0)),
        token1: Set(AddressColumn(token1)),
        fee: Set(i32::try_from(fee).unwrap_or(i32::MAX)),
        tick_spacing: Set(tick_spacing),
        created_place: Set(signed(created_place)),
    }
}

pub(super) fn state(row: pool_state::Model) -> PoolState {
    PoolState {
        reserve0: row.reserve0.0,
        reserve1: row.reserve1.0,
        sqrt_price: row.sqrt_price.0,
        tick: row.tick,
        liquidity: row.liquidity.0,
        traded0: row.traded0.0,
        traded1: row.traded1.0,
        last_trade: optional_block(row.trade_number, row.trade_hash, row.trade_time),
    }
}

pub(super) fn state_row(
    chain_id: ChainId,
    address: Address,
    block: BlockRef,
    of: &PoolState,
) -> pool_state::ActiveModel {
    let PoolState { reserve0, reserve1, sqrt_price, tick, liquidity, traded0, traded1, last_trade } = *of;
    pool_state::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        address: Set(AddressColumn(address)),
        block_number: Set(signed(block.number)),
        block_time: Set(signed(block.time.0)),
        reserve0: Set(AmountColumn(reserve0)),
        reserve1: Set(AmountColumn(reserve1)),
        sqrt_price: Set(AmountColumn(sqrt_price)),
        tick: Set(tick),
        liquidity: Set(AmountColumn(liquidity)),
        traded0: Set(AmountColumn(traded0)),
        traded1: Set(AmountColumn(traded1)),
        trade_number: Set(last_trade.map(|block| signed(block.number))),
        trade_hash: Set(last_trade.map(|block| HashColumn(block.hash))),
        trade_time: Set(last_trade.map(|block| signed(block.time.0))),
    }
}

pub(super) fn cursor(row: pool_cursor::Model) -> PoolCursor {
    let at = Position {
        log_id: unsigned(row.log_id),
        fork: unsigned(row.fork),
        place: unsigned(row.place),
        mark: u64::from_be_bytes(row.mark.to_be_bytes()),
        history: unsigned(row.history),
        floor: 0,
    };
    let block = optional_block(row.block_number, row.block_hash, row.block_time);
    let whole_from = row.whole_from.map(unsigned);
    PoolCursor { at, block, final_number: unsigned(row.final_number), whole_from }
}

pub(super) fn cursor_row(chain_id: ChainId, of: PoolCursor) -> pool_cursor::ActiveModel {
    let PoolCursor { at, block, final_number, whole_from } = of;
    pool_cursor::ActiveModel {
        chain_id: Set(signed(chain_id.0)),
        log_id: Set(signed(at.log_id)),
        fork: Set(signed(at.fork)),
        place: Set(signed(at.place)),
        mark: Set(i64::from_be_bytes(at.mark.to_be_bytes())),
        history: Set(signed(at.history)),
        block_number: Set(block.map(|block| signed(block.number))),
        block_hash: Set(block.map(|block| HashColumn(block.hash))),
        block_time: Set(block.map(|block| signed(block.time.0))),
        final_number: Set(signed(final_number)),
        whole_from: Set(whole_from.map(signed)),
    }
}

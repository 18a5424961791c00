//! A peer: the swap loop over the crate `uniswap_v3_math`, with ticks and their bitmap in maps.

use std::collections::HashMap;

use alloy::primitives::I256;
use anyhow::{Context, Result, ensure};
use capstan_primitives::U256;
use capstan_quoter::domain::pool::{State, Way};
use uniswap_v3_math::{
    swap_math::compute_swap_step,
    tick_bitmap::{flip_tick, next_initialized_tick_within_one_word},
    tick_math::{
        MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, get_sqrt_ratio_at_tick, get_tick_at_sqrt_ratio,
    },
};

use super::paths::{Path, V3};

/// A pool as the contract has it.
pub(super) struct Peer {
    sqrt_price: U256,
    tick: i32,
    liquidity: u128,
    fee: u32,
    spacing: i32,
    bitmap: HashMap<i16, U256>,
    nets: HashMap<i32, i128>,
}

/// Where a swap is.
struct Progress {
    sqrt_price: U256,
    tick: i32,
    liquidity: u128,
    left: U256,
    given: U256,
}

impl Peer {
    pub(super) fn of(pool: &V3) -> Result<Self> {
        let State::Concentrated { sqrt_price, tick, liquidity, ticks, .. } = pool.pool.state() else {
            anyhow::bail!("a pool without ticks");
        };
        let mut bitmap = HashMap::new();
        for state in &ticks {
            flip_tick(&mut bitmap, state.tick, pool.spacing)?;
        }
        let nets = ticks.iter().map(|state| (state.tick, state.net)).collect();
        Ok(Self { sqrt_price, tick, liquidity, fee: pool.fee, spacing: pool.spacing, bitmap, nets })
    }

    /// What comes out; nothing when not all of the amount can go in.
    fn quote(&self, way: Way, amount: U256) -> Result<Option<U256>> {
        let is_down = way == Way::DOWN;
        let limit = if is_down { MIN_SQRT_RATIO + U256::ONE } else { MAX_SQRT_RATIO - U256::ONE };
        let Self { sqrt_price, tick, liquidity, .. } = *self;
        let mut at = Progress { sqrt_price, tick, liquidity, left: amount, given: U256::ZERO };
        while !at.left.is_zero() && at.sqrt_price != limit {
            self.step(&mut at, is_down, limit)?;
        }
        Ok(at.left.is_zero().then_some(at.given))
    }

    fn step(&self, at: &mut Progress, is_down: bool, limit: U256) -> Result<()> {
        let (next, is_initialized) =
            next_initialized_tick_within_one_word(&self.bitmap, at.tick, self.spacing, is_down)?;
        let next = next.clamp(MIN_TICK, MAX_TICK);
        let next_price = get_sqrt_ratio_at_tick(next)?;
        let target = if is_down { next_price.max(limit) } else { next_price.min(limit) };
        let left = I256::from_raw(at.left);
        let (after, taken, given, fee) =
            compute_swap_step(at.sqrt_price, target, at.liquidity, left, self.fee)?;
        at.left -= taken + fee;
        at.given += given;
        if after == next_price {
            if is_initialized {
                let net = *self.nets.get(&next).context("a tick without liquidity")?;
                let crossed = at.liquidity.checked_add_signed(if is_down { -net } else { net });
                at.liquidity = crossed.context("liquidity below zero")?;
            }
            at.tick = if is_down { next - 1 } else { next };
        } else if after != at.sqrt_price {
            at.tick = get_tick_at_sqrt_ratio(after)?;
        }
        at.sqrt_price = after;
        Ok(())
    }
}

/// What comes out of a path; nothing when it cannot take the amount.
pub(super) fn quoted(peers: &[Peer], path: &Path) -> Result<Option<U256>> {
    let mut amount = path.amount;
    for (place, way) in &path.hops {
        ensure!(amount.bit_len() < 256, "{amount} is too much");
        let Some(given) = peers.get(*place).context("no such pool")?.quote(*way, amount)? else {
            return Ok(None);
        };
        amount = given;
    }
    Ok(Some(amount))
}

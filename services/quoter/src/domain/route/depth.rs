//! How much can be swapped between two tokens until prices have moved so far.

use capstan_primitives::U256;

use super::usable;
use crate::domain::{
    graph::Token,
    pool::{Swap, Way},
    state::{Entry, Pools},
};

/// The moves that are told, in hundredths of a percent.
const MOVES: [u32; 5] = [10, 50, 100, 200, 500];

/// What moves the price so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How far, in hundredths of a percent.
    pub move_bps: u32,
    /// What is given.
    pub amount_in: U256,
    /// What comes out.
    pub amount_out: U256,
}

/// The amounts over all direct pools from one token to another that move each pool's price.
#[must_use]
pub fn depth(pools: &Pools, from: Token, to: Token) -> Vec<Level> {
    let direct: Vec<(&Entry, Way)> = pools
        .graph()
        .from(from)
        .iter()
        .filter(|edge| edge.to == to)
        .filter_map(|edge| Some((pools.at(edge.pool).filter(|entry| usable(entry).is_ok())?, edge.way)))
        .collect();
    let level = |move_bps| {
        let swaps = direct.iter().filter_map(|(entry, way)| entry.pool.moving(*way, move_bps));
        let add = |(taken, given): (U256, U256), swap: Swap| {
            (taken.saturating_add(swap.amount_in), given.saturating_add(swap.amount_out))
        };
        let (amount_in, amount_out) = swaps.fold((U256::ZERO, U256::ZERO), add);
        Level { move_bps, amount_in, amount_out }
    };
    MOVES.map(level).to_vec()
}

//! Changes of pools, as their contracts' events tell them.

use capstan_primitives::{Address, U256};

use super::pool::State;

/// What happened to a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Reserves of a pair are these now.
    Reserves([U256; 2]),
    /// The price of concentrated liquidity is this now: the first one, or that after a swap.
    Price {
        /// Square root of the price, times 2^96.
        sqrt_price: U256,
        /// Tick of the price.
        tick: i32,
    },
    /// Liquidity of a position grew or shrank.
    Position {
        /// Lower tick.
        lower: i32,
        /// Upper tick.
        upper: i32,
        /// By how much.
        delta: i128,
    },
    /// What the protocol takes beside the pool's own fee is this now, in millionths.
    ProtocolFees {
        /// From the first token to the second.
        down: u32,
        /// From the second token to the first.
        up: u32,
    },
    /// Balances grew or shrank.
    Balances(Vec<BalanceChange>),
    /// The fee is this now, an integer of 10^-18.
    SwapFee(U256),
    /// A vault has these totals now.
    Totals {
        /// Assets.
        assets: U256,
        /// Shares.
        shares: U256,
    },
    /// All of the state is this now, as the contract tells it.
    Whole(State),
}

/// How a balance changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceChange {
    /// The token.
    pub token: Address,
    /// What came.
    pub added: U256,
    /// What went.
    pub removed: U256,
}

/// Why a change cannot be of a pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl Unusable {
    /// A change that this kind of pool does not know.
    #[must_use]
    pub fn kind(change: &Change) -> Self {
        Self(format!("this kind of pool has no such change: {change:?}"))
    }
}

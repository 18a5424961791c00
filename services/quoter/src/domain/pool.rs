//! What every pool can say, so that the next kind of pool is one more file.

use std::{fmt::Debug, sync::Arc};

use capstan_primitives::{Address, Hash, U256};

use super::{
    change::{Change, Unusable},
    rate::Rate,
};

/// Identity of a pool on its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PoolId {
    /// A contract of its own.
    Contract(Address),
    /// A key of a contract that holds many pools.
    Key(Hash),
}

/// Protocols that pools speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Uniswap V2 and its forks.
    UniswapV2,
    /// Uniswap V3 and its forks.
    UniswapV3,
    /// Uniswap V4 without hooks.
    UniswapV4,
    /// Balancer V2 weighted pools.
    BalancerWeighted,
    /// ERC-4626 vaults.
    Erc4626,
    /// The wrapped coin of the chain.
    Weth9,
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::UniswapV2,
        Self::UniswapV3,
        Self::UniswapV4,
        Self::BalancerWeighted,
        Self::Erc4626,
        Self::Weth9,
    ];

    /// The name that the contract uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UniswapV2 => "uniswap.v2",
            Self::UniswapV3 => "uniswap.v3",
            Self::UniswapV4 => "uniswap.v4",
            Self::BalancerWeighted => "balancer.v2.weighted",
            Self::Erc4626 => "erc4626",
            Self::Weth9 => "weth9",
        }
    }
}

/// Which of a pool's tokens is given and which is wanted, by their places among [`Pool::tokens`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Way {
    /// Place of the token that is given.
    pub from: u8,
    /// Place of the token that is wanted.
    pub to: u8,
}

impl Way {
    /// From the first token to the second.
    pub const DOWN: Self = Self { from: 0, to: 1 };
    /// From the second token to the first.
    pub const UP: Self = Self { from: 1, to: 0 };

    /// The other way.
    #[must_use]
    pub const fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// A swap that a pool would make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// Which way.
    pub way: Way,
    /// What is given, fee included.
    pub amount_in: U256,
    /// What comes out.
    pub amount_out: U256,
    /// Where a price ends, of pools that have one.
    pub end: Option<End>,
}

/// Where a pool with concentrated liquidity ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Square root of the price after the swap, times 2^96.
    pub sqrt_price: U256,
    /// Whether the price is that of a tick that was crossed downwards: the pool is in the tick below.
    pub is_below: bool,
    /// Stretches of constant liquidity that were passed.
    pub steps: u32,
}

/// Why a pool does not make a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has not enough: see [`Pool::max_in`]. A part of the amount would be left over, or the contract reverts.
    #[error("the pool has not enough liquidity")]
    Liquidity,
    /// So little is given that nothing comes out, for which contracts revert.
    #[error("nothing would come out")]
    Nothing,
    /// It has no such token, or cannot be used.
    #[error("the pool does not swap these tokens")]
    Way,
}

/// What a swap crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossed {
    /// Initialized ticks that were crossed, counted as Uniswap's QuoterV2 does.
    pub ticks: u32,
    /// The tick that the price is in afterwards.
    pub tick: i32,
}

/// A pool in one state; whatever changes it makes another one, so that readers keep theirs.
pub trait Pool: Debug + Send + Sync {
    /// The protocol.
    fn protocol(&self) -> Protocol;

    /// The tokens, in the contract's own order.
    fn tokens(&self) -> &[Address];

    /// The fee of a way, in millionths.
    fn fee_ppm(&self, way: Way) -> u32;

    /// The swap for exactly `amount` given.
    ///
    /// # Errors
    /// When the contract would revert, or take a part of the amount only.
    fn quote_exact_in(&self, way: Way, amount: U256) -> Result<Swap, Refusal>;

    /// The swap for exactly `amount` wanted.
    ///
    /// # Errors
    /// When the contract would revert, or give a part of the amount only.
    fn quote_exact_out(&self, way: Way, amount: U256) -> Result<Swap, Refusal>;

    /// The pool after one of its swaps.
    fn after(&self, swap: &Swap) -> Arc<dyn Pool>;

    /// The pool after an event.
    ///
    /// # Errors
    /// When the event cannot be of this pool in this state.
    fn applied(&self, change: &Change) -> Result<Arc<dyn Pool>, Unusable>;

    /// Units out per unit in for the next smallest amount, without the fee; `None` when it has no price.
    fn spot_price(&self, way: Way) -> Option<Rate>;

    /// Gas that a swap takes.
    fn gas(&self, swap: &Swap) -> u64;

    /// The most that can be given at once; zero when nothing can.
    fn max_in(&self, way: Way) -> U256;

    /// The most that can be taken at once.
    fn max_out(&self, way: Way) -> U256;

    /// The swap that moves the spot price by `bps` hundredths of a percent against the swapper, or as far as it goes;
    /// `None` when it has no price, or none that moves.
    fn moving(&self, way: Way, bps: u32) -> Option<Swap>;

    /// What of a swap only a pool with ticks can say.
    fn crossed(&self, _swap: &Swap) -> Option<Crossed> {
        None
    }

    /// The state as the contract tells it.
    fn state(&self) -> State;
}

/// A pool's state as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Amounts, in the order of the tokens, and weights of 10^-18 where there are any.
    Reserves {
        /// Amounts.
        amounts: Vec<U256>,
        /// Weights.
        weights: Vec<U256>,
        /// The fee of pools that can change it, an integer of 10^-18.
        swap_fee: Option<U256>,
    },
    /// Concentrated liquidity.
    Concentrated {
        /// Square root of the price, times 2^96.
        sqrt_price: U256,
        /// Tick of the price.
        tick: i32,
        /// Liquidity in range.
        liquidity: u128,
        /// Spacing of ticks.
        tick_spacing: i32,
        /// The pool's own fee, without what the protocol takes, in millionths.
        lp_fee_ppm: u32,
        /// Initialized ticks, lowest first.
        ticks: Vec<TickState>,
    },
}

/// An initialized tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickState {
    /// The tick.
    pub tick: i32,
    /// What comes into range when the price rises through it.
    pub net: i128,
    /// Liquidity of all positions that begin or end here.
    pub gross: u128,
}

impl std::fmt::Display for PoolId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contract(address) => write!(f, "{address}"),
            Self::Key(key) => write!(f, "{key}"),
        }
    }
}

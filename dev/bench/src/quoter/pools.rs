//! Pools with realistic prices and liquidity, made from a seed.

use std::sync::Arc;

use anyhow::{Context, Result};
use capstan_primitives::{Address, U256};
use capstan_quoter::domain::{
    change::{BalanceChange, Change},
    concentrated::Concentrated,
    pool::{Pool, Protocol},
    v2::Pair,
    weighted::{Arithmetic, Part, Weighted},
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use uniswap_v3_math::tick_math::{get_sqrt_ratio_at_tick, get_tick_at_sqrt_ratio};

/// Fees in millionths with the spacing of ticks.
pub(super) const TIERS: [(u32, i32); 4] = [(100, 1), (500, 10), (3_000, 60), (10_000, 200)];
/// Positions of one pool.
const POSITIONS: (u32, u32) = (10, 200);
/// How wide positions are, and how far from the price, in ticks.
const WIDEST: i32 = 30_000;
const FARTHEST: i32 = 20_000;
/// Dollars of one position.
const DOLLARS: (u64, u64) = (2_000, 2_000_000);
/// Liquidity over this many ticks is that of the whole range.
const WHOLE: i32 = 20_000;

/// A token: decimals, and dollars that one of it is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) address: Address,
    pub(super) decimals: u8,
    pub(super) dollars: u64,
}

impl Token {
    /// The token of a place: the order of addresses is that of places.
    pub(super) fn at(place: u16, decimals: u8, dollars: u64) -> Self {
        let mut address = [0x11; 20];
        for (byte, of_place) in address.iter_mut().zip(place.to_be_bytes()) {
            *byte = of_place;
        }
        Self { address: Address::from(address), decimals, dollars }
    }

    /// Smallest units for so many dollars.
    pub(super) fn worth(&self, dollars: u64) -> U256 {
        U256::from(10).pow(U256::from(self.decimals)) * U256::from(dollars) / U256::from(self.dollars)
    }
}

/// Ether, two coins of a dollar, bitcoin, and others.
pub(super) fn tokens() -> Vec<Token> {
    let kinds = [(18, 2_500), (6, 1), (6, 1), (8, 60_000), (18, 1), (18, 15), (18, 8), (8, 60_000)];
    (0..).zip(kinds).map(|(place, (decimals, dollars))| Token::at(place, decimals, dollars)).collect()
}

/// A pool of concentrated liquidity.
pub(super) fn concentrated(
    dice: &mut ChaCha8Rng,
    pair: (Token, Token),
    (fee, spacing): (u32, i32),
) -> Result<Arc<dyn Pool>> {
    let (price, tick) = first_price(dice, pair)?;
    let tokens = [pair.0.address, pair.1.address];
    let empty = Concentrated::new(Protocol::UniswapV3, tokens, fee, spacing);
    let mut pool = empty.applied(&Change::Price { sqrt_price: price, tick })?;
    for position in 0..dice.random_range(POSITIONS.0..=POSITIONS.1) {
        pool = pool.applied(&position_of(dice, pair, (tick, spacing), position == 0)?)?;
    }
    Ok(pool)
}

/// Square root of the price, a little off that of the dollars, and its tick.
fn first_price(dice: &mut ChaCha8Rng, (first, second): (Token, Token)) -> Result<(U256, i32)> {
    let ratio: U256 = (second.worth(1_000_000) << 128) / first.worth(1_000_000);
    let fair = get_tick_at_sqrt_ratio(ratio.root(2) << 32)?;
    let tick = fair + dice.random_range(-30..=30);
    let (low, high) = (get_sqrt_ratio_at_tick(tick)?, get_sqrt_ratio_at_tick(tick + 1)?);
    let price = low + (high - low) * U256::from(dice.random_range(1..1_000_u32)) / U256::from(1_000);
    Ok((price, tick))
}

/// A position near the price: most are narrow, with gaps between those that are far away.
fn position_of(
    dice: &mut ChaCha8Rng,
    pair: (Token, Token),
    (tick, spacing): (i32, i32),
    is_wide: bool,
) -> Result<Change> {
    let width = if is_wide { WIDEST } else { (WIDEST >> dice.random_range(0..10)).max(spacing) };
    let off = if is_wide { 0 } else { dice.random_range(-FARTHEST..=FARTHEST) >> dice.random_range(0..8) };
    let lower = (tick + off - width / 2).div_euclid(spacing) * spacing;
    let upper = lower + (width / spacing).max(1) * spacing;
    let dollars = dice.random_range(DOLLARS.0..DOLLARS.1) >> dice.random_range(0..6);
    let product = pair.0.worth(dollars) * pair.1.worth(dollars);
    let liquidity =
        product.root(2) * U256::from(WHOLE.unsigned_abs()) / U256::from((upper - lower).unsigned_abs());
    let delta = i128::try_from(u128::try_from(liquidity)?)?.max(1);
    Ok(Change::Position { lower, upper, delta })
}

/// A V2 pair.
pub(super) fn pair(dice: &mut ChaCha8Rng, (first, second): (Token, Token)) -> Result<Arc<dyn Pool>> {
    let dollars = dice.random_range(100_000..4_000_000);
    let reserves = [first.worth(dollars), second.worth(dollars * dice.random_range(995..=1_005) / 1_000)];
    Ok(Pair::new([first.address, second.address], 3_000).applied(&Change::Reserves(reserves))?)
}

/// A weighted pool, 80/20.
pub(super) fn weighted(dice: &mut ChaCha8Rng, pair: (Token, Token)) -> Result<Arc<dyn Pool>> {
    let percent = |percent: u64| U256::from(percent) * U256::from(10_000_000_000_000_000_u64);
    let part = |token: Token, weight| Part {
        token: token.address,
        decimals: token.decimals,
        weight: percent(weight),
    };
    let parts = [part(pair.0, 80), part(pair.1, 20)];
    let pool = Weighted::new(Arithmetic::Shortcuts, &parts, percent(1) / U256::from(4))?;
    let dollars = dice.random_range(50_000..500_000);
    let balance = |token: Token, share: u64| BalanceChange {
        token: token.address,
        added: token.worth(dollars * share),
        removed: U256::ZERO,
    };
    Ok(pool.applied(&Change::Balances(vec![balance(pair.0, 8), balance(pair.1, 2)]))?)
}

/// Two different ones of a list, in its order.
pub(super) fn two(dice: &mut ChaCha8Rng, tokens: &[Token]) -> Result<(Token, Token)> {
    let first = dice.random_range(0..tokens.len());
    let second = (first + dice.random_range(1..tokens.len())) % tokens.len();
    let at = |place: usize| tokens.get(place).copied().context("no such token");
    Ok((at(first.min(second))?, at(first.max(second))?))
}

//! Where liquidity is put, and how much: around the price, beside it, and after a gap again.

use alloy::primitives::U256;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::deploy::dollar;

/// The highest tick that Uniswap knows.
const MAX_TICK: i32 = 887_272;
/// Ticks on each side of the price within which most liquidity is: about 20 % …
const REACH: i32 = 2_000;
/// … or 0.4 % where both tokens are dollars.
const REACH_OF_DOLLARS: i32 = 40;
/// At least so many times the ticks between usable ticks, for a gap to be left beyond.
const REACH_IN_SPACINGS: i32 = 10;
/// Twice the ticks in which a price grows by a factor of e.
const E_FOLD: u64 = 20_000;

/// Lower and upper ticks of a pool's positions: six around `tick`, one on each side of it, and two more on each side
/// after a gap without any.
pub(super) fn ranges(
    random: &mut ChaCha8Rng,
    tick: i32,
    spacing: i32,
    (token0, token1): (usize, usize),
) -> Vec<(i32, i32)> {
    let dollars = is_dollar(token0) && is_dollar(token1);
    let reach = if dollars { REACH_OF_DOLLARS } else { REACH }.max(REACH_IN_SPACINGS * spacing);
    let mut ranges: Vec<(i32, i32)> =
        (0..6).map(|_| (-random.random_range(1..=reach), random.random_range(1..=reach))).collect();
    ranges.extend([(reach / 4, reach), (-reach, -reach / 4)]);
    for _ in 0..2 {
        let (near, width) = (random.random_range(0..reach / 4), random.random_range(reach / 4..=reach / 2));
        let (near, far) = (reach + reach / 2 + near, reach + reach / 2 + near + width);
        ranges.extend([(near, far), (-far, -near)]);
    }
    let usable = |tick: i32| tick.div_euclid(spacing) * spacing;
    let outermost = MAX_TICK / spacing * spacing;
    let placed = |(lower, upper): (i32, i32)| {
        let (lower, upper) = (usable(tick + lower), usable(tick + upper + spacing - 1));
        (lower.max(-outermost), upper.min(outermost))
    };
    ranges.into_iter().map(placed).collect()
}

fn is_dollar(token: usize) -> bool {
    crate::prices::TOKENS.get(token).is_some_and(|(.., usd)| *usd == 1)
}

/// The liquidity that takes about `dollars` of both tokens together in a range of `width` ticks near their base price.
pub(crate) fn liquidity((token0, token1): (usize, usize), dollars: u64, width: i32) -> U256 {
    let amount = |token| dollar(token) * U256::from(dollars);
    let everywhere = (amount(token0) * amount(token1)).root(2);
    everywhere * U256::from(E_FOLD) / U256::from(width.unsigned_abs().max(1))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn there_is_liquidity_at_the_price_and_a_gap_on_both_sides_of_it() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for (spacing, tokens) in [(1, (0, 2)), (10, (0, 2)), (10, (0, 3)), (60, (1, 3)), (200, (1, 2))] {
            let tick = 12_345;
            let ranges = ranges(&mut random, tick, spacing, tokens);
            assert_eq!(ranges.len(), 12);
            assert!(
                ranges
                    .iter()
                    .all(|(lower, upper)| lower < upper && lower % spacing == 0 && upper % spacing == 0)
            );
            let covers = |tick: i32| ranges.iter().any(|(lower, upper)| (*lower..*upper).contains(&tick));
            let (lowest, highest) = (
                ranges.iter().map(|range| range.0).min().unwrap(),
                ranges.iter().map(|range| range.1).max().unwrap(),
            );
            assert!(covers(tick));
            assert!((tick..highest).any(|tick| !covers(tick)) && (lowest..tick).any(|tick| !covers(tick)));
        }
    }
}

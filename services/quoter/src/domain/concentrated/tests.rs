//! The walk against the contract's own loop, written out step by step.

use capstan_primitives::U256;
use proptest::prelude::*;

use super::*;
use crate::domain::math::{mul_div, mul_div_up};

/// The next initialized tick within one word of the bitmap, or the word's end.
fn next_stop(curve: &Curve, tick: i32, down: bool) -> (i32, bool) {
    let spacing = curve.spacing();
    let place = tick.div_euclid(spacing);
    let word = if down { place.div_euclid(256) } else { (place + 1).div_euclid(256) };
    let within = |state: &&crate::domain::pool::TickState| {
        let at = state.tick / spacing;
        at.div_euclid(256) == word && if down { at <= place } else { at > place }
    };
    let found = curve.ticks().iter().filter(within).map(|state| state.tick);
    match if down { found.max() } else { found.min() } {
        Some(tick) => (tick, true),
        None if down => (word * 256 * spacing, false),
        None => ((word * 256 + 255) * spacing, false),
    }
}

/// The swap loop of UniswapV3Pool with its bitmap search, word by word.
fn by_the_book(
    pool: &Concentrated,
    way: Way,
    amount: U256,
    exact_in: bool,
) -> Option<(U256, U256, U256, i32)> {
    let (curve, down) = (&pool.curve, way == Way::DOWN);
    let fee = curve.fee(direction(way)?);
    let one = U256::from(1);
    let limit = if down { tick::MIN_SQRT_PRICE + one } else { tick::MAX_SQRT_PRICE - one };
    let (mut price, mut tick) = (pool.sqrt_price, pool.tick());
    let mut liquidity = curve.liquidity_at(tick);
    let (mut left, mut taken, mut given) = (amount, U256::ZERO, U256::ZERO);
    while !left.is_zero() && price != limit {
        let (next, initialized) = next_stop(curve, tick, down);
        let next = next.clamp(MIN_TICK, MAX_TICK);
        let next_price = sqrt_price_at(next);
        let target = if down { next_price.max(limit) } else { next_price.min(limit) };
        let (whole, part) = (U256::from(1_000_000), U256::from(1_000_000 - fee));
        let stretch = step::Stretch { direction: direction(way)?, liquidity, fee };
        let zero = liquidity == 0;
        let input = |to| if zero { Some(U256::ZERO) } else { stretch.input(price, to) };
        let output = |to| if zero { Some(U256::ZERO) } else { stretch.output(price, to) };
        let after = if exact_in {
            let net = mul_div(left, part, whole)?;
            if net >= input(target)? { target } else { stretch.after_input(price, net)? }
        } else if left >= output(target)? {
            target
        } else {
            stretch.after_output(price, left)?
        };
        let (step_in, mut step_out) = (input(after)?, output(after)?);
        if !exact_in {
            step_out = step_out.min(left);
        }
        let step_fee = if exact_in && after != target {
            left - step_in
        } else {
            mul_div_up(step_in, U256::from(fee), part)?
        };
        taken += step_in + step_fee;
        given += step_out;
        left -= if exact_in { step_in + step_fee } else { step_out };
        if after == next_price {
            if initialized {
                let net = curve.ticks().iter().find(|state| state.tick == next).unwrap().net;
                liquidity = liquidity.checked_add_signed(if down { -net } else { net })?;
            }
            tick = if down { next - 1 } else { next };
        } else if after != price {
            tick = tick_within(after, MIN_TICK, MAX_TICK - 1);
        }
        price = after;
    }
    left.is_zero().then_some((taken, given, price, tick))
}

fn positions() -> impl Strategy<Value = Vec<(i32, i32, u128)>> {
    let position = (-60_i32..60, 1_i32..40, 1_u128..1 << 70, 0_u32..60)
        .prop_map(|(lower, width, liquidity, shift)| (lower, lower + width, 1 + (liquidity >> shift)));
    prop::collection::vec(position, 1..8)
}

fn pool(spacing: i32, fee: u32, positions: &[(i32, i32, u128)], at: (i32, u32)) -> Concentrated {
    let tokens = [Address::from([1; 20]), Address::from([2; 20])];
    let mut curve = Curve::new(spacing, [fee, fee]);
    // Wide steps, so that words end between ticks.
    let scale = spacing * 29;
    for (lower, upper, liquidity) in positions {
        let range = (lower * scale, upper * scale);
        curve = curve.with_position(range, i128::try_from(*liquidity).unwrap()).unwrap();
    }
    let tick = at.0 * scale / 7;
    // On a tick, above one, or just crossed downwards.
    let sqrt_price = sqrt_price_at(tick) + if at.1 == 1 { U256::from(12345) } else { U256::ZERO };
    let is_below = at.1 == 2;
    let base = Concentrated::new(Protocol::UniswapV3, tokens, fee, spacing);
    Concentrated { curve: Arc::new(curve), sqrt_price, is_below, ..base }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_is_the_contracts_loop(
        (spacing, fee) in prop::sample::select(vec![(1, 100), (10, 500), (60, 3_000), (200, 10_000), (60, 0)]),
        positions in positions(),
        at in (-400_i32..400, 0_u32..3),
        amount in (1_u128.., 0_u32..127),
        (is_down, exact_in) in any::<(bool, bool)>(),
    ) {
        let pool = pool(spacing, fee, &positions, at);
        let way = if is_down { Way::DOWN } else { Way::UP };
        let amount = U256::from((amount.0 >> amount.1).max(1));
        let swap = if exact_in { pool.quote_exact_in(way, amount) } else { pool.quote_exact_out(way, amount) };
        let expected = by_the_book(&pool, way, amount, exact_in);
        let found = swap.ok().map(|swap| {
            let after = pool.after(&swap);
            let State::Concentrated { sqrt_price, tick, .. } = after.state() else { panic!() };
            (swap.amount_in, swap.amount_out, sqrt_price, tick)
        });
        prop_assert_eq!(found, expected);
        // What one unit more than everything takes is refused, and everything is not.
        let most = pool.max_in(way);
        if !most.is_zero() {
            prop_assert!(pool.quote_exact_in(way, most).is_ok());
            prop_assert_eq!(pool.quote_exact_in(way, most + U256::from(1)), Err(Refusal::Liquidity));
        }
    }
}

//! Ticks and their prices, as Uniswap's TickMath has them.

use capstan_primitives::U256;
use ruint::uint;

use super::SqrtPrice;

/// The lowest tick.
pub(crate) const MIN_TICK: i32 = -887_272;
/// The highest tick.
pub(crate) const MAX_TICK: i32 = 887_272;

uint! {
    /// Square root of the price of [`MIN_TICK`].
    pub(crate) const MIN_SQRT_PRICE: SqrtPrice = 4295128739_U256;
    /// Square root of the price of [`MAX_TICK`], which no pool can have.
    pub(crate) const MAX_SQRT_PRICE: SqrtPrice = 1461446703485210103287273052203988822378723970342_U256;

    /// 2^128 / sqrt(1.0001)^(2^i), as the contract has them.
    const FACTORS: [U256; 20] = [
        0xfffcb933bd6fad37aa2d162d1a594001_U256,
        0xfff97272373d413259a46990580e213a_U256,
        0xfff2e50f5f656932ef12357cf3c7fdcc_U256,
        0xffe5caca7e10e4e61c3624eaa0941cd0_U256,
        0xffcb9843d60f6159c9db58835c926644_U256,
        0xff973b41fa98c081472e6896dfb254c0_U256,
        0xff2ea16466c96a3843ec78b326b52861_U256,
        0xfe5dee046a99a2a811c461f1969c3053_U256,
        0xfcbe86c7900a88aedcffc83b479aa3a4_U256,
        0xf987a7253ac413176f2b074cf7815e54_U256,
        0xf3392b0822b70005940c7a398e4b70f3_U256,
        0xe7159475a2c29b7443b29c7fa6e889d9_U256,
        0xd097f3bdfd2022b8845ad8f792aa5825_U256,
        0xa9f746462d870fdf8a65dc1f90e061e5_U256,
        0x70d869a156d2a1b890bb3df62baf32f7_U256,
        0x31be135f97d08fd981231505542fcfa6_U256,
        0x9aa508b5b7a84e1c677de54f3e99bc9_U256,
        0x5d6af8dedb81196699c329225ee604_U256,
        0x2216e584f5fa1ea926041bedfe98_U256,
        0x48a170391f7dc42444e8fa2_U256,
    ];
}

/// Square root of 1.0001^tick, times 2^96, to the contract's last bit; that of the nearest tick there is for one that is
/// out of range.
pub(crate) fn sqrt_price_at(tick: i32) -> SqrtPrice {
    let tick = tick.clamp(MIN_TICK, MAX_TICK);
    let distance = tick.unsigned_abs();
    let mut ratio = U256::ONE.wrapping_shl(128);
    for (bit, factor) in FACTORS.iter().enumerate() {
        if distance >> bit & 1 == 1 {
            ratio = ratio.wrapping_mul(*factor).wrapping_shr(128);
        }
    }
    if tick > 0 {
        ratio = U256::MAX.checked_div(ratio).unwrap_or_default();
    }
    // From 128 bits after the point to 96, rounded up.
    let is_exact = ratio.as_limbs().first().is_none_or(|low| low.trailing_zeros() >= 32);
    ratio.wrapping_shr(32) + U256::from(u64::from(!is_exact))
}

/// The highest tick from `lowest` to `highest` whose price is at most `sqrt_price`; `lowest` when there is none.
pub(crate) fn tick_within(sqrt_price: SqrtPrice, lowest: i32, highest: i32) -> i32 {
    let (mut at_most, mut above) = (lowest, highest.saturating_add(1));
    while above - at_most > 1 {
        let middle = at_most + (above - at_most) / 2;
        if sqrt_price_at(middle) <= sqrt_price { at_most = middle } else { above = middle }
    }
    at_most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_are_the_contracts() {
        assert_eq!(sqrt_price_at(MIN_TICK), MIN_SQRT_PRICE);
        assert_eq!(sqrt_price_at(MAX_TICK), MAX_SQRT_PRICE);
        assert_eq!(sqrt_price_at(0), U256::from(1) << 96);
    }

    proptest! {
        #[test]
        fn prices_grow_and_lead_back_to_their_ticks(tick in MIN_TICK..MAX_TICK) {
            let (price, next) = (sqrt_price_at(tick), sqrt_price_at(tick + 1));
            prop_assert!(price < next);
            prop_assert_eq!(tick_within(price, MIN_TICK, MAX_TICK), tick);
            prop_assert_eq!(tick_within(next - U256::from(1), MIN_TICK, MAX_TICK), tick);
        }
    }
}

//! Multiplication and division that keep every bit and say which way they round.

use capstan_primitives::U256;
use ruint::aliases::U512;

/// `a × b / divisor`, rounded down; `None` when that is over 2^256 - 1 or the divisor is zero.
pub(crate) fn mul_div(a: U256, b: U256, divisor: U256) -> Option<U256> {
    quotient(a, b, divisor).map(|(quotient, _)| quotient)
}

/// `a × b / divisor`, rounded up; `None` as for [`mul_div`].
pub(crate) fn mul_div_up(a: U256, b: U256, divisor: U256) -> Option<U256> {
    let (quotient, is_exact) = quotient(a, b, divisor)?;
    if is_exact { Some(quotient) } else { quotient.checked_add(U256::ONE) }
}

/// `a / divisor`, rounded up; `None` when the divisor is zero.
pub(crate) fn div_up(a: U256, divisor: U256) -> Option<U256> {
    if divisor.is_zero() {
        return None;
    }
    let (quotient, rest) = a.div_rem(divisor);
    if rest.is_zero() { Some(quotient) } else { quotient.checked_add(U256::ONE) }
}

/// The quotient, rounded down, and whether nothing was left.
fn quotient(a: U256, b: U256, divisor: U256) -> Option<(U256, bool)> {
    if divisor.is_zero() {
        return None;
    }
    if let Some(product) = a.checked_mul(b) {
        let (quotient, rest) = product.div_rem(divisor);
        return Some((quotient, rest.is_zero()));
    }
    let product: U512 = a.widening_mul(b);
    let (quotient, rest) = product.div_rem(U512::from(divisor));
    U256::checked_from_limbs_slice(quotient.as_limbs()).map(|quotient| (quotient, rest.is_zero()))
}

/// `a × b / 2^96`, rounded down; `None` over 2^256 - 1.
pub(crate) fn mul_shift_96(a: U256, b: U256) -> Option<U256> {
    shifted(a, b).map(|(quotient, _)| quotient)
}

/// `a × b / 2^96`, rounded up; `None` over 2^256 - 1.
pub(crate) fn mul_shift_96_up(a: U256, b: U256) -> Option<U256> {
    let (quotient, is_exact) = shifted(a, b)?;
    if is_exact { Some(quotient) } else { quotient.checked_add(U256::ONE) }
}

fn shifted(a: U256, b: U256) -> Option<(U256, bool)> {
    let product: U512 = a.widening_mul(b);
    let [low, middle, ..] = *product.as_limbs();
    let quotient = product.wrapping_shr(96);
    let is_exact = low == 0 && middle.trailing_zeros() >= 32;
    U256::checked_from_limbs_slice(quotient.as_limbs()).map(|quotient| (quotient, is_exact))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = U256> {
        (any::<[u64; 4]>(), 0_usize..256).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
    }

    proptest! {
        #[test]
        fn quotients_are_those_of_wide_numbers(a in number(), b in number(), divisor in number()) {
            let wide = |number: U256| U512::from(number);
            if divisor.is_zero() {
                prop_assert_eq!(mul_div(a, b, divisor), None);
                return Ok(());
            }
            let (down, rest) = (wide(a) * wide(b)).div_rem(wide(divisor));
            let up = if rest.is_zero() { down } else { down + U512::from(1) };
            prop_assert_eq!(mul_div(a, b, divisor).map(wide), (down <= wide(U256::MAX)).then_some(down));
            prop_assert_eq!(mul_div_up(a, b, divisor).map(wide), (up <= wide(U256::MAX)).then_some(up));
            prop_assert_eq!(div_up(a, divisor), mul_div_up(a, U256::from(1), divisor));
        }

        #[test]
        fn shifts_are_divisions(a in number(), b in number()) {
            let q96 = U256::from(1) << 96;
            prop_assert_eq!(mul_shift_96(a, b), mul_div(a, b, q96));
            prop_assert_eq!(mul_shift_96_up(a, b), mul_div_up(a, b, q96));
        }
    }
}

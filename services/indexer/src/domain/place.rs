//! Where a log stands in its chain, as one number that keeps the chain's order.

/// Bits of a place that hold the index of the log; no block has 16 million logs.
const INDEX_BITS: u32 = 24;
/// The last index.
pub const MAX_INDEX: u32 = (1 << INDEX_BITS) - 1;

/// Place of the log `index` of block `number`; `None` when one of them is out of range.
#[must_use]
pub fn place(number: u64, index: u32) -> Option<u64> {
    let high = number.checked_mul(1 << INDEX_BITS)?;
    // Both databases store it with a sign.
    (index <= MAX_INDEX && high <= i64::MAX.unsigned_abs()).then_some(high | u64::from(index))
}

/// Last place of block `number`.
#[must_use]
pub fn end_of(number: u64) -> u64 {
    place(number, MAX_INDEX).unwrap_or(i64::MAX.unsigned_abs())
}

/// Last place before block `number`; `None` before the first block.
#[must_use]
pub fn before(number: u64) -> Option<u64> {
    number.checked_sub(1).map(end_of)
}

/// Block of a place.
#[must_use]
pub const fn number_of(place: u64) -> u64 {
    place >> INDEX_BITS
}

/// Index of the log of a place.
#[must_use]
pub fn index_of(place: u64) -> u32 {
    u32::try_from(place & u64::from(MAX_INDEX)).unwrap_or(MAX_INDEX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_keep_the_order_of_the_chain(a in (0_u64..1 << 39, 0..=MAX_INDEX), b in (0_u64..1 << 39, 0..=MAX_INDEX)) {
            let (left, right) = (place(a.0, a.1).unwrap(), place(b.0, b.1).unwrap());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!((number_of(left), index_of(left)), a);
            prop_assert!(left <= end_of(a.0) && before(a.0).is_none_or(|end| end < left));
        }
    }

    #[test]
    fn what_no_chain_has_is_refused() {
        assert_eq!(place(1 << 39, 0), None);
        assert_eq!(place(u64::MAX, 0), None);
        assert_eq!(place(1, MAX_INDEX + 1), None);
    }
}

//! Priority fees that were enough in past blocks.

use capstan_primitives::U256;

/// Percentiles of the gas of a block, by the tip that it paid, that the tiers are taken from: a tenth of the gas
/// was had for less than the first, half for less than the second.
pub const PERCENTILES: [u8; 3] = [10, 50, 90];

/// Blocks that used less of their gas limit, in millionths, had room for everybody, whatever they paid.
const NEARLY_EMPTY: u32 = 10_000;

/// What a past block says of tips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastBlock {
    /// Used part of the gas limit in millionths.
    pub used_millionths: u32,
    /// Tips at [`PERCENTILES`], wei per gas.
    pub tips: [U256; 3],
}

/// Tips of the three tiers, and how many blocks they were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tips {
    pub(super) slow: U256,
    pub(super) standard: U256,
    pub(super) fast: U256,
    pub(super) sampled: u32,
}

impl Tips {
    /// The medians over `past`, at least one wei. Nearly empty blocks are left out, unless all blocks are, as on
    /// chains with far more room than use: then only those without any gas are.
    pub(super) fn of(past: &[PastBlock]) -> Self {
        let over = |least: u32| past.iter().filter(move |block| block.used_millionths >= least);
        let least = if over(NEARLY_EMPTY).next().is_some() { NEARLY_EMPTY } else { 1 };
        let sample: Vec<[U256; 3]> = over(least).map(|block| block.tips).collect();
        let one = U256::from(1);
        let slow = median(sample.iter().map(|[slow, _, _]| *slow)).max(one);
        let standard = median(sample.iter().map(|[_, standard, _]| *standard)).max(slow);
        let fast = median(sample.iter().map(|[_, _, fast]| *fast)).max(standard);
        Self { slow, standard, fast, sampled: u32::try_from(sample.len()).unwrap_or(u32::MAX) }
    }
}

/// The value in the middle, the upper one of two; zero of none.
fn median(values: impl Iterator<Item = U256>) -> U256 {
    let mut values: Vec<U256> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn past(used_millionths: u32, tips: [u64; 3]) -> PastBlock {
        PastBlock { used_millionths, tips: tips.map(U256::from) }
    }

    fn tiers(past: &[PastBlock]) -> ([U256; 3], u32) {
        let Tips { slow, standard, fast, sampled } = Tips::of(past);
        ([slow, standard, fast], sampled)
    }

    #[test]
    fn the_tiers_are_medians_over_blocks() {
        let blocks = [past(500_000, [1, 5, 9]), past(500_000, [3, 4, 8]), past(999_999, [2, 6, 700])];
        assert_eq!(tiers(&blocks), ([2, 5, 9].map(U256::from), 3));
        assert_eq!(tiers(&blocks[..2]), ([3, 5, 9].map(U256::from), 2));
    }

    #[test]
    fn nearly_empty_blocks_say_nothing_of_tips() {
        let blocks = [past(0, [0; 3]), past(9_999, [900; 3]), past(10_000, [3, 4, 5])];
        assert_eq!(tiers(&blocks), ([3, 4, 5].map(U256::from), 1));
        assert_eq!(tiers(&blocks[..2]), ([900; 3].map(U256::from), 1));
        assert_eq!(tiers(&blocks[..1]), ([1; 3].map(U256::from), 0));
        assert_eq!(tiers(&[]), ([1; 3].map(U256::from), 0));
    }

    proptest! {
        #[test]
        fn more_haste_never_costs_less(
            blocks in proptest::collection::vec((0_u32..1_000_000, any::<[u64; 3]>()), 0..20),
        ) {
            let blocks: Vec<_> = blocks.into_iter().map(|(used, tips)| past(used, tips)).collect();
            let ([slow, standard, fast], _) = tiers(&blocks);
            prop_assert!(U256::from(1) <= slow && slow <= standard && standard <= fast);
        }
    }
}

//! The fees of a chain after one block.

use capstan_primitives::{BlockRef, ChainId, U256};
use chrono::{DateTime, Utc};

use super::{
    BaseFeeRule, BlockGas, DataFee, Eip1559, RollupKind,
    tips::{PastBlock, Tips},
};

/// How a chain charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeRules {
    /// For being in a block.
    pub base_fee: BaseFeeRule,
    /// For data on L1.
    pub rollup: RollupKind,
}

/// What was seen of a chain after a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The block.
    pub block: BlockRef,
    /// Its gas.
    pub gas: BlockGas,
    /// Gas of its blobs; since Jovian OP-stack chains write here what its data counts as.
    pub blob_gas_used: u64,
    /// Its extra data, in which OP-stack chains write the parameters of the base fee.
    pub extra_data: Vec<u8>,
    /// Base fee that the node expects of the next block.
    pub told_next: U256,
    /// The last blocks.
    pub past: Vec<PastBlock>,
    /// Prices of data on L1.
    pub data_fee: DataFee,
}

/// What gas costs, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasFees {
    /// The block that this was learnt after.
    pub block: BlockRef,
    /// Its base fee; zero where the chain has none.
    pub base_fee: U256,
    /// Base fee of the block after it.
    pub next_base_fee: U256,
    /// Fees by haste.
    pub tiers: Tiers,
    /// Prices of data on L1.
    pub data_fee: DataFee,
    /// Blocks that the tips were taken from.
    pub sampled_blocks: u32,
}

/// Fees, and when they were learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learnt {
    /// The fees.
    pub fees: GasFees,
    /// Wall time.
    pub at: DateTime<Utc>,
}

/// Fees by haste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiers {
    /// For a transaction that can wait.
    pub slow: Tier,
    /// For a usual one.
    pub standard: Tier,
    /// For one that is to be in the next block.
    pub fast: Tier,
}

/// Fees of a transaction, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// `maxPriorityFeePerGas`.
    pub max_priority_fee: U256,
    /// `maxFeePerGas`: enough after six full blocks in a row.
    pub max_fee: U256,
    /// What would be paid in the next block.
    pub expected: U256,
}

impl FeeRules {
    /// The rules of a chain that `rollup` is configured of; by its id where nothing is.
    #[must_use]
    pub fn of(chain: ChainId, rollup: Option<RollupKind>) -> Self {
        let rollup = rollup.unwrap_or(RollupKind::of(chain));
        let base_fee = match (rollup, BaseFeeRule::of(chain)) {
            (RollupKind::Arbitrum, _) => BaseFeeRule::Arbitrum,
            (RollupKind::OpStack, BaseFeeRule::Told) => BaseFeeRule::Eip1559(Eip1559::OP_STACK),
            (_, rule) => rule,
        };
        Self { base_fee, rollup }
    }

    /// The fees after the block that was seen.
    #[must_use]
    pub fn fees(&self, seen: &Seen) -> GasFees {
        let rule = self.rule_in(seen);
        let next_base_fee = rule.next(&self.counted(seen), seen.told_next);
        let roof = rule.after_full_blocks(next_base_fee, seen.gas.gas_limit);
        let tips = Tips::of(&seen.past);
        let tier = |tip: U256| {
            let tip = if rule.has_tips() { tip } else { U256::ZERO };
            let with = |base_fee: U256| base_fee.saturating_add(tip);
            Tier { max_priority_fee: tip, max_fee: with(roof), expected: with(next_base_fee) }
        };
        GasFees {
            block: seen.block,
            base_fee: seen.gas.base_fee,
            next_base_fee,
            tiers: Tiers { slow: tier(tips.slow), standard: tier(tips.standard), fast: tier(tips.fast) },
            data_fee: seen.data_fee,
            sampled_blocks: tips.sampled,
        }
    }

    /// The gas that counts for the base fee of the next block: since Jovian also that of data on L1.
    fn counted(&self, seen: &Seen) -> BlockGas {
        let is_jovian = self.rollup == RollupKind::OpStack && seen.extra_data.first() == Some(&1);
        let of_data = if is_jovian { seen.blob_gas_used } else { 0 };
        BlockGas { gas_used: seen.gas.gas_used.max(of_data), ..seen.gas }
    }

    /// The rule of the block after the one that was seen, which may say it itself.
    fn rule_in(&self, seen: &Seen) -> BaseFeeRule {
        match (self.rollup, Eip1559::in_extra_data(&seen.extra_data)) {
            (RollupKind::OpStack, Some(rule)) => BaseFeeRule::Eip1559(rule),
            _ => self.base_fee,
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash};

    use super::*;

    const GWEI: u64 = 1_000_000_000;

    fn seen() -> Seen {
        let block = BlockRef { number: 7, hash: Hash::ZERO, time: BlockTime(1) };
        let gas = BlockGas { base_fee: U256::from(GWEI), gas_used: 30_000_000, gas_limit: 30_000_000 };
        let past = vec![PastBlock { used_millionths: 1_000_000, tips: [1, 2, 3].map(U256::from) }];
        let told_next = U256::from(3 * GWEI);
        Seen {
            block,
            gas,
            blob_gas_used: 0,
            extra_data: Vec::new(),
            told_next,
            past,
            data_fee: DataFee::None,
        }
    }

    #[test]
    fn a_chain_whose_rule_is_known_is_computed_and_another_believed() {
        let next = |chain: u64| FeeRules::of(ChainId(chain), None).fees(&seen()).next_base_fee;
        assert_eq!(next(1), U256::from(1_125_000_000));
        assert_eq!(next(137), U256::from(3 * GWEI));
        assert_eq!(next(42_161), U256::from(3 * GWEI));
        assert_eq!(next(10), U256::from(1_020_000_000));
        let configured = FeeRules::of(ChainId(777), Some(RollupKind::OpStack)).fees(&seen());
        assert_eq!(configured.next_base_fee, U256::from(1_020_000_000));
    }

    #[test]
    fn a_block_of_the_op_stack_says_the_rule_of_the_next_and_no_other_does() {
        let mut seen = seen();
        seen.extra_data = vec![0, 0, 0, 0, 10, 0, 0, 0, 2];
        let next = |chain: u64| FeeRules::of(ChainId(chain), None).fees(&seen).next_base_fee;
        assert_eq!(next(8_453), U256::from(1_100_000_000));
        assert_eq!(next(1), U256::from(1_125_000_000));
    }

    #[test]
    fn data_on_l1_counts_as_gas_since_jovian_only() {
        let mut seen = seen();
        (seen.gas.gas_used, seen.blob_gas_used) = (7_500_000, 30_000_000);
        let rules = FeeRules::of(ChainId(8_453), None);
        seen.extra_data = vec![0, 0, 0, 0, 10, 0, 0, 0, 2];
        assert_eq!(rules.fees(&seen).next_base_fee, U256::from(950_000_000));
        seen.extra_data = [&[1, 0, 0, 0, 10, 0, 0, 0, 2][..], &[0; 8]].concat();
        assert_eq!(rules.fees(&seen).next_base_fee, U256::from(1_100_000_000));
    }

    #[test]
    fn a_tier_pays_the_next_base_fee_and_its_tip() {
        let fees = FeeRules::of(ChainId(1), None).fees(&seen());
        let tip = |tier: &Tier| tier.max_priority_fee;
        let Tiers { slow, standard, fast } = fees.tiers;
        assert_eq!([slow, standard, fast].each_ref().map(tip), [1, 2, 3].map(U256::from));
        assert_eq!(fast.expected, U256::from(1_125_000_003));
        // 1.125 gwei by an eighth six times, rounded down each time.
        assert_eq!(fast.max_fee, U256::from(2_280_697_344_u64 + 3));
        assert_eq!((fees.sampled_blocks, fees.base_fee), (1, U256::from(GWEI)));
    }

    #[test]
    fn nobody_pays_for_haste_where_it_buys_nothing() {
        let fees = FeeRules::of(ChainId(42_161), None).fees(&seen());
        assert_eq!(fees.tiers.fast.max_priority_fee, U256::ZERO);
        assert_eq!(fees.tiers.fast.max_fee, U256::from(6 * GWEI));
        assert_eq!(fees.tiers.slow, fees.tiers.fast);
    }
}

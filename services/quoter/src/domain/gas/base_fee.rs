//! The base fee of the next block, exactly as the chain computes it.

use capstan_primitives::{ChainId, U256};

/// Full blocks in a row after which a maximum fee still suffices.
const FULL_BLOCKS: u32 = 6;

/// What a block says of its gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockGas {
    /// Wei per gas that is burnt; zero where the chain has no base fee.
    pub base_fee: U256,
    /// Gas that counts for the next base fee.
    pub gas_used: u64,
    /// Most gas that the block may use.
    pub gas_limit: u64,
}

/// How a chain comes from the base fee of one block to that of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseFeeRule {
    /// By EIP-1559.
    Eip1559(Eip1559),
    /// By a rule that is not known here: what the node says is believed, and it is taken to rise no faster
    /// than Ethereum's.
    Told,
    /// As ArbOS, by the backlog of gas: what the node says is believed, and nobody is paid for haste.
    Arbitrum,
}

/// Parameters of EIP-1559.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eip1559 {
    /// The gas limit divided by the gas that a block is meant to use.
    pub elasticity: u64,
    /// What the base fee of a block is divided by to be the change that one at twice the target makes.
    pub denominator: u64,
    /// Least base fee in wei per gas; zero for none (the OP stack from Jovian on has one).
    pub floor: U256,
}

impl BaseFeeRule {
    /// The rule of a chain, of which Ethereum's is believed of Ethereum, its test chains and local ones, and the
    /// OP stack's defaults of OP Mainnet and Base, where blocks since Holocene say otherwise themselves.
    #[must_use]
    pub const fn of(chain: ChainId) -> Self {
        match chain.0 {
            1 | 11_155_111 | 560_048 | 1_337 | 31_337 => Self::Eip1559(Eip1559::ETHEREUM),
            10 | 8_453 | 84_532 | 11_155_420 => Self::Eip1559(Eip1559::OP_STACK),
            42_161 | 42_170 | 421_614 => Self::Arbitrum,
            _ => Self::Told,
        }
    }

    /// The base fee of the block after `parent`; `told` is what the node says that it is.
    #[must_use]
    pub fn next(&self, parent: &BlockGas, told: U256) -> U256 {
        match self {
            Self::Eip1559(rule) => rule.next(parent),
            Self::Told | Self::Arbitrum => told,
        }
    }

    /// A base fee that is enough after six full blocks in a row, when the next block has `next`.
    #[must_use]
    pub fn after_full_blocks(&self, next: U256, gas_limit: u64) -> U256 {
        match self {
            Self::Eip1559(rule) => rule.after_full_blocks(next, gas_limit),
            Self::Told => Eip1559::ETHEREUM.after_full_blocks(next, gas_limit),
            // It follows seconds, not blocks; twice is what the wallets of that chain allow for.
            Self::Arbitrum => next.saturating_mul(U256::from(2)),
        }
    }

    /// Whether a priority fee buys a place.
    #[must_use]
    pub const fn has_tips(&self) -> bool {
        !matches!(self, Self::Arbitrum)
    }
}

impl Eip1559 {
    /// Ethereum's.
    pub const ETHEREUM: Self = Self { elasticity: 2, denominator: 8, floor: U256::ZERO };
    /// Defaults of OP Mainnet and Base since Canyon.
    pub const OP_STACK: Self = Self { elasticity: 6, denominator: 250, floor: U256::ZERO };

    /// The base fee of the block after `parent`, rounded down at each of the specification's divisions; where
    /// the parameters or the gas limit make no sense, that of `parent`.
    #[must_use]
    pub fn next(&self, parent: &BlockGas) -> U256 {
        let BlockGas { base_fee, gas_used, gas_limit } = *parent;
        let target = gas_limit.checked_div(self.elasticity).unwrap_or_default();
        if target == 0 || self.denominator == 0 {
            return base_fee.max(self.floor);
        }
        let change = |gas: u64| {
            let of_target = base_fee.saturating_mul(U256::from(gas)) / U256::from(target);
            of_target / U256::from(self.denominator)
        };
        let next = if gas_used > target {
            base_fee.saturating_add(change(gas_used - target).max(U256::from(1)))
        } else {
            base_fee.saturating_sub(change(target - gas_used))
        };
        if gas_used == target { base_fee.max(self.floor) } else { next.max(self.floor) }
    }

    fn after_full_blocks(&self, next: U256, gas_limit: u64) -> U256 {
        // A chain without a base fee stays so, though the formula would raise zero.
        if next.is_zero() {
            return next;
        }
        let full = |base_fee| self.next(&BlockGas { base_fee, gas_used: gas_limit, gas_limit });
        (0..FULL_BLOCKS).fold(next, |base_fee, _| full(base_fee))
    }

    /// The parameters in the extra data of an OP-stack block: since Holocene elasticity and denominator, since
    /// Jovian also the floor. Absent in older blocks, and where the parameters are zero, which stands for the defaults.
    #[must_use]
    pub fn in_extra_data(extra_data: &[u8]) -> Option<Self> {
        let (version, rest) = extra_data.split_first()?;
        let (parameters, rest) = rest.split_first_chunk::<8>()?;
        let [d0, d1, d2, d3, e0, e1, e2, e3] = *parameters;
        let floor = match (version, rest.first_chunk::<8>()) {
            (0, None) if rest.is_empty() => 0,
            (1, Some(floor)) if rest.len() == 8 => u64::from_be_bytes(*floor),
            _ => return None,
        };
        let denominator = u64::from(u32::from_be_bytes([d0, d1, d2, d3]));
        let elasticity = u64::from(u32::from_be_bytes([e0, e1, e2, e3]));
        let found = Self { elasticity, denominator, floor: U256::from(floor) };
        (denominator != 0 && elasticity != 0).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GWEI: u64 = 1_000_000_000;

    fn block(base_fee: u64, gas_used: u64, gas_limit: u64) -> BlockGas {
        BlockGas { base_fee: U256::from(base_fee), gas_used, gas_limit }
    }

    #[test]
    fn a_block_at_its_target_keeps_the_base_fee_and_others_move_it() {
        let ethereum = [
            (block(GWEI, 10_000_000, 20_000_000), GWEI),
            (block(GWEI, 9_000_000, 20_000_000), 987_500_000),
            (block(GWEI, 11_000_000, 20_000_000), 1_012_500_000),
            (block(GWEI, 20_000_000, 20_000_000), 1_125_000_000),
            (block(GWEI, 0, 20_000_000), 875_000_000),
            // An eighth of 7 is nothing, but the base fee rises by one at least; it falls by nothing.
            (block(7, 20_000_000, 20_000_000), 8),
            (block(7, 0, 20_000_000), 7),
            (block(0, 20_000_000, 20_000_000), 1),
        ];
        for (parent, expected) in ethereum {
            assert_eq!(Eip1559::ETHEREUM.next(&parent), U256::from(expected), "{parent:?}");
        }
    }

    #[test]
    fn a_rollup_moves_its_base_fee_by_its_own_parameters() {
        let bedrock = Eip1559 { denominator: 50, ..Eip1559::OP_STACK };
        let cases = [
            (bedrock, 5_000_000, GWEI),
            (bedrock, 4_000_000, 996_000_000),
            (bedrock, 10_000_000, 1_020_000_000),
            (Eip1559::OP_STACK, 4_000_000, 999_200_000),
            (Eip1559::OP_STACK, 10_000_000, 1_004_000_000),
        ];
        for (rule, used, expected) in cases {
            assert_eq!(rule.next(&block(GWEI, used, 30_000_000)), U256::from(expected), "{rule:?} {used}");
        }
        let floored = Eip1559 { floor: U256::from(200_000), ..Eip1559::OP_STACK };
        assert_eq!(floored.next(&block(200_100, 0, 30_000_000)), U256::from(200_000));
        assert_eq!(floored.next(&block(150_000, 5_000_000, 30_000_000)), U256::from(200_000));
    }

    #[test]
    fn a_rollup_says_its_parameters_in_its_blocks() {
        let holocene = [0, 0, 0, 0, 250, 0, 0, 0, 4];
        let expected = Eip1559 { elasticity: 4, denominator: 250, floor: U256::ZERO };
        assert_eq!(Eip1559::in_extra_data(&holocene), Some(expected));
        let jovian = [1, 0, 0, 0, 250, 0, 0, 0, 4, 0, 0, 0, 0, 0, 3, 13, 64];
        let expected = Eip1559 { floor: U256::from(200_000), ..expected };
        assert_eq!(Eip1559::in_extra_data(&jovian), Some(expected));
        let others: [&[u8]; 6] = [&[], &[0; 9], &holocene[..8], &jovian[..16], &[2; 17], b"beaverbuild.org"];
        for other in others {
            assert_eq!(Eip1559::in_extra_data(other), None, "{other:?}");
        }
    }

    #[test]
    fn six_full_blocks_about_double_the_base_fee_of_ethereum() {
        let rule = BaseFeeRule::of(ChainId(1));
        let mut expected = U256::from(GWEI);
        for _ in 0..6 {
            expected += expected / U256::from(8);
        }
        assert_eq!(rule.after_full_blocks(U256::from(GWEI), 30_000_000), expected);
        assert_eq!(expected, U256::from(2_027_286_528));
        assert_eq!(rule.after_full_blocks(U256::ZERO, 30_000_000), U256::ZERO);
        assert_eq!(BaseFeeRule::Arbitrum.after_full_blocks(U256::from(5), 7), U256::from(10));
    }

    #[test]
    fn parameters_that_make_no_sense_leave_the_base_fee() {
        let parent = block(GWEI, 5, 30_000_000);
        for rule in
            [Eip1559 { elasticity: 0, ..Eip1559::ETHEREUM }, Eip1559 { denominator: 0, ..Eip1559::ETHEREUM }]
        {
            assert_eq!(rule.next(&parent), U256::from(GWEI));
        }
        assert_eq!(Eip1559::ETHEREUM.next(&block(GWEI, 5, 0)), U256::from(GWEI));
    }

    proptest! {
        #[test]
        fn the_change_is_at_most_what_the_parameters_allow(
            base_fee in 8_u64..u64::MAX, limit in 2_u64..1 << 40, part in 0_u64..=1000,
        ) {
            let used = limit / 1000 * part;
            let (parent, rule) = (block(base_fee, used, limit), Eip1559::ETHEREUM);
            let (before, next) = (parent.base_fee, rule.next(&parent));
            // An odd limit has a target that is rounded down.
            let most = before / U256::from(7) + U256::from(1);
            prop_assert!(next <= before + most && next >= before - before / U256::from(8));
            prop_assert_eq!(next > before, used > limit / 2);
        }

        #[test]
        fn more_gas_never_lowers_the_next_base_fee(
            base_fee in 0_u64..u64::MAX, limit in 6_u64..1 << 40, used in 0_u64..1 << 40,
            elasticity in 1_u64..20, denominator in 1_u64..300,
        ) {
            let rule = Eip1559 { elasticity, denominator, floor: U256::ZERO };
            let used = used % limit;
            let (less, more) = (block(base_fee, used, limit), block(base_fee, used + 1, limit));
            prop_assert!(rule.next(&less) <= rule.next(&more));
        }
    }
}

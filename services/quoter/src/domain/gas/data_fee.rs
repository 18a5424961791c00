//! What a rollup charges for the bytes of a transaction, which it has to keep on L1.

use capstan_primitives::U256;

use super::fastlz::compressed_length;

/// Bytes that a signature adds, none of which can be compressed; as Optimism's `GasPriceOracle` counts them.
const SIGNATURE: u64 = 68;
/// Gas of one byte of calldata that is not zero (EIP-2028).
const GAS_OF_BYTE: u64 = 16;

/// Optimism's estimate of a compressed size, in millionths of a byte (Fjord): at least `SMALLEST`, otherwise
/// `OF_BYTE` for every byte of FastLZ, less `INTERCEPT`.
const SMALLEST: u64 = 100_000_000;
const OF_BYTE: u64 = 836_500;
const INTERCEPT: u64 = 42_585_600;
/// What an estimated size times scaled prices is divided by.
const SCALE: u64 = 1_000_000_000_000;

/// What ArbOS adds where it estimates without the signed transaction: units, and hundredths of a percent.
const PADDING_UNITS: u64 = 256;
const PADDING_BASIS_POINTS: u64 = 100;
const BASIS_POINTS: u64 = 10_000;

/// How a chain charges for the bytes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFee {
    /// Within the gas.
    None,
    /// As Optimism since Fjord.
    OpStack(OpStack),
    /// As Arbitrum.
    Arbitrum(Arbitrum),
}

/// Prices of an OP-stack chain, from its `GasPriceOracle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpStack {
    /// Base fee of L1, wei per gas.
    pub l1_base_fee: U256,
    /// Base fee of blobs on L1, wei per gas.
    pub blob_base_fee: U256,
    /// Weight of the base fee in millionths.
    pub base_fee_scalar: u32,
    /// Weight of the base fee of blobs in millionths.
    pub blob_base_fee_scalar: u32,
}

/// Prices of an Arbitrum chain, from its `ArbGasInfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arbitrum {
    /// The chain's estimate of the base fee of L1, wei for each of 16 units a compressed byte.
    pub l1_base_fee: U256,
}

impl DataFee {
    /// Wei that `transaction` costs beside its gas. It is written as it will be signed, without the signature, for
    /// which is allowed. At amounts that no chain charges the fee stays at the largest number.
    #[must_use]
    pub fn fee(&self, transaction: &[u8]) -> U256 {
        match self {
            Self::None => U256::ZERO,
            Self::OpStack(prices) => prices.fee(compressed_length(transaction).saturating_add(SIGNATURE)),
            Self::Arbitrum(prices) => prices.fee(compressed_length(transaction).saturating_add(SIGNATURE)),
        }
    }
}

impl OpStack {
    /// Wei for a transaction that FastLZ makes `compressed` bytes of, with its signature; rounded down, as by
    /// the chain.
    #[must_use]
    pub fn fee(&self, compressed: u64) -> U256 {
        let size = compressed.saturating_mul(OF_BYTE).saturating_sub(INTERCEPT).max(SMALLEST);
        let weighted = |scalar: u32, price: U256| price.saturating_mul(U256::from(scalar));
        let base = weighted(self.base_fee_scalar, self.l1_base_fee).saturating_mul(U256::from(GAS_OF_BYTE));
        let prices = base.saturating_add(weighted(self.blob_base_fee_scalar, self.blob_base_fee));
        prices.saturating_mul(U256::from(size)) / U256::from(SCALE)
    }
}

impl Arbitrum {
    /// Wei for a transaction of `compressed` bytes with its signature, padded as ArbOS pads its own estimates. The
    /// chain compresses with Brotli, which makes less of most transactions than FastLZ does.
    #[must_use]
    pub fn fee(&self, compressed: u64) -> U256 {
        let units = compressed.saturating_mul(GAS_OF_BYTE).saturating_add(PADDING_UNITS);
        let padded = U256::from(units) * U256::from(BASIS_POINTS + PADDING_BASIS_POINTS);
        self.l1_base_fee.saturating_mul(padded / U256::from(BASIS_POINTS))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRICES: OpStack = OpStack {
        l1_base_fee: U256::from_limbs([1_000_000_000, 0, 0, 0]),
        blob_base_fee: U256::from_limbs([10_000_000, 0, 0, 0]),
        base_fee_scalar: 2,
        blob_base_fee_scalar: 3,
    };

    #[test]
    fn a_small_transaction_costs_what_the_smallest_size_does() {
        // 2 * 10^9 * 16 + 3 * 10^7 = 32_030_000_000 for a millionth of a byte, and 100 bytes of that.
        assert_eq!(PRICES.fee(31), U256::from(3_203_000));
        // The size is over the smallest from 171 bytes on: (100_000_000 + 42_585_600) / 836_500 = 170.45...
        assert_eq!(PRICES.fee(170), U256::from(3_203_000));
        assert_eq!(PRICES.fee(171), U256::from(3_217_602));
        // 235 bytes: 235 * 836_500 - 42_585_600 = 153_991_900, of 32_030_000_000 / 10^12.
        assert_eq!(PRICES.fee(235), U256::from(4_932_360));
    }

    #[test]
    fn the_signature_is_added_to_what_can_be_compressed() {
        let zeros = [0; 1000]; // 21 bytes by FastLZ
        assert_eq!(DataFee::OpStack(PRICES).fee(&zeros), PRICES.fee(89));
        let arbitrum = Arbitrum { l1_base_fee: U256::from(1_000_000) };
        // (89 * 16 + 256) * 1.01 = 1696.8
        assert_eq!(DataFee::Arbitrum(arbitrum).fee(&zeros), U256::from(1_696_000_000));
        assert_eq!(DataFee::None.fee(&zeros), U256::ZERO);
    }

    #[test]
    fn absurd_prices_do_not_overflow() {
        let absurd = OpStack { l1_base_fee: U256::MAX, base_fee_scalar: u32::MAX, ..PRICES };
        assert!(absurd.fee(u64::MAX) > U256::from(u128::MAX));
        assert_eq!(Arbitrum { l1_base_fee: U256::MAX }.fee(u64::MAX), U256::MAX);
    }

    proptest! {
        #[test]
        fn more_bytes_never_cost_less(less in 0_u64..1 << 32, more in 0_u64..1 << 32) {
            let (less, more) = (less.min(more), less.max(more));
            prop_assert!(PRICES.fee(less) <= PRICES.fee(more));
            let arbitrum = Arbitrum { l1_base_fee: U256::from(7) };
            prop_assert!(arbitrum.fee(less) <= arbitrum.fee(more));
        }
    }
}

//! What a transaction costs: the base fee to come, tips that get it in, and data on L1.

mod base_fee;
mod data_fee;
mod fastlz;
mod fees;
mod rollup;
mod tips;

pub use base_fee::{BaseFeeRule, BlockGas, Eip1559};
pub use data_fee::{Arbitrum, DataFee, OpStack};
pub use fastlz::compressed_length;
pub use fees::{FeeRules, GasFees, Learnt, Seen, Tier, Tiers};
pub use rollup::RollupKind;
pub use tips::{PERCENTILES, PastBlock};

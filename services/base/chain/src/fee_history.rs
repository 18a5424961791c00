//! Base fees and tips of past blocks.

use std::sync::Arc;

use alloy::primitives::U256;
use capstan_primitives::Amount;
use serde::Deserialize;
use serde_json::json;

use crate::{
    ChainError, Evm, answers,
    calls::{inconsistent, quantity},
    refusals,
    rpc::{Call, Rpc},
    wire::Quantity,
};

const METHOD: &str = "eth_feeHistory";

/// What some blocks in a row charged and paid, in the order of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct FeeHistory {
    /// Number of the first block.
    pub oldest_block: u64,
    /// Base fee of every block and, as the last one, that of the block after them, in wei per gas; zero before
    /// London.
    pub base_fees: Vec<Amount>,
    /// Part of the gas limit that every block used, 0 to 1.
    pub gas_used_ratio: Vec<f64>,
    /// For every block the tips at the percentiles asked for, in wei per gas; zero for a block without
    /// transactions.
    pub rewards: Vec<Vec<Amount>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireFeeHistory {
    oldest_block: Quantity,
    #[serde(default)]
    base_fee_per_gas: Option<Vec<Option<U256>>>,
    gas_used_ratio: Vec<f64>,
    #[serde(default)]
    reward: Option<Vec<Vec<U256>>>,
}

impl Evm {
    /// The fees of the blocks up to `newest`, of at most `blocks` or as many as there are or the node tells of,
    /// with the tips at `percentiles` (0 to 100, rising) of the gas of each block.
    ///
    /// # Errors
    /// [`ChainError::BehindRequest`] when the node has not seen `newest`, and when it does not answer or the
    /// parts of its answer do not fit.
    pub async fn fee_history(
        &self,
        newest: u64,
        blocks: u64,
        percentiles: &[f64],
    ) -> Result<FeeHistory, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let params = json!([quantity(blocks), quantity(newest), percentiles]);
            let behind = ChainError::BehindRequest { number: newest };
            let answer = rpc.call(Call { method: METHOD, params }).await;
            let answer =
                answer.map_err(|error| if refusals::is_block_not_seen(&error) { behind } else { error })?;
            answers::read::<WireFeeHistory>(&answer)?.up_to(newest, blocks, percentiles.len())
        };
        self.pool.ask(METHOD, question).await
    }
}

impl WireFeeHistory {
    fn up_to(self, newest: u64, blocks: u64, percentiles: usize) -> Result<FeeHistory, ChainError> {
        let Self { oldest_block, base_fee_per_gas, gas_used_ratio, reward } = self;
        let (oldest_block, count) = (oldest_block.0, gas_used_ratio.len());
        // Some nodes answer with fewer blocks, or none, while they do not know the fees of the newest.
        if count == 0 || oldest_block.saturating_add(count as u64) <= newest {
            return Err(ChainError::BehindRequest { number: newest });
        }
        let base_fees = base_fee_per_gas.unwrap_or_else(|| vec![None; count + 1]);
        let rewards = reward.filter(|rewards| !rewards.is_empty()).unwrap_or_else(|| vec![Vec::new(); count]);
        let fits = count as u64 <= blocks
            && oldest_block.checked_add(count as u64) == newest.checked_add(1)
            && base_fees.len() == count + 1
            && rewards.len() == count
            && rewards.iter().all(|rewards| rewards.len() == percentiles)
            && gas_used_ratio.iter().all(|ratio| (0.0..=1.0).contains(ratio));
        if !fits {
            return Err(inconsistent(format!(
                "the fees of {blocks} blocks up to {newest} do not fit together"
            )));
        }
        let amounts = |fees: Vec<U256>| fees.into_iter().map(Amount).collect();
        Ok(FeeHistory {
            oldest_block,
            base_fees: base_fees.into_iter().map(|fee| Amount(fee.unwrap_or_default())).collect(),
            gas_used_ratio,
            rewards: rewards.into_iter().map(amounts).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn answer() -> Value {
        json!({ "oldestBlock": "0x9", "baseFeePerGas": ["0x7", null, "0x9"], "gasUsedRatio": [0, 0.5],
            "reward": [["0x1", "0x2"], ["0x3", "0x4"]] })
    }

    fn read(answer: Value) -> Result<FeeHistory, ChainError> {
        serde_json::from_value::<WireFeeHistory>(answer).unwrap().up_to(10, 2, 2)
    }

    #[test]
    fn a_history_has_one_base_fee_more_than_blocks() {
        let found = read(answer()).unwrap();
        assert_eq!(found.base_fees, [7, 0, 9].map(Amount::from));
        assert_eq!(found.rewards, [[1, 2], [3, 4]].map(|tips| tips.map(Amount::from)));
        assert_eq!((found.oldest_block, found.gas_used_ratio), (9, vec![0.0, 0.5]));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let wrong = [
            ("oldestBlock", json!("0xa")),
            ("baseFeePerGas", json!(["0x7", "0x8"])),
            ("gasUsedRatio", json!([0.1, 0.2, 0.3])),
            ("gasUsedRatio", json!([0.1, 1.5])),
            ("reward", json!([["0x1", "0x2"]])),
            ("reward", json!([["0x1", "0x2"], ["0x3"]])),
        ];
        for (field, value) in wrong {
            let mut answer = answer();
            answer[field] = value;
            let error = read(answer).unwrap_err();
            assert!(matches!(error, ChainError::Inconsistent { .. }), "{field}: {error}");
        }
    }

    #[test]
    fn a_history_without_the_newest_block_is_that_of_a_node_behind() {
        let mut early = answer();
        early["oldestBlock"] = "0x8".into();
        assert!(matches!(read(early), Err(ChainError::BehindRequest { number: 10 })));
        let none =
            json!({ "oldestBlock": "0x6", "baseFeePerGas": ["0x7"], "gasUsedRatio": [], "reward": [] });
        assert!(matches!(read(none), Err(ChainError::BehindRequest { number: 10 })));
    }
}

//! What nodes say of gas, and what the contracts of rollups say of data on L1.

#[cfg(test)]
pub(crate) mod tests;

use alloy::{sol, sol_types::SolCall};
use capstan_chain::{ChainError, ContractCall, Evm, FeeHistory, GasHeader, HeadSignal};
use capstan_primitives::{Address, BlockRef, Hash, U256};
use futures::{Stream, future::try_join3};

use crate::domain::gas::{
    Arbitrum, BlockGas, DataFee, FeeRules, GasFees, OpStack, PERCENTILES, PastBlock, RollupKind, Seen,
};

/// Blocks that tips are looked up in.
const PAST_BLOCKS: u64 = 20;
const MILLIONTHS: f64 = 1_000_000.0;

/// `GasPriceOracle` of the OP stack.
const GAS_PRICE_ORACLE: [u8; 20] = [0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0f];
/// `ArbGasInfo` of Arbitrum.
const ARB_GAS_INFO: [u8; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x6c];

sol! {
    function l1BaseFee() returns (uint256);
    function blobBaseFee() returns (uint256);
    function baseFeeScalar() returns (uint32);
    function blobBaseFeeScalar() returns (uint32);
    function getL1BaseFeeEstimate() returns (uint256);
}

/// Why the fees of a chain are not known.
#[derive(Debug, thiserror::Error)]
pub enum GasError {
    /// The node does not answer, or not as it should.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The contract that knows the price of data is not there or answers otherwise: the chain is of another kind
    /// than configured.
    #[error("{contract} does not say what data costs: {reason}; is the chain a rollup of this kind?")]
    Contract {
        /// Name of the contract.
        contract: &'static str,
        /// What it answered.
        reason: String,
    },
}

/// Gas of one chain, by its node.
#[derive(Debug, Clone)]
pub struct GasSource {
    evm: Evm,
    rules: FeeRules,
}

impl GasSource {
    /// The chain behind `evm`, which charges by `rules`.
    #[must_use]
    pub const fn new(evm: Evm, rules: FeeRules) -> Self {
        Self { evm, rules }
    }

    /// The chain.
    pub(crate) const fn evm(&self) -> &Evm {
        &self.evm
    }

    /// The newest block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn head(&self) -> Result<BlockRef, GasError> {
        Ok(self.evm.head().await?.block)
    }

    /// Wake-ups to look for a new block.
    pub fn heads(&self) -> impl Stream<Item = HeadSignal> + Send + use<> {
        self.evm.heads()
    }

    /// The fees after a block. Its header and the contracts are asked by its hash; past blocks by their heights,
    /// so that they may be those of another branch while a reorg is under way.
    ///
    /// # Errors
    /// When the node does not answer, knows no such block, or the chain is no rollup of the kind that it should be.
    pub async fn fees(&self, block: BlockRef) -> Result<GasFees, GasError> {
        let percentiles = PERCENTILES.map(f64::from);
        let header = async { Ok(self.evm.gas_header(block.hash).await?) };
        let history = async { Ok(self.evm.fee_history(block.number, PAST_BLOCKS, &percentiles).await?) };
        let (header, history, data_fee) = try_join3(header, history, self.data_fee(block.hash)).await?;
        Ok(self.rules.fees(&seen(header, &history, data_fee)))
    }

    async fn data_fee(&self, at: Hash) -> Result<DataFee, GasError> {
        match self.rules.rollup {
            RollupKind::None => Ok(DataFee::None),
            RollupKind::OpStack => self.op_stack(at).await.map(DataFee::OpStack),
            RollupKind::Arbitrum => self.arbitrum(at).await.map(DataFee::Arbitrum),
        }
    }

    async fn op_stack(&self, at: Hash) -> Result<OpStack, GasError> {
        let questions = [
            l1BaseFeeCall::SELECTOR,
            blobBaseFeeCall::SELECTOR,
            baseFeeScalarCall::SELECTOR,
            blobBaseFeeScalarCall::SELECTOR,
        ];
        let oracle = Contract { name: "GasPriceOracle", address: GAS_PRICE_ORACLE };
        let questions = questions.iter().map(|selector| selector.to_vec()).collect();
        let answers = oracle.ask(&self.evm, at, questions).await?;
        let [l1_base_fee, blob_base_fee, base_fee_scalar, blob_base_fee_scalar] = answers.as_slice() else {
            return Err(oracle.wrong(format!("{} answers", answers.len())));
        };
        let word = |answer| oracle.word(answer);
        let scalar =
            |answer| u32::try_from(word(answer)?).map_err(|_| oracle.wrong("a scalar over 32 bits".into()));
        Ok(OpStack {
            l1_base_fee: word(l1_base_fee)?,
            blob_base_fee: word(blob_base_fee)?,
            base_fee_scalar: scalar(base_fee_scalar)?,
            blob_base_fee_scalar: scalar(blob_base_fee_scalar)?,
        })
    }

    async fn arbitrum(&self, at: Hash) -> Result<Arbitrum, GasError> {
        let contract = Contract { name: "ArbGasInfo", address: ARB_GAS_INFO };
        let questions = vec![getL1BaseFeeEstimateCall::SELECTOR.to_vec()];
        let answers = contract.ask(&self.evm, at, questions).await?;
        let answer = answers.first().map(Vec::as_slice).unwrap_or_default();
        Ok(Arbitrum { l1_base_fee: contract.word(answer)? })
    }
}

/// A contract that a rollup has from the beginning.
struct Contract {
    name: &'static str,
    address: [u8; 20],
}

impl Contract {
    async fn ask(&self, evm: &Evm, at: Hash, questions: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, GasError> {
        let to = Address::from(self.address);
        let calls: Vec<_> = questions.into_iter().map(|data| ContractCall { to, data }).collect();
        let answers = evm.call_many(at, &calls, None).await?.into_iter();
        answers.map(|answer| answer.map_err(|reverted| self.wrong(reverted.to_string()))).collect()
    }

    /// The first word of an answer; where there is no contract, nothing is answered.
    fn word(&self, answer: &[u8]) -> Result<U256, GasError> {
        let word = answer.first_chunk::<32>();
        word.map(|word| U256::from_be_bytes(*word))
            .ok_or_else(|| self.wrong(format!("{} bytes", answer.len())))
    }

    const fn wrong(&self, reason: String) -> GasError {
        GasError::Contract { contract: self.name, reason }
    }
}

fn seen(header: GasHeader, history: &FeeHistory, data_fee: DataFee) -> Seen {
    let GasHeader { details, blob_gas_used, extra_data } = header;
    let base_fee = details.base_fee_per_gas.unwrap_or_default().0;
    let gas = BlockGas { base_fee, gas_used: details.gas_used, gas_limit: details.gas_limit };
    let blocks = history.gas_used_ratio.iter().zip(&history.rewards);
    let past = blocks.filter_map(|(ratio, tips)| {
        let [slow, standard, fast] = tips.as_slice() else { return None };
        Some(PastBlock { used_millionths: (ratio * MILLIONTHS) as u32, tips: [slow.0, standard.0, fast.0] })
    });
    let told_next = history.base_fees.last().map_or(base_fee, |next| next.0);
    let block = details.header.block;
    Seen { block, gas, blob_gas_used, extra_data, told_next, past: past.collect(), data_fee }
}

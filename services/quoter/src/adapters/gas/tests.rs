//! Gas of a real chain of anvil. The contracts of rollups are simulated: anvil is none, so that a contract that
//! answers from its storage stands at their addresses.

use std::{path::Path, time::Duration};

use capstan_chain::{EvmOptions, EvmUrl};
use capstan_devnet::{Anvil, Rpc};
use capstan_primitives::{BlockTime, ChainId};
use serde_json::{Value, json};

use super::*;

const CHAIN: ChainId = ChainId(31_337);
/// Gas limit of anvil's blocks.
const LIMIT: u64 = 30_000_000;
/// First account of anvil, whose key anvil holds.
const SENDER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

/// Answers with the three words in its storage from the number of the selector on.
const FROM_STORAGE: &str = "0x5f3560e01c80545f5280600101546020526002015460405260605ff3";

/// A chain that mines when it is told to.
pub(crate) struct Chain {
    anvil: Anvil,
    rpc: Rpc,
}

impl Chain {
    pub(crate) async fn start() -> Self {
        let dev = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev");
        let anvil = Anvil::start(&dev, 0, &["--no-mining", "--gas-limit", "30000000"]).await.unwrap();
        let rpc = Rpc::new(format!("http://{}", anvil.address())).unwrap();
        Self { anvil, rpc }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.anvil.address())
    }

    pub(crate) async fn mine(&self) {
        let _: Value = self.rpc.call("anvil_mine", json!(["0x1"])).await.unwrap();
    }

    /// Mines a block of transactions that use just so much gas: they fail, and that takes all they have.
    async fn mine_with(&self, gas: &[u64], tip: u64) {
        for gas in gas {
            let (gas, tip) = (format!("0x{gas:x}"), format!("0x{tip:x}"));
            let transaction = json!({ "from": SENDER, "data": "0xfe", "gas": gas, "maxPriorityFeePerGas": tip,
                "maxFeePerGas": "0x174876e800" });
            let _: Value = self.rpc.call("eth_sendTransaction", json!([transaction])).await.unwrap();
        }
        self.mine().await;
    }

    /// Has the contract at an address answer a selector with words.
    async fn answer(&self, contract: [u8; 20], selector: [u8; 4], words: &[u64]) {
        let contract = Address::from(contract);
        let _: Value = self.rpc.call("anvil_setCode", json!([contract, FROM_STORAGE])).await.unwrap();
        for (slot, word) in (u64::from(u32::from_be_bytes(selector))..).zip(words) {
            let parameters = json!([contract, format!("0x{slot:064x}"), format!("0x{word:064x}")]);
            let _: Value = self.rpc.call("anvil_setStorageAt", parameters).await.unwrap();
        }
    }

    pub(crate) async fn source(&self, rollup: Option<RollupKind>) -> GasSource {
        source_at(&self.url(), rollup).await
    }
}

pub(crate) async fn source_at(url: &str, rollup: Option<RollupKind>) -> GasSource {
    capstan_chain::install_crypto_provider();
    let options = EvmOptions {
        urls: vec![EvmUrl::from(url)],
        chain_id: CHAIN,
        request_timeout: Duration::from_secs(20),
        hedge_after: Duration::from_secs(3600),
        poll_interval: Duration::from_millis(5),
        max_response_bytes: 16 << 20,
        may_be_away: false,
    };
    GasSource::new(Evm::connect(options).await.unwrap(), FeeRules::of(CHAIN, rollup))
}

/// The fees after the newest block, once anvil knows them: it takes note of them after it has mined.
async fn fees(source: &GasSource) -> GasFees {
    let head = source.head().await.unwrap();
    let known = async {
        loop {
            match source.fees(head).await {
                Err(GasError::Chain(ChainError::BehindRequest { .. })) => tokio::task::yield_now().await,
                fees => return fees.unwrap(),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), known).await.unwrap()
}

#[tokio::test]
async fn the_next_base_fee_is_the_one_that_anvil_takes() {
    let chain = Chain::start().await;
    let source = chain.source(None).await;
    let (half, third) = (LIMIT / 2, LIMIT / 3);
    let blocks: [&[u64]; 12] = [
        &[third, third, third],
        &[half],
        &[],
        &[half, 60_000],
        &[half - 1],
        &[60_000],
        &[third, third],
        &[third, third, third],
        &[],
        &[7_654_321, 9_999_999],
        &[12_345_678],
        &[half, half],
    ];
    chain.mine().await;
    let mut next = fees(&source).await.next_base_fee;
    for gas in blocks {
        chain.mine_with(gas, 1).await;
        let found = fees(&source).await;
        assert_eq!(found.base_fee, next, "before {gas:?}");
        let header = source.evm().gas_header(found.block.hash).await.unwrap().details;
        assert_eq!(header.gas_used, gas.iter().sum::<u64>());
        next = found.next_base_fee;
    }
    chain.mine().await;
    assert_eq!(fees(&source).await.base_fee, next);
}

#[tokio::test]
async fn the_tiers_are_taken_from_what_was_paid() {
    let chain = Chain::start().await;
    let source = chain.source(None).await;
    for tip in [20, 30, 40] {
        chain.mine_with(&[1_000_000, 1_000_000], tip).await;
        chain.mine().await;
    }
    let found = fees(&source).await;
    assert_eq!((found.block.number, found.sampled_blocks), (6, 3));
    assert_eq!(found.data_fee, DataFee::None);
    assert_eq!(found.tiers.fast.max_priority_fee, U256::from(30));
    assert_eq!(found.tiers.standard.expected, found.next_base_fee + U256::from(30));
    assert!(found.tiers.standard.max_fee > found.next_base_fee * U256::from(2));
}

#[tokio::test]
async fn an_op_stack_chain_says_what_data_costs() {
    let chain = Chain::start().await;
    let prices = [
        (l1BaseFeeCall::SELECTOR, 1_000_000_000),
        (blobBaseFeeCall::SELECTOR, 10_000_000),
        (baseFeeScalarCall::SELECTOR, 2),
        (blobBaseFeeScalarCall::SELECTOR, 3),
    ];
    for (selector, price) in prices {
        chain.answer(GAS_PRICE_ORACLE, selector, &[price]).await;
    }
    chain.mine().await;
    let source = chain.source(Some(RollupKind::OpStack)).await;
    let expected = OpStack {
        l1_base_fee: U256::from(1_000_000_000),
        blob_base_fee: U256::from(10_000_000),
        base_fee_scalar: 2,
        blob_base_fee_scalar: 3,
    };
    let found = fees(&source).await;
    assert_eq!(found.data_fee, DataFee::OpStack(expected));
    assert_eq!(found.data_fee.fee(&[1; 50]), U256::from(3_203_000));

    chain.answer(GAS_PRICE_ORACLE, baseFeeScalarCall::SELECTOR, &[1 << 32]).await;
    chain.mine().await;
    let error = source.data_fee(source.head().await.unwrap().hash).await.unwrap_err();
    assert!(matches!(error, GasError::Contract { contract: "GasPriceOracle", .. }), "{error}");
}

#[tokio::test]
async fn an_arbitrum_chain_says_what_data_costs() {
    let chain = Chain::start().await;
    chain.answer(ARB_GAS_INFO, getL1BaseFeeEstimateCall::SELECTOR, &[5_000_000]).await;
    chain.mine().await;
    let source = chain.source(Some(RollupKind::Arbitrum)).await;
    let found = fees(&source).await;
    assert_eq!(found.data_fee, DataFee::Arbitrum(Arbitrum { l1_base_fee: U256::from(5_000_000) }));
    assert_eq!(found.tiers.fast.max_priority_fee, U256::ZERO);
}

#[tokio::test]
async fn a_chain_without_the_contracts_of_its_kind_has_no_fees() {
    let chain = Chain::start().await;
    for kind in [RollupKind::OpStack, RollupKind::Arbitrum] {
        let source = chain.source(Some(kind)).await;
        let error = source.data_fee(source.head().await.unwrap().hash).await.unwrap_err();
        assert!(matches!(error, GasError::Contract { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_block_that_nobody_knows_has_no_fees() {
    let chain = Chain::start().await;
    let source = chain.source(None).await;
    fees(&source).await;
    let unknown = BlockRef { number: 0, hash: Hash::from([7; 32]), time: BlockTime(0) };
    let error = source.fees(unknown).await.unwrap_err();
    assert!(matches!(error, GasError::Chain(ChainError::UnknownBlock { .. })), "{error}");
}

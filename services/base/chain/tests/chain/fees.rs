//! What blocks of a real chain charged and paid.

use std::time::Duration;

use capstan_chain::{ChainError, Evm, FeeHistory};
use capstan_primitives::{Address, Amount};
use serde_json::json;

use crate::{anvil::Anvil, options};

async fn chain() -> (Anvil, Evm) {
    let anvil = Anvil::start();
    anvil.mine(1).await;
    for tip in [3, 1, 2] {
        let tip = format!("0x{tip:x}");
        let receiver = Address::from([0x11; 20]);
        let fees = json!({ "to": receiver, "maxPriorityFeePerGas": tip, "maxFeePerGas": "0x77359400" });
        anvil.send(fees).await;
        anvil.mine(1).await;
    }
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    (anvil, evm)
}

/// The history up to block 4, once anvil knows it: it takes note of fees after it has mined.
async fn history(evm: &Evm, blocks: u64, percentiles: &[f64]) -> FeeHistory {
    let known = async {
        loop {
            match evm.fee_history(4, blocks, percentiles).await {
                Err(ChainError::BehindRequest { .. }) => tokio::task::yield_now().await,
                history => return history.unwrap(),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), known).await.unwrap()
}

#[tokio::test]
async fn the_history_of_fees_ends_with_the_base_fee_to_come() {
    let (anvil, evm) = chain().await;
    let history = history(&evm, 3, &[10.0, 90.0]).await;
    assert_eq!((history.oldest_block, history.gas_used_ratio.len()), (2, 3));
    let tips = [3, 1, 2].map(|tip| vec![Amount::from(tip); 2]);
    assert_eq!(history.rewards, tips);
    anvil.mine(1).await;
    for (number, base_fee) in (2..).zip(&history.base_fees) {
        let block = evm.header(number).await.unwrap().unwrap().block;
        let header = evm.gas_header(block.hash).await.unwrap();
        assert_eq!(header.details.base_fee_per_gas, Some(*base_fee), "{number}");
        assert_eq!((header.details.header.block, header.blob_gas_used), (block, 0));
        assert_eq!(header.details.gas_used, if number == 5 { 0 } else { 21_000 });
    }
    assert_eq!(history.base_fees.len(), 4);
}

#[tokio::test]
async fn a_young_chain_has_a_short_history() {
    let (_anvil, evm) = chain().await;
    let history = history(&evm, 100, &[]).await;
    assert_eq!((history.oldest_block, history.base_fees.len()), (0, 6));
    assert!(history.rewards.iter().all(Vec::is_empty));
}

#[tokio::test]
async fn a_block_that_the_node_has_not_seen_has_no_history() {
    let (_anvil, evm) = chain().await;
    let error = evm.fee_history(9, 3, &[50.0]).await.unwrap_err();
    assert!(matches!(error, ChainError::BehindRequest { number: 9 }), "{error}");
}

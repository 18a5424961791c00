//! What headers say of who made a block and of its gas.

use capstan_chain::{BlockDetails, ChainError, Evm, Header, History, Role, Verification};
use capstan_faults::{Fault, Script};
use capstan_primitives::{Address, Amount, ChainId, Hash};
use serde_json::{Value, json};

use crate::{
    agreement::{Set, UNPROVED},
    anvil::Anvil,
    faults::chain_of_logs,
    options,
    pool::Pair,
};

const UNCHECKED: History = History::Checked(Verification::Off);

/// The block at a height as the node tells it.
async fn expected(anvil: &Anvil, evm: &Evm, number: u64) -> BlockDetails {
    let header = evm.header(number).await.unwrap().unwrap();
    let told = anvil.ask("eth_getBlockByNumber", json!([format!("0x{number:x}"), false])).await;
    let quantity = |name: &str| hex(&told[name]);
    BlockDetails {
        header,
        miner: told["miner"].as_str().unwrap().parse().unwrap(),
        gas_limit: quantity("gasLimit"),
        gas_used: quantity("gasUsed"),
        base_fee_per_gas: Some(Amount::from(quantity("baseFeePerGas"))),
    }
}

fn hex(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

async fn ends(evm: &Evm, from: u64, to: u64) -> (Header, Header) {
    (evm.header(from).await.unwrap().unwrap(), evm.header(to).await.unwrap().unwrap())
}

#[tokio::test]
async fn a_block_says_who_made_it_and_what_its_gas_was() {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    let maker = Address::from([0x42; 20]);
    anvil.ask("anvil_setCoinbase", json!([maker])).await;
    anvil.log(1).await;
    anvil.mine(1).await;
    let hash = evm.head().await.unwrap().block.hash;
    let details = evm.block_details(hash).await.unwrap();
    assert_eq!(details, expected(&anvil, &evm, 1).await);
    assert_eq!(details.miner, maker);
    assert!(details.gas_used > 21_000 && details.base_fee_per_gas.is_some());
    let error = evm.block_details(Hash::ZERO).await.unwrap_err();
    assert!(matches!(error, ChainError::UnknownBlock { .. }), "{error}");
}

#[tokio::test]
async fn a_hundred_headers_of_a_range_cost_one_request() {
    let anvil = Anvil::start();
    anvil.mine(250).await;
    let proxy = capstan_faults::FaultProxy::start(&anvil.http()).await.unwrap();
    let evm = Evm::connect(options(&[&proxy.http_url()])).await.unwrap();
    let ends = ends(&evm, 1, 250).await;
    let all: Vec<u64> = (1..=250).collect();
    for (numbers, requests) in [(all.clone(), 3), (all.into_iter().step_by(50).collect(), 1)] {
        let before = proxy.requests();
        let range = evm.details_between(ends, &numbers, UNCHECKED).await.unwrap();
        assert_eq!(proxy.requests() - before, requests);
        let found: Vec<u64> = range.blocks.iter().map(|details| details.header.block.number).collect();
        assert_eq!(found, numbers);
        assert_eq!(range.blocks[1], expected(&anvil, &evm, numbers[1]).await);
        assert!(range.bytes > 500 * numbers.len());
    }
    let error = evm.details_between(ends, &[250, 251], UNCHECKED).await.unwrap_err();
    assert!(matches!(error, ChainError::BehindRequest { number: 251 }), "{error}");
}

#[tokio::test]
async fn blocks_of_another_chain_do_not_join() {
    let (anvil, other) = (chain_of_logs().await, Anvil::start());
    other.mine(10).await;
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    let elsewhere = Evm::connect(options(&[&other.http()])).await.unwrap();
    // From block 2 on they differ, whenever they began.
    let (own, foreign) = (ends(&evm, 3, 9).await, ends(&elsewhere, 3, 9).await);
    for (ends, numbers) in [((foreign.0, own.1), [3, 4]), ((own.0, foreign.1), [8, 9])] {
        let error = evm.details_between(ends, &numbers, UNCHECKED).await.unwrap_err();
        assert!(matches!(error, ChainError::Inconsistent { .. }), "{error}");
    }
    assert_eq!(evm.details_between(own, &[3, 5, 9], UNCHECKED).await.unwrap().blocks.len(), 3);
}

#[tokio::test]
async fn a_header_that_is_not_that_of_its_hash_is_not_believed() {
    for lie in [Fault::AlterHeader, Fault::WrongHash] {
        let pair = Pair::primary_and(Role::Fallback).await;
        let ends = ends(&pair.evm, 2, 9).await;
        let numbers = [2, 3, 7, 9];
        let right = pair.evm.details_between(ends, &numbers, UNCHECKED).await.unwrap();
        pair.first.follow(Script::always(lie));
        assert_eq!(pair.evm.details_between(ends, &numbers, UNCHECKED).await.unwrap(), right, "{lie:?}");
        let block = pair.evm.block_details(ends.1.block.hash).await.unwrap();
        assert_eq!(Some(&block), right.blocks.last(), "{lie:?}");
        pair.second.follow(Script::always(lie));
        assert!(pair.evm.details_between(ends, &numbers, UNCHECKED).await.is_err(), "{lie:?}");
        assert!(pair.evm.block_details(ends.1.block.hash).await.is_err(), "{lie:?}");
    }
}

#[tokio::test]
async fn those_in_between_are_asked_for_where_they_prove_the_others() {
    let set = Set::of(ChainId(31_337), 2).await;
    let (ends, few) = (ends(&set.evm, 1, 12).await, [4, 8]);
    let right = set.evm.details_between(ends, &few, UNCHECKED).await.unwrap().blocks;
    let all: Vec<u64> = (1..=12).collect();
    let many = set.evm.details_between(ends, &all, UNCHECKED).await.unwrap().blocks;
    let proved = History::Checked(Verification::Bloom);
    for (history, numbers, headers) in [
        (UNCHECKED, &few[..], 2),
        (proved, &few, 12),
        (History::Agreed, &few, 4),
        (History::Agreed, &all, 12),
    ] {
        let asked = || set.calls("eth_getBlockByNumber").iter().sum::<u64>();
        let before = asked();
        let found = set.evm.details_between(ends, numbers, history).await.unwrap().blocks;
        assert_eq!(found, if numbers.len() == few.len() { right.clone() } else { many.clone() });
        assert_eq!(asked() - before, headers, "{history:?} {numbers:?}");
    }
}

#[tokio::test]
async fn two_endpoints_tell_headers_alike_or_these_prove_themselves_or_a_third_decides() {
    for lie in [Fault::AlterHeader, Fault::WrongHash, Fault::Unavailable] {
        let set = Set::of(ChainId(31_337), 2).await;
        let ends = ends(&set.evm, 1, 12).await;
        let right = set.evm.details_between(ends, &[4, 8], History::Agreed).await.unwrap().blocks;
        set.proxies[0].follow(Script::always(lie));
        let found = set.evm.details_between(ends, &[4, 8], History::Agreed).await.unwrap().blocks;
        assert_eq!(found, right, "{lie:?}");
    }
    for count in [2, 3] {
        let set = Set::of(UNPROVED, count).await;
        let ends = ends(&set.evm, 1, 12).await;
        let right = set.evm.details_between(ends, &[4, 8], History::Agreed).await.unwrap().blocks;
        set.proxies[0].follow(Script::always(Fault::WrongHash));
        let found = set.evm.details_between(ends, &[4, 8], History::Agreed).await;
        match count {
            2 => assert!(matches!(found, Err(ChainError::Disagreement { block: 4, .. })), "{found:?}"),
            _ => assert_eq!(found.unwrap().blocks, right),
        }
    }
}

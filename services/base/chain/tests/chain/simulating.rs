//! Transactions that are tried out on a real chain.

use capstan_chain::{ChainError, Evm, SimulatedCall};
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_primitives::{Address, Hash, U256};
use serde_json::json;

use crate::{anvil::Anvil, options};

/// Adds what it is called with to a number of the caller, and returns that; reverts when it is called with zero.
const COUNTER: &str = "0x5f3580156013573354018033555f5260205ff35b5f5ffd";

fn address(last: u8) -> Address {
    let mut bytes = [0; 20];
    bytes[19] = last;
    Address::from(bytes)
}

fn add(from: u8, number: u8) -> SimulatedCall {
    let data = [&[0; 31][..], &[number]].concat();
    SimulatedCall { from: address(from), to: address(0xc0), data, value: U256::ZERO }
}

async fn chain() -> (Anvil, Evm, Hash) {
    let anvil = Anvil::start();
    // A contract is no sender of its own, and may be one here.
    for contract in [0xc0, 0xa1] {
        anvil.ask("anvil_setCode", json!([address(contract), COUNTER])).await;
    }
    anvil.mine(2).await;
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    let head = evm.head().await.unwrap().block.hash;
    (anvil, evm, head)
}

#[tokio::test]
async fn a_call_sees_what_the_one_before_left_and_nothing_is_kept() {
    let (_anvil, evm, head) = chain().await;
    let calls = [add(0xa1, 5), add(0xa2, 7), add(0xa1, 0), add(0xa1, 6)];
    for _ in 0..2 {
        let found = evm.simulate(head, &calls).await.unwrap().unwrap();
        let last: Vec<_> = found.iter().map(|one| one.returned.as_ref().ok()?.last()).collect();
        assert_eq!(last, [Some(&5), Some(&7), None, Some(&11)]);
        assert!(found.iter().all(|one| one.gas_used.is_some_and(|gas| gas > 21_000)), "{found:?}");
    }
    assert_eq!(evm.endpoints()[0].errors, 0);
}

#[tokio::test]
async fn a_node_that_cannot_simulate_says_so_and_one_that_fails_does_not() {
    let (anvil, _, head) = chain().await;
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let evm = Evm::connect(options(&[&proxy.http_url()])).await.unwrap();
    proxy.follow(Script::always(Fault::Refuse("eth_simulateV1", -32_601, "Method not found")));
    assert_eq!(evm.simulate(head, &[add(1, 1)]).await.unwrap(), None);
    proxy.follow(Script::always(Fault::Refuse("eth_simulateV1", -32_603, "internal error")));
    assert!(evm.simulate(head, &[add(1, 1)]).await.is_err());
}

#[tokio::test]
async fn a_block_that_nobody_knows_is_an_error() {
    let (_anvil, evm, _) = chain().await;
    let unknown = Hash::from([7; 32]);
    let error = evm.simulate(unknown, &[add(1, 1)]).await.unwrap_err();
    assert!(matches!(error, ChainError::UnknownBlock { hash } if hash == unknown), "{error}");
}

#[tokio::test]
async fn a_call_is_tried_out_also_where_nothing_can_be_simulated() {
    let (anvil, evm, head) = chain().await;
    let tried = evm.try_out(head, &add(0xa1, 5)).await.unwrap();
    assert!(tried.gas_used.is_some() && tried.returned.unwrap().ends_with(&[5]));
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let evm = Evm::connect(options(&[&proxy.http_url()])).await.unwrap();
    proxy.follow(Script::always(Fault::Refuse("eth_simulateV1", -32_601, "Method not found")));
    let tried = evm.try_out(head, &add(0xa1, 5)).await.unwrap();
    assert!(tried.gas_used.is_none() && tried.returned.unwrap().ends_with(&[5]));
    assert!(evm.try_out(head, &add(0xa1, 0)).await.unwrap().returned.is_err());
}

#[tokio::test]
async fn what_is_sent_along_is_taken_from_the_senders_balance() {
    let (anvil, evm, _) = chain().await;
    // Returns what was sent along.
    anvil.ask("anvil_setCode", json!([address(0xc1), "0x345f5260205ff3"])).await;
    anvil.ask("anvil_setBalance", json!([address(0xa3), "0x64"])).await;
    anvil.mine(1).await;
    let head = evm.head().await.unwrap().block.hash;
    assert_eq!(evm.balance(address(0xa3), head).await.unwrap(), U256::from(100));
    assert_eq!(evm.balance(address(0xa4), head).await.unwrap(), U256::ZERO);
    let call = |value| SimulatedCall {
        from: address(0xa3),
        to: address(0xc1),
        data: Vec::new(),
        value: U256::from(value),
    };
    let tried = evm.try_out(head, &call(99)).await.unwrap();
    assert!(tried.returned.unwrap().ends_with(&[99]));
    let tried = evm.try_out(head, &call(101)).await;
    assert!(tried.is_err() || tried.is_ok_and(|tried| tried.returned.is_err()));
}

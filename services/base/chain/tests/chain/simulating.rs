//! Transactions that are tried out on a real chain.

use capstan_chain::{ChainError, Evm, SimulatedCall};
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_primitives::{Address, Hash};
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
    SimulatedCall { from: address(from), to: address(0xc0), data }
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
        let last: Vec<_> = found.iter().map(|one| one.as_ref().ok().and_then(|data| data.last())).collect();
        assert_eq!(last, [Some(&5), Some(&7), None, Some(&11)]);
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

//! Many calls at one block, as a batch and through the real Multicall3.

use std::path::Path;

use capstan_chain::{ChainError, ContractCall, Evm, Reverted, Role};
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_primitives::{Address, Hash};
use serde_json::json;

use crate::{anvil::Anvil, options, pool::Pair};

/// Contracts that calls are made to, by their code.
const BLOCK_NUMBER: (u8, &str) = (0xb0, "0x435f5260205ff3");
const ECHO: (u8, &str) = (0xec, "0x365f5f37365ff3");
const REVERTS: (u8, &str) = (0xfd, "0x5f5ffd");
const BURNS: (u8, &str) = (0xfe, "0xfe");
/// Reverts with `Error("no")`.
const REFUSES: (u8, &str) = (
    0xed,
    "0x7f08c379a0000000000000000000000000000000000000000000000000000000005f5260206004526002602452616e6f60f0\
     1b60445260645ffd",
);

fn address((last, _): (u8, &str)) -> Address {
    let mut bytes = [0; 20];
    bytes[19] = last;
    Address::from(bytes)
}

fn call(to: (u8, &str), data: &[u8]) -> ContractCall {
    ContractCall { to: address(to), data: data.to_vec() }
}

/// A chain of contracts, with Multicall3.
async fn chain() -> (Anvil, Evm, Address) {
    let anvil = Anvil::start();
    let multicall = anvil.send(json!({ "data": multicall3(), "gas": "0x7a1200" })).await;
    for contract in [BLOCK_NUMBER, ECHO, REVERTS, BURNS, REFUSES] {
        anvil.ask("anvil_setCode", json!([address(contract), contract.1])).await;
    }
    anvil.mine(1).await;
    let multicall = anvil.made_by(multicall).await;
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    (anvil, evm, multicall)
}

/// The code that makes a Multicall3, from the package that knows it.
fn multicall3() -> String {
    let file = "../../../dev/node_modules/viem/constants/contracts.ts";
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let (_, code) = text.split_once("multicall3Bytecode").unwrap();
    code.split('\'').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn calls_at_a_block_return_the_same_one_by_one_and_through_multicall() {
    let (anvil, evm, multicall) = chain().await;
    let block = evm.head().await.unwrap().block;
    anvil.mine(3).await;
    let calls = [
        call(BLOCK_NUMBER, &[]),
        call(ECHO, b"capstan"),
        call(REVERTS, &[]),
        call((0x77, ""), &[1, 2, 3]),
        call(BURNS, &[]),
        call(ECHO, &[7; 70]),
    ];
    for multicall in [None, Some(multicall), Some(address((0x77, "")))] {
        let found = evm.call_many(block.hash, &calls, multicall).await.unwrap();
        let returned: Vec<_> = found.iter().map(|one| one.as_deref().ok()).collect();
        let number = [&[0; 31][..], &[1]].concat();
        let expected = [Some(&number[..]), Some(b"capstan"), None, Some(&[]), None, Some(&[7; 70])];
        assert_eq!(returned, expected, "{multicall:?}");
    }
    assert_eq!(evm.endpoints()[0].errors, 0);
    assert_eq!(evm.call_many(block.hash, &[], Some(multicall)).await.unwrap(), []);
}

#[tokio::test]
async fn many_calls_take_one_request_for_a_hundred() {
    let (anvil, _, multicall) = chain().await;
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let evm = Evm::connect(options(&[&proxy.http_url()])).await.unwrap();
    let block = evm.head().await.unwrap().block.hash;
    let calls: Vec<_> = (0..250_u8).map(|place| call(ECHO, &[place])).collect();
    let expected: Vec<_> = (0..250_u8).map(|place| Ok(vec![place])).collect();
    for multicall in [None, Some(multicall)] {
        let before = proxy.requests();
        assert_eq!(evm.call_many(block, &calls, multicall).await.unwrap(), expected);
        assert_eq!(proxy.requests() - before, 3, "{multicall:?}");
    }
}

#[tokio::test]
async fn the_reason_of_a_revert_is_told() {
    let (_anvil, evm, multicall) = chain().await;
    let block = evm.head().await.unwrap().block.hash;
    let calls = [call(REFUSES, &[]), call(ECHO, &[1])];
    for multicall in [None, Some(multicall)] {
        let found = evm.call_many(block, &calls, multicall).await.unwrap();
        let Err(Reverted { message }) = &found[0] else { panic!("{found:?}") };
        assert!(message.ends_with("no"), "{message}");
        assert_eq!(found[1], Ok(vec![1]));
    }
}

#[tokio::test]
async fn calls_at_a_block_that_nobody_knows_are_an_error() {
    let (_anvil, evm, multicall) = chain().await;
    let unknown = Hash::from([7; 32]);
    for multicall in [None, Some(multicall)] {
        let error = evm.call_many(unknown, &[call(ECHO, &[1])], multicall).await.unwrap_err();
        assert!(matches!(error, ChainError::UnknownBlock { hash } if hash == unknown), "{error}");
    }
}

#[tokio::test]
async fn a_node_that_fails_is_no_revert_and_another_answers() {
    let pair = Pair::primary_and(Role::Fallback).await;
    let block = pair.evm.head().await.unwrap().block.hash;
    let calls = [call(ECHO, &[1]), call(ECHO, &[2])];
    let right = vec![Ok(Vec::new()), Ok(Vec::new())];
    for refusal in [(-32_603, "internal error"), (-32_601, "the method eth_call does not exist")] {
        pair.first.follow(Script::always(Fault::Refuse("eth_call", refusal.0, refusal.1)));
        assert_eq!(pair.evm.call_many(block, &calls, None).await.unwrap(), right);
    }
    pair.second.follow(Script::always(Fault::Refuse("eth_call", -32_603, "internal error")));
    let error = pair.evm.call_many(block, &calls, None).await.unwrap_err();
    assert!(matches!(error, ChainError::Node { .. }), "{error}");
}

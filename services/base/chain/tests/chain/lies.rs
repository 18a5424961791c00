//! Endpoints that lie consistently: their lies are told from the truth by the hash of a block.

use std::time::Duration;

use capstan_chain::{ChainError, EndpointState, Evm, Log, LogFilter, RangeLogs, Role, Verification};
use capstan_faults::{Fault, FaultProxy, Script};
use capstan_primitives::{Address, Hash};
use serde_json::json;

use crate::{
    anvil::{Anvil, TOPIC},
    faults::chain_of_logs,
    options,
    pool::Pair,
};

/// What blooms and receipts tell.
const OF_LOGS: [Fault; 5] =
    [Fault::DropLog, Fault::EmptyLogs, Fault::AlterTopic, Fault::AlterHeader, Fault::WrongHash];
/// What only receipts tell: the bloom knows neither data nor how often.
const OF_RECEIPTS: [Fault; 3] = [Fault::AlterData, Fault::InventLog, Fault::AlterReceipts];

fn emitted() -> LogFilter {
    LogFilter { addresses: Vec::new(), topics: vec![vec![Hash::from(TOPIC)]] }
}

fn lies_against(verification: Verification) -> Vec<Fault> {
    let receipts = if verification == Verification::Receipts { OF_RECEIPTS.as_slice() } else { &[] };
    OF_LOGS.iter().chain(receipts).copied().collect()
}

async fn block(evm: &Evm, hash: Hash, verification: Verification) -> Result<Vec<Log>, ChainError> {
    evm.block_logs(hash, &emitted(), verification).await
}

async fn range(evm: &Evm, verification: Verification) -> Result<RangeLogs, ChainError> {
    evm.verified_range(2, 10, &emitted(), verification).await
}

#[tokio::test]
async fn the_honest_endpoint_is_believed_on_a_block_and_the_liar_is_ejected_after_three_lies() {
    for verification in [Verification::Bloom, Verification::Receipts] {
        for lie in lies_against(verification) {
            let pair = Pair::primary_and(Role::Fallback).await;
            let hash = pair.evm.head().await.unwrap().block.hash;
            let right = block(&pair.evm, hash, verification).await.unwrap();
            assert_eq!(right.len(), 1);
            pair.first.follow(Script::always(lie));
            let ask = async || {
                let logs = block(&pair.evm, hash, verification).await.unwrap();
                assert_eq!(logs, right, "{lie:?} {verification:?}");
            };
            let is_ejected = pair.ejects_after_three(ask).await;
            let status = pair.status_of_first();
            assert!(is_ejected && status.lies >= 3, "{lie:?} {verification:?}: {status:?}");
        }
    }
}

/// Two endpoints of one chain of which nothing is known beforehand, under faults from the first look on.
async fn unfamiliar(first: Fault, second: Fault) -> (Anvil, [FaultProxy; 2], Evm) {
    let anvil = chain_of_logs().await;
    let start = async || FaultProxy::start(&anvil.http()).await.unwrap();
    let proxies = [start().await, start().await];
    for (proxy, fault) in proxies.iter().zip([first, second]) {
        proxy.follow(Script::always(fault));
    }
    let mut options =
        options(&proxies.each_ref().map(|proxy| proxy.http_url()).each_ref().map(String::as_str));
    options.request_timeout = Duration::from_secs(4);
    let evm = Evm::connect(options).await.unwrap();
    (anvil, proxies, evm)
}

/// Reads the newest block until that is verified as far as it can be.
async fn until_verified(evm: &Evm) {
    let verified = async {
        while evm.verification() != Verification::Receipts {
            if let Ok(head) = evm.head().await {
                drop(block(evm, head.block.hash, Verification::Receipts).await);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), verified).await.unwrap();
}

#[tokio::test]
async fn headers_of_an_unknown_form_are_no_lie_while_nobody_else_can_be_asked() {
    let (_anvil, [first, second], evm) = unfamiliar(Fault::AlterHeader, Fault::Reset).await;
    for _ in 0..5 {
        let head = evm.head().await.unwrap();
        assert_eq!(range(&evm, Verification::Receipts).await.unwrap().logs.len(), 9);
        assert_eq!(block(&evm, head.block.hash, Verification::Receipts).await.unwrap().len(), 1);
    }
    let status = evm.endpoints().remove(0);
    assert_eq!((status.state, status.lies, evm.verification()), (EndpointState::Ready, 0, Verification::Off));

    // The other one comes back and proves that hashes of this chain mean something.
    second.follow(Script::honest());
    until_verified(&evm).await;
    for _ in 0..3 {
        assert_eq!(range(&evm, Verification::Receipts).await.unwrap().logs.len(), 9);
    }
    drop(first);
}

#[tokio::test]
async fn receipts_that_one_endpoint_does_not_serve_are_asked_of_the_other_when_it_is_back() {
    let unknown = Fault::Refuse("eth_getBlockReceipts", -32_601, "the method does not exist");
    let (_anvil, [first, second], evm) = unfamiliar(unknown, Fault::Reset).await;
    let hash = evm.head().await.unwrap().block.hash;
    assert_eq!(block(&evm, hash, Verification::Receipts).await.unwrap().len(), 1);
    assert_eq!(evm.verification(), Verification::Bloom);
    second.follow(Script::honest());
    until_verified(&evm).await;

    // What both do not serve is not asked for again.
    let (_anvil, proxies, evm) = unfamiliar(unknown, unknown).await;
    let hash = evm.head().await.unwrap().block.hash;
    block(&evm, hash, Verification::Receipts).await.unwrap();
    let asked = || proxies.iter().map(|proxy| proxy.calls("eth_getBlockReceipts")).sum::<u64>();
    let before = asked();
    for _ in 0..5 {
        assert_eq!(block(&evm, hash, Verification::Receipts).await.unwrap().len(), 1);
    }
    assert_eq!((asked(), evm.verification()), (before, Verification::Bloom));
    drop(first);
}

#[tokio::test]
async fn a_liar_alone_gives_no_answer_about_a_block() {
    for verification in [Verification::Bloom, Verification::Receipts] {
        let pair = Pair::primary_and(Role::Fallback).await;
        let hash = pair.evm.head().await.unwrap().block.hash;
        for lie in lies_against(verification) {
            pair.first.follow(Script::always(lie));
            pair.second.follow(Script::always(lie));
            let answer = block(&pair.evm, hash, verification).await;
            assert!(answer.is_err(), "{lie:?} {verification:?}: {answer:?}");
        }
        assert_eq!(pair.evm.verification(), Verification::Receipts);
    }
}

#[tokio::test]
async fn every_block_of_a_range_is_checked_and_the_liar_is_ejected() {
    for verification in [Verification::Bloom, Verification::Receipts] {
        for lie in lies_against(verification).into_iter().filter(|lie| *lie != Fault::AlterReceipts) {
            let pair = Pair::primary_and(Role::Fallback).await;
            let right = range(&pair.evm, verification).await.unwrap();
            assert_eq!(right.logs.len(), 9);
            assert!(right.logs.iter().all(|log| log.block_time.is_some()));
            pair.first.follow(Script::always(lie));
            let ask = async || {
                let found = range(&pair.evm, verification).await.unwrap();
                assert_eq!(found.logs, right.logs, "{lie:?} {verification:?}");
            };
            let is_ejected = pair.ejects_after_three(ask).await;
            assert!(is_ejected, "{lie:?} {verification:?}: {:?}", pair.status_of_first());
        }
    }
}

#[tokio::test]
async fn a_liar_alone_gives_no_answer_about_a_range() {
    for verification in [Verification::Bloom, Verification::Receipts] {
        let pair = Pair::primary_and(Role::Fallback).await;
        for lie in lies_against(verification) {
            pair.first.follow(Script::always(lie));
            pair.second.follow(Script::always(lie));
            let answer = range(&pair.evm, verification).await;
            assert!(answer.is_err(), "{lie:?} {verification:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_edges_of_a_range_are_checked_without_being_asked() {
    for lie in [Fault::EmptyLogs, Fault::DropLog, Fault::AlterTopic, Fault::AlterHeader, Fault::WrongHash] {
        let pair = Pair::primary_and(Role::Fallback).await;
        let right = pair.evm.headers_and_logs(2, 10, &emitted()).await.unwrap();
        pair.first.follow(Script::always(lie));
        assert_eq!(pair.evm.headers_and_logs(2, 10, &emitted()).await.unwrap(), right, "{lie:?}");
        assert!(pair.status_of_first().lies >= 1, "{lie:?}");
        pair.second.follow(Script::always(lie));
        let answer = pair.evm.headers_and_logs(2, 10, &emitted()).await;
        assert!(answer.is_err(), "{lie:?}: {answer:?}");
    }
}

#[tokio::test]
async fn receipts_of_every_type_that_a_local_chain_makes_are_proved() {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    let code = "0x60016000526000356000a0";
    let calls = [
        json!({ "data": code, "gas": "0x30d40", "gasPrice": "0x77359400" }),
        json!({ "data": code, "gas": "0x30d40", "gasPrice": "0x77359400", "accessList": [] }),
        json!({ "data": "0xfe", "gas": "0x30d40" }),
        json!({ "to": Address::ZERO, "value": "0x1" }),
    ];
    for call in calls {
        anvil.send(call).await;
    }
    anvil.log(7).await;
    anvil.mine(1).await;
    let head = evm.head().await.unwrap();
    let proved = evm.block_logs(head.block.hash, &emitted(), Verification::Receipts).await.unwrap();
    let told = evm.block_logs(head.block.hash, &emitted(), Verification::Off).await.unwrap();
    assert_eq!((proved.len(), proved[0].transaction_index), (1, 4));
    assert_eq!(proved, told);
    assert_eq!(evm.verification(), Verification::Receipts);
}

#[tokio::test]
async fn an_honest_range_without_logs_costs_one_request() {
    let pair = Pair::primary_and(Role::Fallback).await;
    let nothing = LogFilter { addresses: Vec::new(), topics: vec![vec![Hash::ZERO]] };
    let before = pair.first.requests() + pair.second.requests();
    assert_eq!(pair.evm.headers_and_logs(2, 10, &nothing).await.unwrap().logs, []);
    assert_eq!(pair.evm.headers_and_logs(5, 5, &nothing).await.unwrap().logs, []);
    assert_eq!(pair.first.requests() + pair.second.requests(), before + 2);
}

#[tokio::test]
async fn random_lies_of_one_endpoint_never_make_a_wrong_answer() {
    const SEED: u64 = 20_261_124;
    println!("seed {SEED}");
    let pair = Pair::primary_and(Role::Primary).await;
    let right = range(&pair.evm, Verification::Receipts).await.unwrap();
    pair.first.follow(Script::seeded(SEED, 500, &lies_against(Verification::Receipts)));
    let mut answered = 0;
    for _ in 0..20 {
        if let Ok(found) = range(&pair.evm, Verification::Receipts).await {
            assert_eq!(found.logs, right.logs);
            answered += 1;
        }
    }
    assert!(answered >= 10, "{answered} of 20");
}

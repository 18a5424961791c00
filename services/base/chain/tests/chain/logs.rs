//! Headers and logs: what the chain holds comes back, and what it does not is an error.

use capstan_chain::{Abi, ChainError, ErrorClass, Evm, LogFilter, Verification};
use capstan_faults::FaultProxy;
use capstan_primitives::{Address, Hash, Topics};
use serde_json::json;

use crate::{
    anvil::{Anvil, TOPIC},
    canned::{http, serve},
    options,
};

fn emitted() -> LogFilter {
    LogFilter { addresses: Vec::new(), topics: vec![vec![Hash::from(TOPIC)]] }
}

async fn chain(anvil: &Anvil) -> Evm {
    Evm::connect(options(&[&anvil.http()])).await.unwrap()
}

#[tokio::test]
async fn the_logs_of_a_range_come_in_order_with_the_headers_of_its_ends() {
    let anvil = Anvil::start();
    for urls in [anvil.http(), anvil.ws()] {
        let evm = Evm::connect(options(&[&urls])).await.unwrap();
        let start = evm.head().await.unwrap().block.number;
        for block in 0..3 {
            anvil.log(block * 2).await;
            anvil.log(block * 2 + 1).await;
            anvil.mine(1).await;
        }
        let (from, to) = (start + 1, start + 3);
        let range = evm.headers_and_logs(from, to, &emitted()).await.unwrap();
        assert_eq!(range.first, evm.header(from).await.unwrap().unwrap());
        assert_eq!(range.last, evm.head().await.unwrap());
        let values: Vec<u8> = range.logs.iter().map(|log| *log.data.last().unwrap()).collect();
        assert_eq!(values, [0, 1, 2, 3, 4, 5]);
        let places: Vec<_> = range.logs.iter().map(|log| (log.block_number - start, log.log_index)).collect();
        assert_eq!(places, [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]);
        assert_eq!(range.logs[5].block_time, Some(range.last.block.time));
    }
}

#[tokio::test]
async fn only_logs_that_satisfy_the_filter_come_back() {
    let anvil = Anvil::start();
    let evm = chain(&anvil).await;
    let made = [anvil.log(1).await, anvil.log(2).await];
    anvil.mine(1).await;
    let second = anvil.made_by(made[1]).await;
    let count = async |addresses: &[Address], topics: &[Hash]| {
        let filter = LogFilter { addresses: addresses.to_vec(), topics: vec![topics.to_vec()] };
        evm.headers_and_logs(0, 1, &filter).await.unwrap().logs.len()
    };
    assert_eq!(count(&[], &[]).await, 2);
    assert_eq!(count(&[second], &[]).await, 1);
    assert_eq!(count(&[second], &[Hash::ZERO, Hash::from(TOPIC)]).await, 1);
    assert_eq!(count(&[], &[Hash::ZERO]).await, 0);
}

#[tokio::test]
async fn the_headers_of_many_blocks_are_asked_for_in_few_requests() {
    let anvil = Anvil::start();
    anvil.mine(150).await;
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let evm = Evm::connect(options(&[&proxy.http_url()])).await.unwrap();
    let mut right = Vec::new();
    for number in 1..=150 {
        right.push(evm.header(number).await.unwrap().unwrap());
    }
    let mut hashes: Vec<_> = right.iter().map(|header| header.block.hash).collect();
    let before = proxy.requests();
    assert_eq!(evm.headers_by_hash(&hashes).await.unwrap(), right);
    assert_eq!(proxy.requests() - before, 2);
    hashes[120] = Hash::ZERO;
    let error = evm.headers_by_hash(&hashes).await.unwrap_err();
    assert!(matches!(error, ChainError::UnknownBlock { hash: Hash::ZERO }), "{error}");
}

#[tokio::test]
async fn a_range_beyond_the_head_is_an_error_and_not_an_empty_answer() {
    let anvil = Anvil::start();
    let evm = chain(&anvil).await;
    anvil.mine(2).await;
    let error = evm.headers_and_logs(1, 3, &emitted()).await.unwrap_err();
    assert!(matches!(error, ChainError::BehindRequest { number: 3 }), "{error}");
    assert_eq!(error.class(), ErrorClass::Transient);
    assert_eq!(evm.header(3).await.unwrap(), None);
    assert!(matches!(evm.headers_and_logs(2, 1, &emitted()).await, Err(ChainError::EmptyRange { .. })));
}

#[tokio::test]
async fn the_logs_of_a_block_that_a_reorg_took_back_are_an_error() {
    let anvil = Anvil::start();
    let evm = chain(&anvil).await;
    anvil.mine(1).await;
    anvil.log(7).await;
    anvil.mine(1).await;
    let orphan = evm.head().await.unwrap();
    let logs = evm.block_logs(orphan.block.hash, &emitted(), Verification::Bloom).await.unwrap();
    assert_eq!((logs.len(), logs[0].block_time), (1, Some(orphan.block.time)));

    anvil.ask("anvil_reorg", json!([1, []])).await;
    let head = evm.head().await.unwrap();
    assert_eq!(head.block.number, orphan.block.number);
    assert_ne!(head.block.hash, orphan.block.hash);
    assert_eq!(head.parent_hash, orphan.parent_hash);
    let error = evm.block_logs(orphan.block.hash, &emitted(), Verification::Bloom).await.unwrap_err();
    assert!(matches!(error, ChainError::UnknownBlock { hash } if hash == orphan.block.hash), "{error}");
    assert_eq!(evm.header_by_hash(orphan.block.hash).await.unwrap(), None);
    assert_eq!(evm.header_by_hash(head.block.hash).await.unwrap(), Some(head));
}

#[tokio::test]
async fn a_log_of_a_chain_is_decoded_with_a_configured_abi() {
    let anvil = Anvil::start();
    let evm = chain(&anvil).await;
    anvil.log(42).await;
    anvil.mine(1).await;
    let mut log = evm.headers_and_logs(1, 1, &emitted()).await.unwrap().logs.remove(0);
    let abi = Abi::parse_json(r#"["event Emitted(uint8 value)"]"#).unwrap();
    log.topics = Topics::of(abi.topics()).unwrap();
    let decoded = abi.decode_log(&log).unwrap();
    assert_eq!((decoded.name, decoded.arguments[0].value.to_string()), ("Emitted", "42".to_owned()));
    assert_eq!(abi.check_log(&log).unwrap().name(), "Emitted");
}

#[tokio::test]
async fn a_node_that_refuses_a_whole_batch_is_believed() {
    let url = serve(|request| {
        let body = if request.starts_with('[') {
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not supported"}}"#
        } else {
            r#"{"jsonrpc":"2.0","id":1,"result":"0x7a69"}"#
        };
        http("200 OK", "", body)
    });
    let evm = Evm::connect(options(&[&url])).await.unwrap();
    let error = evm.headers_and_logs(1, 2, &emitted()).await.unwrap_err();
    assert!(matches!(error, ChainError::Node { code: -32_600, .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Misconfigured);
}

#[tokio::test]
async fn an_answer_about_another_block_is_inconsistent() {
    let url = serve(|request| {
        let result = if request.contains("eth_chainId") {
            json!("0x7a69")
        } else {
            let hash = Hash::from([1; 32]);
            json!({ "number": "0x5", "hash": hash, "parentHash": hash, "timestamp": "0x0" })
        };
        let id: serde_json::Value = serde_json::from_str(request).unwrap();
        http("200 OK", "", &json!({ "jsonrpc": "2.0", "id": id["id"], "result": result }).to_string())
    });
    let evm = Evm::connect(options(&[&url])).await.unwrap();
    assert_eq!(evm.header(5).await.unwrap().unwrap().block.number, 5);
    assert!(matches!(evm.header(6).await, Err(ChainError::Inconsistent { .. })));
    assert!(matches!(evm.header_by_hash(Hash::ZERO).await, Err(ChainError::Inconsistent { .. })));
}

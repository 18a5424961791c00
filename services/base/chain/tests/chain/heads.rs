//! Wake-ups: announced blocks, polling, and what happens when a WebSocket dies.

use std::{pin::pin, time::Duration};

use capstan_chain::{Evm, HeadSignal};
use capstan_faults::FaultProxy;
use futures::{Stream, StreamExt};

use crate::{anvil::Anvil, canned::nobody, options};

/// Passes over other wake-ups; a test that waits in vain fails here.
async fn next(signals: &mut (impl Stream<Item = HeadSignal> + Unpin), wanted: HeadSignal) {
    let found = async { while signals.next().await.unwrap() != wanted {} };
    tokio::time::timeout(Duration::from_secs(20), found).await.unwrap();
}

#[tokio::test]
async fn a_new_block_wakes_by_announcement() {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&anvil.http(), &anvil.ws()])).await.unwrap();
    let mut signals = pin!(evm.heads());
    next(&mut signals, HeadSignal::New).await; // the subscription began
    for number in 1..=2 {
        anvil.mine(1).await;
        next(&mut signals, HeadSignal::New).await;
        assert_eq!(evm.head().await.unwrap().block.number, number);
    }
}

#[tokio::test]
async fn the_next_endpoint_announces_blocks_when_one_fails() {
    let anvil = Anvil::start();
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let urls = [anvil.http(), nobody("ws"), proxy.ws_url(), anvil.ws()];
    let evm = Evm::connect(options(&urls.each_ref().map(String::as_str))).await.unwrap();
    let mut signals = pin!(evm.heads());
    next(&mut signals, HeadSignal::New).await; // the subscription began
    anvil.mine(1).await;
    next(&mut signals, HeadSignal::New).await;
    proxy.cut_websockets();
    next(&mut signals, HeadSignal::New).await; // another one began
    anvil.mine(1).await;
    next(&mut signals, HeadSignal::New).await;
    assert_eq!(evm.head().await.unwrap().block.number, 2);
}

#[tokio::test]
async fn a_new_block_is_found_by_polling() {
    let anvil = Anvil::start();
    let mut options = options(&[&anvil.http()]);
    options.poll_interval = Duration::from_millis(10);
    let evm = Evm::connect(options).await.unwrap();
    let mut signals = pin!(evm.heads());
    next(&mut signals, HeadSignal::Poll).await;
    anvil.mine(1).await;
    next(&mut signals, HeadSignal::Poll).await;
    assert_eq!(evm.head().await.unwrap().block.number, 1);
}

#[tokio::test]
async fn polling_goes_on_while_the_announcements_are_gone_and_they_come_back() {
    let anvil = Anvil::start();
    let port = anvil.port();
    let mut options = options(&[&anvil.ws()]);
    options.poll_interval = Duration::from_millis(10);
    let evm = Evm::connect(options).await.unwrap();
    let mut signals = pin!(evm.heads());
    next(&mut signals, HeadSignal::New).await;

    drop(anvil);
    assert!(evm.head().await.is_err());
    next(&mut signals, HeadSignal::Poll).await;

    let anvil = Anvil::start_on(port);
    next(&mut signals, HeadSignal::New).await;
    anvil.mine(1).await;
    next(&mut signals, HeadSignal::New).await;
    assert_eq!(evm.head().await.unwrap().block.number, 1);
}

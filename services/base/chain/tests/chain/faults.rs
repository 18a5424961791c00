//! One endpoint under every fault: what is detectable never comes through as an answer.

use std::time::Duration;

use capstan_chain::{ChainError, ErrorClass, Evm, LogFilter, Verification};
use capstan_faults::{Fault, FaultProxy, Provider, Script};

use crate::{anvil::Anvil, options};

/// A chain of ten blocks with a log in each from the second on, behind a proxy.
pub(crate) async fn chain_of_logs() -> Anvil {
    let anvil = Anvil::start();
    fill(&anvil).await;
    anvil
}

/// Mines ten blocks with a log in each from the second on.
pub(crate) async fn fill(anvil: &Anvil) {
    anvil.mine(1).await;
    for value in 2..=10 {
        anvil.log(value).await;
        anvil.mine(1).await;
    }
}

async fn behind_proxy(timeout: Duration) -> (Anvil, FaultProxy, Evm) {
    let anvil = chain_of_logs().await;
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let mut options = options(&[&proxy.http_url()]);
    options.request_timeout = timeout;
    let evm = Evm::connect(options).await.unwrap();
    (anvil, proxy, evm)
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_and_the_next_answer_is_right() {
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_secs(20)).await;
    let faults = [
        Fault::RateLimit(None),
        Fault::Unavailable,
        Fault::Reset,
        Fault::TruncatedJson,
        Fault::InvalidJson,
        Fault::Html,
        Fault::WrongHash,
    ];
    for fault in faults {
        proxy.follow(Script::always(fault));
        let answer = evm.headers_and_logs(2, 10, &LogFilter::default()).await;
        assert!(answer.is_err(), "{fault:?}: {answer:?}");
        proxy.follow(Script::honest());
        let range = evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap();
        assert_eq!(range.logs.len(), 9, "{fault:?}");
    }
}

#[tokio::test]
async fn a_log_with_a_hash_that_its_block_does_not_have_is_inconsistent() {
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_secs(20)).await;
    let head = evm.head().await.unwrap();
    proxy.follow(Script::always(Fault::WrongHash));
    let error =
        evm.block_logs(head.block.hash, &LogFilter::default(), Verification::Bloom).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Inconsistent, "{error}");
}

#[tokio::test]
async fn a_block_that_a_lagging_node_has_not_seen_is_an_error_and_not_an_empty_answer() {
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_secs(20)).await;
    proxy.follow(Script::always(Fault::Lag(4)));
    assert_eq!(evm.head().await.unwrap().block.number, 6);
    let error = evm.headers_and_logs(5, 7, &LogFilter::default()).await.unwrap_err();
    assert!(matches!(error, ChainError::BehindRequest { number: 7 }), "{error}");
    assert_eq!(evm.headers_and_logs(5, 6, &LogFilter::default()).await.unwrap().logs.len(), 2);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_millis(300)).await;
    proxy.follow(Script::always(Fault::Silence));
    let error = evm.head().await.unwrap_err();
    assert!(matches!(error, ChainError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_flood_is_cut_off_at_the_limit() {
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_secs(20)).await;
    let before = peak_memory_kib();
    proxy.follow(Script::always(Fault::Oversize(200 << 20)));
    let error = evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap_err();
    assert!(matches!(error, ChainError::TooLarge { .. }), "{error}");
    let grown = peak_memory_kib() - before;
    assert!(grown < 100 << 10, "{grown} KiB"); // the limit is 16 MiB; other tests run beside this one
}

#[tokio::test]
async fn the_refusal_of_a_range_is_known_in_the_words_of_every_provider() {
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_secs(20)).await;
    for provider in Provider::ALL {
        proxy.follow(Script::always(Fault::RangeLimit(provider, 3)));
        let error = evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap_err();
        assert!(matches!(error, ChainError::RangeTooLarge { .. }), "{provider:?}: {error}");
        let range = evm.headers_and_logs(2, 4, &LogFilter::default()).await.unwrap();
        assert_eq!(range.logs.len(), 3, "{provider:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_begins_as_another_chain_is_refused() {
    let anvil = Anvil::start();
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    proxy.follow(Script::always(Fault::OtherChain(1)));
    let error = Evm::connect(options(&[&proxy.http_url()])).await.unwrap_err();
    assert!(matches!(error, ChainError::WrongChain { .. }), "{error}");
}

#[tokio::test]
async fn no_answer_among_random_faults_is_a_wrong_one() {
    const SEED: u64 = 20_261_121;
    println!("seed {SEED}");
    let (_anvil, proxy, evm) = behind_proxy(Duration::from_secs(20)).await;
    let right = evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap();
    let faults = [Fault::Reset, Fault::Html, Fault::TruncatedJson, Fault::Lag(2), Fault::Unavailable];
    proxy.follow(Script::seeded(SEED, 400, &faults));
    let mut answered = 0;
    for _ in 0..100 {
        if let Ok(range) = evm.headers_and_logs(2, 10, &LogFilter::default()).await {
            assert_eq!(range, right);
            answered += 1;
        }
    }
    assert!((30..=90).contains(&answered), "{answered} answers");
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

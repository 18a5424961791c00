//! Several endpoints under faults: answers stay right, come in time, and endpoints come back.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use capstan_chain::{
    ChainError, EndpointState, EndpointStatus, ErrorClass, Evm, EvmOptions, EvmUrl, LogFilter, Role,
    Verification,
};
use capstan_faults::{Fault, FaultProxy, Script};

use crate::{CHAIN, anvil::Anvil, canned::nobody, faults::chain_of_logs, options};

/// Longest time in which another endpoint has to have answered.
const FAILOVER: Duration = Duration::from_secs(2);

pub(crate) struct Pair {
    _anvil: Anvil,
    pub(crate) first: FaultProxy,
    pub(crate) second: FaultProxy,
    pub(crate) evm: Evm,
}

impl Pair {
    /// Endpoints that are waited for, so that only what they answer decides who is asked.
    pub(crate) async fn primary_and(second_role: Role) -> Self {
        Self::with(second_role, options(&[])).await
    }

    /// A fallback that is asked soon, with the deadlines of the indexer.
    async fn hasty() -> Self {
        let (request_timeout, hedge_after) = (Duration::from_secs(4), Duration::from_millis(50));
        Self::with(Role::Fallback, EvmOptions { request_timeout, hedge_after, ..options(&[]) }).await
    }

    async fn with(second_role: Role, options: EvmOptions) -> Self {
        let anvil = chain_of_logs().await;
        let first = FaultProxy::start(&anvil.http()).await.unwrap();
        let second = FaultProxy::start(&anvil.http()).await.unwrap();
        let urls = vec![
            EvmUrl { url: first.http_url(), role: Role::Primary, requests_per_second: None },
            EvmUrl { url: second.http_url(), role: second_role, requests_per_second: None },
        ];
        let evm = Evm::connect(EvmOptions { urls, ..options }).await.unwrap();
        Self { _anvil: anvil, first, second, evm }
    }

    pub(crate) fn status_of_first(&self) -> EndpointStatus {
        self.evm.endpoints().remove(0)
    }

    /// Asks three times; says whether the first endpoint was ejected, as it may be back on probation.
    pub(crate) async fn ejects_after_three(&self, ask: impl AsyncFn()) -> bool {
        let mut is_ejected = false;
        for _ in 0..3 {
            ask().await;
            is_ejected |= self.status_of_first().state == EndpointState::Ejected;
        }
        is_ejected
    }

    /// Asks until the first endpoint is in this state; a test that waits in vain fails here.
    async fn until_first_is(&self, state: EndpointState) {
        let reached = async {
            while self.status_of_first().state != state {
                assert_eq!(self.evm.head().await.unwrap().block.number, 10);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
    }
}

#[tokio::test]
async fn another_endpoint_answers_in_time_whatever_goes_wrong_with_the_first() {
    let faults = [
        Fault::RateLimit(Some(60)),
        Fault::RateLimit(None),
        Fault::Unavailable,
        Fault::Reset,
        Fault::TruncatedJson,
        Fault::InvalidJson,
        Fault::Html,
        Fault::Silence,
        Fault::Delay(Duration::from_secs(3)),
        Fault::Lag(4),
        Fault::Oversize(200 << 20),
    ];
    for fault in faults {
        let pair = Pair::hasty().await;
        let right = pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap();
        pair.first.follow(Script::always(fault));
        let mut longest = Duration::ZERO;
        for _ in 0..10 {
            let began = Instant::now();
            assert_eq!(pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap(), right);
            longest = longest.max(began.elapsed());
        }
        println!("{fault:?}: {longest:?}");
        assert!(longest < FAILOVER, "{fault:?}: {longest:?}");
    }
}

#[tokio::test]
async fn another_endpoint_answers_where_the_first_serves_no_logs() {
    let refusals = [
        Fault::Refuse("eth_getLogs", -32_601, "the method eth_getLogs does not exist/is not available"),
        Fault::Refuse("eth_getLogs", -32_600, "eth_getLogs is not part of your plan"),
        Fault::Refuse("eth_getLogs", -32_603, "internal error"),
        Fault::Refuse("eth_getLogs", -32_000, "something went wrong"),
        Fault::RefuseBatch(-32_600, "batch requests are not allowed"),
    ];
    for refusal in refusals {
        let pair = Pair::primary_and(Role::Fallback).await;
        let head = pair.evm.head().await.unwrap();
        let right = pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap();
        let limit = pair.status_of_first().limit;
        pair.first.follow(Script::always(refusal));
        for _ in 0..10 {
            assert_eq!(pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap(), right);
            let logs = pair.evm.block_logs(head.block.hash, &LogFilter::default(), Verification::Bloom).await;
            assert_eq!(logs.unwrap().len(), 1, "{refusal:?}");
        }
        assert_eq!(pair.status_of_first().limit, limit, "{refusal:?} counts as an answer");
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_whenever_it_is_asked_for_logs_is_ejected() {
    let pair = Pair::primary_and(Role::Fallback).await;
    pair.first.follow(Script::always(Fault::Refuse("eth_getLogs", -32_603, "internal error")));
    for _ in 0..3 {
        pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap();
    }
    let status = pair.status_of_first();
    assert_eq!((status.state, status.errors), (EndpointState::Ejected, 3));
}

#[tokio::test]
async fn a_failing_primary_is_ejected_and_gets_all_requests_again_when_it_recovers() {
    let pair = Pair::primary_and(Role::Fallback).await;
    let before = pair.second.requests();
    pair.evm.head().await.unwrap();
    assert_eq!(pair.second.requests(), before);

    pair.first.follow(Script::always(Fault::Reset));
    pair.until_first_is(EndpointState::Ejected).await;
    assert!(pair.status_of_first().errors >= 3);
    pair.first.follow(Script::honest());
    pair.until_first_is(EndpointState::Ready).await;

    let before = pair.second.requests();
    for _ in 0..20 {
        pair.evm.head().await.unwrap();
    }
    assert_eq!(pair.second.requests(), before);
}

#[tokio::test]
async fn a_silent_primary_is_ejected() {
    let pair = Pair::hasty().await;
    pair.first.follow(Script::always(Fault::Silence));
    pair.until_first_is(EndpointState::Ejected).await;
    let began = Instant::now();
    pair.evm.head().await.unwrap();
    assert!(began.elapsed() < FAILOVER);
}

#[tokio::test]
async fn an_endpoint_that_comes_back_as_another_chain_stays_out() {
    let pair = Pair::primary_and(Role::Fallback).await;
    pair.first.follow(Script::always(Fault::Reset));
    pair.until_first_is(EndpointState::Ejected).await;
    pair.first.follow(Script::always(Fault::OtherChain(1)));
    let asked = pair.first.calls("eth_chainId");
    let looked_at = async {
        while pair.first.calls("eth_chainId") < asked + 2 {
            pair.evm.head().await.unwrap();
            assert_eq!(pair.status_of_first().state, EndpointState::Ejected);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looked_at).await.unwrap();
    // Even when nobody else answers, it is not asked for blocks.
    let blocks = pair.first.calls("eth_getLogs");
    pair.second.follow(Script::always(Fault::Reset));
    for _ in 0..5 {
        assert!(pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.is_err());
    }
    assert_eq!(pair.first.calls("eth_getLogs"), blocks);
}

#[tokio::test]
async fn a_liar_is_ejected_after_three_lies_and_none_comes_through() {
    let pair = Pair::primary_and(Role::Fallback).await;
    let head = pair.evm.head().await.unwrap();
    let filter = LogFilter::default();
    let right = pair.evm.block_logs(head.block.hash, &filter, Verification::Bloom).await.unwrap();
    pair.first.follow(Script::honest().on("eth_getLogs", Fault::WrongHash));
    for lies in 1..=3 {
        assert_eq!(pair.evm.head().await.unwrap(), head);
        assert_eq!(pair.evm.block_logs(head.block.hash, &filter, Verification::Bloom).await.unwrap(), right);
        assert_eq!(pair.status_of_first().lies, lies);
    }
    assert_eq!(pair.status_of_first().state, EndpointState::Ejected);
}

#[tokio::test]
async fn a_rate_limited_endpoint_is_left_alone_as_long_as_it_asked() {
    let pair = Pair::primary_and(Role::Fallback).await;
    pair.first.follow(Script::always(Fault::RateLimit(Some(60))));
    let before = pair.first.requests();
    for _ in 0..50 {
        pair.evm.head().await.unwrap();
    }
    assert_eq!(pair.first.requests(), before + 1);
    let status = pair.status_of_first();
    assert_eq!((status.state, status.limit), (EndpointState::Limited, 8));

    pair.second.follow(Script::always(Fault::RateLimit(Some(60))));
    let before = pair.second.requests();
    for _ in 0..20 {
        let error = pair.evm.head().await.unwrap_err();
        assert!(matches!(error, ChainError::RateLimited { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Transient);
    }
    assert_eq!(pair.second.requests(), before + 1);
}

#[tokio::test]
async fn a_rate_limit_without_a_wait_bounds_the_requests_of_many_callers() {
    let anvil = chain_of_logs().await;
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let evm = Evm::connect(options(&[&proxy.http_url()])).await.unwrap();
    let before = proxy.requests();
    proxy.follow(Script::honest().then(16, Fault::RateLimit(None)));
    let answers = futures::future::join_all((0..200).map(|_| evm.head())).await;
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(refused, 16);
    assert_eq!(proxy.requests() - before, 200);
    assert!(evm.endpoints()[0].rate_limited == 16);
}

#[tokio::test]
async fn an_endpoint_is_sent_no_more_requests_a_second_than_it_may_be() {
    let anvil = chain_of_logs().await;
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    let limited = EvmUrl { requests_per_second: NonZeroU32::new(5), ..EvmUrl::from(&*proxy.http_url()) };
    let mut only = options(&[]);
    only.urls = vec![limited.clone()];
    let evm = Evm::connect(only).await.unwrap();
    let (began, before) = (Instant::now(), proxy.requests());
    let answers = futures::future::join_all((0..15).map(|_| evm.head())).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(proxy.requests() - before, 15);
    // One of the first five was for the look at the beginning.
    assert!(began.elapsed() > Duration::from_millis(1_900), "{:?}", began.elapsed());

    let mut beside = options(&[]);
    beside.urls = vec![limited, EvmUrl { role: Role::Fallback, ..EvmUrl::from(&*anvil.http()) }];
    let evm = Evm::connect(beside).await.unwrap();
    let (began, before) = (Instant::now(), proxy.requests());
    let answers = futures::future::join_all((0..50).map(|_| evm.head())).await;
    assert!(answers.iter().all(Result::is_ok));
    let most = 5 + u64::try_from(began.elapsed().as_millis()).unwrap() / 200;
    assert!((1..=most).contains(&(proxy.requests() - before)), "{}", proxy.requests() - before);
}

#[tokio::test]
async fn an_endpoint_that_lags_is_not_preferred_until_it_caught_up() {
    let pair = Pair::primary_and(Role::Primary).await;
    pair.first.follow(Script::always(Fault::Lag(5)));
    let lagging = async {
        while pair.status_of_first().state != EndpointState::Lagging {
            pair.evm.head().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), lagging).await.unwrap();
    for _ in 0..20 {
        assert_eq!(pair.evm.head().await.unwrap().block.number, 10);
    }
    pair.first.follow(Script::honest());
    pair.until_first_is(EndpointState::Ready).await;
}

#[tokio::test]
async fn an_endpoint_that_is_down_at_the_start_is_a_warning_while_another_answers() {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&nobody("http"), &anvil.http()])).await.unwrap();
    assert_eq!(evm.endpoints()[0].state, EndpointState::Ejected);
    assert_eq!(evm.head().await.unwrap().block.number, 0);
    let error = Evm::connect(options(&[&nobody("http"), &nobody("http")])).await.unwrap_err();
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn endpoints_that_may_be_down_at_the_start_are_asked_once_they_prove_to_serve_the_chain() {
    let anvil = Anvil::start();
    for (fault, serves) in [(Fault::OtherChain(1), false), (Fault::OtherChain(CHAIN.0), true)] {
        let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
        proxy.follow(Script::always(Fault::Unavailable));
        let options = EvmOptions { may_be_away: true, ..options(&[&proxy.http_url()]) };
        let evm = Evm::connect(options).await.unwrap();
        assert!(matches!(evm.head().await, Err(ChainError::NoneServesChain)));
        let before = proxy.calls("eth_getBlockByNumber");
        proxy.follow(Script::always(fault));
        let asked = async {
            loop {
                match evm.head().await {
                    Ok(_) => return true,
                    Err(_) if proxy.calls("eth_chainId") > 3 => return false,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
        assert_eq!(asked, serves);
        assert_eq!(proxy.calls("eth_getBlockByNumber") > before, serves);
    }
}

#[tokio::test]
async fn endpoints_of_two_chains_with_one_id_are_refused() {
    let anvil = Anvil::start();
    let proxy = FaultProxy::start(&anvil.http()).await.unwrap();
    proxy.follow(Script::honest().on("eth_getBlockByNumber", Fault::WrongHash));
    let error = Evm::connect(options(&[&anvil.http(), &proxy.http_url()])).await.unwrap_err();
    assert!(matches!(error, ChainError::OtherGenesis { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Misconfigured);
}

#[tokio::test]
async fn random_faults_at_both_endpoints_never_make_a_wrong_answer() {
    const SEEDS: [u64; 2] = [7, 11];
    println!("seeds {SEEDS:?}");
    let pair = Pair::primary_and(Role::Primary).await;
    let right = pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await.unwrap();
    let faults = [Fault::Reset, Fault::Html, Fault::TruncatedJson, Fault::Lag(2), Fault::Unavailable];
    pair.first.follow(Script::seeded(SEEDS[0], 100, &faults));
    pair.second.follow(Script::seeded(SEEDS[1], 100, &faults));
    let mut answered = 0;
    for _ in 0..200 {
        if let Ok(range) = pair.evm.headers_and_logs(2, 10, &LogFilter::default()).await {
            assert_eq!(range, right);
            answered += 1;
        }
    }
    assert!(answered >= 150, "{answered} of 200");
}

#[tokio::test]
async fn questions_can_be_asked_from_spawned_tasks() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    let questions = sendable(async {
        let filter = LogFilter::default();
        let head = evm.head().await?;
        evm.header(0).await?;
        evm.header_by_hash(head.block.hash).await?;
        evm.block_logs(head.block.hash, &filter, Verification::Bloom).await?;
        evm.headers_and_logs(0, 0, &filter).await
    });
    assert_eq!(questions.await.unwrap().logs, []);
}

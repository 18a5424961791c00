//! History that two endpoints have to tell alike: lies between the ends of a range, where no header that
//! is asked for shows them.

use std::time::Duration;

use capstan_chain::{
    Bodies, ChainError, Disputes, EndpointState, Evm, EvmUrl, History, LogFilter, RangeLogs, Role,
    Transaction, Verification,
};
use capstan_faults::{Fault, FaultProxy, Provider, Script};
use capstan_primitives::{Address, ChainId};

use crate::{CHAIN, anvil::Anvil, faults::fill, options};

/// A chain whose hashes are known not to be Ethereum's at every height.
pub(crate) const UNPROVED: ChainId = ChainId(137);
/// No log is in the first or the last block, so that their headers say nothing of the lies.
const RANGE: (u64, u64) = (1, 12);
/// Lies about logs in the middle, which `eth_getLogs` tells.
const LIES: [Fault; 5] =
    [Fault::DropLog, Fault::EmptyLogs, Fault::AlterData, Fault::AlterTopic, Fault::InventLog];

pub(crate) struct Set {
    anvil: Anvil,
    pub(crate) proxies: Vec<FaultProxy>,
    pub(crate) evm: Evm,
}

impl Set {
    pub(crate) async fn of(chain: ChainId, count: usize) -> Self {
        let anvil = Anvil::of(chain);
        fill(&anvil).await;
        anvil.mine(2).await;
        let mut proxies = Vec::new();
        for _ in 0..count {
            proxies.push(FaultProxy::start(&anvil.http()).await.unwrap());
        }
        let urls = proxies.iter().map(|proxy| format!("{}/v2/secret", proxy.http_url()));
        let evm = connected(chain, urls.collect()).await;
        Self { anvil, proxies, evm }
    }

    /// The range as a node tells it that nobody stands before.
    async fn truth(&self, chain: ChainId) -> RangeLogs {
        let evm = connected(chain, vec![self.anvil.http()]).await;
        let range = evm.headers_and_logs(RANGE.0, RANGE.1, &LogFilter::default()).await.unwrap();
        assert_eq!(range.logs.len(), 9);
        range
    }

    async fn range(&self) -> Result<RangeLogs, ChainError> {
        self.evm.agreed_range(RANGE.0, RANGE.1, &LogFilter::default()).await
    }

    pub(crate) fn calls(&self, method: &str) -> Vec<u64> {
        self.proxies.iter().map(|proxy| proxy.calls(method)).collect()
    }

    fn lies(&self) -> Vec<u64> {
        self.evm.endpoints().iter().map(|endpoint| endpoint.lies).collect()
    }

    async fn sent(&self) -> Bodies {
        let sender: Address = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266".parse().unwrap();
        let ends = self.evm.agreed_ends(RANGE.0, RANGE.1).await.unwrap();
        let wanted = |one: &Transaction| one.from == sender;
        self.evm.transactions_between(ends, History::Agreed, &wanted).await.unwrap()
    }
}

async fn connected(chain: ChainId, urls: Vec<String>) -> Evm {
    let mut options = options(&[]);
    options.chain_id = chain;
    options.request_timeout = Duration::from_secs(4);
    options.urls =
        urls.into_iter().map(|url| EvmUrl { url, role: Role::Primary, requests_per_second: None }).collect();
    Evm::connect(options).await.unwrap()
}

fn on_logs(lie: Fault) -> Script {
    Script::honest().on("eth_getLogs", lie)
}

#[tokio::test]
async fn two_endpoints_in_agreement_are_asked_once_each() {
    let set = Set::of(CHAIN, 2).await;
    assert_eq!(set.range().await.unwrap(), set.truth(CHAIN).await);
    assert_eq!((set.calls("eth_getLogs"), set.calls("eth_getBlockReceipts")), (vec![1, 1], vec![0, 0]));
    assert_eq!(set.evm.disputes(), Disputes::default());
}

#[tokio::test]
async fn a_lie_in_the_middle_of_a_range_is_settled_and_the_liar_is_ejected_after_three() {
    for lie in LIES {
        let set = Set::of(CHAIN, 2).await;
        let truth = set.truth(CHAIN).await;
        set.proxies[1].follow(on_logs(lie));
        for told in 1..=3 {
            assert_eq!(set.range().await.unwrap().logs, truth.logs, "{lie:?}");
            assert_eq!(set.lies(), [0, told], "{lie:?}");
        }
        assert_eq!(set.evm.endpoints()[1].state, EndpointState::Ejected, "{lie:?}");
        assert_eq!(set.evm.disputes().disagreements, 3, "{lie:?}");
    }
}

#[tokio::test]
async fn lies_in_receipts_too_do_not_help_the_liar() {
    for lie in LIES {
        let set = Set::of(CHAIN, 2).await;
        let truth = set.truth(CHAIN).await;
        set.proxies[0].follow(Script::always(lie));
        for _ in 0..3 {
            assert_eq!(set.range().await.unwrap().logs, truth.logs, "{lie:?}");
        }
        assert_eq!(set.evm.endpoints()[0].state, EndpointState::Ejected, "{lie:?}");
        assert_eq!(set.lies()[1], 0, "{lie:?}");
    }
}

#[tokio::test]
async fn two_liars_do_not_agree_on_a_lie() {
    let set = Set::of(CHAIN, 2).await;
    let truth = set.truth(CHAIN).await;
    set.proxies[0].follow(on_logs(Fault::AlterData));
    set.proxies[1].follow(on_logs(Fault::DropLog));
    assert_eq!(set.range().await.unwrap().logs, truth.logs);
    assert_eq!(set.lies(), [1, 1]);
}

#[tokio::test]
async fn where_nothing_is_proved_two_endpoints_that_disagree_are_named_and_neither_is_believed() {
    for lie in LIES {
        let set = Set::of(UNPROVED, 2).await;
        let truth = set.truth(UNPROVED).await;
        set.proxies[1].follow(on_logs(lie));
        let error = set.range().await.unwrap_err();
        let first = if matches!(lie, Fault::DropLog | Fault::InventLog) { 10 } else { 2 };
        let text = error.to_string();
        assert!(matches!(error, ChainError::Disagreement { block, .. } if block == first), "{lie:?}: {text}");
        for proxy in &set.proxies {
            assert!(text.contains(&proxy.http_url()) && !text.contains("secret"), "{lie:?}: {text}");
        }
        set.proxies[1].follow(Script::honest());
        assert_eq!(set.range().await.unwrap(), truth, "{lie:?}");
        assert_eq!(set.lies(), [0, 0]);
    }
}

#[tokio::test]
async fn where_nothing_is_proved_two_of_three_endpoints_decide() {
    for lie in LIES {
        let set = Set::of(UNPROVED, 3).await;
        let truth = set.truth(UNPROVED).await;
        set.proxies[1].follow(on_logs(lie));
        let asked = async {
            while set.evm.endpoints()[1].state != EndpointState::Ejected {
                assert_eq!(set.range().await.unwrap(), truth, "{lie:?}");
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
        assert_eq!(set.lies(), [0, 3, 0], "{lie:?}");
    }
}

#[tokio::test]
async fn what_only_one_endpoint_can_tell_is_proved() {
    for fault in [Fault::Reset, Fault::RateLimit(Some(60)), Fault::Unavailable, Fault::Html, Fault::Lag(5)] {
        let set = Set::of(CHAIN, 2).await;
        let truth = set.truth(CHAIN).await;
        set.proxies[1].follow(Script::always(fault));
        for told in 1..=5 {
            assert_eq!(set.range().await.unwrap().logs, truth.logs, "{fault:?}");
            assert_eq!(set.evm.disputes().unwitnessed, told, "{fault:?}");
        }
        assert!(set.calls("eth_getBlockReceipts")[0] >= 5 * 9, "{fault:?}");
        // The one that is left is not believed either.
        set.proxies[0].follow(on_logs(Fault::DropLog));
        assert_eq!(set.range().await.unwrap().logs, truth.logs, "{fault:?}");
        set.proxies[0].follow(Script::always(Fault::DropLog));
        assert!(set.range().await.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn where_nothing_is_proved_one_endpoint_alone_is_not_believed() {
    let set = Set::of(UNPROVED, 2).await;
    let truth = set.truth(UNPROVED).await;
    set.proxies[1].follow(Script::always(Fault::RateLimit(None)));
    let error = set.range().await.unwrap_err();
    assert!(matches!(error, ChainError::NoWitness { from: 1, to: 12, .. }), "{error}");
    set.proxies[1].follow(Script::honest());
    assert_eq!(set.range().await.unwrap(), truth);
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for() {
    let set = Set::of(CHAIN, 2).await;
    let truth = set.truth(CHAIN).await;
    set.proxies[1].follow(Script::honest().then(2, Fault::RateLimit(None)));
    assert_eq!(set.range().await.unwrap(), truth);
    assert_eq!((set.calls("eth_getBlockReceipts"), set.lies()), (vec![0, 0], vec![0, 0]));
}

#[tokio::test]
async fn a_range_that_the_second_endpoint_refuses_is_to_be_asked_for_in_parts() {
    let set = Set::of(CHAIN, 2).await;
    for provider in Provider::ALL {
        set.proxies[1].follow(Script::always(Fault::RangeLimit(provider, 3)));
        let error = set.range().await.unwrap_err();
        assert!(matches!(error, ChainError::RangeTooLarge { .. }), "{provider:?}: {error}");
        let range = set.evm.agreed_range(2, 4, &LogFilter::default()).await.unwrap();
        assert_eq!(range.logs.len(), 3, "{provider:?}");
    }
    assert_eq!(set.calls("eth_getBlockReceipts"), [0, 0]);
}

#[tokio::test]
async fn one_endpoint_that_stands_twice_does_not_confirm_itself() {
    let set = Set::of(CHAIN, 1).await;
    let url = set.proxies[0].http_url();
    for (urls, witnesses) in
        [(vec![url.clone(), format!("{url}/")], 1), (vec![url.clone(), url.clone(), set.anvil.http()], 2)]
    {
        let evm = connected(CHAIN, urls).await;
        assert_eq!(evm.witnesses(), witnesses);
    }
    let evm = connected(CHAIN, vec![url.clone(), url]).await;
    set.proxies[0].follow(on_logs(Fault::DropLog));
    let range = evm.agreed_range(RANGE.0, RANGE.1, &LogFilter::default()).await.unwrap();
    assert_eq!(range.logs, set.truth(CHAIN).await.logs);
    set.proxies[0].follow(Script::always(Fault::DropLog));
    assert!(evm.agreed_range(RANGE.0, RANGE.1, &LogFilter::default()).await.is_err());
}

#[tokio::test]
async fn where_nothing_is_proved_no_endpoint_is_believed_on_a_block_that_another_tells_differently() {
    let set = Set::of(UNPROVED, 2).await;
    let hash = set.truth(UNPROVED).await.logs[4].block_hash;
    let block = async || set.evm.block_logs(hash, &LogFilter::default(), Verification::Receipts).await;
    let truth = block().await.unwrap();
    assert_eq!(truth.len(), 1);
    for lie in [Fault::DropLog, Fault::AlterData, Fault::InventLog] {
        set.proxies[1].follow(on_logs(lie));
        assert!(matches!(block().await, Err(ChainError::Inconsistent { .. })), "{lie:?}");
    }
    set.proxies[1].follow(Script::always(Fault::RateLimit(Some(60))));
    assert_eq!(block().await.unwrap(), truth);
}

#[tokio::test]
async fn random_lies_of_one_endpoint_never_come_through() {
    const SEED: u64 = 20_261_128;
    println!("seed {SEED}");
    let set = Set::of(CHAIN, 2).await;
    let truth = set.truth(CHAIN).await;
    let faults: Vec<_> =
        LIES.into_iter().chain([Fault::WrongHash, Fault::AlterHeader, Fault::Reset]).collect();
    set.proxies[0].follow(Script::seeded(SEED, 500, &faults));
    let mut answered = 0;
    for _ in 0..30 {
        if let Ok(found) = set.range().await {
            assert_eq!(found.logs, truth.logs);
            answered += 1;
        }
    }
    assert!(answered >= 15, "{answered} of 30");
}

#[tokio::test]
async fn whole_blocks_are_told_alike_or_proved() {
    let set = Set::of(CHAIN, 2).await;
    let truth = set.sent().await;
    assert_eq!(truth.blocks.len(), 9);
    set.proxies[1].follow(Script::honest().on("eth_getBlockByNumber", Fault::AlterTransactions));
    assert_eq!(set.sent().await.blocks, truth.blocks);
    assert!(set.lies()[1] >= 1 && set.lies()[0] == 0, "{:?}", set.lies());
    set.proxies[1].follow(Script::always(Fault::Reset));
    assert_eq!(set.sent().await.blocks, truth.blocks);
    assert!(set.evm.disputes().unwitnessed > 0);
}

#[tokio::test]
async fn where_nothing_is_proved_blocks_and_receipts_are_told_alike_or_not_believed() {
    let set = Set::of(UNPROVED, 2).await;
    let truth = set.sent().await;
    let id = &truth.blocks[0].1[0].id;
    let receipt = set.evm.agreed_receipt(id, 2).await.unwrap().unwrap();
    assert_eq!(receipt.is_success, Some(true));
    let ends = set.evm.agreed_ends(RANGE.0, RANGE.1).await.unwrap();
    set.proxies[1].follow(Script::honest().on("eth_getBlockByNumber", Fault::AlterTransactions));
    let error =
        set.evm.transactions_between(ends, History::Agreed, &|_: &Transaction| true).await.unwrap_err();
    assert!(matches!(error, ChainError::Disagreement { .. }), "{error}");
    set.proxies[1].follow(Script::always(Fault::RateLimit(Some(60))));
    for error in [
        set.evm.transactions_between(ends, History::Agreed, &|_: &Transaction| true).await.unwrap_err(),
        set.evm.agreed_ends(RANGE.0, RANGE.1).await.unwrap_err(),
        set.evm.agreed_receipt(id, 2).await.unwrap_err(),
    ] {
        assert!(matches!(error, ChainError::NoWitness { .. }), "{error}");
    }
}

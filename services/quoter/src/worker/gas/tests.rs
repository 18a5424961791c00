//! The loop that keeps fees up to date, before a real chain of anvil that can be made to fail.

use std::time::Duration;

use capstan_faults::{Fault, FaultProxy, Script};
use capstan_runtime::{Stopped, Tasks};
use chrono::DateTime;
use tokio::time::timeout;

use super::*;
use crate::adapters::gas::tests::{Chain, source_at};

/// In which a test fails that waits in vain.
const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    chain: Chain,
    proxy: FaultProxy,
    clock: Clock,
    fees: watch::Receiver<Option<Learnt>>,
    tasks: Tasks,
}

impl Running {
    async fn start() -> Self {
        let chain = Chain::start().await;
        let proxy = FaultProxy::start(&chain.url()).await.unwrap();
        let source = source_at(&proxy.http_url(), None).await;
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let (sender, fees) = watch::channel(None);
        let tasks = Tasks::new("quoter");
        tasks.critical("gas", refresh(source, clock.clone(), sender, tasks.stopping()));
        Self { chain, proxy, clock, fees, tasks }
    }

    /// The fees after the block at a height, once they are there.
    async fn after(&mut self, number: u64) -> Learnt {
        let is_there =
            |learnt: &Option<Learnt>| learnt.is_some_and(|learnt| learnt.fees.block.number == number);
        let found = timeout(PATIENCE, self.fees.wait_for(is_there)).await.unwrap().unwrap();
        found.unwrap()
    }
}

#[tokio::test]
async fn the_fees_after_every_new_block_are_learnt_once() {
    let mut running = Running::start().await;
    running.after(0).await;
    for number in 1..=3 {
        running.chain.mine().await;
        running.after(number).await;
    }
    // As long as no block comes, nobody is asked for more than the head.
    let (asked, heads) = (running.proxy.calls("eth_feeHistory"), running.proxy.calls("eth_getBlockByNumber"));
    assert!(asked >= 4, "{asked}"); // anvil takes note of fees after it has mined
    let looked = async {
        while running.proxy.calls("eth_getBlockByNumber") < heads + 5 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, looked).await.unwrap();
    assert_eq!(running.proxy.calls("eth_feeHistory"), asked);
    assert_eq!(running.tasks.stop(PATIENCE).await, Stopped::InTime);
}

#[tokio::test]
async fn the_last_fees_stay_with_their_time_while_the_node_fails() {
    let mut running = Running::start().await;
    let before = running.after(0).await;
    running.clock.advance(Duration::from_secs(60));
    running.proxy.follow(Script::always(Fault::Refuse("eth_feeHistory", -32_603, "internal error")));
    running.chain.mine().await;
    let asked = running.proxy.calls("eth_feeHistory");
    let failed = async {
        while running.proxy.calls("eth_feeHistory") < asked + 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, failed).await.unwrap();
    assert_eq!(*running.fees.borrow(), Some(before));
    assert_eq!(before.at, DateTime::UNIX_EPOCH);
    running.proxy.follow(Script::honest());
    let after = running.after(1).await;
    assert_eq!(after.at, DateTime::UNIX_EPOCH + Duration::from_secs(60));
    assert_eq!(running.tasks.stop(PATIENCE).await, Stopped::InTime);
}

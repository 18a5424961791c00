//! What the real contracts of the venues log is decoded, every event of it.

use capstan_devnet::Options;
use serde_json::Value;

use crate::house::House;

/// Kinds that the traffic brings about.
const KINDS: [&str; 13] = [
    "balancer.v2.vault.PoolBalanceChanged",
    "balancer.v2.vault.Swap",
    "balancer.v2.weighted_pool.Transfer",
    "balancer.v2.weighted_pool_factory.PoolCreated",
    "erc4626.Deposit",
    "native.Block",
    "uniswap.v2.pair.Sync",
    "uniswap.v3.pool.Swap",
    "uniswap.v4.pool_manager.Initialize",
    "uniswap.v4.pool_manager.ModifyLiquidity",
    "uniswap.v4.pool_manager.ProtocolFeeUpdated",
    "uniswap.v4.pool_manager.Swap",
    "weth9.Deposit",
];

async fn events(house: &House, kind: &str) -> Vec<Value> {
    let path = format!("/v1/events?kind={kind}&pageSize=1000&payloads=PAYLOAD_ARGUMENTS");
    let (status, answer) = house.get(&path).await;
    assert_eq!(status, 200, "{kind}: {answer}");
    answer["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn everything_that_the_venues_log_is_decoded() {
    let options = Options { venues: true, transactions_per_block: 12, ..Options::default() };
    let mut house = House::open(options).await;
    for _ in 0..25 {
        house.devnet.step().await.unwrap();
    }
    house.level().await;
    for kind in KINDS {
        assert!(!events(&house, kind).await.is_empty(), "{kind}");
    }
    let venues = house.devnet.deployment().venues.clone().unwrap();
    let pools = events(&house, "uniswap.v4.pool_manager.Initialize").await;
    assert_eq!(pools.len(), venues.v4.pools.len());
    let (status, answer) = house.get("/v1/indexer/status").await;
    assert_eq!(status, 200, "{answer}");
    let failures = &answer["chains"][0]["decodeFailures"];
    assert!(failures == "0" || failures == 0, "{answer}");
    house.stop().await;
}

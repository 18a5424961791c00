//! A quote is what the pool's own contract says at that block, and absent where the contract reverts.

use alloy::{
    eips::BlockId,
    primitives::{B256, U256},
};
use capstan_devnet::Options;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{contracts::Fpmm, house::House};

const SEED: u64 = 14;

fn amount(value: &Value) -> U256 {
    U256::from_str_radix(value.as_str().unwrap(), 10).unwrap()
}

/// Amounts around what a pool has, small ones, and such as no pool can pay.
pub(crate) fn amounts(balances: &[U256], rng: &mut StdRng) -> Vec<U256> {
    let least = balances.iter().min().copied().unwrap_or_default();
    let one = U256::from(1);
    let mut amounts =
        vec![U256::ZERO, one, least >> 1, least.saturating_sub(one), least, least << 2, one << 220];
    amounts.extend((0..4).map(|_| U256::from(rng.random::<u64>()) >> rng.random_range(0..64)));
    amounts
}

async fn compare(house: &House, market: &Value, head: B256, rng: &mut StdRng) -> [usize; 2] {
    let balances: Vec<U256> = market["poolBalances"].as_array().unwrap().iter().map(amount).collect();
    let mut counts = [0, 0];
    for outcome in 0..balances.len() {
        for collateral in amounts(&balances, rng) {
            let [told, reverted] = compare_one(house, market, (outcome, collateral), head).await;
            counts = [counts[0] + told, counts[1] + reverted];
        }
    }
    counts
}

/// Holds a purchase and a sale for an amount of collateral against the pool: how many can be made and how many not.
pub(crate) async fn compare_one(
    house: &House,
    market: &Value,
    (outcome, collateral): (usize, U256),
    head: B256,
) -> [usize; 2] {
    let (id, provider) = (market["marketId"].as_str().unwrap(), house.provider());
    let pool = Fpmm::new(market["ammAddress"].as_str().unwrap().parse().unwrap(), &provider);
    let (fee, at, one) = (amount(&market["fee"]), BlockId::hash(head), U256::from(10).pow(U256::from(18)));
    let index = U256::from(outcome);
    let buy = pool.calcBuyAmount(collateral, index).block(at).call().await.ok();
    let sell = pool.calcSellAmount(collateral, index).block(at).call().await.ok();
    let mut counts = [0, 0];
    for (side, tokens, whole) in [("BUY", buy, one), ("SELL", sell, one - fee)] {
        let query = format!("side=TRADE_SIDE_{side}&outcomeIndex={outcome}&collateralAmount={collateral}");
        let (status, answer) = house.get(&format!("/api/markets/{id}/quote?{query}")).await;
        assert_eq!(status, 200, "{query}: {answer}");
        assert_eq!(answer["asOf"]["block"]["hash"], json!(format!("{head:#x}")));
        let Some(tokens) = tokens else {
            assert!(answer.get("quote").is_none() && answer.get("problem").is_some(), "{query}: {answer}");
            counts[1] += 1;
            continue;
        };
        let quote = &answer["quote"];
        assert_eq!(quote["outcomeAmount"], json!(tokens.to_string()), "{query}");
        assert_eq!(quote["collateralAmount"], json!(collateral.to_string()), "{query}");
        assert_eq!(quote["fee"], json!((collateral * fee / whole).to_string()), "{query}");
        assert_eq!(quote["priceBefore"], market["prices"][outcome], "{query}");
        counts[0] += 1;
    }
    counts
}

#[tokio::test]
async fn quotes_are_the_contracts_own_to_the_last_unit() {
    let mut house = House::open(Options { seed: SEED, ..Options::default() }).await;
    let (mut rng, mut total) = (StdRng::seed_from_u64(SEED), [0, 0]);
    for blocks in [1, 12] {
        for _ in 0..blocks {
            house.devnet.step().await.unwrap();
        }
        let head = house.level().await;
        for market in house.list("/api/markets", "markets", 50, head).await {
            let [told, reverted] = compare(&house, &market, head, &mut rng).await;
            total = [total[0] + told, total[1] + reverted];
        }
    }
    assert!(total[0] > 100 && total[1] > 20, "{total:?}, seed {SEED}");
    house.stop().await;
}

#[tokio::test]
async fn a_quote_that_cannot_be_asked_for_is_refused_with_the_field() {
    let mut house = House::open(Options { seed: SEED, ..Options::default() }).await;
    let head = house.level().await;
    let markets = house.list("/api/markets", "markets", 50, head).await;
    let id = markets[0]["marketId"].as_str().unwrap();
    for (query, field) in [
        ("outcomeIndex=0&collateralAmount=1", "side"),
        ("side=TRADE_SIDE_BUY&outcomeIndex=0", "collateral_amount"),
        ("side=TRADE_SIDE_BUY&outcomeIndex=0&collateralAmount=1.5", "collateral_amount"),
        ("side=TRADE_SIDE_SELL&outcomeIndex=0&outcomeAmount=-1", "outcome_amount"),
        ("side=TRADE_SIDE_SELL&outcomeIndex=99&outcomeAmount=1", "outcome_index"),
        ("side=TRADE_SIDE_BUY&outcomeIndex=0&collateralAmount=1&slippageBps=10001", "slippage_bps"),
    ] {
        let (status, answer) = house.get(&format!("/api/markets/{id}/quote?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(answer.to_string().contains(field), "{query}: {answer}");
    }
    let (status, _) = house
        .get(&format!("/api/markets/0x{}/quote?side=TRADE_SIDE_BUY&collateralAmount=1", "ab".repeat(32)))
        .await;
    assert_eq!(status, 404);
    house.stop().await;
}

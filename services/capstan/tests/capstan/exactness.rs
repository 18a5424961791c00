//! Every number over REST equals what the contracts' own views return at that block, to the last
//! unit: at several blocks, after restarts, and after reorgs during traffic.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use capstan_db::testing::TestStore;
use capstan_devnet::{Market, Options};
use capstan_kafka::testing::Broker;
use serde_json::{Value, json};

use crate::{
    books::Books,
    contracts::{Truth, receivers},
    gifts,
    house::House,
    interest::OpenInterest,
};

async fn trade(house: &mut House, blocks: usize) {
    for _ in 0..blocks {
        house.devnet.step().await.unwrap();
    }
}

#[tokio::test]
async fn every_number_is_the_contracts_at_several_blocks_and_after_a_restart() {
    let store = TestStore::postgres().await;
    let mut house = House::open_on(store, Options { seed: 11, ..Options::default() }).await;
    for blocks in [0, 1, 5, 30] {
        trade(&mut house, blocks).await;
        compare(&house).await;
    }
    house.stop().await;
    trade(&mut house, 10).await;
    house.start().await;
    assert!(compare(&house).await > 3, "somebody traded");
    house.stop().await;
}

#[tokio::test]
async fn every_number_is_the_contracts_after_reorgs_during_traffic() {
    let mut house = House::open(Options { seed: 12, transactions_per_block: 5, ..Options::default() }).await;
    for depth in [1, 5, 20] {
        trade(&mut house, 25).await;
        compare(&house).await;
        house.devnet.reorg(depth).await.unwrap();
        compare(&house).await;
        trade(&mut house, 3).await;
        house.devnet.reorg_postponing(3).await.unwrap();
        trade(&mut house, 1).await;
        compare(&house).await;
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_is_the_contracts_when_events_come_by_kafka() {
    let broker = Broker::start("capstan.events", 1);
    let section = format!("[events.kafka]\nbrokers = [{:?}]\nread = true\n", broker.address());
    let options = Options { seed: 13, ..Options::default() };
    let mut house = House::open_with(TestStore::sqlite(), options, &section).await;
    trade(&mut house, 15).await;
    compare(&house).await;
    house.devnet.reorg(5).await.unwrap();
    compare(&house).await;
    house.stop().await;
    trade(&mut house, 3).await;
    house.devnet.reorg_postponing(2).await.unwrap();
    house.start().await;
    compare(&house).await;
    house.stop().await;
}

/// Holds everything that is served against the contracts, and says how many books are not level.
async fn compare(house: &House) -> usize {
    let head = house.level().await;
    let everyone = receivers(house).await;
    let markets = house.list("/api/markets", "markets", 3, head).await;
    let pools: BTreeSet<Address> =
        house.devnet.deployment().markets.iter().map(|market| market.amm).collect();
    let served: BTreeSet<Address> = markets.iter().map(|market| address(&market["ammAddress"])).collect();
    assert_eq!(served, pools, "every pool is a market and every market has its pool");
    let mut held = Held::default();
    let interest = OpenInterest::compared(house, head).await;
    for market in &markets {
        let amm = address(&market["ammAddress"]);
        let known = house.devnet.deployment().markets.iter().find(|known| known.amm == amm).unwrap();
        let truth = compare_one(house, (market, known), &everyone, head).await;
        interest.compare_market(market, (&truth.conditions, truth.collateral));
        held.add(truth);
    }
    held.compare(house, &markets, 4, head).await;
    gifts::compare(house, &markets, 6, head).await;
    Books::of(&markets).compare(house, head).await
}

/// Holds what is served of a market and of who has its tokens against the contracts.
pub(crate) async fn compare_one(
    house: &House,
    (market, known): (&Value, &Market),
    everyone: &BTreeSet<Address>,
    head: B256,
) -> Truth {
    let truth = Truth::of(house, known.amm, everyone, head).await;
    compare_market(house, market, &truth).await;
    compare_names(market, known);
    gifts::compare_names(house, market, known).await;
    compare_trades(house, market, &truth, head).await;
    compare_holders(house, market, &truth, head).await;
    truth
}

/// Outcome tokens in somebody's hands, by holder and ERC-1155 id.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeMap<Address, BTreeMap<U256, U256>>);

impl Held {
    /// Takes a market's holders in, in place of those that it had.
    pub(crate) fn add(&mut self, truth: Truth) {
        for held in self.0.values_mut() {
            held.retain(|token, _| !truth.position_ids.contains(token));
        }
        for ((outcome, holder), amount) in truth.holders {
            let token = truth.position_ids[usize::try_from(outcome).unwrap()];
            self.0.entry(holder).or_default().insert(token, amount);
        }
    }

    /// Holds the list of every account against it.
    pub(crate) async fn compare(&self, house: &House, markets: &[Value], page: usize, head: B256) {
        let mut oldest = BTreeMap::new();
        // The newest comes first, and the oldest that has a token is its market.
        for market in markets {
            for (outcome, token) in (0_u64..).zip(amounts(&market["positionIds"])) {
                oldest.insert(token, (market["marketId"].clone(), json!(outcome)));
            }
        }
        for account in &house.devnet.deployment().accounts {
            let path = format!("/api/users/{}/positions", account.address);
            let served = house.list(&path, "positions", page, head).await;
            for position in &served {
                let (market, outcome) = &oldest[&amount(&position["positionId"])];
                assert_eq!((&position["marketId"], &position["outcomeIndex"]), (market, outcome));
            }
            let entry = |position: &Value| (amount(&position["positionId"]), amount(&position["amount"]));
            let found: BTreeMap<U256, U256> = served.iter().map(entry).collect();
            assert_eq!(found.len(), served.len(), "no token twice");
            assert_eq!(found, self.0.get(&account.address).cloned().unwrap_or_default(), "{path}");
        }
    }
}

async fn compare_market(house: &House, market: &Value, truth: &Truth) {
    let id = market["marketId"].as_str().unwrap();
    let (status, alone) = house.get(&format!("/api/markets/{id}")).await;
    assert_eq!((status, &alone), (200, market), "alone and in the list");
    assert_eq!(market["conditionId"], json!(format!("{:#x}", truth.conditions[0])));
    assert_eq!(address(&market["collateralToken"]), truth.collateral);
    assert_eq!(market["fee"], json!(truth.fee.to_string()));
    assert_eq!(amounts(&market["positionIds"]), truth.position_ids);
    assert_eq!(amounts(&market["poolBalances"]), truth.pool);
    assert_eq!(amounts(&market["payouts"]), truth.payouts);
    assert_eq!(market["resolved"], json!(!truth.payouts.is_empty()));
    assert_eq!(prices(&market["prices"]), truth.prices());
    let volume = truth.trades.iter().fold(U256::ZERO, |sum, trade| sum + trade.collateral);
    assert_eq!(market["volume"], json!(volume.to_string()));
    // Nothing here is older than a day.
    assert_eq!((&market["volume24h"], &market["volume7d"]), (&market["volume"], &market["volume"]));
    assert_eq!(market.get("liquidity").map(amount), truth.liquidity());
    let outcomes = 0..u64::try_from(truth.position_ids.len()).unwrap();
    let holders = |outcome| truth.holders.keys().filter(|(held, _)| *held == outcome).count().to_string();
    assert_eq!(market["holderCounts"], json!(outcomes.map(holders).collect::<Vec<String>>()));
    assert_eq!(market["tradeCount"], json!(truth.trades.len().to_string()));
    let (status, answer) = house.get(&format!("/api/markets/{id}/prices")).await;
    assert_eq!(status, 200);
    let each = answer["prices"].as_array().unwrap();
    assert_eq!(each.len(), truth.pool.len());
    let single: Vec<Value> = each.iter().filter_map(|outcome| outcome.get("price").cloned()).collect();
    assert_eq!(prices(&json!(single)), truth.prices());
}

/// What a market factory says is served; what nobody says is absent.
fn compare_names(market: &Value, known: &Market) {
    let amm = known.amm;
    match known.market_id {
        Some(id) => {
            assert_eq!(market["marketId"], json!(format!("{id:#x}")));
            assert_eq!(market["question"], json!(known.question));
            assert_eq!(market["outcomes"], json!(known.outcomes));
            assert_eq!(address(&market["creator"]), known.creator);
        }
        None => {
            assert_eq!(market["marketId"], json!(format!("{amm:#x}")));
            assert!(market.get("question").is_none() && market.get("resolutionTime").is_none(), "{market}");
            assert_eq!(market["outcomes"], json!([]));
        }
    }
}

async fn compare_trades(house: &House, market: &Value, truth: &Truth, head: B256) {
    let path = format!("/api/markets/{}/trades", market["marketId"].as_str().unwrap());
    let served = house.list(&path, "trades", 7, head).await;
    assert_eq!(served.len(), truth.trades.len(), "{path}");
    for (served, trade) in served.iter().zip(&truth.trades) {
        assert_eq!(served["side"], json!(trade.side));
        assert_eq!(address(&served["trader"]), trade.trader);
        assert_eq!(served["outcomeIndex"], json!(trade.outcome));
        assert_eq!(served["amount"], json!(trade.tokens.to_string()));
        assert_eq!(served["collateralAmount"], json!(trade.collateral.to_string()));
        assert_eq!(served["fee"], json!(trade.fee.to_string()));
        assert_eq!(served["block"]["hash"], json!(format!("{:#x}", trade.block)));
        assert_eq!(served["logIndex"], json!(trade.log_index));
    }
}

async fn compare_holders(house: &House, market: &Value, truth: &Truth, head: B256) {
    let path = format!("/api/markets/{}/positions", market["marketId"].as_str().unwrap());
    let served = house.list(&path, "positions", 5, head).await;
    let entry = |position: &Value| {
        let key = (position["outcomeIndex"].as_u64().unwrap(), address(&position["userAddress"]));
        (key, amount(&position["amount"]))
    };
    let balances: BTreeMap<_, _> = served.iter().map(entry).collect();
    assert_eq!(balances.len(), served.len(), "no holder twice");
    assert_eq!(balances, truth.holders, "{path}");
    served.iter().for_each(|position| compare_position(position, truth));
}

/// Whether it can be redeemed, for how much, and how many full sets its holder has.
fn compare_position(position: &Value, truth: &Truth) {
    let (outcome, holder) = (position["outcomeIndex"].as_u64().unwrap(), address(&position["userAddress"]));
    let sum = truth.payouts.iter().fold(U256::ZERO, |sum, payout| sum + payout);
    let numerator = truth.payouts.get(usize::try_from(outcome).unwrap());
    let status = match numerator {
        None => "POSITION_STATUS_OPEN",
        Some(numerator) if numerator.is_zero() => "POSITION_STATUS_LOST",
        Some(_) => "POSITION_STATUS_REDEEMABLE",
    };
    assert_eq!(position["status"], json!(status));
    // Outcomes of several conditions are redeemed one by one: only nothing is known before.
    let known = numerator.filter(|numerator| truth.conditions.len() == 1 || numerator.is_zero());
    let payout = known.map(|numerator| (amount(&position["amount"]) * numerator / sum).to_string());
    assert_eq!(position.get("payout"), payout.map(|payout| json!(payout)).as_ref());
    let outcomes = 0..u64::try_from(truth.position_ids.len()).unwrap();
    let of_outcome = |outcome| truth.holders.get(&(outcome, holder)).copied().unwrap_or_default();
    assert_eq!(position["mergeable"], json!(outcomes.map(of_outcome).min().unwrap().to_string()));
}

fn address(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

fn amount(value: &Value) -> U256 {
    U256::from_str_radix(value.as_str().unwrap(), 10).unwrap()
}

fn amounts(value: &Value) -> Vec<U256> {
    value.as_array().unwrap().iter().map(amount).collect()
}

/// Decimal texts as integers of 10^-18.
fn prices(value: &Value) -> Vec<U256> {
    let units = |value: &Value| {
        let (whole, fraction) =
            value.as_str().unwrap().split_once('.').unwrap_or((value.as_str().unwrap(), ""));
        U256::from_str_radix(&format!("{whole}{fraction:0<18}"), 10).unwrap()
    };
    value.as_array().unwrap().iter().map(units).collect()
}

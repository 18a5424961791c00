//! Names, resolutions and transfers as they are served, against the logs of the contracts.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};
use capstan_devnet::Market;
use serde_json::{Value, json};

use crate::{
    contracts::{ConditionalTokens, Fpmm},
    house::House,
};

/// Log, token, whether it came, the other side and how much.
type Gift = (B256, u64, U256, bool, Address, U256);

/// From whom, to whom, and which tokens how much of.
type Moved = (Address, Address, Vec<(U256, U256)>);

/// Every account's history has what was given and taken without a trade, and nothing else.
pub(crate) async fn compare(house: &House, markets: &[Value], page: usize, head: B256) -> usize {
    let deployment = house.devnet.deployment();
    let pools: BTreeSet<Address> = markets.iter().map(|market| address(&market["ammAddress"])).collect();
    let mut given = given(house, &pools).await;
    let mut count = 0;
    for account in &deployment.accounts {
        let path = format!("/api/users/{}/history", account.address);
        let served = house.list(&path, "activities", page, head).await;
        let mut found: Vec<Gift> = served.iter().filter_map(|activity| gift(activity, markets)).collect();
        let mut expected = given.remove(&account.address).unwrap_or_default();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{path}");
        count += found.len();
    }
    count
}

/// What is served as a transfer; the market is one that has the token.
fn gift(activity: &Value, markets: &[Value]) -> Option<Gift> {
    let came = match activity["kind"].as_str().unwrap() {
        "ACTIVITY_KIND_TRANSFER_IN" => true,
        "ACTIVITY_KIND_TRANSFER_OUT" => false,
        _ => {
            assert!(activity.get("counterparty").is_none() && activity.get("positionId").is_none());
            return None;
        }
    };
    let token = &activity["positionId"];
    let with_token = |market: &&Value| market["positionIds"].as_array().unwrap().contains(token);
    // The newest comes first, and the oldest that has a token is its market.
    let market = markets.iter().rev().find(with_token);
    assert_eq!(activity.get("marketId"), market.map(|market| &market["marketId"]));
    if let Some(market) = market {
        assert_eq!(activity["conditionId"], market["conditionId"]);
        assert_eq!(&market["positionIds"][activity["outcomeIndex"].as_u64().unwrap() as usize], token);
    }
    let hash = activity["transactionHash"].as_str().unwrap().parse().unwrap();
    let log_index = activity["logIndex"].as_u64().unwrap();
    let other = address(&activity["counterparty"]);
    Some((hash, log_index, number(token), came, other, number(&activity["amount"])))
}

/// Transfers between two users, a market factory included, and from one to a pool that bought nothing in the
/// transaction. What the factory of pools hands on was paid for.
async fn given(house: &House, pools: &BTreeSet<Address>) -> BTreeMap<Address, Vec<Gift>> {
    let deployment = house.devnet.deployment();
    let not_users = [deployment.fpmm_factory, Address::ZERO];
    let logs =
        |filter: Filter| async move { house.provider().get_logs(&filter.from_block(0)).await.unwrap() };
    let sales = logs(Filter::new().event_signature(Fpmm::FPMMSell::SIGNATURE_HASH)).await;
    let sales: BTreeSet<(B256, Address)> =
        sales.iter().map(|log| (log.transaction_hash.unwrap(), log.address())).collect();
    let mut given: BTreeMap<Address, Vec<Gift>> = BTreeMap::new();
    for log in logs(Filter::new().address(deployment.conditional_tokens)).await {
        let (hash, log_index) = (log.transaction_hash.unwrap(), log.log_index.unwrap());
        let Some((from, to, items)) = moved(&log) else { continue };
        let is_user = |address: &Address| !pools.contains(address) && !not_users.contains(address);
        if !is_user(&from) || from == to || to == Address::ZERO || sales.contains(&(hash, to)) {
            continue;
        }
        for (token, amount) in items.into_iter().filter(|(_, amount)| !amount.is_zero()) {
            given.entry(from).or_default().push((hash, log_index, token, false, to, amount));
            if is_user(&to) {
                given.entry(to).or_default().push((hash, log_index, token, true, from, amount));
            }
        }
    }
    given
}

fn moved(log: &Log) -> Option<Moved> {
    if let Ok(one) = log.log_decode::<ConditionalTokens::TransferSingle>() {
        let ConditionalTokens::TransferSingle { from, to, id, value, .. } = one.inner.data;
        return Some((from, to, vec![(id, value)]));
    }
    let many = log.log_decode::<ConditionalTokens::TransferBatch>().ok()?.inner.data;
    Some((many.from, many.to, many.ids.into_iter().zip(many.values).collect()))
}

/// The slug is that of the question and leads to the market; the resolution is where the log of it is.
pub(crate) async fn compare_names(house: &House, market: &Value, known: &Market) {
    match known.market_id {
        None => assert_eq!(market.get("slug"), None),
        Some(id) => {
            let slug = market["slug"].as_str().unwrap();
            let words = known.question.to_lowercase();
            let first = words.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap();
            assert!(
                slug.starts_with(first) && slug.ends_with(&format!("-{}", &format!("{id:x}")[56..])),
                "{slug}"
            );
            assert_eq!(house.get(&format!("/api/markets/{slug}")).await, (200, market.clone()));
        }
    }
    let Some(resolution) = market.get("resolution") else { return };
    let hash: B256 = resolution["transactionHash"].as_str().unwrap().parse().unwrap();
    let receipt = house.provider().get_transaction_receipt(hash).await.unwrap().unwrap();
    let of_log = |log: &&Log| json!(log.log_index.unwrap()) == resolution["logIndex"];
    let report = receipt.inner.logs().iter().find(of_log).unwrap();
    assert_eq!(json!(format!("{:#x}", report.topics()[1])), resolution["conditionId"]);
}

fn address(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> U256 {
    U256::from_str_radix(value.as_str().unwrap(), 10).unwrap()
}

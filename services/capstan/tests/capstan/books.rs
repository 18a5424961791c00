//! What users are said to have paid and received, against the collateral that the token contracts moved.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, I256, U256},
    providers::Provider,
    rpc::types::Filter,
    sol,
    sol_types::SolEvent,
};
use serde_json::Value;

use crate::house::House;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
}

type Cash = BTreeMap<(Address, Address), I256>;

/// Holds the books of every account in every collateral against the transfers of that.
pub(crate) async fn compare(house: &House, markets: &[Value], head: B256) {
    let collaterals: BTreeMap<&str, Address> = markets
        .iter()
        .map(|market| (market["marketId"].as_str().unwrap(), address(&market["collateralToken"])))
        .collect();
    let mut said = Cash::new();
    for account in &house.devnet.deployment().accounts {
        let user = account.address;
        for list in ["positions", "positions?closed=true", "liquidity"] {
            for position in house.list(&format!("/api/users/{user}/{list}"), "positions", 4, head).await {
                let collateral = collaterals[position["marketId"].as_str().unwrap()];
                *said.entry((user, collateral)).or_default() += brought(&position["costs"]);
                assert!(list == "liquidity" || position["reconciled"] == true, "{position}");
            }
        }
    }
    said.retain(|_, cash| !cash.is_zero());
    let moved = moved(house).await;
    assert!(moved.len() > 3, "somebody traded");
    assert_eq!(said, moved);
}

/// Realised and unmatched, less what the cost of the rest is.
fn brought(costs: &Value) -> I256 {
    let number = |name: &str| I256::from_dec_str(costs[name].as_str().unwrap()).unwrap();
    number("realisedPnl") + number("unmatchedPnl") - number("cost")
}

/// What every account got from, less what it paid to, conditional tokens, pools and the factory that makes them.
async fn moved(house: &House) -> Cash {
    let deployment = house.devnet.deployment();
    let users: BTreeSet<Address> = deployment.accounts.iter().map(|account| account.address).collect();
    let others: BTreeSet<Address> = deployment
        .markets
        .iter()
        .map(|market| market.amm)
        .chain([deployment.conditional_tokens, deployment.fpmm_factory])
        .collect();
    let collaterals: Vec<Address> = deployment.markets.iter().map(|market| market.collateral).collect();
    let filter = Filter::new().address(collaterals).event_signature(Transfer::SIGNATURE_HASH).from_block(0);
    let mut cash = Cash::new();
    for log in house.provider().get_logs(&filter).await.unwrap() {
        let collateral = log.address();
        let Transfer { from, to, value } = log.log_decode().unwrap().inner.data;
        let value = I256::try_from(U256::from(value)).unwrap();
        if users.contains(&from) && others.contains(&to) {
            *cash.entry((from, collateral)).or_default() -= value;
        }
        if users.contains(&to) && others.contains(&from) {
            *cash.entry((to, collateral)).or_default() += value;
        }
    }
    cash.retain(|_, cash| !cash.is_zero());
    cash
}

fn address(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

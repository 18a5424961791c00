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

/// What users brought home, by user and collateral.
pub(crate) type Cash = BTreeMap<(Address, Address), I256>;

/// What the books of accounts are held against.
#[derive(Debug)]
pub(crate) struct Books {
    /// How much of a list is asked for at once.
    pub(crate) page: usize,
    /// The collateral of every market.
    pub(crate) collaterals: BTreeMap<String, Address>,
    pub(crate) pools: BTreeSet<Address>,
    /// What the books of tokens say that no list has: those of no market's outcome.
    pub(crate) unlisted: Cash,
    /// Transactions that make pools pay fees by a bare transfer, which books do not know of.
    pub(crate) bare_fees: BTreeSet<B256>,
}

impl Books {
    /// The books of what is listed under some markets.
    pub(crate) fn of(markets: &[Value]) -> Self {
        let text = |market: &Value| market["marketId"].as_str().unwrap().to_owned();
        let collaterals =
            markets.iter().map(|market| (text(market), address(&market["collateralToken"]))).collect();
        let pools = markets.iter().map(|market| address(&market["ammAddress"])).collect();
        Self { page: 4, collaterals, pools, unlisted: Cash::new(), bare_fees: BTreeSet::new() }
    }

    /// Holds the books of every account in every collateral against the transfers of that, and says how many are not
    /// level.
    pub(crate) async fn compare(self, house: &House, head: B256) -> usize {
        let moved = self.moved(house).await;
        let mut said = self.unlisted;
        for account in &house.devnet.deployment().accounts {
            let user = account.address;
            for list in ["positions", "positions?closed=true", "liquidity"] {
                let path = format!("/api/users/{user}/{list}");
                for position in house.list(&path, "positions", self.page, head).await {
                    let collateral = self.collaterals[position["marketId"].as_str().unwrap()];
                    *said.entry((user, collateral)).or_default() += brought(&position["costs"]);
                    assert!(list == "liquidity" || position["reconciled"] == true, "{position}");
                }
            }
        }
        said.retain(|_, cash| !cash.is_zero());
        let both = |key: &(Address, Address)| (*key, said.get(key).copied(), moved.get(key).copied());
        let mut differing: Vec<_> = said.keys().chain(moved.keys()).map(both).collect();
        differing.retain(|(_, said, moved)| said != moved);
        assert!(differing.is_empty(), "said and moved: {differing:?}");
        moved.len()
    }

    /// What every account got from, less what it paid to, conditional tokens, pools and the factory that makes them.
    async fn moved(&self, house: &House) -> Cash {
        let deployment = house.devnet.deployment();
        let users: BTreeSet<Address> = deployment.accounts.iter().map(|account| account.address).collect();
        let makers = [deployment.conditional_tokens, deployment.fpmm_factory];
        let is_other = |address: &Address| self.pools.contains(address) || makers.contains(address);
        let collaterals: Vec<Address> = self.collaterals.values().copied().collect();
        let filter =
            Filter::new().address(collaterals).event_signature(Transfer::SIGNATURE_HASH).from_block(0);
        let mut cash = Cash::new();
        for log in house.provider().get_logs(&filter).await.unwrap() {
            let collateral = log.address();
            let bare = self.bare_fees.contains(&log.transaction_hash.unwrap());
            let Transfer { from, to, value } = log.log_decode().unwrap().inner.data;
            let value = I256::try_from(U256::from(value)).unwrap();
            if !bare && users.contains(&from) && is_other(&to) {
                *cash.entry((from, collateral)).or_default() -= value;
            }
            if !bare && users.contains(&to) && is_other(&from) {
                *cash.entry((to, collateral)).or_default() += value;
            }
        }
        cash.retain(|_, cash| !cash.is_zero());
        cash
    }
}

/// Realised and unmatched, less what the cost of the rest is.
fn brought(costs: &Value) -> I256 {
    let number = |name: &str| I256::from_dec_str(costs[name].as_str().unwrap()).unwrap();
    number("realisedPnl") + number("unmatchedPnl") - number("cost")
}

fn address(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

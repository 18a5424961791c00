//! Open interest against the collateral that ConditionalTokens really has.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, U256},
    sol,
};
use capstan_db::{
    columns::AddressColumn,
    market::entities::{amm, balance, holder_count, open_interest},
};
use sea_orm_migration::sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value;

use crate::house::House;

sol! {
    #[sol(rpc)]
    contract Erc20 {
        function balanceOf(address account) external view returns (uint256);
    }
}

/// Open interest by condition and collateral.
#[derive(Debug)]
pub(crate) struct OpenInterest(BTreeMap<(B256, Address), U256>);

impl OpenInterest {
    /// What the tables say, which is all the collateral that ConditionalTokens has at a block. The tables count their
    /// holders right.
    pub(crate) async fn compared(house: &House, head: B256) -> Self {
        let tables = house.tables().await;
        let read = tables.read().await.unwrap();
        let query = open_interest::Entity::find().order_by_asc(open_interest::Column::BlockNumber);
        let interest = query.all(&read).await.unwrap();
        let balances = balance::Entity::find().all(&read).await.unwrap();
        let pools = amm::Entity::find().all(&read).await.unwrap();
        let counts = holder_count::Entity::find().all(&read).await.unwrap();
        drop(read);
        tables.close().await.unwrap();
        let pools: BTreeSet<AddressColumn> = pools.into_iter().map(|row| row.address).collect();
        let mut counted = BTreeMap::new();
        for row in balances.into_iter().filter(|row| !pools.contains(&row.holder)) {
            *counted.entry((row.contract, row.position_id)).or_insert(0) += 1;
        }
        let said: BTreeMap<_, i64> =
            counts.into_iter().map(|row| ((row.contract, row.position_id), row.holders)).collect();
        assert_eq!(said, counted, "holders");
        let entry = |row: open_interest::Model| {
            let key = (
                B256::from_slice(row.condition_id.0.as_bytes()),
                Address::from_slice(row.collateral.0.as_bytes()),
            );
            (key, U256::from_str_radix(&row.amount.0.to_string(), 10).unwrap())
        };
        let all = Self(interest.into_iter().map(entry).collect());
        all.compare(house, head).await;
        all
    }

    async fn compare(&self, house: &House, head: B256) {
        let provider = house.provider();
        let collaterals: BTreeSet<Address> = self.0.keys().map(|(_, collateral)| *collateral).collect();
        assert!(!collaterals.is_empty(), "somebody split");
        for collateral in collaterals {
            let of_collateral = self.0.iter().filter(|((_, token), _)| *token == collateral);
            let said = of_collateral.fold(U256::ZERO, |sum, (_, amount)| sum + amount);
            let held = Erc20::new(collateral, &provider)
                .balanceOf(house.devnet.deployment().conditional_tokens)
                .block(BlockId::hash(head))
                .call()
                .await
                .unwrap();
            assert_eq!(said, held, "collateral {collateral}");
        }
    }

    /// Whether a market is said to have that of its conditions.
    pub(crate) fn compare_market(&self, market: &Value, (conditions, collateral): (&[B256], Address)) {
        let amounts = conditions.iter().filter_map(|condition| self.0.get(&(*condition, collateral)));
        let sum = amounts.fold(U256::ZERO, |sum, amount| sum + amount);
        assert_eq!(market["openInterest"], serde_json::json!(sum.to_string()), "{market}");
    }
}

//! Pools of a program: how they are made.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use capstan_devnet::Market;
use rand::Rng;

use super::{
    Program,
    calls::{Erc20, MarketFactory, NewMarket, PoolFactory, Tokens},
    node::{Call, Kind},
    sets::Condition,
};
use crate::house::House;

/// A pool, which may come to nothing.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// With the market factory, which prepares its condition.
    pub(super) announced: bool,
    pub(super) conditions: Vec<usize>,
    pub(super) creator: Address,
    pub(super) fee: U256,
    /// What it trades.
    pub(super) positions: Vec<usize>,
    /// None before its creation was tried.
    pub(super) address: Option<Address>,
    pub(super) market_id: Option<B256>,
}

impl Program {
    /// Which pools this program has.
    pub(super) async fn plan_pools(&mut self, house: &House) {
        let combinable = self.sets.conditions.len() == 2 && self.sets.conditions[0].outcomes <= 3;
        let mut plans: Vec<(bool, Vec<usize>)> = Vec::new();
        if self.announced {
            plans.push((true, vec![0]));
        }
        let vast = self.sets.conditions[0].outcomes > super::sets::MANY;
        if !vast && (!self.announced || self.rng.random_ratio(1, 5)) {
            let both = combinable && self.rng.random_bool(0.6);
            let order = if self.rng.random_bool(0.5) { vec![0, 1] } else { vec![1, 0] };
            plans.push((false, if both { order } else { vec![0] }));
        }
        for (announced, conditions) in plans {
            let positions = self.sets.traded(&conditions, house).await;
            let fee = match self.rng.random_range(0..4) {
                0 => 0,
                1 => 20_000_000_000_000_000,
                _ => self.rng.random_range(0..=50_000_000_000_000_000_u64),
            };
            let creator = if announced { self.users[0] } else { self.user() };
            let (fee, address, market_id) = (U256::from(fee), None, None);
            self.pools.push(Pool { announced, conditions, creator, fee, positions, address, market_id });
        }
    }

    /// What must be there before pools are.
    pub(super) fn prepare(&mut self, house: &House) -> Vec<Call> {
        let deployment = house.devnet.deployment();
        let mut calls = Vec::new();
        for (index, condition) in self.sets.conditions.iter().enumerate() {
            if !(self.announced && index == 0) {
                let Condition { oracle, question, outcomes, .. } = condition;
                let prepare = Tokens::prepareConditionCall {
                    oracle: *oracle,
                    questionId: *question,
                    outcomeSlotCount: U256::from(*outcomes),
                };
                calls.push(self.call(Kind::Prepare, self.users[0], self.tokens, &prepare));
            }
        }
        for pool in &self.pools {
            let spender = if pool.announced { deployment.market_factory } else { deployment.fpmm_factory };
            let approve = Erc20::approveCall { spender, value: U256::MAX };
            calls.push(self.call(Kind::Approve, pool.creator, self.collateral(), &approve));
        }
        calls
    }

    /// Makes the pools of the market factory, or the others.
    pub(super) async fn create(&mut self, announced: bool, house: &House) -> Vec<Call> {
        let mut calls = Vec::new();
        for index in 0..self.pools.len() {
            if self.pools[index].announced == announced {
                calls.extend(self.create_one(index, house).await);
            }
        }
        calls
    }

    /// Nothing where the contract would revert.
    async fn create_one(&mut self, index: usize, house: &House) -> Vec<Call> {
        let funds = if self.rng.random_bool(0.25) { U256::ZERO } else { self.funds() };
        // A few base units cannot be distributed.
        let hint = self.hint(self.pools[index].positions.len());
        for hint in [hint, Vec::new()] {
            let made = if self.pools[index].announced {
                self.announced_pool(index, (funds, hint), house).await
            } else {
                self.bare_pool(index, (funds, hint), house).await
            };
            let Some((create, address, market_id)) = made else { continue };
            self.pools[index].address = Some(address);
            self.pools[index].market_id = market_id;
            let mut calls: Vec<Call> = self.gift(index).into_iter().collect();
            calls.push(create);
            calls.extend(self.approvals(address));
            return calls;
        }
        Vec::new()
    }

    async fn announced_pool(
        &self,
        index: usize,
        (funds, hint): (U256, Vec<U256>),
        house: &House,
    ) -> Option<(Call, Address, Option<B256>)> {
        let factory = house.devnet.deployment().market_factory;
        let pool = &self.pools[index];
        let condition = &self.sets.conditions[0];
        let market = NewMarket {
            oracle: if condition.oracle == factory { Address::ZERO } else { condition.oracle },
            questionId: condition.question,
            collateralToken: self.collateral(),
            question: self.question(),
            outcomes: self.names(),
            resolutionTime: U256::ZERO,
            fee: pool.fee,
            initialFunds: funds,
            distributionHint: hint,
        };
        let contract = MarketFactory::new(factory, house.provider());
        let made = contract.createMarket(market.clone()).from(pool.creator).call().await.ok()?;
        let create = MarketFactory::createMarketCall { market };
        let call = self.call(Kind::Create, pool.creator, factory, &create);
        Some((call, made.pool, Some(made.marketId)))
    }

    async fn bare_pool(
        &self,
        index: usize,
        (funds, hint): (U256, Vec<U256>),
        house: &House,
    ) -> Option<(Call, Address, Option<B256>)> {
        let factory = house.devnet.deployment().fpmm_factory;
        let pool = &self.pools[index];
        let ids = pool.conditions.iter().map(|condition| self.sets.conditions[*condition].id).collect();
        let create = PoolFactory::create2FixedProductMarketMakerCall {
            saltNonce: U256::from(self.seed),
            conditionalTokens: self.tokens,
            collateralToken: self.collateral(),
            conditionIds: ids,
            fee: pool.fee,
            initialFunds: funds,
            distributionHint: hint,
        };
        let contract = PoolFactory::new(factory, house.provider());
        let made = contract.call_builder(&create).from(pool.creator).call().await.ok()?;
        Some((self.call(Kind::Create, pool.creator, factory, &create), made, None))
    }

    /// The address of a pool is known before there is one, which can then have tokens already.
    fn gift(&mut self, index: usize) -> Option<Call> {
        let to = self.pools[index].address?;
        let position = self.pools[index].positions[0];
        let giver = (0..self.users.len()).find(|user| !self.seen.balances[*user][position].is_zero())?;
        let value = self.portion(self.seen.balances[giver][position]);
        let gives = self.rng.random_bool(0.7);
        let (from, token) = (self.users[giver], self.sets.positions[position].token);
        let data = alloy::primitives::Bytes::new();
        let transfer = Tokens::safeTransferFromCall { from, to, id: token, value, data };
        gives.then(|| self.call(Kind::Transfer, from, self.tokens, &transfer))
    }

    fn approvals(&self, pool: Address) -> Vec<Call> {
        let approve = Erc20::approveCall { spender: pool, value: U256::MAX };
        let operator = Tokens::setApprovalForAllCall { operator: pool, approved: true };
        let calls = self.users.iter().map(|user| {
            let collateral = self.call(Kind::Approve, *user, self.collateral(), &approve);
            [collateral, self.call(Kind::Approve, *user, self.tokens, &operator)]
        });
        calls.flatten().collect()
    }

    /// Pools as the deployment has its own.
    pub(super) fn markets(&self) -> Vec<Market> {
        let market = |pool: &Pool| {
            let position = |index: &usize| self.sets.positions[*index].token;
            Some(Market {
                market_id: pool.market_id,
                condition_id: self.sets.conditions[pool.conditions[0]].id,
                amm: pool.address?,
                collateral: self.collateral(),
                creator: pool.creator,
                question: self.question(),
                outcomes: self.names(),
                position_ids: pool.positions.iter().map(position).collect(),
                fee: pool.fee,
                resolution_time: Some(0),
                payouts: None,
            })
        };
        self.pools.iter().filter_map(market).collect()
    }

    fn question(&self) -> String {
        format!("What becomes of program {}?", self.seed)
    }

    fn names(&self) -> Vec<String> {
        (0..self.sets.conditions[0].outcomes).map(|outcome| format!("outcome {outcome}")).collect()
    }

    pub(super) fn call(&self, kind: Kind, from: Address, to: Address, call: &impl SolCall) -> Call {
        Call::new(kind, from, to, call)
    }
}

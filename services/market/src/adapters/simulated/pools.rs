//! Pools, their factory and a market factory: formulas and events of the real contracts.

use std::collections::BTreeMap;

use capstan_primitives::{Address, Amount, Hash, U256, keccak256};

use super::{
    COLLATERAL, CONDITIONAL_TOKENS, FPMM_FACTORY, MARKET_FACTORY, SimulatedPool, World,
    log::{address, bytes32, bytes32s, string, strings, uint, uints},
};
use crate::domain::{
    ids,
    market::Side,
    quote::{Pool, Quote, Wish},
};

const FEES_OF_A_REMOVAL: U256 = U256::from_limbs([7, 0, 0, 0]);

impl World {
    /// Address of the pool that is created next.
    pub fn next_pool(&self) -> Address {
        let number = self.pools.len().to_be_bytes();
        let salt = keccak256(&[b"pool", &number, &self.log.chain_id.to_be_bytes()]);
        Address::try_from(&salt.as_bytes()[..20]).expect("20 bytes")
    }

    /// `create2FixedProductMarketMaker`.
    pub fn create_pool(&mut self, creator: Address, conditions: &[Hash], fee: U256, funds: U256) -> usize {
        let number = self.pools.len();
        let at = self.next_pool();
        let counted: Vec<(Hash, u32)> = conditions.iter().map(|id| (*id, self.conditions[id].2)).collect();
        let tokens = ids::position_ids(COLLATERAL.into(), &counted).expect("position ids");
        self.log.emit(
            FPMM_FACTORY.into(),
            "gnosis.fpmm_factory.FixedProductMarketMakerCreation",
            vec![
                address("creator", creator),
                address("fixedProductMarketMaker", at),
                address("conditionalTokens", CONDITIONAL_TOKENS.into()),
                address("collateralToken", COLLATERAL.into()),
                bytes32s("conditionIds", conditions),
                uint("fee", fee),
            ],
        );
        self.pools.push(SimulatedPool {
            address: at,
            conditions: conditions.to_vec(),
            tokens,
            fee,
            supply: U256::ZERO,
            shares: BTreeMap::new(),
            volume: U256::ZERO,
            trades: 0,
        });
        if !funds.is_zero() {
            self.add_funding(FPMM_FACTORY.into(), number, funds);
            let shares = self.pools[number].shares.remove(&FPMM_FACTORY.into()).unwrap_or_default();
            self.pools[number].shares.insert(creator, shares);
            let paid = self.cash.remove(&FPMM_FACTORY.into()).unwrap_or_default();
            *self.cash.entry(creator).or_default() += paid;
        }
        number
    }

    fn through_all_conditions(&mut self, pool: usize, amount: U256, split: bool) {
        let SimulatedPool { address, conditions, .. } = self.pools[pool].clone();
        let mut levels = vec![vec![Hash::ZERO]];
        for condition in conditions.iter().rev() {
            let sets = self.single_sets(*condition);
            let deeper = levels[levels.len() - 1]
                .iter()
                .flat_map(|parent| sets.iter().map(|set| ids::collection_id(*parent, *condition, *set)))
                .collect::<Result<Vec<Hash>, _>>()
                .expect("collections");
            levels.push(deeper);
        }
        let mut steps: Vec<(Hash, Vec<Hash>)> = conditions.iter().rev().copied().zip(levels).collect();
        if !split {
            steps.reverse();
        }
        for (condition, parents) in steps {
            let sets = self.single_sets(condition);
            for parent in parents {
                if split {
                    self.split(address, (parent, condition), &sets, amount);
                } else {
                    self.merge(address, (parent, condition), &sets, amount);
                }
            }
        }
    }

    fn pool_event(&mut self, pool: usize, event: &str, arguments: Vec<capstan_proto::indexer::Argument>) {
        let at = self.pools[pool].address;
        self.log.emit(at, &format!("gnosis.fpmm.{event}"), arguments);
    }

    /// `addFunding` without a hint.
    pub fn add_funding(&mut self, funder: Address, pool: usize, funds: U256) {
        let before = self.pool_balances(pool);
        let weight = before.iter().copied().max().unwrap_or_default();
        let SimulatedPool { address: at, tokens, supply, .. } = self.pools[pool].clone();
        let (sent_back, minted): (Vec<U256>, U256) = if supply.is_zero() {
            (vec![U256::ZERO; before.len()], funds)
        } else {
            (
                before.iter().map(|balance| funds - funds * *balance / weight).collect(),
                funds * supply / weight,
            )
        };
        self.pay(funder, funds);
        self.through_all_conditions(pool, funds, true);
        self.pools[pool].supply += minted;
        *self.pools[pool].shares.entry(funder).or_default() += minted;
        self.transfer_batch(at, funder, &tokens, &sent_back);
        let added: Vec<U256> = sent_back.iter().map(|amount| funds - *amount).collect();
        let arguments =
            vec![address("funder", funder), uints("amountsAdded", &added), uint("sharesMinted", minted)];
        self.pool_event(pool, "FPMMFundingAdded", arguments);
    }

    /// `removeFunding`.
    pub fn remove_funding(&mut self, funder: Address, pool: usize, shares: U256) {
        let SimulatedPool { address: at, tokens, supply, .. } = self.pools[pool].clone();
        let sent: Vec<U256> =
            self.pool_balances(pool).iter().map(|balance| *balance * shares / supply).collect();
        self.pools[pool].supply -= shares;
        *self.pools[pool].shares.entry(funder).or_default() -= shares;
        self.transfer_batch(at, funder, &tokens, &sent);
        self.receive(funder, FEES_OF_A_REMOVAL);
        let arguments = vec![
            address("funder", funder),
            uints("amountsRemoved", &sent),
            uint("collateralRemovedFromFeePool", FEES_OF_A_REMOVAL),
            uint("sharesBurnt", shares),
        ];
        self.pool_event(pool, "FPMMFundingRemoved", arguments);
    }

    /// What the contract's own formulas give; none when they revert.
    fn quote(&self, pool: usize, side: Side, outcome: usize, collateral: U256) -> Option<Quote> {
        let balances: Vec<Amount> = self.pool_balances(pool).into_iter().map(Amount).collect();
        let pool = Pool { balances: &balances, fee: Amount(self.pools[pool].fee) };
        pool.quote(side, outcome, Wish::Collateral(Amount(collateral)))
    }

    /// `buy`; the tokens bought.
    pub fn buy(&mut self, buyer: Address, pool: usize, investment: U256, outcome: usize) -> U256 {
        let SimulatedPool { address: at, tokens, .. } = self.pools[pool].clone();
        let quote = self.quote(pool, Side::Buy, outcome, investment).expect("a pool with tokens");
        let (fee, bought) = (quote.fee.0, quote.tokens.0);
        self.through_all_conditions(pool, investment - fee, true);
        self.transfer(tokens[outcome], at, buyer, bought);
        self.traded(pool, investment);
        self.pay(buyer, investment);
        let arguments = vec![
            address("buyer", buyer),
            uint("investmentAmount", investment),
            uint("feeAmount", fee),
            uint("outcomeIndex", U256::from(outcome)),
            uint("outcomeTokensBought", bought),
        ];
        self.pool_event(pool, "FPMMBuy", arguments);
        bought
    }

    /// `sell`; the tokens sold, or none when pool or seller cannot.
    pub fn sell(&mut self, seller: Address, pool: usize, returned: U256, outcome: usize) -> Option<U256> {
        let SimulatedPool { address: at, tokens, .. } = self.pools[pool].clone();
        let quote = self.quote(pool, Side::Sell, outcome, returned)?;
        let (fee, sold) = (quote.fee.0, quote.tokens.0);
        if self.balance(tokens[outcome], seller) < sold {
            return None;
        }
        self.transfer(tokens[outcome], seller, at, sold);
        self.through_all_conditions(pool, returned + fee, false);
        self.traded(pool, returned);
        self.receive(seller, returned);
        let arguments = vec![
            address("seller", seller),
            uint("returnAmount", returned),
            uint("feeAmount", fee),
            uint("outcomeIndex", U256::from(outcome)),
            uint("outcomeTokensSold", sold),
        ];
        self.pool_event(pool, "FPMMSell", arguments);
        Some(sold)
    }

    fn traded(&mut self, pool: usize, collateral: U256) {
        self.pools[pool].volume += collateral;
        self.pools[pool].trades += 1;
    }

    /// `createMarket` of the market factory: condition, announcement, pool, link.
    pub fn create_market(
        &mut self,
        creator: Address,
        question: &str,
        outcomes: &[&str],
        funds: U256,
    ) -> usize {
        let pool = self.create_market_without_link(creator, question, outcomes, funds);
        self.link_markets();
        pool
    }

    /// A factory that says later which pool it made.
    pub fn create_market_without_link(
        &mut self,
        creator: Address,
        question: &str,
        outcomes: &[&str],
        funds: U256,
    ) -> usize {
        let question_id = keccak256(&[question.as_bytes()]);
        let factory = Address::from(MARKET_FACTORY);
        let condition = self.prepare(factory, question_id, u32::try_from(outcomes.len()).expect("few"));
        let market_id = keccak256(&[&MARKET_FACTORY, condition.as_bytes()]);
        let names: Vec<String> = outcomes.iter().map(|name| (*name).to_owned()).collect();
        let mut arguments = vec![
            bytes32("marketId", market_id),
            bytes32("conditionId", condition),
            address("creator", creator),
            bytes32("questionId", question_id),
            address("collateralToken", COLLATERAL.into()),
            string("question", question),
            strings("outcomes", &names),
            uint("resolutionTime", U256::from(1_800_000_000u64)),
        ];
        let said = ["slug", "category"].into_iter().zip(&self.says);
        arguments.extend(said.filter_map(|(name, said)| Some(string(name, said.as_deref()?))));
        self.log.emit(factory, "market.created", arguments);
        let fee = U256::from(20_000_000_000_000_000u64);
        let pool = self.create_pool(factory, &[condition], fee, funds);
        let shares = self.pools[pool].shares.remove(&factory).unwrap_or_default();
        self.pools[pool].shares.insert(creator, shares);
        self.markets.push((market_id, pool));
        pool
    }

    /// Says which pools belong to the markets that have none yet.
    pub fn link_markets(&mut self) {
        for (market_id, pool) in self.markets.clone().split_off(self.linked) {
            let (amm, fee) = (address("amm", self.pools[pool].address), uint("fee", self.pools[pool].fee));
            let arguments = vec![bytes32("marketId", market_id), amm, fee];
            self.log.emit(MARKET_FACTORY.into(), "market.amm_deployed", arguments);
        }
        self.linked = self.markets.len();
    }

    /// `resolve` of the market factory.
    pub fn resolve_market(&mut self, market: usize, payouts: &[U256]) {
        let (_, pool) = self.markets[market];
        self.report(self.pools[pool].conditions[0], payouts);
        self.announce_resolution(market, payouts);
    }

    /// What the market factory says of a resolution, true or not.
    pub fn announce_resolution(&mut self, market: usize, payouts: &[U256]) {
        let (market_id, pool) = self.markets[market];
        let condition = self.pools[pool].conditions[0];
        let arguments = vec![
            bytes32("marketId", market_id),
            bytes32("conditionId", condition),
            uints("payouts", payouts),
        ];
        self.log.emit(MARKET_FACTORY.into(), "market.resolved", arguments);
    }
}

//! Trades, splits, merges, liquidity and transfers on one prediction market.

use alloy::primitives::{Address, B256, Bytes, U256};
use anyhow::{Context, Result};
use rand::{Rng, seq::IndexedRandom};

use super::{Kind, Planner, fpmm};
use crate::{
    contracts::{ConditionalTokens, Fpmm},
    deploy::{self, call},
    deployment::Market,
    prices,
    wallet::{ACCOUNTS, Send},
};

const GAS: u64 = 1_200_000;
const GAS_APPROVE: u64 = 120_000;
/// Of a hundred buyers, so many follow the hidden belief; the others buy anything.
const INFORMED: u32 = 75;

/// What one account and one market look like on the newest state.
struct View {
    market: Market,
    account: usize,
    owner: Address,
    pools: Vec<U256>,
    holdings: Vec<U256>,
}

impl Planner<'_> {
    pub(super) async fn trade(&mut self, account: usize, kind: Kind) -> Result<Vec<Send>> {
        let Some(market) = self.focus.or_else(|| self.open_market()) else { return Ok(Vec::new()) };
        let view = self.view(account, market).await?;
        match kind {
            Kind::Sell => self.sell(&view).await,
            Kind::Split => self.split(&view).await,
            Kind::Merge => Ok(self.merge(&view)),
            Kind::AddFunding => self.add_funding(&view).await,
            Kind::RemoveFunding => self.remove_funding(&view).await,
            Kind::Transfer => self.transfer(&view),
            _ => self.buy(&view).await,
        }
    }

    async fn view(&self, account: usize, market: usize) -> Result<View> {
        let market = self.market(market)?.clone();
        let owner = self.address(account)?;
        let outcomes = market.position_ids.len();
        let mut owners = vec![market.amm; outcomes];
        owners.extend(std::iter::repeat_n(owner, outcomes));
        let ids = market.position_ids.repeat(2);
        let balances = ConditionalTokens::balanceOfBatchCall { owners, ids };
        let mut pools = self.chain.rpc.view(self.deployment.conditional_tokens, &balances).await?;
        let holdings = pools.split_off(outcomes.min(pools.len()));
        Ok(View { market, account, owner, pools, holdings })
    }

    async fn buy(&mut self, view: &View) -> Result<Vec<Send>> {
        let prices = fpmm::prices(&view.pools);
        let belief = prices::belief(self.seed, view.market.amm, prices.len(), self.number);
        let cheapest = prices
            .iter()
            .zip(&belief)
            .enumerate()
            .max_by(|(_, (a, x)), (_, (b, y))| (*x - *a).total_cmp(&(*y - *b)))
            .map(|(outcome, _)| outcome);
        let Some(cheapest) = cheapest else { return Ok(Vec::new()) };
        let outcome = if self.random.random_ratio(INFORMED, 100) {
            cheapest
        } else {
            self.random.random_range(0..prices.len())
        };
        let investment = self.size(view.market.collateral)?;
        let mut sends =
            self.prepare(view.account, view.market.collateral, view.market.amm, investment).await?;
        // Prices below 1: fewer tokens than collateral would mean that something is very wrong.
        let minimum = investment / U256::from(2);
        let buy = Fpmm::buyCall { investment, outcome: U256::from(outcome), minimumTokens: minimum };
        sends.push(call(view.account, view.market.amm, &buy, GAS));
        Ok(sends)
    }

    async fn sell(&mut self, view: &View) -> Result<Vec<Send>> {
        let Some(outcome) = self.held(view) else { return Ok(Vec::new()) };
        let holding = *view.holdings.get(outcome).context("no such outcome")?;
        let tokens = self.share(holding, 10..=60);
        let returned = fpmm::return_for(&view.pools, outcome, tokens, view.market.fee);
        if returned.is_zero() {
            return Ok(Vec::new());
        }
        let mut sends = self.operator(view).await?;
        // Other trades of this block may come first and move the price.
        let maximum = holding.min(tokens + tokens / U256::from(2));
        let sell = Fpmm::sellCall { returned, outcome: U256::from(outcome), maximumTokens: maximum };
        sends.push(call(view.account, view.market.amm, &sell, GAS));
        Ok(sends)
    }

    async fn split(&mut self, view: &View) -> Result<Vec<Send>> {
        let tokens = self.deployment.conditional_tokens;
        let amount = self.size(view.market.collateral)?;
        let mut sends = self.prepare(view.account, view.market.collateral, tokens, amount).await?;
        let split = ConditionalTokens::splitPositionCall {
            collateral: view.market.collateral,
            parent: B256::ZERO,
            conditionId: view.market.condition_id,
            partition: partition(view.holdings.len()),
            amount,
        };
        sends.push(call(view.account, tokens, &split, GAS));
        Ok(sends)
    }

    fn merge(&mut self, view: &View) -> Vec<Send> {
        let complete = view.holdings.iter().copied().min().unwrap_or_default();
        let amount = self.share(complete, 20..=100);
        if amount.is_zero() {
            return Vec::new();
        }
        let merge = ConditionalTokens::mergePositionsCall {
            collateral: view.market.collateral,
            parent: B256::ZERO,
            conditionId: view.market.condition_id,
            partition: partition(view.holdings.len()),
            amount,
        };
        vec![call(view.account, self.deployment.conditional_tokens, &merge, GAS)]
    }

    async fn add_funding(&mut self, view: &View) -> Result<Vec<Send>> {
        let funds = self.size(view.market.collateral)? * U256::from(4);
        let mut sends = self.prepare(view.account, view.market.collateral, view.market.amm, funds).await?;
        let add = Fpmm::addFundingCall { funds, distributionHint: Vec::new() };
        sends.push(call(view.account, view.market.amm, &add, GAS));
        Ok(sends)
    }

    async fn remove_funding(&mut self, view: &View) -> Result<Vec<Send>> {
        let held = self.chain.rpc.view(view.market.amm, &Fpmm::balanceOfCall { owner: view.owner }).await?;
        // The founder's shares are most of the pool: markets must stay liquid.
        let most = if view.owner == view.market.creator { 2 } else { 80 };
        let shares = self.share(held, 1..=most);
        if shares.is_zero() {
            return Ok(Vec::new());
        }
        Ok(vec![call(view.account, view.market.amm, &Fpmm::removeFundingCall { shares }, GAS)])
    }

    /// To another account; now and then all outcomes at once.
    fn transfer(&mut self, view: &View) -> Result<Vec<Send>> {
        let Some(outcome) = self.held(view) else { return Ok(Vec::new()) };
        let other = (view.account + self.random.random_range(1..ACCOUNTS)) % ACCOUNTS;
        let (from, to, data) = (view.owner, self.address(other)?, Bytes::new());
        let tokens = self.deployment.conditional_tokens;
        if self.random.random_ratio(1, 4) {
            let values = view.holdings.iter().map(|holding| *holding / U256::from(10)).collect();
            let ids = view.market.position_ids.clone();
            let transfer = ConditionalTokens::safeBatchTransferFromCall { from, to, ids, values, data };
            return Ok(vec![call(view.account, tokens, &transfer, GAS)]);
        }
        let id = *view.market.position_ids.get(outcome).context("no such outcome")?;
        let value = self.share(*view.holdings.get(outcome).context("no such outcome")?, 5..=50);
        let transfer = ConditionalTokens::safeTransferFromCall { from, to, id, value, data };
        Ok(vec![call(view.account, tokens, &transfer, GAS)])
    }

    /// An outcome that the account has tokens of.
    fn held(&mut self, view: &View) -> Option<usize> {
        let held: Vec<usize> = view
            .holdings
            .iter()
            .enumerate()
            .filter(|(_, value)| **value > U256::from(100))
            .map(|(i, _)| i)
            .collect();
        held.choose(&mut self.random).copied()
    }

    /// The approval that a sale needs, unless the account has given it.
    async fn operator(&self, view: &View) -> Result<Vec<Send>> {
        let tokens = self.deployment.conditional_tokens;
        let (owner, operator) = (view.owner, view.market.amm);
        let given =
            self.chain.rpc.view(tokens, &ConditionalTokens::isApprovedForAllCall { owner, operator }).await?;
        if given {
            return Ok(Vec::new());
        }
        let approve = ConditionalTokens::setApprovalForAllCall { operator, approved: true };
        Ok(vec![deploy::call(view.account, tokens, &approve, GAS_APPROVE)])
    }
}

/// Every outcome by itself.
pub(super) fn partition(outcomes: usize) -> Vec<U256> {
    (0..outcomes).map(|outcome| U256::from(1) << outcome).collect()
}

//! Markets come, are resolved and paid out.

use alloy::primitives::{B256, U256};
use anyhow::{Context, Result};
use rand::{Rng, seq::IndexedRandom};

use super::{Planner, market::partition};
use crate::{
    contracts::{ConditionalTokens, MarketFactory},
    deploy::{self, CREATORS, call},
    questions::PASSING,
    wallet::Send,
};

/// A market is created every so many blocks …
const NEW_EVERY: u64 = 60;
/// … and can be resolved after so many blocks at the earliest.
const OPEN_BLOCKS: std::ops::Range<u64> = 150..300;
const GAS_RESOLVE: u64 = 400_000;
const GAS_REDEEM: u64 = 600_000;
/// Only the newest resolved markets still have much to redeem.
const RECENT: usize = 6;

impl Planner<'_> {
    /// What must happen in this block whatever the dice say: a creation at its height, one due resolution.
    pub(super) fn lifecycle(&mut self, timestamp: u64) -> Result<Vec<Send>> {
        let mut sends = Vec::new();
        if self.number.is_multiple_of(NEW_EVERY) {
            sends.push(self.create(timestamp)?);
        }
        if let Some(resolve) = self.resolve(timestamp)? {
            sends.push(resolve);
        }
        Ok(sends)
    }

    fn create(&mut self, timestamp: u64) -> Result<Send> {
        let question = PASSING.choose(&mut self.random).context("no questions")?;
        let creator = self.random.random_range(0..CREATORS);
        let ends = timestamp + self.random.random_range(OPEN_BLOCKS) * self.block_seconds;
        let id = deploy::question_id(self.seed, self.number);
        deploy::create_market(self.deployment, creator, question, (id, self.number, ends))
    }

    /// The oldest market that is due: mostly one winner, sometimes a split result.
    fn resolve(&mut self, timestamp: u64) -> Result<Option<Send>> {
        let due = self.markets(|market| {
            market.payouts.is_none() && market.resolution_time.is_some_and(|time| time <= timestamp)
        });
        let Some(market) = due.first().map(|index| self.market(*index)).transpose()? else { return Ok(None) };
        let (creator, id) = (self.deployment.account(market.creator), market.market_id);
        let (Some(creator), Some(id)) = (creator, id) else { return Ok(None) };
        let outcomes = market.outcomes.len();
        let mut payouts = vec![U256::ZERO; outcomes];
        let winners = if self.random.random_ratio(1, 8) { 2 } else { 1 };
        for _ in 0..winners {
            let winner = self.random.random_range(0..outcomes);
            if let Some(payout) = payouts.get_mut(winner) {
                *payout += U256::from(1);
            }
        }
        let resolve = MarketFactory::resolveCall { marketId: id, payouts };
        Ok(Some(call(creator, self.deployment.market_factory, &resolve, GAS_RESOLVE)))
    }

    /// Cashes in everything an account holds in a resolved market; sometimes losing positions only.
    pub(super) async fn redeem(&mut self, account: usize) -> Result<Vec<Send>> {
        let resolved = self.markets(|market| market.payouts.is_some());
        let recent: Vec<usize> = resolved.into_iter().rev().take(RECENT).collect();
        let Some(index) = recent.choose(&mut self.random).copied() else { return Ok(Vec::new()) };
        let one_side = self.random.random_ratio(1, 5);
        let market = self.market(index)?;
        let tokens = self.deployment.conditional_tokens;
        let owners = vec![self.address(account)?; market.position_ids.len()];
        let balances = ConditionalTokens::balanceOfBatchCall { owners, ids: market.position_ids.clone() };
        let held = self.chain.rpc.view(tokens, &balances).await?;
        if held.iter().all(|balance| balance.is_zero()) {
            return Ok(Vec::new());
        }
        let mut sets = partition(held.len());
        if one_side {
            sets.truncate(1);
        }
        let redeem = ConditionalTokens::redeemPositionsCall {
            collateral: market.collateral,
            parent: B256::ZERO,
            conditionId: market.condition_id,
            indexSets: sets,
        };
        Ok(vec![call(account, tokens, &redeem, GAS_REDEEM)])
    }
}

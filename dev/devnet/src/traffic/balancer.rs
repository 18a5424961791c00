//! Swaps, joins and exits on Balancer's weighted pools.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolValue,
};
use anyhow::{Context, Result};
use rand::{
    Rng,
    seq::{IndexedRandom, index},
};

use super::Planner;
use crate::{
    contracts::{
        Erc20,
        venues::{BalancerVault, ChangeBalances, Funds, SingleSwap},
    },
    deploy::{CREATORS, call, dollar},
    venues::WeightedPool,
    wallet::Send,
};

const GAS: u64 = 600_000;
/// A swap of an exact input.
const GIVEN_IN: u8 = 0;
/// A join with exact amounts, and an exit of all tokens for exact shares, have the same number.
const EXACT: u8 = 1;

impl Planner<'_> {
    pub(super) async fn swap_balancer(&mut self, account: usize) -> Result<Vec<Send>> {
        let (pool, vault) = self.weighted_pool()?;
        let held = self.chain.rpc.view(vault, &BalancerVault::getPoolTokensCall { poolId: pool.id }).await?;
        let pair = index::sample(&mut self.random, pool.tokens.len(), 2);
        let part = |index: usize| {
            let (token, weight) = (pool.tokens.get(index)?, pool.weights.get(index)?);
            Some((*token, f64::from(*held.balances.get(index)?) / f64::from(*weight)))
        };
        let (zero, one) =
            (part(pair.index(0)).context("no token")?, part(pair.index(1)).context("no token")?);
        let (sold, bought) = self.direction((zero.0, one.0), one.1 / zero.1)?;
        let amount = self.size(sold)?;
        let mut sends = self.prepare(account, sold, vault, amount).await?;
        let owner = self.address(account)?;
        let swap = BalancerVault::swapCall {
            singleSwap: SingleSwap {
                poolId: pool.id,
                kind: GIVEN_IN,
                assetIn: sold,
                assetOut: bought,
                amount,
                userData: Bytes::new(),
            },
            funds: Funds {
                sender: owner,
                fromInternalBalance: false,
                recipient: owner,
                toInternalBalance: false,
            },
            limit: U256::from(1),
            deadline: U256::MAX,
        };
        sends.push(call(account, vault, &swap, GAS));
        Ok(sends)
    }

    /// Joins a pool, or leaves it with some of the account's shares.
    pub(super) async fn liquidity_balancer(&mut self, account: usize) -> Result<Vec<Send>> {
        let (pool, vault) = self.weighted_pool()?;
        let owner = self.address(account)?;
        let held = self.chain.rpc.view(pool.address, &Erc20::balanceOfCall { owner }).await?;
        // Those who filled the pools never leave: their shares are the depth of the market.
        if !held.is_zero() && account >= CREATORS {
            let shares = self.share(held, 30..=100);
            let request = ChangeBalances {
                limits: vec![U256::ZERO; pool.tokens.len()],
                assets: pool.tokens,
                userData: Bytes::from((U256::from(EXACT), shares).abi_encode_params()),
                internalBalance: false,
            };
            let exit =
                BalancerVault::exitPoolCall { poolId: pool.id, sender: owner, recipient: owner, request };
            return Ok(vec![call(account, vault, &exit, GAS)]);
        }
        let dollars = U256::from(self.random.random_range(200_u64..2_000));
        let (mut sends, mut amounts) = (Vec::new(), Vec::new());
        for token in &pool.tokens {
            let amount = dollar(self.token(*token)?) * dollars;
            sends.extend(self.prepare(account, *token, vault, amount).await?);
            amounts.push(amount);
        }
        let request = ChangeBalances {
            assets: pool.tokens,
            limits: amounts.clone(),
            userData: Bytes::from((U256::from(EXACT), amounts, U256::ZERO).abi_encode_params()),
            internalBalance: false,
        };
        let join = BalancerVault::joinPoolCall { poolId: pool.id, sender: owner, recipient: owner, request };
        sends.push(call(account, vault, &join, GAS));
        Ok(sends)
    }

    /// A pool, and the vault that trades for it.
    fn weighted_pool(&mut self) -> Result<(WeightedPool, Address)> {
        let balancer = &self.deployment.venues.as_ref().context("there are no venues")?.balancer;
        let pool = balancer.pools.choose(&mut self.random).context("no pools")?;
        Ok((pool.clone(), balancer.vault))
    }
}

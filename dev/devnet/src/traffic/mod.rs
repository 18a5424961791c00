//! Decides what the accounts do in one block: seeded by chain seed and height, sized by what the chain says.

mod balancer;
mod fpmm;
mod lifecycle;
mod market;
mod swap;
mod v4;
mod vault;

use std::collections::HashSet;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::{
    Options, Venues,
    chain::Chain,
    contracts::Erc20,
    deploy,
    deployment::{Deployment, Market},
    wallet::{ACCOUNTS, Send},
};

/// In so many of a hundred blocks, all market actions are about one market.
const FOCUSED_BLOCKS: u32 = 35;
/// Dollars with which an account that has run out begins again.
const REFILL: u64 = 1_000_000;

/// What an account can do, with its relative frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Buy,
    Sell,
    Split,
    Merge,
    AddFunding,
    RemoveFunding,
    Transfer,
    Redeem,
    SwapV2,
    SwapV3,
    LiquidityV2,
    LiquidityV3,
    SwapV4,
    LiquidityV4,
    SwapBalancer,
    LiquidityBalancer,
    Vault,
}

const WEIGHTS: [(Kind, u32); 12] = [
    (Kind::Buy, 40),
    (Kind::Sell, 18),
    (Kind::Split, 4),
    (Kind::Merge, 4),
    (Kind::AddFunding, 4),
    (Kind::RemoveFunding, 3),
    (Kind::Transfer, 4),
    (Kind::Redeem, 4),
    (Kind::SwapV2, 12),
    (Kind::SwapV3, 12),
    (Kind::LiquidityV2, 2),
    (Kind::LiquidityV3, 2),
];

/// What is added where there are venues.
const VENUE_WEIGHTS: [(Kind, u32); 5] = [
    (Kind::SwapV4, 16),
    (Kind::LiquidityV4, 4),
    (Kind::SwapBalancer, 12),
    (Kind::LiquidityBalancer, 4),
    (Kind::Vault, 6),
];

/// These never depend on what the same account did earlier in the block.
const ALWAYS_POSSIBLE: [Kind; 4] = [Kind::Buy, Kind::Split, Kind::SwapV2, Kind::SwapV3];

/// One block's planning.
struct Planner<'a> {
    chain: &'a Chain,
    deployment: &'a Deployment,
    random: ChaCha8Rng,
    seed: u64,
    /// Height of the block being planned.
    number: u64,
    block_seconds: u64,
    focus: Option<usize>,
}

/// The transactions of the next block.
pub(crate) async fn plan(
    chain: &Chain,
    deployment: &Deployment,
    options: &Options,
    timestamp: u64,
) -> Result<Vec<Send>> {
    let number = chain.tip().number + 1;
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    random.set_stream(number);
    let (seed, block_seconds) = (options.seed, options.block_seconds());
    let mut planner = Planner { chain, deployment, random, seed, number, block_seconds, focus: None };
    if planner.random.random_ratio(FOCUSED_BLOCKS, 100) {
        planner.focus = planner.open_market();
    }
    let mut sends = planner.lifecycle(timestamp)?;
    let mut busy: HashSet<usize> = sends.iter().map(|send| send.from).collect();
    // Some attempts come to nothing: an account without positions cannot sell.
    for _ in 0..options.transactions_per_block * 4 {
        if sends.len() >= options.transactions_per_block {
            break;
        }
        let (account, kind) = planner.draw(&busy)?;
        let wanted = planner.act(account, kind).await?;
        if planner.would_succeed(&wanted).await? {
            busy.insert(account);
            sends.extend(wanted);
        }
    }
    Ok(sends)
}

impl Planner<'_> {
    fn draw(&mut self, busy: &HashSet<usize>) -> Result<(usize, Kind)> {
        let account = self.random.random_range(0..ACCOUNTS);
        if busy.contains(&account) {
            let kind = ALWAYS_POSSIBLE.choose(&mut self.random).context("no kinds")?;
            return Ok((account, *kind));
        }
        let mut weights = WEIGHTS.to_vec();
        if self.deployment.venues.is_some() {
            weights.extend(VENUE_WEIGHTS);
        }
        let (kind, _) = weights.choose_weighted(&mut self.random, |(_, weight)| *weight)?;
        Ok((account, *kind))
    }

    async fn act(&mut self, account: usize, kind: Kind) -> Result<Vec<Send>> {
        match kind {
            Kind::SwapV2 => self.swap_v2(account).await,
            Kind::SwapV3 => self.swap_v3(account).await,
            Kind::LiquidityV2 => self.liquidity_v2(account).await,
            Kind::LiquidityV3 => self.liquidity_v3(account).await,
            Kind::SwapV4 => self.swap_v4(account).await,
            Kind::LiquidityV4 => self.liquidity_v4(account).await,
            Kind::SwapBalancer => self.swap_balancer(account).await,
            Kind::LiquidityBalancer => self.liquidity_balancer(account).await,
            Kind::Vault => self.vault(account).await,
            Kind::Redeem => self.redeem(account).await,
            _ => self.trade(account, kind).await,
        }
    }

    /// Tries a single call on the newest state. Calls after an approval cannot be tried: they are trusted.
    async fn would_succeed(&self, sends: &[Send]) -> Result<bool> {
        let [send] = sends else { return Ok(!sends.is_empty()) };
        let call = json!({
            "from": self.address(send.from)?,
            "to": send.to,
            "data": send.input,
            "value": send.value,
            "gas": alloy::primitives::U64::from(send.gas),
        });
        let answer = self.chain.rpc.batch(&[("eth_call", json!([call, "latest"]))]).await?;
        Ok(answer.iter().all(Result::is_ok))
    }

    /// What is missing before `spender` can take `amount` of a token from an account: tokens, an approval, or nothing.
    async fn prepare(
        &self,
        account: usize,
        token: Address,
        spender: Address,
        amount: U256,
    ) -> Result<Vec<Send>> {
        let owner = self.address(account)?;
        let allowed = self.chain.rpc.view(token, &Erc20::allowanceCall { owner, spender }).await?;
        let balance = self.chain.rpc.view(token, &Erc20::balanceOfCall { owner }).await?;
        let mut sends = Vec::new();
        if balance < amount {
            sends.push(deploy::fund(self.deployment, account, self.token(token)?, REFILL)?);
        }
        if allowed < amount {
            sends.push(deploy::approve(account, token, spender));
        }
        Ok(sends)
    }

    /// A trade size: between 5 and 500 dollars, small ones more often.
    fn size(&mut self, token: Address) -> Result<U256> {
        let (a, b) = (self.random.random_range(5_u64..=500), self.random.random_range(5_u64..=500));
        let cents = self.random.random_range(0_u64..100);
        let cents = U256::from(a.min(b) * 100 + cents);
        Ok(deploy::dollar(self.token(token)?) * cents / U256::from(100))
    }

    /// A random share of an amount, rounded down.
    fn share(&mut self, amount: U256, percent: std::ops::RangeInclusive<u64>) -> U256 {
        amount * U256::from(self.random.random_range(percent)) / U256::from(100)
    }

    fn open_market(&mut self) -> Option<usize> {
        let open: Vec<usize> = self.markets(|market| market.payouts.is_none());
        open.choose(&mut self.random).copied()
    }

    fn markets(&self, wanted: impl Fn(&Market) -> bool) -> Vec<usize> {
        let all = self.deployment.markets.iter().enumerate();
        all.filter(|(_, market)| wanted(market)).map(|(index, _)| index).collect()
    }

    fn market(&self, index: usize) -> Result<&Market> {
        self.deployment.markets.get(index).context("no such market")
    }

    fn address(&self, account: usize) -> Result<Address> {
        Ok(self.deployment.accounts.get(account).context("no such account")?.address)
    }

    fn token(&self, address: Address) -> Result<usize> {
        deploy::index_of(self.deployment, address)
    }

    fn venues(&self) -> Result<&Venues> {
        self.deployment.venues.as_ref().context("there are no venues")
    }
}

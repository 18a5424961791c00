//! Balancer's weighted pools: 80/20, 50/50, and one of three tokens.

use alloy::{
    primitives::{Address, B256, Bytes, U64, U256},
    rpc::types::Log,
    sol_types::{SolEvent, SolValue},
};
use anyhow::{Context, Result};
use serde_json::json;

use super::{approvals, percent};
use crate::{
    Options,
    chain::Chain,
    contracts::venues::{BalancerVault, ChangeBalances, WeightedPoolFactory},
    deploy::{call, dollar, index_of, mine, token_at},
    deployment::Deployment,
    venues::{Balancer, WeightedPool},
    wallet::Send,
};

struct Wanted {
    name: &'static str,
    /// Indexes into the tokens, and weights in percent.
    tokens: &'static [(usize, u64)],
    /// Hundredths of a percent.
    fee: u64,
    /// Of all tokens together.
    dollars: u64,
}

const POOLS: [Wanted; 3] = [
    Wanted { name: "80WETH-20tUSD", tokens: &[(3, 80), (0, 20)], fee: 30, dollars: 600_000 },
    Wanted { name: "50tBTC-50WETH", tokens: &[(1, 50), (3, 50)], fee: 20, dollars: 400_000 },
    Wanted { name: "34tUSD-33tDAI-33WETH", tokens: &[(0, 34), (2, 33), (3, 33)], fee: 5, dollars: 9_000 },
];

const GAS_CREATE: u64 = 8_000_000;
const GAS_JOIN: u64 = 1_000_000;
/// The first join of a pool.
const INIT: u8 = 0;

pub(super) async fn create(
    chain: &mut Chain,
    deployment: &Deployment,
    balancer: &mut Balancer,
    options: &Options,
) -> Result<()> {
    let first = chain.tip().number + 1;
    let mut sends: Vec<Send> = approvals(deployment, balancer.vault).collect();
    for (creator, wanted) in POOLS.iter().enumerate() {
        let pool = pool(deployment, wanted)?;
        let create = WeightedPoolFactory::createCall {
            name: wanted.name.to_owned(),
            symbol: format!("B-{}", wanted.name),
            tokens: pool.tokens,
            weights: pool.weights,
            swapFee: pool.swap_fee,
            owner: deployment.accounts.get(creator).context("no such account")?.address,
        };
        sends.push(call(creator, balancer.weighted_pool_factory, &create, GAS_CREATE));
    }
    mine(chain, options, sends).await?;

    let registered = registered(chain, balancer.vault, first).await?;
    let mut sends = Vec::new();
    for (creator, (wanted, (id, address))) in POOLS.iter().zip(registered).enumerate() {
        let pool = WeightedPool { id, address, ..pool(deployment, wanted)? };
        sends.push(join(deployment, balancer, &pool, (creator, wanted.dollars))?);
        balancer.pools.push(pool);
    }
    mine(chain, options, sends).await
}

/// What a pool is made of; who it is is not known yet.
fn pool(deployment: &Deployment, wanted: &Wanted) -> Result<WeightedPool> {
    let weighted = |(token, weight): &(usize, u64)| Ok((token_at(deployment, *token)?, percent(*weight)));
    let mut tokens = wanted.tokens.iter().map(weighted).collect::<Result<Vec<(Address, U256)>>>()?;
    tokens.sort_unstable();
    let (tokens, weights) = tokens.into_iter().unzip();
    let swap_fee = percent(wanted.fee) / U256::from(100);
    Ok(WeightedPool { id: B256::ZERO, address: Address::ZERO, tokens, weights, swap_fee })
}

/// Ids and addresses of the pools that were made from a block on, in order.
async fn registered(chain: &Chain, vault: Address, first: u64) -> Result<Vec<(B256, Address)>> {
    let topics = [BalancerVault::PoolRegistered::SIGNATURE_HASH];
    let filter = json!([{ "fromBlock": U64::from(first), "address": vault, "topics": topics }]);
    let logs: Vec<Log> = chain.rpc.call("eth_getLogs", filter).await?;
    let pool = |log: &Log| {
        let registered = log.log_decode::<BalancerVault::PoolRegistered>()?.inner.data;
        Ok((registered.poolId, registered.poolAddress))
    };
    logs.iter().map(pool).collect()
}

fn join(
    deployment: &Deployment,
    balancer: &Balancer,
    pool: &WeightedPool,
    (creator, dollars): (usize, u64),
) -> Result<Send> {
    let mut amounts = Vec::new();
    for (token, weight) in pool.tokens.iter().zip(&pool.weights) {
        let token = index_of(deployment, *token)?;
        amounts.push(dollar(token) * U256::from(dollars) * *weight / percent(100));
    }
    let owner = deployment.accounts.get(creator).context("no such account")?.address;
    let request = ChangeBalances {
        assets: pool.tokens.clone(),
        limits: amounts.clone(),
        userData: Bytes::from((U256::from(INIT), amounts).abi_encode_params()),
        internalBalance: false,
    };
    let join = BalancerVault::joinPoolCall { poolId: pool.id, sender: owner, recipient: owner, request };
    Ok(call(creator, balancer.vault, &join, GAS_JOIN))
}

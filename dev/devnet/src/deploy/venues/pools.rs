//! More Uniswap V2 pairs and V3 pools, in every fee tier, and positions in all of them.

use alloy::primitives::{
    U256,
    aliases::{I24, U24},
};
use anyhow::{Context, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::positions;
use crate::{
    Options,
    chain::Chain,
    contracts::{Mint, V3Pool, V3Positions},
    deploy::{CREATORS, call, dollar, index_of, mine, pools},
    deployment::{Deployment, Pool, PoolVersion},
    wallet::Send,
};

/// Tokens, and dollars on each side; the last is soon drained.
const V2_PAIRS: [((usize, usize), u64); 3] = [((1, 3), 250_000), ((3, 2), 100_000), ((1, 2), 2_000)];
/// Tokens and fee, and dollars in each position.
const V3_POOLS: [((usize, usize, u16), u64); 9] = [
    ((3, 0, 10_000), 400),
    ((1, 0, 500), 40_000),
    ((1, 0, 3_000), 10_000),
    ((3, 2, 3_000), 40_000),
    ((3, 2, 500), 300),
    ((1, 2, 10_000), 5_000),
    ((2, 0, 500), 300),
    ((1, 3, 500), 20_000),
    ((1, 3, 100), 500),
];
/// Dollars in each further position of a pool that was there before.
const DEEP: u64 = 20_000;
const GAS_MINT: u64 = 1_000_000;

pub(super) async fn create(
    chain: &mut Chain,
    deployment: &mut Deployment,
    options: &Options,
    random: &mut ChaCha8Rng,
) -> Result<()> {
    let mut sends = Vec::new();
    for (creator, (pair, dollars)) in V2_PAIRS.into_iter().enumerate() {
        sends.push(pools::add_pair(deployment, creator % CREATORS, pair, dollars)?);
    }
    for (creator, (pool, _)) in V3_POOLS.into_iter().enumerate() {
        sends.push(pools::add_pool(deployment, creator % CREATORS, pool)?);
    }
    mine(chain, options, sends).await?;

    let before = deployment.pools.iter().filter(|pool| pool.version == PoolVersion::V3);
    let mut filled: Vec<(Pool, u64)> = before.map(|pool| (pool.clone(), DEEP)).collect();
    for (pool, dollars) in V3_POOLS {
        filled.push((pools::find_pool(chain, deployment, pool).await?, dollars));
    }
    for (pair, _) in V2_PAIRS {
        deployment.pools.push(pools::find_pair(chain, deployment, pair).await?);
    }
    let mut sends = Vec::new();
    for (pool, dollars) in &filled {
        sends.extend(fill(chain, deployment, (pool, *dollars), random).await?);
        if deployment.pools.iter().all(|known| known.address != pool.address) {
            deployment.pools.push(pool.clone());
        }
    }
    mine(chain, options, sends).await
}

async fn fill(
    chain: &Chain,
    deployment: &Deployment,
    (pool, dollars): (&Pool, u64),
    random: &mut ChaCha8Rng,
) -> Result<Vec<Send>> {
    let tick = chain.rpc.view(pool.address, &V3Pool::slot0Call {}).await?.tick.as_i32();
    let spacing = chain.rpc.view(pool.address, &V3Pool::tickSpacingCall {}).await?.as_i32();
    let tokens = (index_of(deployment, pool.token0)?, index_of(deployment, pool.token1)?);
    let mut sends = Vec::new();
    for (lower, upper) in positions::ranges(random, tick, spacing, tokens) {
        let creator = random.random_range(0..CREATORS);
        let position = Mint {
            token0: pool.token0,
            token1: pool.token1,
            fee: U24::from(pool.fee),
            tickLower: I24::try_from(lower)?,
            tickUpper: I24::try_from(upper)?,
            desired0: dollar(tokens.0) * U256::from(dollars),
            desired1: dollar(tokens.1) * U256::from(dollars),
            minimum0: U256::ZERO,
            minimum1: U256::ZERO,
            recipient: deployment.accounts.get(creator).context("no such account")?.address,
            deadline: U256::MAX,
        };
        let manager = deployment.uniswap.v3_position_manager;
        sends.push(call(creator, manager, &V3Positions::mintCall { position }, GAS_MINT));
    }
    Ok(sends)
}

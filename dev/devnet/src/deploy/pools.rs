//! Creates Uniswap pairs and pools and fills them at the tokens' base prices.

use alloy::primitives::{
    Address, U160, U256,
    aliases::{I24, U24},
};
use anyhow::{Context, Result};

use super::{CREATORS, call, dollar, token_at};
use crate::{
    Options,
    chain::Chain,
    contracts::{Mint, V2Factory, V2Router, V3Factory, V3Positions},
    deployment::{Deployment, Pool, PoolVersion},
    prices::TOKENS,
    wallet::Send,
};

/// Dollars on each side of a pool.
const DEPTH: u64 = 400_000;
const GAS: u64 = 6_000_000;
const V2_FEE: u32 = 3_000;

/// Indexes into the tokens.
const V2_PAIRS: [(usize, usize); 3] = [(1, 0), (3, 0), (2, 0)];
/// Tokens, fee and tick spacing.
const V3_POOLS: [(usize, usize, u16, i32); 4] =
    [(3, 0, 3_000, 60), (3, 0, 500, 10), (1, 3, 3_000, 60), (2, 0, 100, 1)];

/// The highest tick that Uniswap V3 knows.
const MAX_TICK: i32 = 887_272;

pub(super) async fn create(chain: &mut Chain, deployment: &mut Deployment, options: &Options) -> Result<()> {
    let mut sends = vec![stable_tier(deployment)?];
    for (creator, pair) in V2_PAIRS.iter().enumerate() {
        sends.push(add_pair(deployment, creator % CREATORS, *pair, DEPTH)?);
    }
    for (creator, pool) in V3_POOLS.iter().enumerate() {
        sends.extend(pool_with_liquidity(deployment, creator % CREATORS, *pool)?);
    }
    super::mine(chain, options, sends).await?;
    deployment.pools = find(chain, deployment).await?;
    Ok(())
}

/// The factory of 2021 does not know the tier of 100 by itself.
fn stable_tier(deployment: &Deployment) -> Result<Send> {
    let enable = V3Factory::enableFeeAmountCall { fee: U24::from(100), tickSpacing: I24::try_from(1)? };
    Ok(call(0, deployment.uniswap.v3_factory, &enable, GAS))
}

/// Creates a pair of two tokens with `dollars` on each side.
pub(super) fn add_pair(
    deployment: &Deployment,
    creator: usize,
    (a, b): (usize, usize),
    dollars: u64,
) -> Result<Send> {
    let add = V2Router::addLiquidityCall {
        tokenA: token_at(deployment, a)?,
        tokenB: token_at(deployment, b)?,
        desiredA: dollar(a) * U256::from(dollars),
        desiredB: dollar(b) * U256::from(dollars),
        minimumA: U256::ZERO,
        minimumB: U256::ZERO,
        to: deployment.accounts.get(creator).context("no such account")?.address,
        deadline: U256::MAX,
    };
    Ok(call(creator, deployment.uniswap.v2_router, &add, GAS))
}

fn pool_with_liquidity(
    deployment: &Deployment,
    creator: usize,
    (a, b, fee, spacing): (usize, usize, u16, i32),
) -> Result<[Send; 2]> {
    let initialize = add_pool(deployment, creator, (a, b, fee))?;
    let (a, b) = if token_at(deployment, a)? < token_at(deployment, b)? { (a, b) } else { (b, a) };
    let (token0, token1, fee) = (token_at(deployment, a)?, token_at(deployment, b)?, U24::from(fee));
    let outermost = I24::try_from(MAX_TICK / spacing * spacing)?;
    let position = Mint {
        token0,
        token1,
        fee,
        tickLower: -outermost,
        tickUpper: outermost,
        desired0: dollar(a) * U256::from(DEPTH),
        desired1: dollar(b) * U256::from(DEPTH),
        minimum0: U256::ZERO,
        minimum1: U256::ZERO,
        recipient: deployment.accounts.get(creator).context("no such account")?.address,
        deadline: U256::MAX,
    };
    let manager = deployment.uniswap.v3_position_manager;
    Ok([initialize, call(creator, manager, &V3Positions::mintCall { position }, GAS)])
}

/// Creates an empty pool of two tokens at their base prices.
pub(super) fn add_pool(
    deployment: &Deployment,
    creator: usize,
    (a, b, fee): (usize, usize, u16),
) -> Result<Send> {
    let (a, b) = if token_at(deployment, a)? < token_at(deployment, b)? { (a, b) } else { (b, a) };
    let initialize = V3Positions::createAndInitializePoolIfNecessaryCall {
        token0: token_at(deployment, a)?,
        token1: token_at(deployment, b)?,
        fee: U24::from(fee),
        sqrtPriceX96: square_root_price(a, b).context("the tokens have no price")?,
    };
    Ok(call(creator, deployment.uniswap.v3_position_manager, &initialize, GAS))
}

/// sqrt(token1 per token0 in base units) · 2^96, rounded down.
pub(super) fn square_root_price(token0: usize, token1: usize) -> Option<U160> {
    let (_, _, decimals0, usd0) = TOKENS.get(token0)?;
    let (_, _, decimals1, usd1) = TOKENS.get(token1)?;
    let value0 = U256::from(*usd0) * U256::from(10).pow(U256::from(*decimals1));
    let value1 = U256::from(*usd1) * U256::from(10).pow(U256::from(*decimals0));
    // 2^128 first and 2^32 after the root: 2^192 would overflow with 18 decimals.
    let root: U256 = ((value0 << 128_usize) / value1).root(2);
    Some((root << 32_usize).to())
}

async fn find(chain: &Chain, deployment: &Deployment) -> Result<Vec<Pool>> {
    let mut pools = Vec::new();
    for pair in V2_PAIRS {
        pools.push(find_pair(chain, deployment, pair).await?);
    }
    for (a, b, fee, _) in V3_POOLS {
        pools.push(find_pool(chain, deployment, (a, b, fee)).await?);
    }
    Ok(pools)
}

pub(super) async fn find_pair(
    chain: &Chain,
    deployment: &Deployment,
    (a, b): (usize, usize),
) -> Result<Pool> {
    let (token0, token1) = sorted(deployment, a, b)?;
    let factory = deployment.uniswap.v2_factory;
    let address = chain.rpc.view(factory, &V2Factory::getPairCall { a: token0, b: token1 }).await?;
    Ok(Pool { address, version: PoolVersion::V2, token0, token1, fee: V2_FEE })
}

pub(super) async fn find_pool(
    chain: &Chain,
    deployment: &Deployment,
    (a, b, fee): (usize, usize, u16),
) -> Result<Pool> {
    let (token0, token1) = sorted(deployment, a, b)?;
    let get = V3Factory::getPoolCall { a: token0, b: token1, fee: U24::from(fee) };
    let address = chain.rpc.view(deployment.uniswap.v3_factory, &get).await?;
    Ok(Pool { address, version: PoolVersion::V3, token0, token1, fee: u32::from(fee) })
}

fn sorted(deployment: &Deployment, a: usize, b: usize) -> Result<(Address, Address)> {
    let (a, b) = (token_at(deployment, a)?, token_at(deployment, b)?);
    Ok((a.min(b), a.max(b)))
}

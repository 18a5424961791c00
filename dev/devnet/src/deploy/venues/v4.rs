//! Uniswap V4 pools with positions: of several fees, one with a protocol fee, some of the chain's coin, one with a hook.

use alloy::primitives::{
    Address, B256, Bytes, I256, U256,
    aliases::{I24, U24},
};
use anyhow::{Context, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{approvals, positions};
use crate::{
    Options,
    chain::Chain,
    contracts::venues::{ModifyLiquidity, PoolKey, PoolManager, StateView, V4Liquidity},
    deploy::{CREATORS, call, code::DEPLOYER, dollar, index_of, mine, pools::square_root_price, token_at},
    deployment::Deployment,
    venues::{V4, V4Pool, pool_id},
    wallet::Send,
};

/// Stands for the chain's coin where others are indexes into the tokens.
const COIN: usize = usize::MAX;

struct Wanted {
    tokens: (usize, usize),
    fee: u32,
    spacing: i32,
    /// In each position.
    dollars: u64,
    hooked: bool,
}

const POOLS: [Wanted; 7] = [
    Wanted { tokens: (3, 0), fee: 3_000, spacing: 60, dollars: 20_000, hooked: false },
    Wanted { tokens: (3, 0), fee: 500, spacing: 10, dollars: 10_000, hooked: false },
    Wanted { tokens: (COIN, 0), fee: 3_000, spacing: 60, dollars: 20_000, hooked: false },
    Wanted { tokens: (2, 0), fee: 100, spacing: 1, dollars: 20_000, hooked: false },
    Wanted { tokens: (1, 2), fee: 10_000, spacing: 200, dollars: 300, hooked: false },
    Wanted { tokens: (COIN, 1), fee: 1_234, spacing: 37, dollars: 2_000, hooked: false },
    Wanted { tokens: (3, 0), fee: 3_000, spacing: 60, dollars: 5_000, hooked: true },
];

/// Of the first pool: hundredths of a basis point when token1 is sold, and when token0 is.
const PROTOCOL_FEE: (u32, u32) = (250, 400);
const GAS: u64 = 600_000;
/// The salts of the first positions begin here; those of traffic are numbers of accounts.
const FIRST_SALT: u64 = 1_000;

pub(super) async fn create(
    chain: &mut Chain,
    deployment: &Deployment,
    v4: &mut V4,
    (options, random): (&Options, &mut ChaCha8Rng),
) -> Result<()> {
    let mut sends: Vec<Send> = approvals(deployment, v4.liquidity).collect();
    for wanted in &POOLS {
        let key = key(deployment, wanted, v4.hook)?;
        let tokens = indexes(deployment, &key)?;
        let price = square_root_price(tokens.0, tokens.1).context("the tokens have no price")?;
        let initialize = PoolManager::initializeCall { key, sqrtPriceX96: price };
        sends.push(call(DEPLOYER, v4.pool_manager, &initialize, GAS));
    }
    sends.extend(protocol_fee(deployment, v4)?);
    mine(chain, options, sends).await?;

    let mut sends = Vec::new();
    for wanted in &POOLS {
        let key = key(deployment, wanted, v4.hook)?;
        let id = pool_id(&key);
        let slot = chain.rpc.view(v4.state_view, &StateView::getSlot0Call { poolId: id }).await?;
        let pool = V4Pool {
            id,
            currency0: key.currency0,
            currency1: key.currency1,
            fee: wanted.fee,
            tick_spacing: wanted.spacing,
            hooks: key.hooks,
            first_tick: slot.tick.as_i32(),
        };
        sends.extend(fill(deployment, v4, (&pool, wanted.dollars), random)?);
        v4.pools.push(pool);
    }
    mine(chain, options, sends).await
}

fn key(deployment: &Deployment, wanted: &Wanted, hook: Address) -> Result<PoolKey> {
    let currency = |token| if token == COIN { Ok(Address::ZERO) } else { token_at(deployment, token) };
    let (a, b) = (currency(wanted.tokens.0)?, currency(wanted.tokens.1)?);
    Ok(PoolKey {
        currency0: a.min(b),
        currency1: a.max(b),
        fee: U24::from(wanted.fee),
        tickSpacing: I24::try_from(wanted.spacing)?,
        hooks: if wanted.hooked { hook } else { Address::ZERO },
    })
}

fn indexes(deployment: &Deployment, key: &PoolKey) -> Result<(usize, usize)> {
    Ok((index_of(deployment, key.currency0)?, index_of(deployment, key.currency1)?))
}

fn protocol_fee(deployment: &Deployment, v4: &V4) -> Result<[Send; 2]> {
    let controller = deployment.accounts.get(DEPLOYER).context("no accounts")?.address;
    let appoint = PoolManager::setProtocolFeeControllerCall { controller };
    let first = POOLS.first().context("no pools")?;
    let fee = PoolManager::setProtocolFeeCall {
        key: key(deployment, first, v4.hook)?,
        newProtocolFee: U24::from(PROTOCOL_FEE.0 << 12 | PROTOCOL_FEE.1),
    };
    Ok([call(DEPLOYER, v4.pool_manager, &appoint, GAS), call(DEPLOYER, v4.pool_manager, &fee, GAS)])
}

fn fill(
    deployment: &Deployment,
    v4: &V4,
    (pool, dollars): (&V4Pool, u64),
    random: &mut ChaCha8Rng,
) -> Result<Vec<Send>> {
    let key = pool.key()?;
    let tokens = indexes(deployment, &key)?;
    let mut sends = Vec::new();
    let ranges = positions::ranges(random, pool.first_tick, pool.tick_spacing, tokens);
    for (salt, (lower, upper)) in (FIRST_SALT..).zip(ranges) {
        let liquidity = positions::liquidity(tokens, dollars, upper - lower);
        let change = ModifyLiquidity {
            tickLower: I24::try_from(lower)?,
            tickUpper: I24::try_from(upper)?,
            liquidityDelta: I256::try_from(liquidity)?,
            salt: B256::from(U256::from(salt)),
        };
        let add = V4Liquidity::modifyLiquidityCall { key: key.clone(), change, hookData: Bytes::new() };
        // What is too much comes back.
        let coin =
            if pool.currency0.is_zero() { dollar(tokens.0) * U256::from(dollars * 3) } else { U256::ZERO };
        let creator = random.random_range(0..CREATORS);
        sends.push(Send { value: coin, ..call(creator, v4.liquidity, &add, GAS) });
    }
    Ok(sends)
}

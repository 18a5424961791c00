//! Swaps and liquidity on Uniswap V2 and V3.

use alloy::primitives::{
    Address, Bytes, U256,
    aliases::{I24, U24},
};
use alloy::sol_types::SolCall;
use anyhow::{Context, Result};
use rand::{Rng, seq::IndexedRandom};

use super::Planner;
use crate::{
    contracts::{
        Collect, Decrease, Erc20, ExactInputSingle, Mint, V2Pair, V2Router, V3Pool, V3Positions, V3Router,
    },
    deploy::call,
    deployment::{Pool, PoolVersion},
    prices,
    wallet::Send,
};

const GAS_V2: u64 = 300_000;
const GAS_V3: u64 = 900_000;
/// Of a hundred swaps, so many move the pool towards the hidden price.
const ARBITRAGE: u32 = 80;
/// Half the width of a new V3 position, in tick spacings.
const WIDTHS: std::ops::RangeInclusive<i32> = 5..=60;

impl Planner<'_> {
    pub(super) async fn swap_v2(&mut self, account: usize) -> Result<Vec<Send>> {
        let pool = self.pool(PoolVersion::V2)?;
        let reserves = self.chain.rpc.view(pool.address, &V2Pair::getReservesCall {}).await?;
        let price = f64::from(U256::from(reserves.reserve1)) / f64::from(U256::from(reserves.reserve0));
        let (sold, bought) = self.direction((pool.token0, pool.token1), price)?;
        let amount = self.size(sold)?;
        let router = self.deployment.uniswap.v2_router;
        let mut sends = self.prepare(account, sold, router, amount).await?;
        let swap = V2Router::swapExactTokensForTokensCall {
            amountIn: amount,
            amountOutMinimum: U256::from(1),
            path: vec![sold, bought],
            to: self.address(account)?,
            deadline: U256::MAX,
        };
        sends.push(call(account, router, &swap, GAS_V2));
        Ok(sends)
    }

    pub(super) async fn swap_v3(&mut self, account: usize) -> Result<Vec<Send>> {
        let pool = self.pool(PoolVersion::V3)?;
        let slot = self.chain.rpc.view(pool.address, &V3Pool::slot0Call {}).await?;
        let root = f64::from(U256::from(slot.sqrtPriceX96)) / f64::from(U256::from(1) << 96);
        let (sold, bought) = self.direction((pool.token0, pool.token1), root * root)?;
        let amount = self.size(sold)?;
        let router = self.deployment.uniswap.v3_router;
        let mut sends = self.prepare(account, sold, router, amount).await?;
        let swap = ExactInputSingle {
            tokenIn: sold,
            tokenOut: bought,
            fee: U24::from(pool.fee),
            recipient: self.address(account)?,
            amountIn: amount,
            amountOutMinimum: U256::from(1),
            sqrtPriceLimitX96: Default::default(),
        };
        sends.push(call(account, router, &V3Router::exactInputSingleCall { swap }, GAS_V3));
        Ok(sends)
    }

    /// Adds to a pair, or takes half of the account's share out again.
    pub(super) async fn liquidity_v2(&mut self, account: usize) -> Result<Vec<Send>> {
        let pool = self.pool(PoolVersion::V2)?;
        let (router, to) = (self.deployment.uniswap.v2_router, self.address(account)?);
        let (zero, deadline) = (U256::ZERO, U256::MAX);
        let held = self.chain.rpc.view(pool.address, &Erc20::balanceOfCall { owner: to }).await?;
        let (tokens, minimum) = ((pool.token0, pool.token1), zero);
        // The founders of the pairs never leave: their shares are the depth of the market.
        let founder = account < crate::deploy::CREATORS;
        if !held.is_zero() && !founder {
            let liquidity = self.share(held, 30..=100);
            let mut sends = self.prepare(account, pool.address, router, liquidity).await?;
            let remove = V2Router::removeLiquidityCall {
                tokenA: tokens.0,
                tokenB: tokens.1,
                liquidity,
                minimumA: minimum,
                minimumB: minimum,
                to,
                deadline,
            };
            sends.push(call(account, router, &remove, GAS_V2));
            return Ok(sends);
        }
        let (desired_a, desired_b) = self.both_sides((pool.token0, pool.token1))?;
        let mut sends = self.prepare(account, tokens.0, router, desired_a).await?;
        sends.extend(self.prepare(account, tokens.1, router, desired_b).await?);
        let add = V2Router::addLiquidityCall {
            tokenA: tokens.0,
            tokenB: tokens.1,
            desiredA: desired_a,
            desiredB: desired_b,
            minimumA: minimum,
            minimumB: minimum,
            to,
            deadline,
        };
        sends.push(call(account, router, &add, GAS_V2));
        Ok(sends)
    }

    /// Opens a position around the price, or takes liquidity and fees out of the account's newest one.
    pub(super) async fn liquidity_v3(&mut self, account: usize) -> Result<Vec<Send>> {
        let manager = self.deployment.uniswap.v3_position_manager;
        let owner = self.address(account)?;
        let count = self.chain.rpc.view(manager, &V3Positions::balanceOfCall { owner }).await?;
        // A founder's first position is the depth of the market.
        let own = if account < crate::deploy::CREATORS { U256::from(1) } else { U256::ZERO };
        if count > own && self.random.random_ratio(1, 2) {
            return self.decrease(account, count - U256::from(1)).await;
        }
        self.open_position(account).await
    }

    async fn decrease(&mut self, account: usize, index: U256) -> Result<Vec<Send>> {
        let manager = self.deployment.uniswap.v3_position_manager;
        let owner = self.address(account)?;
        let id = self.chain.rpc.view(manager, &V3Positions::tokenOfOwnerByIndexCall { owner, index }).await?;
        let position = self.chain.rpc.view(manager, &V3Positions::positionsCall { tokenId: id }).await?;
        let liquidity: u128 = self.share(U256::from(position.liquidity), 30..=100).to();
        if liquidity == 0 {
            return Ok(Vec::new());
        }
        let decrease = Decrease {
            tokenId: id,
            liquidity,
            minimum0: U256::ZERO,
            minimum1: U256::ZERO,
            deadline: U256::MAX,
        };
        let collect = Collect { tokenId: id, recipient: owner, maximum0: u128::MAX, maximum1: u128::MAX };
        let calls: Vec<Bytes> = vec![
            V3Positions::decreaseLiquidityCall { position: decrease }.abi_encode().into(),
            V3Positions::collectCall { position: collect }.abi_encode().into(),
        ];
        Ok(vec![call(account, manager, &V3Positions::multicallCall { calls }, GAS_V3)])
    }

    async fn open_position(&mut self, account: usize) -> Result<Vec<Send>> {
        let pool = self.pool(PoolVersion::V3)?;
        let manager = self.deployment.uniswap.v3_position_manager;
        let tick = self.chain.rpc.view(pool.address, &V3Pool::slot0Call {}).await?.tick.as_i32();
        let spacing = self.chain.rpc.view(pool.address, &V3Pool::tickSpacingCall {}).await?.as_i32();
        let middle = tick.div_euclid(spacing);
        let (below, above) = (self.random.random_range(WIDTHS), self.random.random_range(WIDTHS));
        let (desired0, desired1) = self.both_sides((pool.token0, pool.token1))?;
        let mut sends = self.prepare(account, pool.token0, manager, desired0).await?;
        sends.extend(self.prepare(account, pool.token1, manager, desired1).await?);
        let position = Mint {
            token0: pool.token0,
            token1: pool.token1,
            fee: U24::from(pool.fee),
            tickLower: I24::try_from((middle - below) * spacing)?,
            tickUpper: I24::try_from((middle + above) * spacing)?,
            desired0,
            desired1,
            minimum0: U256::ZERO,
            minimum1: U256::ZERO,
            recipient: self.address(account)?,
            deadline: U256::MAX,
        };
        sends.push(call(account, manager, &V3Positions::mintCall { position }, GAS_V3));
        Ok(sends)
    }

    fn pool(&mut self, version: PoolVersion) -> Result<Pool> {
        let pools: Vec<&Pool> = self.deployment.pools.iter().filter(|pool| pool.version == version).collect();
        Ok((*pools.choose(&mut self.random).context("no pools")?).clone())
    }

    /// Which token to sell and which to buy, given the price of token0 in token1, both in base units.
    pub(super) fn direction(
        &mut self,
        (zero, one): (Address, Address),
        price: f64,
    ) -> Result<(Address, Address)> {
        let fair = self.value(zero)? / self.value(one)?;
        let sells_token1 = price < fair;
        let informed = self.random.random_ratio(ARBITRAGE, 100);
        Ok(if sells_token1 == informed { (one, zero) } else { (zero, one) })
    }

    /// Dollars that one base unit of a token is worth.
    pub(super) fn value(&self, token: Address) -> Result<f64> {
        let index = self.token(token)?;
        let decimals = self.deployment.tokens.get(index).context("no such token")?.decimals;
        Ok(prices::usd(self.seed, index, self.number) / 10_f64.powi(i32::from(decimals)))
    }

    /// About the same value of both tokens of a pool.
    fn both_sides(&mut self, (token0, token1): (Address, Address)) -> Result<(U256, U256)> {
        let dollars = U256::from(self.random.random_range(200_u64..2_000));
        let token0 = crate::deploy::dollar(self.token(token0)?);
        let token1 = crate::deploy::dollar(self.token(token1)?);
        Ok((token0 * dollars, token1 * dollars))
    }
}

//! Swaps and liquidity on Uniswap V4.

use alloy::primitives::{Address, B256, Bytes, I256, U160, U256, aliases::I24, uint};
use anyhow::{Context, Result};
use rand::{Rng, seq::IndexedRandom};

use super::Planner;
use crate::{
    contracts::venues::{ModifyLiquidity, Settlement, StateView, SwapV4, V4Liquidity, V4Router},
    deploy::{call, dollar, venues},
    venues::V4Pool,
    wallet::Send,
};

const GAS: u64 = 1_200_000;
/// The outermost prices that a swap may name: one more than the lowest, one less than the highest.
const LOWEST: U160 = uint!(4_295_128_740_U160);
const HIGHEST: U160 = uint!(1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341_U160);
/// Ticks on each side of an account's position, in tick spacings: so many, and more for later accounts.
const NARROWEST: i32 = 5;
/// Room for what a range needs of a token beyond half of the dollars that it is made for.
const MARGIN: u64 = 3;

impl Planner<'_> {
    pub(super) async fn swap_v4(&mut self, account: usize) -> Result<Vec<Send>> {
        let (pool, venues) = (self.v4_pool()?, self.venues()?);
        let (router, state_view) = (venues.v4.router, venues.v4.state_view);
        let slot = self.chain.rpc.view(state_view, &StateView::getSlot0Call { poolId: pool.id }).await?;
        let root = f64::from(U256::from(slot.sqrtPriceX96)) / f64::from(U256::from(1) << 96);
        let (sold, _) = self.direction((pool.currency0, pool.currency1), root * root)?;
        let amount = self.size(sold)?;
        let mut sends = self.prepare_currency(account, sold, router, amount).await?;
        let zero_for_one = sold == pool.currency0;
        let swap = V4Router::swapCall {
            key: pool.key()?,
            swap: SwapV4 {
                zeroForOne: zero_for_one,
                amountSpecified: -I256::try_from(amount)?,
                sqrtPriceLimitX96: if zero_for_one { LOWEST } else { HIGHEST },
            },
            settlement: Settlement { takeClaims: false, settleUsingBurn: false },
            hookData: Bytes::new(),
        };
        let value = if sold.is_zero() { amount } else { U256::ZERO };
        sends.push(Send { value, ..call(account, router, &swap, GAS) });
        Ok(sends)
    }

    /// Adds to the account's position in a pool, or takes some of it out again.
    pub(super) async fn liquidity_v4(&mut self, account: usize) -> Result<Vec<Send>> {
        let (pool, venues) = (self.v4_pool()?, self.venues()?);
        let (owner, state_view) = (venues.v4.liquidity, venues.v4.state_view);
        let (lower, upper) = range(&pool, account)?;
        let salt = B256::from(U256::from(account));
        let (lower_tick, upper_tick) = (I24::try_from(lower)?, I24::try_from(upper)?);
        let position = StateView::getPositionInfoCall {
            poolId: pool.id,
            owner,
            tickLower: lower_tick,
            tickUpper: upper_tick,
            salt,
        };
        let held = self.chain.rpc.view(state_view, &position).await?.liquidity;
        let removes = held > 0 && self.random.random_ratio(1, 2);
        let dollars = self.random.random_range(200..2_000);
        let tokens = (self.token(pool.currency0)?, self.token(pool.currency1)?);
        let liquidity = if removes {
            -I256::try_from(self.share(U256::from(held), 30..=100))?
        } else {
            I256::try_from(venues::liquidity(tokens, dollars, upper - lower))?
        };
        let mut sends = Vec::new();
        let most = |token| dollar(token) * U256::from(dollars * MARGIN);
        if !removes {
            sends = self.prepare_currency(account, pool.currency0, owner, most(tokens.0)).await?;
            sends.extend(self.prepare_currency(account, pool.currency1, owner, most(tokens.1)).await?);
        }
        let change =
            ModifyLiquidity { tickLower: lower_tick, tickUpper: upper_tick, liquidityDelta: liquidity, salt };
        let modify = V4Liquidity::modifyLiquidityCall { key: pool.key()?, change, hookData: Bytes::new() };
        // What is too much comes back.
        let value = if pool.currency0.is_zero() && !removes { most(tokens.0) } else { U256::ZERO };
        sends.push(Send { value, ..call(account, owner, &modify, GAS) });
        Ok(sends)
    }

    /// As [`Self::prepare`]; the chain's coin needs no preparation.
    async fn prepare_currency(
        &self,
        account: usize,
        currency: Address,
        spender: Address,
        amount: U256,
    ) -> Result<Vec<Send>> {
        if currency.is_zero() {
            return Ok(Vec::new());
        }
        self.prepare(account, currency, spender, amount).await
    }

    fn v4_pool(&mut self) -> Result<V4Pool> {
        let venues = self.deployment.venues.as_ref().context("there are no venues")?;
        Ok(venues.v4.pools.choose(&mut self.random).context("no pools")?.clone())
    }
}

/// Where an account's position in a pool is: always the same, so that it is found again without reading logs.
fn range(pool: &V4Pool, account: usize) -> Result<(i32, i32)> {
    let (spacing, account) = (pool.tick_spacing, i32::try_from(account)?);
    let middle = pool.first_tick.div_euclid(spacing);
    Ok(((middle - NARROWEST - account) * spacing, (middle + NARROWEST + account * 7 % 20) * spacing))
}

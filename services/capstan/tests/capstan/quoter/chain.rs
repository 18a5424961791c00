//! What the exchanges' own contracts say: quotes, prices, ticks and reserves at one block.

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, U160, U256, Uint, aliases::I24},
    providers::DynProvider,
    sol,
};
use capstan_proto::quoter as wire;

use crate::house::House;

sol! {
    struct V3Quote { address tokenIn; address tokenOut; uint256 amount; uint24 fee; uint160 sqrtPriceLimitX96; }
    struct V4Key { address currency0; address currency1; uint24 fee; int24 tickSpacing; address hooks; }
    struct V4Quote { V4Key poolKey; bool zeroForOne; uint128 exactAmount; bytes hookData; }

    #[sol(rpc)]
    contract QuoterV2 {
        function quoteExactInputSingle(V3Quote quote) external returns (uint256 amount, uint160 sqrtPriceX96After, uint32 ticksCrossed, uint256 gas);
        function quoteExactOutputSingle(V3Quote quote) external returns (uint256 amount, uint160 sqrtPriceX96After, uint32 ticksCrossed, uint256 gas);
    }

    #[sol(rpc)]
    contract MixedQuoter {
        function quoteExactInput(bytes path, uint256 amountIn) external returns (uint256 amountOut, uint160[] prices, uint32[] ticks, uint256 gas);
    }

    #[sol(rpc)]
    contract V4Quoter {
        function quoteExactInputSingle(V4Quote quote) external returns (uint256 amount, uint256 gas);
        function quoteExactOutputSingle(V4Quote quote) external returns (uint256 amount, uint256 gas);
    }

    #[sol(rpc)]
    contract V2Router {
        function getAmountsOut(uint256 amountIn, address[] path) external view returns (uint256[] amounts);
        function getAmountsIn(uint256 amountOut, address[] path) external view returns (uint256[] amounts);
        function getAmountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) external pure returns (uint256 amount);
        function getAmountIn(uint256 amountOut, uint256 reserveIn, uint256 reserveOut) external pure returns (uint256 amount);
    }

    struct SingleSwap { bytes32 poolId; uint8 kind; address assetIn; address assetOut; uint256 amount; bytes userData; }
    struct Funds { address sender; bool fromInternalBalance; address recipient; bool toInternalBalance; }

    #[sol(rpc)]
    contract BalancerQueries {
        function querySwap(SingleSwap swap, Funds funds) external returns (uint256);
    }

    #[sol(rpc)]
    contract BalancerVault {
        function getPoolTokens(bytes32 poolId) external view returns (address[] tokens, uint256[] balances, uint256 block);
    }

    #[sol(rpc)]
    contract Shares {
        function totalAssets() external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function previewDeposit(uint256 assets) external view returns (uint256);
        function previewMint(uint256 shares) external view returns (uint256);
        function previewRedeem(uint256 shares) external view returns (uint256);
        function previewWithdraw(uint256 assets) external view returns (uint256);
    }

    #[sol(rpc)]
    contract V2Pair {
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 time);
    }

    #[sol(rpc)]
    contract V3Pool {
        function slot0() external view returns (uint160 sqrtPriceX96, int24 tick, uint16 index, uint16 count, uint16 next, uint8 feeProtocol, bool unlocked);
        function liquidity() external view returns (uint128);
        function tickBitmap(int16 word) external view returns (uint256);
        function ticks(int24 tick) external view returns (uint128 gross, int128 net, uint256 a, uint256 b, int56 c, uint160 d, uint32 e, bool initialized);
    }

    #[sol(rpc)]
    contract StateView {
        function getSlot0(bytes32 id) external view returns (uint160 sqrtPriceX96, int24 tick, uint24 protocolFee, uint24 lpFee);
        function getLiquidity(bytes32 id) external view returns (uint128);
        function getTickBitmap(bytes32 id, int16 word) external view returns (uint256);
        function getTickLiquidity(bytes32 id, int24 tick) external view returns (uint128 gross, int128 net);
    }
}

/// The coin as the quoter names it.
pub(super) const COIN: Address = Address::repeat_byte(0xee);
const LOWEST: U160 = U160::from_limbs([4_295_128_740, 0, 0]);

/// What a contract says of a swap with one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Truth {
    /// What comes out, or has to be given.
    pub(super) amount: U256,
    /// The price after it and the ticks crossed, where the contract tells them.
    pub(super) price: Option<(U256, u32)>,
}

/// The contracts at a block.
pub(super) struct Contracts<'a> {
    house: &'a House,
    provider: DynProvider,
    at: BlockId,
}

pub(super) fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

impl<'a> Contracts<'a> {
    pub(super) fn at(house: &'a House, head: B256) -> Self {
        Self { house, provider: house.provider(), at: BlockId::hash(head) }
    }

    /// What the contract of a hop's pool says; none when it reverts, or would take a part only.
    pub(super) async fn swap(&self, pool: &wire::Pool, hop: &wire::Hop, exact_in: bool) -> Option<Truth> {
        let amount = number(if exact_in { &hop.amount_in } else { &hop.amount_out });
        let ends = (number(&hop.token_in), number(&hop.token_out));
        match pool.protocol.as_str() {
            "uniswap.v2" => self.v2(pool, ends, (amount, exact_in)).await,
            "uniswap.v3" => self.v3(pool, ends, (amount, exact_in)).await,
            "uniswap.v4" => self.v4(pool, ends, (amount, exact_in)).await,
            "balancer.v2.weighted" => self.weighted(pool, ends, (amount, exact_in)).await,
            "erc4626" => self.vault(pool, ends, (amount, exact_in)).await,
            "weth9" => Some(Truth { amount, price: None }),
            other => panic!("{other} cannot be asked"),
        }
    }

    async fn v2(
        &self,
        pool: &wire::Pool,
        ends: (Address, Address),
        (amount, exact_in): (U256, bool),
    ) -> Option<Truth> {
        let router = V2Router::new(self.house.devnet.deployment().uniswap.v2_router, &self.provider);
        let pair = V2Pair::new(number(&pool.pool_id), &self.provider);
        let reserves = pair.getReserves().block(self.at).call().await.unwrap();
        let (mut given, mut wanted) = (U256::from(reserves.reserve0), U256::from(reserves.reserve1));
        if number::<Address>(&pool.tokens[0]) != ends.0 {
            (given, wanted) = (wanted, given);
        }
        let amount = match exact_in {
            true => router.getAmountOut(amount, given, wanted).block(self.at).call().await.ok()?,
            false => router.getAmountIn(amount, given, wanted).block(self.at).call().await.ok()?,
        };
        Some(Truth { amount, price: None })
    }

    async fn v3(
        &self,
        pool: &wire::Pool,
        ends: (Address, Address),
        (amount, exact_in): (U256, bool),
    ) -> Option<Truth> {
        let quoter = QuoterV2::new(self.house.devnet.deployment().uniswap.v3_quoter, &self.provider);
        let quote = V3Quote {
            tokenIn: ends.0,
            tokenOut: ends.1,
            amount,
            fee: Uint::from(pool.fee_ppm),
            sqrtPriceLimitX96: U160::ZERO,
        };
        let (amount, price, ticks) = match exact_in {
            true => {
                let told = quoter.quoteExactInputSingle(quote).block(self.at).call().await.ok()?;
                (told.amount, told.sqrtPriceX96After, told.ticksCrossed)
            }
            false => {
                let told = quoter.quoteExactOutputSingle(quote).block(self.at).call().await.ok()?;
                (told.amount, told.sqrtPriceX96After, told.ticksCrossed)
            }
        };
        // At the end of all prices a part was left over, whatever the contract says.
        let is_drained = price <= LOWEST || price >= highest();
        (!is_drained).then_some(Truth { amount, price: Some((U256::from(price), ticks)) })
    }

    async fn v4(
        &self,
        pool: &wire::Pool,
        ends: (Address, Address),
        (amount, exact_in): (U256, bool),
    ) -> Option<Truth> {
        let venues = self.house.devnet.deployment().venues.as_ref().unwrap();
        let known = venues.v4.pools.iter().find(|known| known.id == number::<B256>(&pool.pool_id)).unwrap();
        let quoter = V4Quoter::new(venues.v4.quoter, &self.provider);
        let first = if known.currency0 == Address::ZERO { COIN } else { known.currency0 };
        let quote = V4Quote {
            poolKey: V4Key {
                currency0: known.currency0,
                currency1: known.currency1,
                fee: Uint::from(known.fee),
                tickSpacing: I24::try_from(known.tick_spacing).unwrap(),
                hooks: known.hooks,
            },
            zeroForOne: ends.0 == first,
            exactAmount: u128::try_from(amount).ok()?,
            hookData: Default::default(),
        };
        let amount = match exact_in {
            true => quoter.quoteExactInputSingle(quote).block(self.at).call().await.ok()?.amount,
            false => quoter.quoteExactOutputSingle(quote).block(self.at).call().await.ok()?.amount,
        };
        Some(Truth { amount, price: None })
    }

    async fn weighted(
        &self,
        pool: &wire::Pool,
        ends: (Address, Address),
        (amount, exact_in): (U256, bool),
    ) -> Option<Truth> {
        let balancer = &self.house.devnet.deployment().venues.as_ref().unwrap().balancer;
        let known =
            balancer.pools.iter().find(|known| known.address == number::<Address>(&pool.pool_id)).unwrap();
        let swap = SingleSwap {
            poolId: known.id,
            kind: u8::from(!exact_in),
            assetIn: ends.0,
            assetOut: ends.1,
            amount,
            userData: Default::default(),
        };
        let funds = Funds {
            sender: Address::ZERO,
            fromInternalBalance: false,
            recipient: Address::ZERO,
            toInternalBalance: false,
        };
        let queries = BalancerQueries::new(balancer.queries, &self.provider);
        let amount = queries.querySwap(swap, funds).block(self.at).call().await.ok()?;
        Some(Truth { amount, price: None })
    }

    async fn vault(
        &self,
        pool: &wire::Pool,
        ends: (Address, Address),
        (amount, exact_in): (U256, bool),
    ) -> Option<Truth> {
        let vault = Shares::new(number(&pool.pool_id), &self.provider);
        let is_deposit = ends.1 == *vault.address();
        let (limit, shares) = match (is_deposit, exact_in) {
            (true, true) => (None, vault.previewDeposit(amount).block(self.at).call().await.ok()?),
            (true, false) => (None, vault.previewMint(amount).block(self.at).call().await.ok()?),
            (false, true) => (Some(amount), vault.previewRedeem(amount).block(self.at).call().await.ok()?),
            (false, false) => {
                let shares = vault.previewWithdraw(amount).block(self.at).call().await.ok()?;
                (Some(shares), shares)
            }
        };
        // A preview does not say that there are not so many shares.
        let supply = vault.totalSupply().block(self.at).call().await.unwrap();
        limit.is_none_or(|limit| limit <= supply).then_some(Truth { amount: shares, price: None })
    }

    /// A whole path of V2 and V3 pools, by the quoter for both.
    pub(super) async fn mixed(&self, pools: &[&wire::Pool], hops: &[wire::Hop]) -> Option<U256> {
        const V2_FEE: [u8; 3] = [0x80, 0, 0];
        let venues = self.house.devnet.deployment().venues.as_ref().unwrap();
        let quoter = MixedQuoter::new(venues.mixed_quoter, &self.provider);
        let mut path = number::<Address>(&hops[0].token_in).to_vec();
        for (pool, hop) in pools.iter().zip(hops) {
            match pool.protocol.as_str() {
                "uniswap.v2" => path.extend(V2_FEE),
                "uniswap.v3" => path.extend(&pool.fee_ppm.to_be_bytes()[1..]),
                _ => return None,
            }
            path.extend(number::<Address>(&hop.token_out));
        }
        let amount = number(&hops[0].amount_in);
        quoter
            .quoteExactInput(path.into(), amount)
            .block(self.at)
            .call()
            .await
            .ok()
            .map(|told| told.amountOut)
    }

    /// Holds a pool's state against its contract.
    pub(super) async fn compare(&self, pool: &wire::Pool) {
        match pool.state.as_ref().unwrap() {
            wire::pool::State::Reserves(reserves) if pool.protocol == "uniswap.v2" => {
                let pair = V2Pair::new(number(&pool.pool_id), &self.provider);
                let told = pair.getReserves().block(self.at).call().await.unwrap();
                let expected = [told.reserve0.to_string(), told.reserve1.to_string()];
                assert_eq!(reserves.amounts, expected, "{}", pool.pool_id);
            }
            wire::pool::State::Reserves(reserves) => {
                assert_eq!(reserves.amounts, self.amounts(pool).await, "{}", pool.pool_id);
            }
            wire::pool::State::Concentrated(ours) => self.compare_concentrated(pool, ours).await,
        }
    }

    /// What a weighted pool or a vault has.
    async fn amounts(&self, pool: &wire::Pool) -> Vec<String> {
        let balancer = &self.house.devnet.deployment().venues.as_ref().unwrap().balancer;
        if let Some(known) = balancer.pools.iter().find(|known| known.address.to_string() == pool.pool_id) {
            let vault = BalancerVault::new(balancer.vault, &self.provider);
            let told = vault.getPoolTokens(known.id).block(self.at).call().await.unwrap();
            return told.balances.iter().map(U256::to_string).collect();
        }
        if pool.protocol == "weth9" {
            return Vec::new();
        }
        let vault = Shares::new(number(&pool.pool_id), &self.provider);
        let assets = vault.totalAssets().block(self.at).call().await.unwrap();
        vec![assets.to_string(), vault.totalSupply().block(self.at).call().await.unwrap().to_string()]
    }

    async fn compare_concentrated(&self, pool: &wire::Pool, ours: &wire::ConcentratedLiquidity) {
        let (price, tick, liquidity) = match pool.protocol.as_str() {
            "uniswap.v3" => {
                let contract = V3Pool::new(number(&pool.pool_id), &self.provider);
                let slot = contract.slot0().block(self.at).call().await.unwrap();
                (slot.sqrtPriceX96, slot.tick, contract.liquidity().block(self.at).call().await.unwrap())
            }
            _ => {
                let id = number(&pool.pool_id);
                let slot = self.view().getSlot0(id).block(self.at).call().await.unwrap();
                (
                    slot.sqrtPriceX96,
                    slot.tick,
                    self.view().getLiquidity(id).block(self.at).call().await.unwrap(),
                )
            }
        };
        assert_eq!(ours.sqrt_price_x96, price.to_string(), "{}", pool.pool_id);
        assert_eq!(ours.tick, tick.as_i32(), "{}", pool.pool_id);
        assert_eq!(ours.liquidity, liquidity.to_string(), "{}", pool.pool_id);
        for one in &ours.ticks {
            let (gross, net) = self.tick(pool, one.tick).await;
            assert_eq!(
                (&one.liquidity_gross, &one.liquidity_net),
                (&gross, &net),
                "{} {}",
                pool.pool_id,
                one.tick
            );
        }
        self.compare_bitmap(pool, ours).await;
    }

    /// No tick is missing: every word of the bitmap from below the lowest tick to above the highest.
    async fn compare_bitmap(&self, pool: &wire::Pool, ours: &wire::ConcentratedLiquidity) {
        let places: Vec<i32> = ours.ticks.iter().map(|tick| tick.tick / ours.tick_spacing).collect();
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
        let (first, last) = (first.div_euclid(256) - 1, last.div_euclid(256) + 1);
        // A full range of spacing 1 has thousands of words: those with our ticks are enough there.
        let words = (first..=last)
            .filter(|word| last - first < 200 || places.iter().any(|p| p.div_euclid(256) == *word));
        for word in words {
            let bits = places.iter().filter(|place| place.div_euclid(256) == word);
            let expected = bits.fold(U256::ZERO, |map, place| {
                map | (U256::from(1) << usize::try_from(place.rem_euclid(256)).unwrap())
            });
            let word = i16::try_from(word).unwrap();
            let told = match pool.protocol.as_str() {
                "uniswap.v3" => {
                    let contract = V3Pool::new(number(&pool.pool_id), &self.provider);
                    contract.tickBitmap(word).block(self.at).call().await.unwrap()
                }
                _ => self
                    .view()
                    .getTickBitmap(number(&pool.pool_id), word)
                    .block(self.at)
                    .call()
                    .await
                    .unwrap(),
            };
            assert_eq!(told, expected, "{} word {word}", pool.pool_id);
        }
    }

    async fn tick(&self, pool: &wire::Pool, tick: i32) -> (String, String) {
        let tick = I24::try_from(tick).unwrap();
        if pool.protocol == "uniswap.v3" {
            let contract = V3Pool::new(number(&pool.pool_id), &self.provider);
            let told = contract.ticks(tick).block(self.at).call().await.unwrap();
            return (told.gross.to_string(), told.net.to_string());
        }
        let told =
            self.view().getTickLiquidity(number(&pool.pool_id), tick).block(self.at).call().await.unwrap();
        (told.gross.to_string(), told.net.to_string())
    }

    fn view(&self) -> StateView::StateViewInstance<DynProvider> {
        let venues = self.house.devnet.deployment().venues.as_ref().unwrap();
        StateView::new(venues.v4.state_view, self.provider.clone())
    }
}

fn highest() -> U160 {
    U160::from_str_radix("1461446703485210103287273052203988822378723970341", 10).unwrap()
}

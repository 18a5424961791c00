//! What a devnet with venues has besides: more exchanges to trade at, in words that other crates' tests can use.

use alloy::{
    primitives::{
        Address, B256, U256,
        aliases::{I24, U24},
        keccak256,
    },
    sol_types::SolValue,
};
use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{Token, contracts::venues::PoolKey};

/// Uniswap V4, Balancer V2, an ERC-4626 vault and what quotes paths across V2 and V3; the V2 pairs and V3 pools that
/// venues bring are in `Deployment::pools`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Venues {
    /// MixedRouteQuoterV1, for paths over V2 pairs and V3 pools; a V2 hop has the fee 0x800000.
    pub mixed_quoter: Address,
    /// Uniswap V4.
    pub v4: V4,
    /// Balancer V2.
    pub balancer: Balancer,
    /// An ERC-4626 vault.
    pub vault: Vault,
    /// UniversalRouter, which swaps at Uniswap V2, V3 and V4 with tokens that Permit2 moves; none on a chain that was
    /// set up before there was one.
    #[serde(default)]
    pub universal_router: Option<Address>,
}

/// Uniswap V4's contracts and pools.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct V4 {
    /// PoolManager, owned by the first account, which also decides on protocol fees.
    pub pool_manager: Address,
    /// StateView.
    pub state_view: Address,
    /// V4Quoter.
    pub quoter: Address,
    /// PoolModifyLiquidityTest, the owner of all positions; its callers tell theirs apart by salt.
    pub liquidity: Address,
    /// PoolSwapTest.
    pub router: Address,
    /// MockCounterHook, which counts what happens to its pools.
    pub hook: Address,
    /// Every pool.
    pub pools: Vec<V4Pool>,
}

/// A pool of Uniswap V4.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct V4Pool {
    /// Hash of the five parts of its key.
    pub id: B256,
    /// The lower address; zero is the chain's coin.
    pub currency0: Address,
    /// The higher address.
    pub currency1: Address,
    /// Hundredths of a basis point.
    pub fee: u32,
    /// Ticks between usable ticks.
    pub tick_spacing: i32,
    /// Contract that is called at every change; zero when there is none.
    pub hooks: Address,
    /// Tick at which it began.
    pub first_tick: i32,
}

/// Balancer V2's contracts and pools.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Balancer {
    /// Vault, which holds the tokens of all pools.
    pub vault: Address,
    /// WeightedPoolFactory.
    pub weighted_pool_factory: Address,
    /// BalancerQueries.
    pub queries: Address,
    /// Every weighted pool.
    pub pools: Vec<WeightedPool>,
}

/// A weighted pool.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct WeightedPool {
    /// Its id in the vault.
    pub id: B256,
    /// The contract, whose shares are an ERC-20 token.
    pub address: Address,
    /// Its tokens, the lowest address first.
    pub tokens: Vec<Address>,
    /// Their normalized weights, 1e18 = 100 %.
    pub weights: Vec<U256>,
    /// Fee on the input, 1e18 = 100 %.
    pub swap_fee: U256,
}

/// An ERC-4626 vault.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Vault {
    /// Its shares; the contract is the vault.
    pub shares: Token,
    /// What it holds.
    pub asset: Address,
}

impl V4Pool {
    /// As the contracts take it.
    pub(crate) fn key(&self) -> Result<PoolKey> {
        Ok(PoolKey {
            currency0: self.currency0,
            currency1: self.currency1,
            fee: U24::from(self.fee),
            tickSpacing: I24::try_from(self.tick_spacing)?,
            hooks: self.hooks,
        })
    }
}

/// The id of the pool with this key.
pub(crate) fn pool_id(key: &PoolKey) -> B256 {
    keccak256(key.abi_encode())
}

//! Routers: what they are and what they can swap with.

use capstan_primitives::Address;

use super::{ITSELF, SENDER, abi, coin};
use crate::domain::{
    pool::{PoolId, Protocol, Way},
    state::Entry,
};

/// The fee that the routers count with for every pair, in millionths.
const V2_FEE: u32 = 3_000;
/// What a router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouterKind {
    /// Uniswap's SwapRouter02, which takes tokens by their own allowance.
    SwapRouter02,
    /// Uniswap's UniversalRouter, which takes tokens by Permit2.
    Universal,
}

/// Which of the Universal Router's encodings of swaps with V4 it takes. They cannot be told apart by their lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 2.0: without limits of single hops.
    V2_0,
    /// 2.1 and its successors: with limits of single hops.
    V2_1,
}

impl RouterKind {
    /// A label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SwapRouter02 => "swap_router_02",
            Self::Universal => "universal_router",
        }
    }
}

/// A router and what it swaps with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Router {
    /// What it is.
    pub kind: RouterKind,
    /// How it takes swaps with V4.
    pub version: Version,
    /// Its address.
    pub address: Address,
    /// Factory of its pairs.
    pub v2_factory: Option<Address>,
    /// Factory of its V3 pools.
    pub v3_factory: Option<Address>,
    /// Manager of its V4 pools.
    pub pool_manager: Option<Address>,
    /// Its wrapped coin.
    pub weth9: Option<Address>,
    /// Its Permit2.
    pub permit2: Address,
}

impl Router {
    /// Whether it can swap with a pool. The contracts find pools by factory, tokens and fee.
    #[must_use]
    pub fn executes(&self, entry: &Entry) -> bool {
        let is_of = |factory: Option<Address>| factory.is_some() && entry.factory == factory;
        match entry.pool.protocol() {
            Protocol::UniswapV2 => is_of(self.v2_factory) && entry.pool.fee_ppm(Way::DOWN) == V2_FEE,
            Protocol::UniswapV3 => is_of(self.v3_factory),
            Protocol::UniswapV4 => self.kind == RouterKind::Universal && is_of(self.pool_manager),
            Protocol::Weth9 => self.weth9.is_some_and(|weth| entry.id == PoolId::Contract(weth)),
            Protocol::BalancerWeighted | Protocol::Erc4626 => false,
        }
    }

    /// Who takes the tokens by their own allowance.
    #[must_use]
    pub fn spender(&self) -> Address {
        match self.kind {
            RouterKind::SwapRouter02 => self.address,
            RouterKind::Universal => self.permit2,
        }
    }

    /// Whether an address cannot be that of a sender.
    #[must_use]
    pub fn is_no_sender(&self, address: Address) -> bool {
        address == Address::ZERO || address == self.address
    }

    /// Whether money sent to an address by the router would be lost, or go to somebody else.
    #[must_use]
    pub fn is_no_recipient(&self, address: Address) -> bool {
        let meant_otherwise = [0, SENDER, ITSELF].map(abi::small);
        let contracts = [Some(self.address), Some(self.permit2), self.weth9, self.pool_manager];
        meant_otherwise.contains(&address) || contracts.contains(&Some(address)) || address == coin()
    }
}

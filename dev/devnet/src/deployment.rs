//! What was deployed, in words that other crates' tests can use.

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::Venues;

/// Every address of a devnet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Deployment {
    /// Funded accounts, all from one public mnemonic. The first deploys; all of them trade.
    pub accounts: Vec<Account>,
    /// tUSD, tBTC, tDAI and WETH, in this order.
    pub tokens: Vec<Token>,
    /// At its canonical address.
    pub multicall3: Address,
    /// At its canonical address.
    pub permit2: Address,
    /// Uniswap V2 and V3.
    pub uniswap: Uniswap,
    /// Gnosis ConditionalTokens (ERC-1155).
    pub conditional_tokens: Address,
    /// Gnosis FPMMDeterministicFactory.
    pub fpmm_factory: Address,
    /// Our MarketFactory.
    pub market_factory: Address,
    /// The V2 pairs and V3 pools.
    pub pools: Vec<Pool>,
    /// More exchanges; none unless the options of the chain's first start asked for them.
    #[serde(default)]
    pub venues: Option<Venues>,
    /// All markets so far, in order of creation; traffic creates more and resolves some.
    pub markets: Vec<Market>,
}

/// One funded account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Account {
    /// Its address.
    pub address: Address,
    /// Its key, derived from the public test mnemonic.
    pub private_key: B256,
}

/// An ERC-20 token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Token {
    /// The contract.
    pub address: Address,
    /// As the contract says.
    pub symbol: String,
    /// As the contract says.
    pub decimals: u8,
}

/// Uniswap's contracts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Uniswap {
    /// UniswapV2Factory.
    pub v2_factory: Address,
    /// UniswapV2Router02.
    pub v2_router: Address,
    /// UniswapV3Factory.
    pub v3_factory: Address,
    /// SwapRouter02.
    pub v3_router: Address,
    /// NonfungiblePositionManager.
    pub v3_position_manager: Address,
    /// QuoterV2.
    pub v3_quoter: Address,
}

/// A pool of two tokens.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pool {
    /// The pair or pool contract.
    pub address: Address,
    /// Which Uniswap.
    pub version: PoolVersion,
    /// The lower token address.
    pub token0: Address,
    /// The higher token address.
    pub token1: Address,
    /// Hundredths of a basis point; always 3000 for V2.
    pub fee: u32,
}

/// Which Uniswap a pool belongs to.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PoolVersion {
    /// A constant-product pair.
    V2,
    /// A concentrated-liquidity pool.
    V3,
}

/// A prediction market: one condition and one market maker.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Market {
    /// The MarketFactory's id; none when the market maker was created without the MarketFactory.
    pub market_id: Option<B256>,
    /// The condition in ConditionalTokens.
    pub condition_id: B256,
    /// The FixedProductMarketMaker.
    pub amm: Address,
    /// The ERC-20 that backs the positions.
    pub collateral: Address,
    /// Who created it and may resolve it.
    pub creator: Address,
    /// The question; empty when unknown.
    pub question: String,
    /// Names of the outcomes, in the order of the outcome index.
    pub outcomes: Vec<String>,
    /// ERC-1155 ids of the outcomes, in the same order.
    pub position_ids: Vec<U256>,
    /// Fee on trades, 1e18 = 100 %.
    pub fee: U256,
    /// Unix seconds from which it can be resolved; none when it never will be.
    pub resolution_time: Option<u64>,
    /// Reported payout numerators; none while the market is open.
    pub payouts: Option<Vec<U256>>,
}

impl Deployment {
    /// The token with this address.
    #[must_use]
    pub fn token(&self, address: Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == address)
    }

    /// The account with this address, as an index into `accounts`.
    #[must_use]
    pub fn account(&self, address: Address) -> Option<usize> {
        self.accounts.iter().position(|account| account.address == address)
    }
}

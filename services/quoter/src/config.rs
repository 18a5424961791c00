//! What can be set in `[quoter]`.

use std::{net::SocketAddr, time::Duration};

use capstan_primitives::{Address, ChainId};
use serde::{Deserialize, Serialize};

/// `[quoter]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Longest silence of a stream, in milliseconds; the contract promises at most 10,000.
    pub heartbeat_ms: u64,
    /// Blocks with changes that a reorg can take back without reading the whole log again, at least 64.
    pub undo_blocks: usize,
    /// Quotes that may wait for a processor before others are refused.
    pub max_waiting: usize,
    /// Answers that are kept for the same question in the same block.
    pub cache_size: usize,
    /// Tokens that prices are told in, by chain.
    pub references: Vec<Reference>,
    /// Fees of factories of pairs that are not Uniswap's 0.3 percent.
    pub factories: Vec<Factory>,
    /// Tokens whose amounts cannot be known.
    pub refused_tokens: Vec<RefusedToken>,
    /// Chains that charge for data on L1, where the id does not tell.
    pub rollups: Vec<Rollup>,
    /// Contracts that know what swaps give, by chain.
    pub contracts: Vec<ChainContracts>,
    /// Pools are held against their contracts once in so many blocks; 0: never.
    pub check_every_blocks: u64,
    /// How many pools each time.
    pub check_pools: usize,
    /// Whether tokens are tried out for fees on transfer.
    pub token_checks: bool,
    /// Routers that execute quotes, at most one of each kind on a chain.
    pub routers: Vec<Router>,
    /// Deadline of a request to a node, in milliseconds.
    pub request_timeout_ms: u64,
    /// Longest time between two looks for a new block, in milliseconds, where no endpoint announces them.
    pub poll_interval_ms: u64,
}

/// `[[quoter.contracts]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainContracts {
    /// The chain.
    pub chain_id: ChainId,
    /// Multicall3, where it is not at its usual address.
    pub multicall3: Option<Address>,
    /// Uniswap's QuoterV2.
    pub quoter_v2: Option<Address>,
    /// Uniswap's V4Quoter.
    pub v4_quoter: Option<Address>,
    /// UniswapV2Router02.
    pub v2_router: Option<Address>,
}

/// Multicall3 is at this address of nearly every chain; calls are made one by one where it is not.
const MULTICALL3: [u8; 20] = [
    0xca, 0x11, 0xbd, 0xe0, 0x59, 0x77, 0xb3, 0x63, 0x11, 0x67, 0x02, 0x88, 0x62, 0xbe, 0x2a, 0x17, 0x39,
    0x76, 0xca, 0x11,
];

impl ChainContracts {
    /// Those of a chain of which nothing is configured.
    #[must_use]
    pub const fn of(chain_id: ChainId) -> Self {
        Self { chain_id, multicall3: None, quoter_v2: None, v4_quoter: None, v2_router: None }
    }

    /// Where Multicall3 is.
    #[must_use]
    pub fn multicall3(&self) -> Address {
        self.multicall3.unwrap_or_else(|| Address::from(MULTICALL3))
    }
}

/// `[[quoter.rollups]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollup {
    /// The chain.
    pub chain_id: ChainId,
    /// `op_stack`, `arbitrum` or `none`.
    pub kind: RollupKind,
}

/// How a chain charges for data on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollupKind {
    /// Not apart from gas.
    None,
    /// As Optimism since Fjord.
    OpStack,
    /// As Arbitrum.
    Arbitrum,
}

/// `[[quoter.routers]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// The chain.
    pub chain_id: ChainId,
    /// `swap_router_02` or `universal_router`.
    pub kind: RouterKind,
    /// Version of a Universal Router that swaps with V4: `2.0`, or `2.1` with its successors.
    pub version: Option<RouterVersion>,
    /// Address of the router.
    pub address: Address,
    /// Factory of the pairs that it swaps with, if it does.
    pub v2_factory: Option<Address>,
    /// Factory of the V3 pools that it swaps with, if it does.
    pub v3_factory: Option<Address>,
    /// PoolManager of the V4 pools that it swaps with, if it does.
    pub pool_manager: Option<Address>,
    /// Its wrapped coin; the chain's, where one is followed.
    pub weth9: Option<Address>,
    /// Its Permit2; the one that is at the same address of every chain.
    #[serde(default = "permit2")]
    pub permit2: Address,
}

/// What a router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouterKind {
    /// Uniswap's SwapRouter02.
    #[serde(rename = "swap_router_02")]
    SwapRouter02,
    /// Uniswap's UniversalRouter.
    #[serde(rename = "universal_router")]
    Universal,
}

/// Versions of the Universal Router that take swaps with V4 differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouterVersion {
    /// 2.0.
    #[serde(rename = "2.0")]
    V2_0,
    /// 2.1, 2.1.1 and 2.1.2.
    #[serde(rename = "2.1")]
    V2_1,
}

fn permit2() -> Address {
    Address::from([
        0x00, 0x00, 0x00, 0x00, 0x00, 0x22, 0xd4, 0x73, 0x03, 0x0f, 0x11, 0x6d, 0xde, 0xe9, 0xf6, 0xb4, 0x3a,
        0xc7, 0x8b, 0xa3,
    ])
}

/// `[[quoter.references]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The chain.
    pub chain_id: ChainId,
    /// The token.
    pub token: Address,
}

/// `[[quoter.factories]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factory {
    /// The chain.
    pub chain_id: ChainId,
    /// Address of the factory of pairs.
    pub address: Address,
    /// Fee of its pairs, in millionths: 2500 for 0.25 percent.
    pub fee_ppm: u32,
}

/// `[[quoter.refused_tokens]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedToken {
    /// The chain.
    pub chain_id: ChainId,
    /// The token.
    pub address: Address,
    /// What is the matter with it.
    pub why: Refused,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// It takes a fee on transfer.
    FeeOnTransfer,
    /// It changes balances by itself.
    Rebasing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50054)),
            heartbeat_ms: 10_000,
            undo_blocks: 128,
            max_waiting: 1_000,
            cache_size: 10_000,
            references: Vec::new(),
            factories: Vec::new(),
            refused_tokens: Vec::new(),
            rollups: Vec::new(),
            contracts: Vec::new(),
            check_every_blocks: 10,
            check_pools: 20,
            token_checks: true,
            routers: Vec::new(),
            request_timeout_ms: 10_000,
            poll_interval_ms: 2_000,
        }
    }
}

impl Config {
    /// Longest silence of a stream.
    #[must_use]
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }
}

//! The devnet with venues against a real anvil: what is deployed, filled and traded.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, U256, b256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Filter, Log},
    sol,
    sol_types::SolEvent,
};
use capstan_devnet::{Block, Devnet, Options, PoolVersion, Venues};

sol! {
    #[sol(rpc)]
    contract Any {
        function getLiquidity(bytes32 poolId) external view returns (uint128 liquidity);
        function getPoolTokens(bytes32 poolId) external view
            returns (address[] tokens, uint256[] balances, uint256 lastChangeBlock);
        function totalAssets() external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function decimals() external view returns (uint8);
        function beforeSwapCount(bytes32 poolId) external view returns (uint256);
        function quoteExactInput(bytes path, uint256 amountIn) external returns (
            uint256 amountOut, uint160[] prices, uint32[] ticksCrossed, uint256 gasEstimate
        );
    }
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );
    event ModifyLiquidity(
        bytes32 indexed id, address indexed sender, int24 lower, int24 upper, int256 liquidityDelta, bytes32 salt
    );
    event Mint(
        address sender, address indexed owner, int24 indexed lower, int24 indexed upper, uint128 amount,
        uint256 amount0, uint256 amount1
    );
    event PoolBalanceChanged(
        bytes32 indexed poolId, address indexed provider, address[] tokens, int256[] deltas, uint256[] fees
    );
}

/// `Swap` of a V2 pair, a V3 pool, a V4 pool and Balancer's vault.
const SWAPS: [B256; 4] = [
    b256!("d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"),
    b256!("c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"),
    b256!("40e9cecb9f5f1f1c5b9c97dec2917b7ee92e57ba5563708daca94dd84ad7112f"),
    b256!("2170c741c41531aec20e7c107c24eecfdd15e69c9bb0a8dd37b1840b9e0b207b"),
];

async fn started() -> Devnet {
    Devnet::start(Options { venues: true, transactions_per_block: 12, ..Options::default() }).await.unwrap()
}

async fn steps(devnet: &mut Devnet, count: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    for _ in 0..count {
        blocks.push(devnet.step().await.unwrap());
    }
    blocks
}

fn provider(devnet: &Devnet) -> DynProvider {
    ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap()).erased()
}

async fn logs(devnet: &Devnet) -> Vec<Log> {
    provider(devnet).get_logs(&Filter::new().from_block(0)).await.unwrap()
}

/// How many logs of these kinds there are by contract, and by first argument where one contract is many pools.
fn counted(logs: &[Log], kinds: &[B256]) -> BTreeMap<(Address, Option<B256>), usize> {
    let mut counts = BTreeMap::new();
    for log in logs.iter().filter(|log| log.topic0().is_some_and(|kind| kinds.contains(kind))) {
        *counts.entry((log.address(), None)).or_default() += 1;
        *counts.entry((log.address(), log.topics().get(1).copied())).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn with_venues_too_the_same_seed_gives_the_same_blocks() {
    let (mut first, mut second) = (started().await, started().await);
    let folder = tempfile::tempdir().unwrap();
    let kept = Options { state_dir: Some(folder.path().to_owned()), ..Options::default() };
    let kept = Options { venues: true, transactions_per_block: 12, ..kept };
    let mut third = Devnet::start(kept.clone()).await.unwrap();
    let last = steps(&mut first, 6).await.pop();
    assert_eq!(last, steps(&mut second, 6).await.pop());
    assert_eq!(last, steps(&mut third, 6).await.pop());
    drop(third);
    // What the folder holds decides, and the first start decided for it.
    let mut again = Devnet::start(Options { venues: false, ..kept }).await.unwrap();
    assert_eq!(steps(&mut first, 3).await, steps(&mut again, 3).await);
}

#[tokio::test]
async fn without_venues_there_are_none() {
    let devnet = Devnet::start(Options::default()).await.unwrap();
    assert!(devnet.deployment().venues.is_none());
    assert!(!devnet.config_toml().contains("balancer"));
}

#[tokio::test]
async fn every_pool_has_positions_and_is_traded() {
    let mut devnet = started().await;
    let mut blocks = steps(&mut devnet, 60).await;
    let deployment = devnet.deployment().clone();
    let venues = deployment.venues.as_ref().unwrap();
    let logs = logs(&devnet).await;
    let swaps = counted(&logs, &SWAPS);
    let added = counted(&logs, &[Mint::SIGNATURE_HASH, ModifyLiquidity::SIGNATURE_HASH]);
    for pool in &deployment.pools {
        assert!(swaps.contains_key(&(pool.address, None)), "{pool:?} is not traded");
        if pool.version == PoolVersion::V3 {
            assert!(added[&(pool.address, None)] >= 10, "{pool:?} has few positions");
        }
    }
    for pool in &venues.v4.pools {
        let of_pool = (venues.v4.pool_manager, Some(pool.id));
        assert!(swaps.contains_key(&of_pool), "{pool:?} is not traded");
        assert!(added[&of_pool] >= 10, "{pool:?} has few positions");
    }
    let changed = counted(&logs, &[PoolBalanceChanged::SIGNATURE_HASH]);
    let mut joined_or_left = 0;
    for pool in &venues.balancer.pools {
        let of_pool = (venues.balancer.vault, Some(pool.id));
        assert!(swaps.contains_key(&of_pool), "{pool:?} is not traded");
        joined_or_left += changed[&of_pool];
    }
    assert!(joined_or_left > venues.balancer.pools.len(), "nobody joined or left after the set-up");
    let vault = venues.vault.shares.address;
    for kind in [Deposit::SIGNATURE_HASH, Withdraw::SIGNATURE_HASH] {
        assert!(counted(&logs, &[kind]).contains_key(&(vault, None)));
    }
    let transactions: usize = blocks.iter().map(|block| block.transactions).sum();
    let failed: usize = blocks.drain(..).map(|block| block.failed).sum();
    assert!(transactions > 60 * 8 && failed * 25 < transactions, "{failed} of {transactions} failed");
}

#[tokio::test]
async fn the_venues_are_of_every_kind() {
    let devnet = started().await;
    let (deployment, provider) = (devnet.deployment(), provider(&devnet));
    let venues = deployment.venues.as_ref().unwrap();
    let of = |version| deployment.pools.iter().filter(move |pool| pool.version == version);
    let fees: BTreeSet<u32> = of(PoolVersion::V3).map(|pool| pool.fee).collect();
    assert_eq!(fees, [100, 500, 3_000, 10_000].into());
    assert_eq!((of(PoolVersion::V2).count(), of(PoolVersion::V3).count()), (6, 13));

    let state = Any::new(venues.v4.state_view, &provider);
    for pool in &venues.v4.pools {
        assert!(state.getLiquidity(pool.id).call().await.unwrap() > 0, "{pool:?}");
    }
    let without_hooks = venues.v4.pools.iter().filter(|pool| pool.hooks.is_zero());
    let shapes: BTreeSet<(u32, i32)> = without_hooks.map(|pool| (pool.fee, pool.tick_spacing)).collect();
    assert!(shapes.len() >= 4, "{shapes:?}");
    assert!(venues.v4.pools.iter().any(|pool| pool.currency0.is_zero()));
    assert!(venues.v4.pools.iter().any(|pool| pool.hooks == venues.v4.hook));

    let weights: Vec<usize> = venues.balancer.pools.iter().map(|pool| pool.weights.len()).collect();
    assert_eq!(weights, [2, 2, 3]);
    let vault = Any::new(venues.balancer.vault, &provider);
    for pool in &venues.balancer.pools {
        let held = vault.getPoolTokens(pool.id).call().await.unwrap();
        assert_eq!(held.tokens, pool.tokens);
        assert!(held.balances.iter().all(|balance| !balance.is_zero()), "{pool:?}");
    }
    let shares = Any::new(venues.vault.shares.address, &provider);
    assert!(shares.totalAssets().call().await.unwrap() > shares.totalSupply().call().await.unwrap());
    assert_eq!(shares.decimals().call().await.unwrap(), venues.vault.shares.decimals);
}

#[tokio::test]
async fn the_hook_is_called_and_the_mixed_quoter_answers() {
    let mut devnet = started().await;
    steps(&mut devnet, 40).await;
    let (deployment, provider) = (devnet.deployment(), provider(&devnet));
    let venues = deployment.venues.as_ref().unwrap();
    let hooked = venues.v4.pools.iter().find(|pool| !pool.hooks.is_zero()).unwrap();
    let hook = Any::new(hooked.hooks, &provider);
    assert!(hook.beforeSwapCount(hooked.id).call().await.unwrap() > U256::ZERO);

    // From WETH over a V3 pool to tUSD, and on over the V2 pair to tDAI.
    let [dollar, _, dai, weth] = [0, 1, 2, 3].map(|token| deployment.tokens[token].address);
    let path = [weth.as_slice(), &[0, 0x0b, 0xb8], dollar.as_slice(), &[0x80, 0, 0], dai.as_slice()].concat();
    let quoter = Any::new(venues.mixed_quoter, &provider);
    let one = U256::from(10).pow(U256::from(18));
    let quote = quoter.quoteExactInput(path.into(), one).call().await.unwrap();
    assert!(quote.amountOut > one * U256::from(2_000), "{}", quote.amountOut);
}

#[tokio::test]
async fn a_large_swap_drains_a_shallow_pool_and_not_a_deep_one() {
    let devnet = started().await;
    let (deployment, provider) = (devnet.deployment(), provider(&devnet));
    let quoter = Any::new(deployment.venues.as_ref().unwrap().mixed_quoter, &provider);
    let (dollar, weth) = (deployment.tokens[0].address, deployment.tokens[3].address);
    let quoted = async |fee: u32, ether: u64| {
        let path = [weth.as_slice(), &fee.to_be_bytes()[1..], dollar.as_slice()].concat();
        let amount = U256::from(10).pow(U256::from(18)) * U256::from(ether);
        quoter.quoteExactInput(path.into(), amount).call().await.unwrap().amountOut
    };
    assert_eq!(quoted(10_000, 100).await, quoted(10_000, 200).await, "more in gives more: it is not drained");
    assert!(quoted(3_000, 100).await < quoted(3_000, 200).await);
}

#[tokio::test]
async fn the_configuration_follows_the_venues() {
    let devnet = started().await;
    let toml: toml::Table = devnet.config_toml().parse().unwrap();
    let chain = toml["chains"][0].as_table().unwrap();
    let contracts = chain["contracts"].as_array().unwrap();
    let protocols: BTreeSet<&str> = contracts.iter().map(|one| one["protocol"].as_str().unwrap()).collect();
    for protocol in [
        "balancer.v2.vault",
        "balancer.v2.weighted_pool_factory",
        "erc4626",
        "uniswap.v4.pool_manager",
        "weth9",
    ] {
        assert!(protocols.contains(protocol), "{protocol}");
    }
    assert_eq!(chain["blocks"].as_array().unwrap().len(), 1);
    assert_eq!(chain["tokens"].as_array().unwrap().len(), 5);
    let routers = toml["quoter"]["routers"].as_array().unwrap();
    let kinds: Vec<&str> = routers.iter().map(|router| router["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["swap_router_02", "universal_router"]);
}

#[tokio::test]
async fn venues_from_before_there_was_a_universal_router_are_read() {
    let venues = started().await.deployment().venues.clone().unwrap();
    let mut older = serde_json::to_value(venues).unwrap();
    older.as_object_mut().unwrap().remove("universal_router").unwrap();
    let read: Venues = serde_json::from_value(older).unwrap();
    assert_eq!(read.universal_router, None);
}

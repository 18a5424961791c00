//! Bytecode of the real contracts, read from the pinned npm packages and from our own compiled Solidity.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy::{hex, primitives::Bytes};
use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Where `dev/install` has put everything.
#[derive(Clone, Debug)]
pub struct Artifacts {
    dev_dir: PathBuf,
}

impl Artifacts {
    pub(crate) const WETH9: &str = "@uniswap/v2-periphery/build/WETH9.json";
    pub(crate) const V2_FACTORY: &str = "@uniswap/v2-core/build/UniswapV2Factory.json";
    pub(crate) const V2_ROUTER: &str = "@uniswap/v2-periphery/build/UniswapV2Router02.json";
    pub(crate) const V3_FACTORY: &str =
        "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json";
    pub(crate) const V3_POSITIONS: &str = "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json";
    pub(crate) const V3_ROUTER: &str =
        "@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02.json";
    pub(crate) const V3_QUOTER: &str =
        "@uniswap/swap-router-contracts/artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json";
    pub(crate) const CONDITIONAL_TOKENS: &str =
        "@gnosis.pm/conditional-tokens-contracts/build/contracts/ConditionalTokens.json";
    pub(crate) const FPMM_FACTORY: &str =
        "@gnosis.pm/conditional-tokens-market-makers/build/contracts/FPMMDeterministicFactory.json";
    pub(crate) const MIXED_QUOTER: &str = "@uniswap/swap-router-contracts/artifacts/contracts/lens/MixedRouteQuoterV1.sol/MixedRouteQuoterV1.json";
    pub(crate) const POOL_MANAGER: &str =
        "@uniswap/v4-periphery/foundry-out/PoolManager.sol/PoolManager.default.json";
    pub(crate) const STATE_VIEW: &str = "@uniswap/v4-periphery/foundry-out/StateView.sol/StateView.json";
    pub(crate) const V4_QUOTER: &str = "@uniswap/v4-periphery/foundry-out/V4Quoter.sol/V4Quoter.json";
    pub(crate) const V4_LIQUIDITY: &str =
        "@uniswap/v4-periphery/foundry-out/PoolModifyLiquidityTest.sol/PoolModifyLiquidityTest.default.json";
    pub(crate) const V4_ROUTER: &str =
        "@uniswap/v4-periphery/foundry-out/PoolSwapTest.sol/PoolSwapTest.default.json";
    pub(crate) const V4_HOOK: &str =
        "@uniswap/v4-periphery/foundry-out/MockCounterHook.sol/MockCounterHook.json";
    pub(crate) const AUTHORIZER: &str =
        "@balancer-labs/v2-deployments/dist/tasks/20210418-authorizer/artifact/Authorizer.json";
    pub(crate) const BALANCER_VAULT: &str =
        "@balancer-labs/v2-deployments/dist/tasks/20210418-vault/artifact/Vault.json";
    pub(crate) const BALANCER_QUERIES: &str =
        "@balancer-labs/v2-deployments/dist/tasks/20220721-balancer-queries/artifact/BalancerQueries.json";
    pub(crate) const WEIGHTED_POOL_FACTORY: &str = "@balancer-labs/v2-deployments/dist/tasks/deprecated/20210418-weighted-pool/artifact/WeightedPoolFactory.json";
    pub(crate) const UNIVERSAL_ROUTER: &str =
        "@uniswap/universal-router/artifacts/contracts/UniversalRouter.sol/UniversalRouter.json";
    const MULTICALL3: &str = "viem/constants/contracts.ts";
    const PERMIT2: &str = "@uniswap/v4-periphery/lib/permit2/test/utils/DeployPermit2.sol";

    /// What `dev/install` has put below `dev_dir`.
    #[must_use]
    pub fn new(dev_dir: &Path) -> Self {
        Self { dev_dir: dev_dir.to_owned() }
    }

    /// Creation code of a contract in an npm package, with its constructor's encoded arguments appended.
    pub(crate) fn npm(&self, package_path: &str, arguments: &[u8]) -> Result<Bytes> {
        creation_code(&self.dev_dir.join("node_modules").join(package_path), arguments)
    }

    /// Creation code of one of our own contracts, with its constructor's encoded arguments appended.
    ///
    /// # Errors
    /// When the contract has not been compiled.
    pub fn own(&self, contract: &str, arguments: &[u8]) -> Result<Bytes> {
        creation_code(&self.dev_dir.join("contracts/out").join(format!("{contract}.json")), arguments)
    }

    /// Creation code of Multicall3, out of viem's constants.
    pub(crate) fn multicall3_creation(&self) -> Result<Bytes> {
        self.literal(Self::MULTICALL3, "multicall3Bytecode", "'0x", '\'')
    }

    /// Runtime code of Permit2, out of its authors' deployment test.
    pub(crate) fn permit2_runtime(&self) -> Result<Bytes> {
        self.literal(Self::PERMIT2, "bytes memory bytecode", "hex\"", '"')
    }

    /// The hex text between `open` and `close`, after the first mention of `name`.
    fn literal(&self, package_path: &str, name: &str, open: &str, close: char) -> Result<Bytes> {
        let path = self.dev_dir.join("node_modules").join(package_path);
        let text = read(&path)?;
        let literal = text
            .split_once(name)
            .and_then(|(_, rest)| rest.split_once(open))
            .and_then(|(_, rest)| rest.split_once(close))
            .map(|(literal, _)| literal)
            .with_context(|| format!("{} does not hold {name}", path.display()))?;
        Ok(hex::decode(literal).with_context(|| format!("decode {name}"))?.into())
    }
}

fn creation_code(path: &Path, arguments: &[u8]) -> Result<Bytes> {
    let artifact: Value =
        serde_json::from_str(&read(path)?).with_context(|| format!("parse {}", path.display()))?;
    let code = artifact
        .get("bytecode")
        // Foundry writes it beside its links.
        .and_then(|code| code.get("object").unwrap_or(code).as_str())
        .with_context(|| format!("{} has no bytecode", path.display()))?;
    let mut code = hex::decode(code).with_context(|| format!("{} is not linked", path.display()))?;
    if code.is_empty() {
        bail!("{} has empty bytecode", path.display());
    }
    code.extend(arguments);
    Ok(code.into())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}: run dev/install", path.display()))
}

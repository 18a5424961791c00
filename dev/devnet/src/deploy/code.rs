//! Puts the contracts' code on the chain.

use alloy::{
    primitives::{Address, Bytes, U64, U256, address},
    sol_types::SolValue,
};
use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    Options,
    artifacts::Artifacts,
    chain::Chain,
    deployment::{Deployment, Token, Uniswap},
    prices::TOKENS,
    wallet::Send,
};

pub(super) const DEPLOYER: usize = 0;
const GAS_DEPLOY: u64 = 8_000_000;
const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");
const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

/// Collects creations and knows their addresses before they are mined.
pub(super) struct Creations {
    pub(super) deployer: Address,
    /// Of the first creation.
    nonce: u64,
    pub(super) sends: Vec<Send>,
}

impl Creations {
    /// From the deployer's next nonce on.
    pub(super) async fn new(chain: &Chain) -> Result<Self> {
        let deployer = chain.wallet.address(DEPLOYER)?;
        let nonce: U64 = chain.rpc.call("eth_getTransactionCount", json!([deployer, "latest"])).await?;
        Ok(Self { deployer, nonce: nonce.to(), sends: Vec::new() })
    }

    pub(super) fn add(&mut self, code: Bytes) -> Address {
        let nonce = self.nonce + self.sends.len() as u64;
        self.sends.push(Send { from: DEPLOYER, to: None, value: U256::ZERO, input: code, gas: GAS_DEPLOY });
        self.deployer.create(nonce)
    }
}

/// Deploys every contract from the first account's first nonces; accounts, pools and markets are still missing.
pub(super) async fn deploy(chain: &mut Chain, options: &Options) -> Result<Deployment> {
    let artifacts = Artifacts::new(&options.dev_dir);
    let multicall3 =
        runtime(chain, &artifacts.multicall3_creation()?).await.context("run Multicall3's constructor")?;
    chain.cheat("anvil_setCode", json!([MULTICALL3, multicall3])).await?;
    chain.cheat("anvil_setCode", json!([PERMIT2, artifacts.permit2_runtime()?])).await?;

    let mut creations = Creations::new(chain).await?;
    let tokens = tokens(&mut creations, &artifacts)?;
    let weth = tokens.last().context("no tokens")?.address;
    let uniswap = uniswap(&mut creations, &artifacts, weth)?;
    let conditional_tokens = creations.add(artifacts.npm(Artifacts::CONDITIONAL_TOKENS, &[])?);
    let fpmm_factory = creations.add(artifacts.npm(Artifacts::FPMM_FACTORY, &[])?);
    let arguments = (conditional_tokens, fpmm_factory).abi_encode_params();
    let market_factory = creations.add(artifacts.own("MarketFactory", &arguments)?);
    super::mine(chain, options, creations.sends).await.context("deploy the contracts")?;

    Ok(Deployment {
        accounts: Vec::new(),
        tokens,
        multicall3: MULTICALL3,
        permit2: PERMIT2,
        uniswap,
        conditional_tokens,
        fpmm_factory,
        market_factory,
        pools: Vec::new(),
        venues: None,
        markets: Vec::new(),
    })
}

fn tokens(creations: &mut Creations, artifacts: &Artifacts) -> Result<Vec<Token>> {
    TOKENS
        .into_iter()
        .map(|(symbol, name, decimals, _)| {
            let code = if symbol == "WETH" {
                artifacts.npm(Artifacts::WETH9, &[])?
            } else {
                let arguments =
                    (name.to_owned(), symbol.to_owned(), U256::from(decimals)).abi_encode_params();
                artifacts.own("TestToken", &arguments)?
            };
            Ok(Token { address: creations.add(code), symbol: symbol.to_owned(), decimals })
        })
        .collect()
}

fn uniswap(creations: &mut Creations, artifacts: &Artifacts, weth: Address) -> Result<Uniswap> {
    let owner = creations.deployer.abi_encode();
    let v2_factory = creations.add(artifacts.npm(Artifacts::V2_FACTORY, &owner)?);
    let v2_router =
        creations.add(artifacts.npm(Artifacts::V2_ROUTER, &(v2_factory, weth).abi_encode_params())?);
    let v3_factory = creations.add(artifacts.npm(Artifacts::V3_FACTORY, &[])?);
    // The descriptor draws pictures of positions; nothing here asks for them.
    let arguments = (v3_factory, weth, Address::ZERO).abi_encode_params();
    let v3_position_manager = creations.add(artifacts.npm(Artifacts::V3_POSITIONS, &arguments)?);
    let arguments = (v2_factory, v3_factory, v3_position_manager, weth).abi_encode_params();
    let v3_router = creations.add(artifacts.npm(Artifacts::V3_ROUTER, &arguments)?);
    let v3_quoter =
        creations.add(artifacts.npm(Artifacts::V3_QUOTER, &(v3_factory, weth).abi_encode_params())?);
    Ok(Uniswap { v2_factory, v2_router, v3_factory, v3_router, v3_position_manager, v3_quoter })
}

/// What a constructor returns: the code to put at an address of our choice.
async fn runtime(chain: &Chain, creation: &Bytes) -> Result<Bytes> {
    chain.rpc.call("eth_call", json!([{ "data": creation }, "latest"])).await
}

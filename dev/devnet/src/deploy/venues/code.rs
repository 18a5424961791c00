//! Puts the code of the venues on the chain.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address, b256, keccak256},
    sol_types::SolValue,
};
use anyhow::{Context, Result};

use crate::{
    Options,
    artifacts::Artifacts,
    chain::Chain,
    deploy::{
        code::{Creations, DEPLOYER},
        index_of, mine, token_at,
    },
    deployment::{Deployment, Token, Uniswap},
    venues::{Balancer, V4, Vault, Venues},
    wallet::Send,
};

/// The deterministic deployment proxy, which anvil has from genesis on.
const CREATE2_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
/// What the hook asks to be called for, in the last 14 bits of its address: before liquidity is added or removed,
/// before and after swaps.
const HOOK_FLAGS: u16 = 1 << 11 | 1 << 9 | 1 << 7 | 1 << 6;
const ALL_FLAGS: u16 = (1 << 14) - 1;
const GAS_HOOK: u64 = 3_000_000;
/// Hashes of the creation code of pairs and of V3 pools, which their addresses are made of.
const PAIR_CODE: B256 = b256!("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f");
const POOL_CODE: B256 = b256!("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54");
/// The vault's token, as an index into the tokens.
const ASSET: usize = 2;

/// Deploys every contract; pools are still missing.
pub(super) async fn deploy(chain: &mut Chain, deployment: &Deployment, options: &Options) -> Result<Venues> {
    let artifacts = Artifacts::new(&options.dev_dir);
    let mut creations = Creations::new(chain).await?;
    let weth = token_at(deployment, index_of(deployment, Address::ZERO)?)?;
    let arguments = (deployment.uniswap.v3_factory, deployment.uniswap.v2_factory, weth).abi_encode_params();
    let mixed_quoter = creations.add(artifacts.npm(Artifacts::MIXED_QUOTER, &arguments)?);
    let (v4, hook) = v4(&mut creations, &artifacts)?;
    let balancer = balancer(&mut creations, &artifacts, weth)?;
    let vault = vault(&mut creations, &artifacts, token_at(deployment, ASSET)?)?;
    let universal_router = Some(universal_router(&mut creations, &artifacts, deployment, v4.pool_manager)?);
    let mut sends = creations.sends;
    sends.push(hook);
    mine(chain, options, sends).await?;
    Ok(Venues { mixed_quoter, v4, balancer, vault, universal_router })
}

fn universal_router(
    creations: &mut Creations,
    artifacts: &Artifacts,
    deployment: &Deployment,
    pool_manager: Address,
) -> Result<Address> {
    let weth = token_at(deployment, index_of(deployment, Address::ZERO)?)?;
    let Uniswap { v2_factory, v3_factory, v3_position_manager, .. } = deployment.uniswap;
    // There are no positions of V4 to migrate to, and no bridge.
    let (v4_position_manager, bridge) = (Address::ZERO, Address::ZERO);
    let exchanges = (v2_factory, v3_factory, PAIR_CODE, POOL_CODE, pool_manager);
    let others = (v3_position_manager, v4_position_manager, bridge);
    let arguments =
        [(deployment.permit2, weth).abi_encode(), exchanges.abi_encode(), others.abi_encode()].concat();
    Ok(creations.add(artifacts.npm(Artifacts::UNIVERSAL_ROUTER, &arguments)?))
}

fn v4(creations: &mut Creations, artifacts: &Artifacts) -> Result<(V4, Send)> {
    let owner = creations.deployer.abi_encode();
    let pool_manager = creations.add(artifacts.npm(Artifacts::POOL_MANAGER, &owner)?);
    let manager = pool_manager.abi_encode();
    let mut of_manager = |artifact| Ok::<_, anyhow::Error>(creations.add(artifacts.npm(artifact, &manager)?));
    let state_view = of_manager(Artifacts::STATE_VIEW)?;
    let quoter = of_manager(Artifacts::V4_QUOTER)?;
    let liquidity = of_manager(Artifacts::V4_LIQUIDITY)?;
    let router = of_manager(Artifacts::V4_ROUTER)?;
    let (hook, create) = hook(&artifacts.npm(Artifacts::V4_HOOK, &manager)?)?;
    Ok((V4 { pool_manager, state_view, quoter, liquidity, router, hook, pools: Vec::new() }, create))
}

/// A hook must have an address that says what it does: one is found by trying salts.
fn hook(creation: &Bytes) -> Result<(Address, Send)> {
    let hash = keccak256(creation);
    let mut salts = (0_u64..).map(|number| B256::from(U256::from(number)));
    let has_flags = |salt: &B256| {
        let last = CREATE2_DEPLOYER.create2(salt, hash).last_chunk().copied();
        last.is_some_and(|last| u16::from_be_bytes(last) & ALL_FLAGS == HOOK_FLAGS)
    };
    let salt = salts.find(has_flags).context("no salt")?;
    let input = [salt.as_slice(), creation].concat().into();
    let send = Send { from: DEPLOYER, to: Some(CREATE2_DEPLOYER), value: U256::ZERO, input, gas: GAS_HOOK };
    Ok((CREATE2_DEPLOYER.create2(salt, hash), send))
}

fn balancer(creations: &mut Creations, artifacts: &Artifacts, weth: Address) -> Result<Balancer> {
    let admin = creations.deployer.abi_encode();
    let authorizer = creations.add(artifacts.npm(Artifacts::AUTHORIZER, &admin)?);
    // Nobody is ever going to pause it.
    let arguments = (authorizer, weth, U256::ZERO, U256::ZERO).abi_encode_params();
    let vault = creations.add(artifacts.npm(Artifacts::BALANCER_VAULT, &arguments)?);
    let arguments = vault.abi_encode();
    let weighted_pool_factory = creations.add(artifacts.npm(Artifacts::WEIGHTED_POOL_FACTORY, &arguments)?);
    let queries = creations.add(artifacts.npm(Artifacts::BALANCER_QUERIES, &arguments)?);
    Ok(Balancer { vault, weighted_pool_factory, queries, pools: Vec::new() })
}

fn vault(creations: &mut Creations, artifacts: &Artifacts, asset: Address) -> Result<Vault> {
    let (name, symbol) = ("Vault of Test Dai".to_owned(), "vtDAI".to_owned());
    let arguments = (asset, name, symbol.clone()).abi_encode_params();
    let address = creations.add(artifacts.own("TestVault", &arguments)?);
    // OpenZeppelin's vaults have the decimals of what they hold.
    Ok(Vault { shares: Token { address, symbol, decimals: 18 }, asset })
}

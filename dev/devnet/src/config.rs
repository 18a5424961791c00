//! The platform's configuration for this chain.

use std::{fmt::Write, path::Path};

use alloy::primitives::Address;

use crate::{Deployment, Token, Venues};

/// The `[[chains]]` section: where the chain is, its tokens, and the contracts to follow; and the quoter's contracts.
pub(crate) fn chain_section(chain_id: u64, address: &str, deployment: &Deployment, dev_dir: &Path) -> String {
    let mut toml = format!(
        "[[chains]]\nid = {chain_id}\nname = \"devnet\"\nrpc_urls = [\"http://{address}\", \"ws://{address}\"]\n\
         start_block = 0\nfinality = {{ blocks = 32 }}\n"
    );
    for each in &deployment.tokens {
        token(&mut toml, each);
    }
    for (protocol, address) in [
        ("gnosis.conditional_tokens", deployment.conditional_tokens),
        ("gnosis.fpmm_factory", deployment.fpmm_factory),
        ("uniswap.v2.factory", deployment.uniswap.v2_factory),
        ("uniswap.v3.factory", deployment.uniswap.v3_factory),
    ] {
        contract(&mut toml, protocol, address);
    }
    let abi = dev_dir.join("contracts/out/MarketFactory.json");
    let abi = abi.canonicalize().unwrap_or(abi);
    // Writing to a string cannot fail.
    let _ = write!(
        toml,
        "\n[[chains.contracts]]\nprotocol = \"abi\"\nname = \"MarketFactory\"\naddress = \"{}\"\nabi = {:?}\n\
         events = {{ MarketCreated = \"market.created\", AMMDeployed = \"market.amm_deployed\", \
         MarketResolved = \"market.resolved\" }}\n",
        deployment.market_factory,
        abi.display().to_string()
    );
    if let Some(each) = &deployment.venues {
        venues(&mut toml, deployment, each);
        lenses(&mut toml, chain_id, deployment, each);
        routers(&mut toml, chain_id, deployment, each);
    }
    toml
}

/// What there is more to follow where there are venues: their contracts, WETH, and blocks for the price of gas.
fn venues(toml: &mut String, deployment: &Deployment, venues: &Venues) {
    token(toml, &venues.vault.shares);
    for (protocol, address) in [
        ("balancer.v2.vault", venues.balancer.vault),
        ("balancer.v2.weighted_pool_factory", venues.balancer.weighted_pool_factory),
        ("erc4626", venues.vault.shares.address),
        ("uniswap.v4.pool_manager", venues.v4.pool_manager),
    ] {
        contract(toml, protocol, address);
    }
    for weth in deployment.tokens.iter().filter(|token| token.symbol == "WETH") {
        contract(toml, "weth9", weth.address);
    }
    toml.push_str("\n[[chains.blocks]]\nevery = 1\n");
}

/// What quotes are held against.
fn lenses(toml: &mut String, chain_id: u64, deployment: &Deployment, venues: &Venues) {
    let _ = write!(
        toml,
        "\n[[quoter.contracts]]\nchain_id = {chain_id}\nmulticall3 = \"{}\"\nquoter_v2 = \"{}\"\n\
         v4_quoter = \"{}\"\nv2_router = \"{}\"\n",
        deployment.multicall3, deployment.uniswap.v3_quoter, venues.v4.quoter, deployment.uniswap.v2_router,
    );
}

/// What executes quotes.
fn routers(toml: &mut String, chain_id: u64, deployment: &Deployment, venues: &Venues) {
    let uniswap = &deployment.uniswap;
    let factories =
        format!("v2_factory = \"{}\"\nv3_factory = \"{}\"\n", uniswap.v2_factory, uniswap.v3_factory);
    let mut router = |kind, address: Address, more: String| {
        let _ = write!(
            toml,
            "\n[[quoter.routers]]\nchain_id = {chain_id}\nkind = \"{kind}\"\naddress = \"{address}\"\n{factories}{more}"
        );
    };
    router("swap_router_02", uniswap.v3_router, String::new());
    if let Some(universal) = venues.universal_router {
        let (manager, permit2) = (venues.v4.pool_manager, deployment.permit2);
        let more = format!("version = \"2.1\"\npool_manager = \"{manager}\"\npermit2 = \"{permit2}\"\n");
        router("universal_router", universal, more);
    }
}

fn token(toml: &mut String, token: &Token) {
    let _ = write!(
        toml,
        "\n[[chains.tokens]]\naddress = \"{}\"\nsymbol = \"{}\"\ndecimals = {}\n",
        token.address, token.symbol, token.decimals
    );
}

fn contract(toml: &mut String, protocol: &str, address: Address) {
    let _ = write!(toml, "\n[[chains.contracts]]\nprotocol = \"{protocol}\"\naddress = \"{address}\"\n");
}

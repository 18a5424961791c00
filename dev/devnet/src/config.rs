//! The platform's configuration for this chain.

use std::{fmt::Write, path::Path};

use crate::Deployment;

/// The `[[chains]]` section: where the chain is, its tokens, and the contracts to follow.
pub(crate) fn chain_section(chain_id: u64, address: &str, deployment: &Deployment, dev_dir: &Path) -> String {
    let mut toml = format!(
        "[[chains]]\nid = {chain_id}\nname = \"devnet\"\nrpc_urls = [\"http://{address}\", \"ws://{address}\"]\n\
         start_block = 0\nfinality = {{ blocks = 32 }}\n"
    );
    for token in &deployment.tokens {
        // Writing to a string cannot fail.
        let _ = write!(
            toml,
            "\n[[chains.tokens]]\naddress = \"{}\"\nsymbol = \"{}\"\ndecimals = {}\n",
            token.address, token.symbol, token.decimals
        );
    }
    for (protocol, address) in [
        ("gnosis.conditional_tokens", deployment.conditional_tokens),
        ("gnosis.fpmm_factory", deployment.fpmm_factory),
        ("uniswap.v2.factory", deployment.uniswap.v2_factory),
        ("uniswap.v3.factory", deployment.uniswap.v3_factory),
    ] {
        let _ = write!(toml, "\n[[chains.contracts]]\nprotocol = \"{protocol}\"\naddress = \"{address}\"\n");
    }
    let abi = dev_dir.join("contracts/out/MarketFactory.json");
    let abi = abi.canonicalize().unwrap_or(abi);
    let _ = write!(
        toml,
        "\n[[chains.contracts]]\nprotocol = \"abi\"\nname = \"MarketFactory\"\naddress = \"{}\"\nabi = {:?}\n\
         events = {{ MarketCreated = \"market.created\", AMMDeployed = \"market.amm_deployed\", \
         MarketResolved = \"market.resolved\" }}\n",
        deployment.market_factory,
        abi.display().to_string()
    );
    toml
}

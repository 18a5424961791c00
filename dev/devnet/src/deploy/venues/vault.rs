//! Deposits in the ERC-4626 vault, and a yield, so that a share is worth more than its asset.

use alloy::primitives::U256;
use anyhow::{Context, Result};

use crate::{
    Options,
    chain::Chain,
    contracts::{Erc20, venues::Erc4626},
    deploy::{CREATORS, GAS_SMALL, approve, call, dollar, index_of, mine},
    deployment::Deployment,
    venues::Vault,
};

/// Dollars of the first deposit; the others are multiples of it.
const DEPOSIT: u64 = 10_000;
/// Dollars that the vault is given: no multiple of the deposits, so that shares have no round price.
const YIELD: u64 = 7_777;

pub(super) async fn fill(
    chain: &mut Chain,
    deployment: &Deployment,
    vault: &Vault,
    options: &Options,
) -> Result<()> {
    let address = vault.shares.address;
    let asset = index_of(deployment, vault.asset)?;
    let mut sends = Vec::new();
    for creator in 0..CREATORS {
        let receiver = deployment.accounts.get(creator).context("no such account")?.address;
        let assets = dollar(asset) * U256::from(DEPOSIT) * U256::from(creator + 1);
        sends.push(approve(creator, vault.asset, address));
        sends.push(call(creator, address, &Erc4626::depositCall { assets, receiver }, 2 * GAS_SMALL));
    }
    let gift = Erc20::mintCall { to: address, value: dollar(asset) * U256::from(YIELD) };
    sends.push(call(0, vault.asset, &gift, GAS_SMALL));
    mine(chain, options, sends).await
}

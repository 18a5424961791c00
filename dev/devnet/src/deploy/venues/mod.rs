//! Sets up more exchanges, with liquidity that is deep here and shallow there and has gaps.

mod balancer;
mod code;
mod pools;
mod positions;
mod v4;
mod vault;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{CREATORS, approve};
use crate::{Options, chain::Chain, deployment::Deployment, wallet::Send};
pub(crate) use positions::liquidity;

/// Blocks of traffic take the streams of their heights: this one is out of their way.
const STREAM: u64 = u64::MAX;

/// Deploys and fills everything; the addresses go into the deployment.
pub(super) async fn deploy(chain: &mut Chain, deployment: &mut Deployment, options: &Options) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    random.set_stream(STREAM);
    let mut venues = code::deploy(chain, deployment, options).await.context("deploy the contracts")?;
    pools::create(chain, deployment, options, &mut random)
        .await
        .context("more pools of Uniswap V2 and V3")?;
    v4::create(chain, deployment, &mut venues.v4, (options, &mut random)).await.context("Uniswap V4")?;
    balancer::create(chain, deployment, &mut venues.balancer, options).await.context("Balancer V2")?;
    vault::fill(chain, deployment, &venues.vault, options).await.context("the ERC-4626 vault")?;
    deployment.venues = Some(venues);
    Ok(())
}

/// Allows `spender` to take any token of those who provide liquidity.
fn approvals(deployment: &Deployment, spender: Address) -> impl Iterator<Item = Send> {
    let tokens = deployment.tokens.iter();
    tokens.flat_map(move |token| (0..CREATORS).map(move |creator| approve(creator, token.address, spender)))
}

/// `percent` of 1e18.
fn percent(percent: u64) -> U256 {
    U256::from(10).pow(U256::from(16)) * U256::from(percent)
}

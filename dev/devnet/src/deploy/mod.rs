//! Sets the chain up: contracts, balances, approvals, pools and the first markets.

mod code;
mod markets;
mod pools;
pub(crate) mod venues;

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use anyhow::{Context, Result, bail};

use crate::{
    Options,
    chain::Chain,
    contracts::{ConditionalTokens, Erc20},
    deployment::{Account, Deployment, Token},
    discover,
    prices::TOKENS,
    wallet::{ACCOUNTS, Send},
};
pub(crate) use markets::create_market;

/// About how many dollars of each token every account begins with.
const DOLLARS_EACH: u64 = 5_000_000;
/// These accounts create markets and provide liquidity.
pub(crate) const CREATORS: usize = 5;

const GAS_SMALL: u64 = 120_000;

/// Deploys everything on a fresh chain.
pub(crate) async fn deploy(chain: &mut Chain, options: &Options) -> Result<Deployment> {
    let mut deployment = code::deploy(chain, options).await?;
    deployment.accounts = accounts(chain);

    let mut sends = Vec::new();
    for account in 0..ACCOUNTS {
        for token in 0..TOKENS.len() {
            sends.push(fund(&deployment, account, token, DOLLARS_EACH)?);
        }
        sends.extend(approvals(&deployment, account));
    }
    mine(chain, options, sends).await.context("fund the accounts")?;
    pools::create(chain, &mut deployment, options).await.context("create the pools")?;
    let sends = markets::first(&deployment, chain.tip().timestamp, options.block_seconds())?;
    mine(chain, options, sends).await.context("create the markets")?;

    deployment.markets = discover::all(&chain.rpc, &deployment).await?;
    let sends = market_approvals(&deployment);
    mine(chain, options, sends).await.context("approve the market makers")?;
    if options.venues {
        venues::deploy(chain, &mut deployment, options).await.context("set the venues up")?;
    }
    Ok(deployment)
}

/// Base units of a token that are worth about a dollar.
pub(crate) fn dollar(token: usize) -> U256 {
    TOKENS.get(token).map_or(U256::ZERO, |(_, _, decimals, usd)| {
        U256::from(10).pow(U256::from(*decimals)) / U256::from(*usd)
    })
}

/// A call by an account.
pub(crate) fn call(from: usize, to: Address, call: &impl SolCall, gas: u64) -> Send {
    Send { from, to: Some(to), value: U256::ZERO, input: call.abi_encode().into(), gas }
}

/// Allows `spender` to take any amount of a token.
pub(crate) fn approve(from: usize, token: Address, spender: Address) -> Send {
    call(from, token, &Erc20::approveCall { spender, value: U256::MAX }, GAS_SMALL)
}

/// Gives an account about `dollars` worth of a token.
pub(crate) fn fund(deployment: &Deployment, account: usize, token: usize, dollars: u64) -> Result<Send> {
    let address = token_at(deployment, token)?;
    let value = dollar(token) * U256::from(dollars);
    let owner = deployment.accounts.get(account).context("no such account")?.address;
    if TOKENS.get(token).is_some_and(|(symbol, ..)| *symbol == "WETH") {
        return Ok(Send { value, ..call(account, address, &Erc20::depositCall {}, GAS_SMALL) });
    }
    Ok(call(account, address, &Erc20::mintCall { to: owner, value }, GAS_SMALL))
}

pub(crate) fn token_at(deployment: &Deployment, token: usize) -> Result<Address> {
    Ok(deployment.tokens.get(token).with_context(|| format!("no token {token}"))?.address)
}

/// Which token has this address; the chain's coin, address zero, is worth what WETH is.
pub(crate) fn index_of(deployment: &Deployment, address: Address) -> Result<usize> {
    let is_it = |(index, token): (usize, &Token)| match address {
        Address::ZERO => TOKENS.get(index).is_some_and(|(symbol, ..)| *symbol == "WETH"),
        address => token.address == address,
    };
    deployment.tokens.iter().enumerate().position(is_it).context("no such token")
}

fn accounts(chain: &Chain) -> Vec<Account> {
    let signers = chain.wallet.signers().iter();
    signers.map(|signer| Account { address: signer.address(), private_key: signer.to_bytes() }).collect()
}

fn approvals(deployment: &Deployment, account: usize) -> Vec<Send> {
    let uniswap = &deployment.uniswap;
    let mut spenders = vec![uniswap.v2_router, uniswap.v3_router, deployment.conditional_tokens];
    if account < CREATORS {
        spenders.extend([uniswap.v3_position_manager, deployment.market_factory, deployment.fpmm_factory]);
    }
    let pairs =
        deployment.tokens.iter().flat_map(|token| spenders.iter().map(|spender| (token.address, *spender)));
    pairs.map(|(token, spender)| approve(account, token, spender)).collect()
}

fn market_approvals(deployment: &Deployment) -> Vec<Send> {
    let mut sends = Vec::new();
    for market in &deployment.markets {
        let operator = ConditionalTokens::setApprovalForAllCall { operator: market.amm, approved: true };
        for account in 0..ACCOUNTS {
            sends.push(approve(account, market.collateral, market.amm));
            sends.push(call(account, deployment.conditional_tokens, &operator, GAS_SMALL));
        }
    }
    sends
}

/// Mines set-up transactions, as many blocks as the gas limit asks for; every one must succeed.
async fn mine(chain: &mut Chain, options: &Options, sends: Vec<Send>) -> Result<()> {
    let mut rest = sends.as_slice();
    while !rest.is_empty() {
        let mut gas = 0;
        let fits = rest.iter().take_while(|send| {
            gas += send.gas;
            gas <= crate::anvil::GAS_LIMIT
        });
        let (now, later) = rest.split_at(fits.count().max(1));
        let block = chain.mine(chain.tip().timestamp + options.block_seconds(), now).await?;
        if block.failed > 0 || block.transactions != now.len() {
            bail!("{} of {} transactions failed in block {}", block.failed, now.len(), block.number);
        }
        rest = later;
    }
    Ok(())
}

/// An id that is unique on this chain.
pub(crate) fn question_id(seed: u64, number: u64) -> B256 {
    alloy::primitives::keccak256([seed.to_be_bytes(), number.to_be_bytes()].concat())
}

//! Uniswap: the router's formula for pairs, QuoterV2 and V4Quoter.

use alloy::{
    primitives::{Bytes, U160, Uint, aliases::I24},
    sol,
    sol_types::SolCall,
};
use capstan_chain::{ContractCall, Returned};
use capstan_primitives::{Address, U256};

use super::{Next, Question, ends, evm, evm_number, first_word, read_address, read_word, word};
use crate::{
    config::ChainContracts,
    domain::{
        pool::{PoolId, State, Way},
        route::Side,
        wrap::COIN,
    },
};

sol! {
    function factory() returns (address);
    function poolManager() returns (address);
    function getReserves() returns (uint112 reserve0, uint112 reserve1, uint32 time);
    function getAmountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) returns (uint256 amountOut);
    function getAmountIn(uint256 amountOut, uint256 reserveIn, uint256 reserveOut) returns (uint256 amountIn);

    struct V3Quote { address tokenIn; address tokenOut; uint256 amount; uint24 fee; uint160 sqrtPriceLimitX96; }
    struct V4Key { address currency0; address currency1; uint24 fee; int24 tickSpacing; address hooks; }
    struct V4Quote { V4Key poolKey; bool zeroForOne; uint128 exactAmount; bytes hookData; }

    interface QuoterV2 {
        function quoteExactInputSingle(V3Quote quote) external returns (uint256 amount, uint160 sqrtPriceX96After, uint32 ticksCrossed, uint256 gas);
        function quoteExactOutputSingle(V3Quote quote) external returns (uint256 amount, uint160 sqrtPriceX96After, uint32 ticksCrossed, uint256 gas);
    }

    interface V4Quoter {
        function quoteExactInputSingle(V4Quote quote) external returns (uint256 amount, uint256 gas);
        function quoteExactOutputSingle(V4Quote quote) external returns (uint256 amount, uint256 gas);
    }
}

/// The fee that UniswapV2Router02 counts with, in millionths.
const V2_FEE: u32 = 3_000;
/// The ends of all prices, one unit inside: a swap that gets there left something over.
const LOWEST: U256 = U256::from_limbs([4_295_128_740, 0, 0, 0]);
const HIGHEST: U256 =
    U256::from_limbs([6_743_328_256_752_651_557, 17_280_870_778_742_802_505, 4_294_805_859, 0]);

type Asked = Result<Next, String>;

pub(super) fn v2_first(contracts: &ChainContracts, question: &Question) -> Vec<ContractCall> {
    let reserves = contract(question).map(|to| ContractCall { to, data: getReservesCall {}.abi_encode() });
    let factory = contracts.v2_router.map(|to| ContractCall { to, data: factoryCall {}.abi_encode() });
    reserves.into_iter().chain(factory).collect()
}

/// What the router says of the pair's reserves in the block.
pub(super) fn v2(contracts: &ChainContracts, question: &Question, read: &[Returned]) -> Asked {
    let to = contracts.v2_router.ok_or("no [[quoter.contracts]] v2_router is configured")?;
    if Some(read_address(read, 1)?) != question.entry.factory {
        return Err("the configured v2_router is of another factory".to_owned());
    }
    if question.entry.pool.fee_ppm(question.way) != V2_FEE {
        return Err("the router counts with another fee than this pair is configured with".to_owned());
    }
    let (first, second) = (evm_number(read_word(read, 0, 0)?), evm_number(read_word(read, 0, 1)?));
    let (given, wanted) = if question.way == Way::DOWN { (first, second) } else { (second, first) };
    let amount = evm_number(question.amount);
    let data = match question.side {
        Side::In => getAmountOutCall { amountIn: amount, reserveIn: given, reserveOut: wanted }.abi_encode(),
        Side::Out => getAmountInCall { amountOut: amount, reserveIn: given, reserveOut: wanted }.abi_encode(),
    };
    Ok(Next::Ask(ContractCall { to, data }, first_word))
}

pub(super) fn v3_first(contracts: &ChainContracts) -> Vec<ContractCall> {
    let factory = |to| ContractCall { to, data: factoryCall {}.abi_encode() };
    contracts.quoter_v2.map(factory).into_iter().collect()
}

pub(super) fn v3(contracts: &ChainContracts, question: &Question, read: &[Returned]) -> Asked {
    let to = contracts.quoter_v2.ok_or("no [[quoter.contracts]] quoter_v2 is configured")?;
    if Some(read_address(read, 0)?) != question.entry.factory {
        return Err("the configured quoter_v2 is of another factory".to_owned());
    }
    let (given, wanted) = ends(question)?;
    let quote = V3Quote {
        tokenIn: evm(given)?,
        tokenOut: evm(wanted)?,
        amount: evm_number(question.amount),
        fee: Uint::from(question.entry.pool.fee_ppm(question.way)),
        sqrtPriceLimitX96: U160::ZERO,
    };
    let data = match question.side {
        Side::In => QuoterV2::quoteExactInputSingleCall { quote }.abi_encode(),
        Side::Out => QuoterV2::quoteExactOutputSingleCall { quote }.abi_encode(),
    };
    Ok(Next::Ask(ContractCall { to, data }, whole))
}

/// QuoterV2 does not say when a part of the amount was left over; the price does.
fn whole(answer: &[u8]) -> Result<U256, String> {
    let price = word(answer, 1)?;
    if price <= LOWEST || price >= HIGHEST {
        return Err("the pool would fill a part of the amount only".to_owned());
    }
    word(answer, 0)
}

pub(super) fn v4_first(contracts: &ChainContracts) -> Vec<ContractCall> {
    let manager = |to| ContractCall { to, data: poolManagerCall {}.abi_encode() };
    contracts.v4_quoter.map(manager).into_iter().collect()
}

pub(super) fn v4(contracts: &ChainContracts, question: &Question, read: &[Returned]) -> Asked {
    let to = contracts.v4_quoter.ok_or("no [[quoter.contracts]] v4_quoter is configured")?;
    if Some(read_address(read, 0)?) != question.entry.factory {
        return Err("the configured v4_quoter is of another pool manager".to_owned());
    }
    let exact = u128::try_from(question.amount).map_err(|_| "V4Quoter takes no amount over 128 bits")?;
    let quote = V4Quote {
        poolKey: key(question)?,
        zeroForOne: question.way == Way::DOWN,
        exactAmount: exact,
        hookData: Bytes::new(),
    };
    let data = match question.side {
        Side::In => V4Quoter::quoteExactInputSingleCall { quote }.abi_encode(),
        Side::Out => V4Quoter::quoteExactOutputSingleCall { quote }.abi_encode(),
    };
    Ok(Next::Ask(ContractCall { to, data }, first_word))
}

/// The key of a pool without hooks.
fn key(question: &Question) -> Result<V4Key, String> {
    let unknown = || "it is no pool of concentrated liquidity".to_owned();
    let State::Concentrated { lp_fee_ppm, tick_spacing, .. } = question.entry.pool.state() else {
        return Err(unknown());
    };
    let [first, second] = question.entry.pool.tokens() else { return Err(unknown()) };
    let currency = |token: Address| evm(if token == Address::from(COIN) { Address::ZERO } else { token });
    Ok(V4Key {
        currency0: currency(*first)?,
        currency1: currency(*second)?,
        fee: Uint::from(lp_fee_ppm),
        tickSpacing: I24::try_from(tick_spacing).map_err(|error| error.to_string())?,
        hooks: alloy::primitives::Address::ZERO,
    })
}

const fn contract(question: &Question) -> Option<Address> {
    match question.entry.id {
        PoolId::Contract(address) => Some(address),
        PoolId::Key(_) => None,
    }
}

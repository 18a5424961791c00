//! Swaps with V4: actions of the Universal Router's command for it, each with its input.

use alloy::{
    primitives::{Address as Word20, Bytes},
    sol,
    sol_types::SolValue,
};
use capstan_primitives::{Address, U256};

use super::{
    Segment, Tier, Version,
    abi::{PoolKey, currency, evm, fee, pool_keys, spacing},
    universal_router::{ALL, NATIVE, Terms},
};

sol! {
    struct PathKey { address intermediateCurrency; uint24 fee; int24 tickSpacing; address hooks; bytes hookData; }
    struct ExactInputV4 { address currencyIn; PathKey[] path; uint256[] hops; uint128 amountIn; uint128 amountOutMinimum; }
    struct ExactOutputV4 { address currencyOut; PathKey[] path; uint256[] hops; uint128 amountOut; uint128 amountInMaximum; }
    struct SingleV4 { PoolKey poolKey; bool zeroForOne; uint128 amount; uint128 limit; bytes hookData; }
}

/// Actions of a swap with V4.
mod action {
    pub(super) const SWAP_EXACT_IN_SINGLE: u8 = 0x06;
    pub(super) const SWAP_EXACT_IN: u8 = 0x07;
    pub(super) const SWAP_EXACT_OUT_SINGLE: u8 = 0x08;
    pub(super) const SWAP_EXACT_OUT: u8 = 0x09;
    pub(super) const SETTLE: u8 = 0x0b;
    pub(super) const TAKE: u8 = 0x0e;
}

/// Stands for all that is owed to V4's manager, or by it.
const OWED: U256 = U256::ZERO;
/// Swaps, pays what is owed and takes what is due; what the router has been given by an earlier swap is paid first. A pool
/// that does not take all of that leaves the account open, and V4's manager reverts.
pub(super) fn v4_in(
    version: Version,
    segment: &Segment,
    Terms { amount, limit, by_sender, to }: Terms,
) -> Vec<u8> {
    let (first, last) = ends(segment);
    let is_all = amount == ALL;
    let amount = if is_all { 0 } else { bits128(amount) };
    let settle = |amount| (action::SETTLE, (first, amount, by_sender).abi_encode_params());
    let mut list = if is_all { vec![settle(ALL)] } else { Vec::new() };
    match version {
        Version::V2_0 => list.extend(singles_in(segment, amount, bits128(limit))),
        Version::V2_1 => {
            let path = keys(segment, segment.tokens.iter().skip(1));
            let swap = ExactInputV4 {
                currencyIn: first,
                path,
                hops: Vec::new(),
                amountIn: amount,
                amountOutMinimum: bits128(limit),
            };
            list.push((action::SWAP_EXACT_IN, swap.abi_encode()));
        }
    }
    if !is_all {
        list.push(settle(OWED));
    }
    list.push((action::TAKE, (last, evm(to), OWED).abi_encode_params()));
    actions(list)
}

/// Takes exactly what is wanted: a pool that gives less leaves the account open, and V4's manager reverts.
pub(super) fn v4_out(
    version: Version,
    segment: &Segment,
    Terms { amount, limit, by_sender, to }: Terms,
) -> Vec<u8> {
    let (first, last) = ends(segment);
    let (wanted, most) = (bits128(amount), bits128(limit));
    let mut list = match version {
        Version::V2_0 => singles_out(segment, wanted, most),
        Version::V2_1 => {
            let path = keys(segment, segment.tokens.iter());
            let swap = ExactOutputV4 {
                currencyOut: last,
                path,
                hops: Vec::new(),
                amountOut: wanted,
                amountInMaximum: most,
            };
            vec![(action::SWAP_EXACT_OUT, swap.abi_encode())]
        }
    };
    list.push((action::SETTLE, (first, OWED, by_sender).abi_encode_params()));
    list.push((action::TAKE, (last, evm(to), amount).abi_encode_params()));
    actions(list)
}

/// One action for each pool; every one but the first takes all that is due from the one before.
fn singles_in(segment: &Segment, amount: u128, least: u128) -> Vec<(u8, Vec<u8>)> {
    let last = segment.tiers.len().saturating_sub(1);
    let single = |(place, (key, is_down)): (usize, (PoolKey, bool))| {
        let swap = SingleV4 {
            poolKey: key,
            zeroForOne: is_down,
            amount: if place == 0 { amount } else { 0 },
            limit: if place == last { least } else { 0 },
            hookData: Bytes::new(),
        };
        (action::SWAP_EXACT_IN_SINGLE, swap.abi_encode())
    };
    pool_keys(segment).into_iter().enumerate().map(single).collect()
}

/// The same from the end; every one but the last gives all that the one after it owes.
fn singles_out(segment: &Segment, amount: u128, most: u128) -> Vec<(u8, Vec<u8>)> {
    let last = segment.tiers.len().saturating_sub(1);
    let single = |(place, (key, is_down)): (usize, (PoolKey, bool))| {
        let swap = SingleV4 {
            poolKey: key,
            zeroForOne: is_down,
            amount: if place == last { amount } else { 0 },
            limit: if place == 0 { most } else { u128::MAX },
            hookData: Bytes::new(),
        };
        (action::SWAP_EXACT_OUT_SINGLE, swap.abi_encode())
    };
    let mut list: Vec<_> = pool_keys(segment).into_iter().enumerate().map(single).collect();
    list.reverse();
    list
}

fn ends(segment: &Segment) -> (Word20, Word20) {
    let end = |token: Option<&Address>| token.map_or(NATIVE, |token| currency(*token));
    (end(segment.tokens.first()), end(segment.tokens.last()))
}

/// The pools of a path, each with its token on the far side from where the router computes.
fn keys<'a>(segment: &Segment, tokens: impl Iterator<Item = &'a Address>) -> Vec<PathKey> {
    let key = |(token, tier): (&Address, &Tier)| PathKey {
        intermediateCurrency: currency(*token),
        fee: fee(*tier),
        tickSpacing: spacing(*tier),
        hooks: Word20::ZERO,
        hookData: Bytes::new(),
    };
    tokens.zip(&segment.tiers).map(key).collect()
}

fn actions(list: Vec<(u8, Vec<u8>)>) -> Vec<u8> {
    let actions: Vec<u8> = list.iter().map(|(action, _)| *action).collect();
    let inputs: Vec<Bytes> = list.into_iter().map(|(_, input)| input.into()).collect();
    (Bytes::from(actions), inputs).abi_encode_params()
}

/// Amounts over 128 bits are refused before.
fn bits128(amount: U256) -> u128 {
    u128::try_from(amount).unwrap_or(u128::MAX)
}

//! Words, paths and keys as the contracts take them.

use alloy::{
    primitives::{
        Address as Word20, Bytes,
        aliases::{I24, U24},
    },
    sol,
    sol_types::SolValue,
};
use capstan_primitives::{Address, Hash, keccak256};

use super::{Segment, Tier, coin};
use crate::domain::pool::PoolId;

sol! {
    struct PoolKey { address currency0; address currency1; uint24 fee; int24 tickSpacing; address hooks; }
}

/// An address as alloy has it; those of 20 bytes are all there are here.
pub(super) fn evm(address: Address) -> Word20 {
    address.as_bytes().first_chunk::<20>().copied().unwrap_or_default().into()
}

/// An address that is a small number.
pub(super) fn small(number: u64) -> Address {
    let mut bytes = [0; 20];
    let [.., a, b, c, d, e, f, g, h] = &mut bytes;
    for (to, from) in [a, b, c, d, e, f, g, h].into_iter().zip(number.to_be_bytes()) {
        *to = from;
    }
    Address::from(bytes)
}

/// A currency of V4, to which the coin is the address zero.
pub(super) fn currency(token: Address) -> Word20 {
    if token == coin() { Word20::ZERO } else { evm(token) }
}

/// The tokens of a path of pairs.
pub(super) fn pairs(segment: &Segment) -> Vec<Word20> {
    segment.tokens.iter().copied().map(evm).collect()
}

/// A path of V3 pools, in the order of the swaps or from its end.
pub(super) fn pools(segment: &Segment, is_backwards: bool) -> Bytes {
    let mut tokens: Vec<Word20> = pairs(segment);
    let mut fees: Vec<u32> = segment.tiers.iter().map(|tier| tier.fee).collect();
    if is_backwards {
        tokens.reverse();
        fees.reverse();
    }
    let mut path = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        path.extend_from_slice(token.as_slice());
        if let Some(fee) = fees.get(place) {
            let [_, fee @ ..] = fee.to_be_bytes();
            path.extend(fee);
        }
    }
    path.into()
}

/// The keys of the V4 pools of a segment, without hooks, and whether the first currency of each goes in.
pub(super) fn pool_keys(segment: &Segment) -> Vec<(PoolKey, bool)> {
    let ends = segment.tokens.iter().zip(segment.tokens.iter().skip(1));
    let key = |((from, to), tier): ((&Address, &Address), &Tier)| {
        let (from, to) = (currency(*from), currency(*to));
        let key = PoolKey {
            currency0: from.min(to),
            currency1: from.max(to),
            fee: fee(*tier),
            tickSpacing: spacing(*tier),
            hooks: Word20::ZERO,
        };
        (key, from < to)
    };
    ends.zip(&segment.tiers).map(key).collect()
}

/// The id of the first V4 pool of a segment.
pub(super) fn pool_id(segment: &Segment) -> Option<PoolId> {
    let (key, _) = pool_keys(segment).into_iter().next()?;
    let hash: Hash = keccak256(&[&key.abi_encode()]);
    Some(PoolId::Key(hash))
}

pub(super) fn fee(tier: Tier) -> U24 {
    U24::try_from(tier.fee).unwrap_or_default()
}

pub(super) fn spacing(tier: Tier) -> I24 {
    I24::try_from(tier.spacing).unwrap_or_default()
}

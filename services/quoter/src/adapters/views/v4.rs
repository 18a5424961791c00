//! Where Uniswap V4 keeps what a pool has: in the storage of the manager of all pools, which anybody may read.

use alloy::{primitives::B256, sol};
use capstan_chain::ContractCall;
use capstan_primitives::{Hash, U256, keccak256};

use super::{
    ask,
    concentrated::{Layout, Parts, Told},
    read,
};
use crate::domain::{
    change::{Change, Unusable},
    pool::PoolId,
    state::Entry,
};

sol! {
    function extsload(bytes32[] slots) returns (bytes32[] values);
}

/// The slot of the mapping of pools, and within a pool, as Uniswap's StateLibrary has them.
const POOLS: u64 = 6;
const LIQUIDITY: u64 = 3;
const TICKS: u64 = 4;
const BITMAP: u64 = 5;
/// Slots of one call.
const SLOTS: usize = 200;

/// The manager of all pools.
pub(super) struct V4;

impl Layout for V4 {
    fn calls(&self, entry: &Entry, parts: &Parts) -> Result<Vec<ContractCall>, Unusable> {
        let (PoolId::Key(id), Some(manager)) = (entry.id, entry.factory) else {
            return Err(Unusable("it has no manager".to_owned()));
        };
        let slots = slots(&id, parts);
        Ok(slots.chunks(SLOTS).map(|slots| ask(manager, &extsloadCall { slots: slots.to_vec() })).collect())
    }

    fn told(&self, answers: &[Vec<u8>], parts: &Parts) -> Result<Told, Unusable> {
        let mut values = Vec::new();
        for answer in answers {
            values.extend(read::<extsloadCall>(Some(answer))?.into_iter().map(|value| number(&value)));
        }
        if values.len() != parts.words.len() + parts.ticks.len() + 2 {
            return Err(Unusable(format!("{} slots were answered", values.len())));
        }
        let mut values = values.into_iter();
        let (slot, liquidity) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        let words = values.by_ref().take(parts.words.len()).collect();
        Ok(Told {
            sqrt_price: bits(slot, 0, 160),
            tick: tick(small(bits(slot, 160, 24))),
            liquidity: low(liquidity),
            fees: Some(Change::ProtocolFees {
                down: small(bits(slot, 184, 12)),
                up: small(bits(slot, 196, 12)),
            }),
            words,
            ticks: values.map(|value| (low(value), low(value.wrapping_shr(128)).cast_signed())).collect(),
        })
    }
}

/// The slots of price, liquidity, words and ticks.
fn slots(id: &Hash, parts: &Parts) -> Vec<B256> {
    let pool = number(&mapped(id.as_bytes(), U256::from(POOLS)));
    let at = |offset: u64| pool.wrapping_add(U256::from(offset));
    let words = parts.words.iter().map(|word| mapped(&padded((*word).into()), at(BITMAP)));
    let ticks = parts.ticks.iter().map(|tick| mapped(&padded((*tick).into()), at(TICKS)));
    [at(0), at(LIQUIDITY)]
        .map(|slot| B256::from(slot.to_be_bytes::<32>()))
        .into_iter()
        .chain(words)
        .chain(ticks)
        .collect()
}

/// The slot of a key in the mapping at a slot.
fn mapped(key: &[u8], slot: U256) -> B256 {
    let hash = keccak256(&[key, &slot.to_be_bytes::<32>()]);
    B256::from_slice(hash.as_bytes())
}

/// A signed number as a word.
fn padded(number: i64) -> [u8; 32] {
    let unsigned = U256::from(number.unsigned_abs());
    (if number < 0 { unsigned.wrapping_neg() } else { unsigned }).to_be_bytes()
}

fn number(value: &B256) -> U256 {
    U256::from_be_bytes(value.0)
}

fn bits(word: U256, first: usize, count: usize) -> U256 {
    word.wrapping_shr(first) & U256::ONE.wrapping_shl(count).wrapping_sub(U256::ONE)
}

fn small(word: U256) -> u32 {
    u32::try_from(word).unwrap_or_default()
}

fn low(word: U256) -> u128 {
    u128::try_from(bits(word, 0, 128)).unwrap_or_default()
}

/// A signed number of 24 bits.
const fn tick(bits: u32) -> i32 {
    (bits << 8).cast_signed() >> 8
}

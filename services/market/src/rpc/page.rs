//! Page tokens and cursors: keys as bytes, bound to the request that they belong to.

use capstan_primitives::{Address, Amount, ChainId, PageToken, PageTokenError, U256};

use crate::{
    error::Error,
    operations::{PageRequest, StreamPosition},
    store::{HistoryKey, HolderKey, MarketKey, RankKey, TimeKey, UserHoldingKey},
};

/// A key that a token can carry.
pub(super) trait Key: Sized {
    /// The key as bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// The key that is written as `bytes`.
    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self>;
}

/// Bytes that are read from the front.
pub(super) struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn address(&mut self) -> Option<Address> {
        self.array::<20>().map(Address::from)
    }
}

/// The page sizes of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) default: u64,
    pub(super) max: u64,
}

/// Reads `page_size` and `page_token`; `binding` is the endpoint's name with every filter.
pub(super) fn request<K: Key>(
    sizes: Sizes,
    size: i32,
    token: &str,
    binding: &str,
) -> Result<PageRequest<K>, Error> {
    let size = match u64::try_from(size) {
        Ok(0) => sizes.default,
        Ok(size) => size.min(sizes.max),
        Err(_) => return Err(Error::field("page_size", format!("is {size}, expected 0 or more"))),
    };
    if token.is_empty() {
        return Ok(PageRequest { after: None, size });
    }
    let after = decode(token, binding).map_err(Error::PageToken)?;
    Ok(PageRequest { after: Some(after), size })
}

/// Writes `next_page_token`; empty when the list ends.
pub(super) fn next<K: Key>(key: Option<&K>, binding: &str) -> String {
    key.map(|key| encode(key, binding)).unwrap_or_default()
}

pub(super) fn encode<K: Key>(key: &K, binding: &str) -> String {
    PageToken { key: key.to_bytes() }.encode(binding)
}

pub(super) fn decode<K: Key>(token: &str, binding: &str) -> Result<K, PageTokenError> {
    let token = PageToken::decode(token, binding)?;
    let mut bytes = Bytes(&token.key);
    K::from_bytes(&mut bytes).filter(|_| bytes.0.is_empty()).ok_or(PageTokenError::Malformed)
}

impl Key for u64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        bytes.u64()
    }
}

impl Key for TimeKey {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { time, chain, block, log_index } = self;
        let numbers = [*time, chain.0, *block].map(u64::to_be_bytes);
        [&numbers.concat()[..], &log_index.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (time, chain) = (bytes.u64()?, ChainId(bytes.u64()?));
        Some(Self { time, chain, block: bytes.u64()?, log_index: bytes.u32()? })
    }
}

impl Key for HistoryKey {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { time, chain, block, log_index, item } = self;
        let place = TimeKey { time: *time, chain: *chain, block: *block, log_index: *log_index };
        [&place.to_bytes()[..], &item.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        let TimeKey { time, chain, block, log_index } = TimeKey::from_bytes(bytes)?;
        Some(Self { time, chain, block, log_index, item: bytes.u32()? })
    }
}

impl Key for RankKey {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { value, chain, pool } = self;
        [&value.to_be_bytes::<32>()[..], &chain.0.to_be_bytes(), pool.as_bytes()].concat()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        let value = U256::from_be_bytes(bytes.array::<32>()?);
        Some(Self { value, chain: ChainId(bytes.u64()?), pool: bytes.address()? })
    }
}

impl Key for MarketKey {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Time(key) => [&[0], &key.to_bytes()[..]].concat(),
            Self::Rank(key) => [&[1], &key.to_bytes()[..]].concat(),
        }
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        match bytes.array()? {
            [0] => TimeKey::from_bytes(bytes).map(Self::Time),
            [1] => RankKey::from_bytes(bytes).map(Self::Rank),
            _ => None,
        }
    }
}

impl Key for HolderKey {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { outcome_index, amount, holder } = self;
        [&outcome_index.to_be_bytes()[..], &amount.0.to_be_bytes::<32>(), holder.as_bytes()].concat()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (outcome_index, amount) = (bytes.u32()?, Amount(U256::from_be_bytes(bytes.array::<32>()?)));
        Some(Self { outcome_index, amount, holder: bytes.address()? })
    }
}

impl Key for UserHoldingKey {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { chain, contract, token } = self;
        [&chain.0.to_be_bytes()[..], contract.as_bytes(), &token.to_be_bytes::<32>()].concat()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (chain, contract) = (ChainId(bytes.u64()?), bytes.address()?);
        Some(Self { chain, contract, token: U256::from_be_bytes(bytes.array::<32>()?) })
    }
}

impl Key for StreamPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { started_at, undo, block, seen, sequence } = self;
        let begun = u8::from(block.is_some());
        let block = block.unwrap_or_default();
        [
            &started_at.to_be_bytes()[..],
            &undo.to_be_bytes(),
            &[begun],
            &block.to_be_bytes(),
            &seen.to_be_bytes(),
            &sequence.to_be_bytes(),
        ]
        .concat()
    }

    fn from_bytes(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (started_at, undo) = (i64::from_be_bytes(bytes.array()?), bytes.u64()?);
        let [begun] = bytes.array()?;
        let block = Some(bytes.u64()?).filter(|_| begun == 1);
        Some(Self { started_at, undo, block, seen: bytes.u32()?, sequence: bytes.u64()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_reads_what_it_writes(time: u64, chain: u64, block: u64, log_index: u32, holder: [u8; 20], token: [u8; 32]) {
            let holder = Address::from(holder);
            let market = MarketKey::Time(TimeKey { time, chain: ChainId(chain), block, log_index });
            prop_assert_eq!(decode(&encode(&market, "a"), "a"), Ok(market));
            let place = HistoryKey { time, chain: ChainId(chain), block, log_index, item: !log_index };
            prop_assert_eq!(decode(&encode(&place, "a"), "a"), Ok(place));
            let amount = Amount(U256::from_be_bytes(token));
            let holder_key = HolderKey { outcome_index: log_index, amount, holder };
            prop_assert_eq!(decode(&encode(&holder_key, "a"), "a"), Ok(holder_key));
            let rank = RankKey { value: U256::from_be_bytes(token), chain: ChainId(chain), pool: holder };
            prop_assert_eq!(decode(&encode(&MarketKey::Rank(rank), "a"), "a"), Ok(MarketKey::Rank(rank)));
            let user = UserHoldingKey { chain: ChainId(chain), contract: holder, token: U256::from_be_bytes(token) };
            prop_assert_eq!(decode(&encode(&user, "a"), "a"), Ok(user));
            let begun = (block % 2 == 0).then_some(block);
            let place = StreamPosition { started_at: i64::from(log_index), undo: time, block: begun, seen: log_index, sequence: chain };
            prop_assert_eq!(decode(&encode(&place, "a"), "a"), Ok(place));
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let token = encode(&7u64, "a");
        assert_eq!(decode::<MarketKey>(&token, "a"), Err(PageTokenError::Malformed));
    }
}

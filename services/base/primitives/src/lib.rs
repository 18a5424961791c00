//! Amounts, prices, ids and block references that every Capstan crate shares; no I/O, no async.

mod address;
mod amount;
mod block;
mod clock;
mod hex_bytes;
mod page;
mod price;
mod topics;

pub use address::{Address, AddressText, InvalidAddress};
pub use amount::{Amount, AmountError};
pub use block::{BlockRef, BlockTime, ChainId, EventId, Finality};
pub use clock::Clock;
pub use hex_bytes::{Hash, InvalidHex, TransactionId};
pub use page::{PageToken, PageTokenError};
pub use price::Price;
pub use ruint::aliases::U256;
pub use topics::{TooManyTopics, Topics};

/// Keccak-256 of the concatenation of `parts`.
#[must_use]
pub fn keccak256(parts: &[&[u8]]) -> Hash {
    use sha3::{Digest, Keccak256};
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash::from(<[u8; 32]>::from(hasher.finalize()))
}

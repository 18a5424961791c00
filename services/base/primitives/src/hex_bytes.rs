//! Byte strings of a fixed length that are written as 0x and lower-case hex.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not the hex form of a byte string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHex {
    /// The text does not begin with `0x`.
    #[error("does not begin with 0x")]
    Prefix,
    /// The text has another number of digits than the type needs.
    #[error("has {found} hex digits, expected {expected}")]
    Length {
        /// Digits that the type needs.
        expected: String,
        /// Digits found.
        found: usize,
    },
    /// A character is not a hex digit.
    #[error("has a character that is not a hex digit")]
    Digit,
}

/// Decodes `0x…` into bytes of one of the `allowed` lengths.
pub(crate) fn decode(text: &str, allowed: &[usize]) -> Result<Vec<u8>, InvalidHex> {
    let digits = text.strip_prefix("0x").ok_or(InvalidHex::Prefix)?;
    if !allowed.iter().any(|length| length * 2 == digits.len()) {
        let expected = allowed.iter().map(|length| (length * 2).to_string()).collect::<Vec<_>>().join(" or ");
        return Err(InvalidHex::Length { expected, found: digits.len() });
    }
    hex::decode(digits).map_err(|_| InvalidHex::Digit)
}

/// A 32-byte hash: of a block, a condition, a question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of nothing: 32 zero bytes.
    pub const ZERO: Self = Self([0; 32]);

    /// The bytes, first byte first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = InvalidHex;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidHex> {
        let wrong = InvalidHex::Length { expected: "64".into(), found: bytes.len().saturating_mul(2) };
        bytes.try_into().map(Self).map_err(|_| wrong)
    }
}

impl FromStr for Hash {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        Self::try_from(decode(text, &[32])?.as_slice())
    }
}

/// Id of a transaction: 32 bytes on EVM chains, 64 on Solana.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionId {
    /// Zeros behind the last one.
    bytes: [u8; 64],
    length: u8,
}

impl TransactionId {
    /// The bytes, first byte first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl TryFrom<&[u8]> for TransactionId {
    type Error = InvalidHex;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidHex> {
        let length = match bytes.len() {
            32 => 32,
            64 => 64,
            other => {
                let found = other.saturating_mul(2);
                return Err(InvalidHex::Length { expected: "64 or 128".into(), found });
            }
        };
        let mut padded = [0; 64];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(Self { bytes: padded, length })
    }
}

impl FromStr for TransactionId {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        Self::try_from(decode(text, &[32, 64])?.as_slice())
    }
}

/// Writes whole words of 32 bytes as 0x and lower-case hex, without an allocation.
fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("0x")?;
    let (words, _) = bytes.as_chunks::<32>();
    words.iter().try_for_each(|word| f.write_str(hex::Buffer::<32>::new().format(word)))
}

macro_rules! written_as_hex {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(self.as_bytes(), f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidHex;

            fn try_from(text: String) -> Result<Self, InvalidHex> {
                text.parse()
            }
        }
    };
}

written_as_hex!(Hash);
written_as_hex!(TransactionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_what_it_writes() {
        let hash = Hash::from([0xab; 32]);
        assert_eq!(hash.to_string().parse::<Hash>(), Ok(hash));
    }

    #[test]
    fn a_transaction_id_of_either_length_reads_what_it_writes() {
        let ids = [[0x0a; 32].as_slice(), [0xb0; 64].as_slice()]
            .map(|bytes| TransactionId::try_from(bytes).unwrap());
        for id in ids {
            assert_eq!(id.to_string(), format!("0x{}", hex::encode(id.as_bytes())));
            assert_eq!(id.to_string().parse::<TransactionId>(), Ok(id));
        }
        assert!(TransactionId::try_from([1_u8; 33].as_slice()).is_err());
    }

    #[test]
    fn a_short_hash_is_refused_with_both_lengths() {
        assert_eq!("0x12".parse::<Hash>().unwrap_err().to_string(), "has 2 hex digits, expected 64");
        assert_eq!("12".parse::<Hash>(), Err(InvalidHex::Prefix));
    }
}

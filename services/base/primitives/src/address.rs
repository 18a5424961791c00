//! Addresses of accounts and contracts, neutral to the chain they live on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{InvalidHex, hex_bytes::decode, keccak256};

/// An address: 20 bytes on EVM chains, 32 on Solana. Written with the EIP-55 checksum (20 bytes)
/// or in lower-case hex (32 bytes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    length: u8,
    bytes: [u8; 32],
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not hex of the right length.
    #[error(transparent)]
    Hex(#[from] InvalidHex),
    /// Mixed case that does not match the EIP-55 checksum: a mistyped digit.
    #[error("has a wrong EIP-55 checksum; write it in lower case or as {expected}")]
    Checksum {
        /// The address with the right checksum.
        expected: String,
    },
}

impl Address {
    /// The zero address of an EVM chain.
    pub const ZERO: Self = Self { length: 20, bytes: [0; 32] };

    /// The bytes, 20 or 32.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// 0x and lower-case hex.
    #[must_use]
    pub fn to_lower_hex(&self) -> String {
        hex::encode_prefixed(self.as_bytes())
    }

    /// The text that [`fmt::Display`] writes, without an allocation.
    #[must_use]
    pub fn text(&self) -> AddressText {
        let mut text = AddressText { length: 2 + 2 * self.length, bytes: [b'0'; 66] };
        let [_, x, digits @ ..] = &mut text.bytes;
        *x = b'x';
        let Some(digits) = digits.get_mut(..2 * usize::from(self.length)) else { return text };
        // Fails only for room of another size.
        let _ = hex::encode_to_slice(self.as_bytes(), digits);
        if self.length == 20 {
            checksum(digits);
        }
        text
    }
}

/// An address as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressText {
    length: u8,
    bytes: [u8; 66],
}

impl AddressText {
    /// `0x` and the digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Puts lower-case digits into the case of EIP-55.
fn checksum(digits: &mut [u8]) {
    let hash = keccak256(&[digits]);
    for (pair, byte) in digits.chunks_mut(2).zip(hash.as_bytes()) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            // A nibble of 8 or more has bit 3, and a letter has bit 6: both take bit 5 away, which makes it upper
            // case. Nobody could guess a branch.
            *digit ^= (nibble << 2) & (*digit >> 1) & 0x20;
        }
    }
}

impl From<[u8; 20]> for Address {
    fn from(bytes: [u8; 20]) -> Self {
        let mut padded = [0; 32];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Self { length: 20, bytes: padded }
    }
}

impl From<[u8; 32]> for Address {
    fn from(bytes: [u8; 32]) -> Self {
        Self { length: 32, bytes }
    }
}

impl TryFrom<&[u8]> for Address {
    type Error = InvalidAddress;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidAddress> {
        let length = match bytes.len() {
            20 => 20,
            32 => 32,
            other => {
                return Err(InvalidHex::Length {
                    expected: "40 or 64".into(),
                    found: other.saturating_mul(2),
                }
                .into());
            }
        };
        let mut padded = [0; 32];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(Self { length, bytes: padded })
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    /// Reads `0x` and hex of any one case, or mixed case with the right EIP-55 checksum.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let address = Self::try_from(decode(text, &[20, 32])?.as_slice())?;
        let digits = text.trim_start_matches("0x");
        let mixed =
            digits.chars().any(|c| c.is_ascii_uppercase()) && digits.chars().any(|c| c.is_ascii_lowercase());
        if mixed && address.length == 20 {
            let expected = address.to_string();
            if expected != text {
                return Err(InvalidAddress::Checksum { expected });
            }
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKSUMMED: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"; // first example of EIP-55

    #[test]
    fn an_address_is_written_with_its_checksum() {
        let address: Address = CHECKSUMMED.to_lowercase().parse().unwrap();
        assert_eq!(address.to_string(), CHECKSUMMED);
        assert_eq!(CHECKSUMMED.parse::<Address>(), Ok(address));
    }

    #[test]
    fn a_mistyped_checksum_is_refused_with_the_right_one() {
        let wrong = CHECKSUMMED.replace("aAeb", "AAeb");
        let error = wrong.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains(CHECKSUMMED), "{error}");
    }

    #[test]
    fn a_solana_length_is_an_address_too() {
        let text = format!("0x{}", "1f".repeat(32));
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
}

//! Hex text of JSON-RPC read into plain bytes and numbers, straight from the body of an answer.

use std::{fmt, marker::PhantomData, str::FromStr};

use alloy::primitives::hex;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// DATA of a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fixed<const N: usize>(pub(crate) [u8; N]);

/// DATA of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Data(pub(crate) Vec<u8>);

/// QUANTITY of at most 64 bits; some nodes write it as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity(pub(crate) u64);

impl<const N: usize> FromStr for Fixed<N> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        hex::decode_to_array(text).map(Self).map_err(|error| error.to_string())
    }
}

impl FromStr for Data {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        hex::decode(text).map(Self).map_err(|error| error.to_string())
    }
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.strip_prefix("0x") {
            Some("") => Ok(0),
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        read.map(Self).map_err(|error| error.to_string())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber)
    }
}

/// Reads a string without keeping it.
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hex text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity of at most 64 bits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(Quantity(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_in_every_form_that_nodes_write() {
        for (json, expected) in [("\"0x65\"", 101), ("\"0x\"", 0), ("\"101\"", 101), ("101", 101)] {
            assert_eq!(serde_json::from_str::<Quantity>(json).unwrap(), Quantity(expected), "{json}");
        }
        for json in ["\"0xg\"", "\"\"", "-1", "null", "\"0x10000000000000000\""] {
            assert!(serde_json::from_str::<Quantity>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn data_of_another_length_is_refused() {
        assert_eq!(serde_json::from_str::<Fixed<2>>("\"0xab0F\"").unwrap(), Fixed([0xab, 0x0f]));
        assert_eq!(serde_json::from_str::<Data>("\"0x\"").unwrap(), Data(Vec::new()));
        for json in ["\"0xab\"", "\"0xab0\"", "\"0xab0g\"", "7"] {
            assert!(serde_json::from_str::<Fixed<2>>(json).is_err(), "{json}");
        }
    }
}

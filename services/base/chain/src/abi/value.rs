//! Values of event arguments.

use std::fmt;

use capstan_primitives::{Address, U256};

use super::{
    kind::Kind,
    walk::{Build, Flaw, WORD},
};

/// A value of an event argument. Texts and bytes are borrowed from the log.
///
/// Written with [`fmt::Display`]: integers in decimal, addresses with their checksum, bytes as 0x and
/// lower-case hex, lists in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `bool`.
    Bool(bool),
    /// `uintN` or `intN`.
    Integer(Integer),
    /// `string`. One that is not UTF-8, or has a NUL that no database takes as text, becomes `Bytes`.
    Text(&'a str),
    /// `bytes`, `bytesN` and `function`; the 32-byte hash of an indexed argument of any type that
    /// does not fit into a topic (`string`, `bytes`, arrays, tuples).
    Bytes(&'a [u8]),
    /// `address`.
    Address(Address),
    /// Arrays and tuples, element by element.
    List(Vec<Value<'a>>),
}

/// An integer of up to 256 bits with or without a sign, written in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Integer {
    /// Never set for zero.
    negative: bool,
    magnitude: U256,
}

impl Integer {
    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The distance from zero, at most 2^256 - 1, and 2^255 when negative.
    #[must_use]
    pub fn magnitude(&self) -> U256 {
        self.magnitude
    }

    /// Reads 32 bytes in two's complement.
    fn signed(word: &[u8; WORD]) -> Self {
        let number = U256::from_be_bytes(*word);
        let negative = number.bit(255);
        Self { negative, magnitude: if negative { number.wrapping_neg() } else { number } }
    }
}

impl From<U256> for Integer {
    fn from(magnitude: U256) -> Self {
        Self { negative: false, magnitude }
    }
}

impl std::ops::Neg for Integer {
    type Output = Self;

    fn neg(self) -> Self {
        Self { negative: !self.negative && !self.magnitude.is_zero(), ..self }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        match u128::try_from(self.magnitude) {
            Ok(small) => write!(f, "{small}"),
            Err(_) => write!(f, "{}", self.magnitude),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => fmt::Display::fmt(value, f),
            Self::Integer(value) => fmt::Display::fmt(value, f),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => write!(f, "0x{}", alloy::hex::encode(bytes)),
            Self::Address(address) => fmt::Display::fmt(address, f),
            Self::List(values) => {
                f.write_str("[")?;
                for (place, value) in values.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { ", " })?;
                    fmt::Display::fmt(value, f)?;
                }
                f.write_str("]")
            }
        }
    }
}

impl<'a> Build<'a> for Value<'a> {
    fn word(kind: &Kind, word: &'a [u8; WORD]) -> Self {
        let first = |size: usize| Self::Bytes(word.get(..size).unwrap_or_default());
        match kind {
            Kind::Bool => Self::Bool(word.last().is_some_and(|byte| *byte == 1)),
            Kind::Uint(_) => Self::Integer(U256::from_be_bytes(*word).into()),
            Kind::Int(_) => Self::Integer(Integer::signed(word)),
            Kind::Address => {
                Self::Address(word.last_chunk::<20>().map_or(Address::ZERO, |bytes| Address::from(*bytes)))
            }
            Kind::FixedBytes(size) => first(*size),
            Kind::Function => first(24),
            _ => first(WORD),
        }
    }

    fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }

    fn text(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Self::Text(text),
            _ => Self::Bytes(bytes),
        }
    }

    fn list(items: impl ExactSizeIterator<Item = Result<Self, Flaw<'a>>>) -> Result<Self, Flaw<'a>> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(item?);
        }
        Ok(Self::List(values))
    }
}

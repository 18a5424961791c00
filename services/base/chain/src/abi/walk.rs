//! The strict walk through ABI-encoded bytes, with or without building what is read.
// alloy's dynamic decoder replaces bytes that are not UTF-8, accepts words out of a type's range,
// and copies a tail as often as offsets point at it; this one is lossless, strict and linear.

use alloy::primitives::U256;
use std::fmt;

use super::kind::Kind;

pub(super) const WORD: usize = 32;

/// What a walk makes of the parts that it reads. [`Value`](super::Value) keeps them; `()` drops
/// them, which leaves the checks.
pub(super) trait Build<'a>: Sized {
    /// One word that is in the range of its type.
    fn word(kind: &Kind, word: &'a [u8; WORD]) -> Self;
    /// Bytes without a type of their own.
    fn bytes(bytes: &'a [u8]) -> Self;
    /// A string.
    fn text(bytes: &'a [u8]) -> Self;
    /// An array or a tuple; stops at the first item that cannot be read.
    fn list(items: impl ExactSizeIterator<Item = Result<Self, Flaw<'a>>>) -> Result<Self, Flaw<'a>>;
}

impl<'a> Build<'a> for () {
    fn word(_: &Kind, _: &'a [u8; WORD]) {}

    fn bytes(_: &'a [u8]) {}

    fn text(_: &'a [u8]) {}

    fn list(mut items: impl ExactSizeIterator<Item = Result<Self, Flaw<'a>>>) -> Result<Self, Flaw<'a>> {
        items.try_for_each(|item| item)
    }
}

/// What is wrong with the bytes of a log; text only when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flaw<'a> {
    Short,
    Overlap,
    Range(&'a Kind, &'a [u8; WORD]),
}

impl fmt::Display for Flaw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the data is shorter than it says"),
            Self::Overlap => f.write_str("parts of the data overlap"),
            Self::Range(kind, word) => {
                write!(f, "{:#066x} is out of the range of {kind}", U256::from_be_bytes(**word))
            }
        }
    }
}

/// Reads a word of one of the types of one word.
pub(super) fn word<'a, B: Build<'a>>(kind: &'a Kind, word: &'a [u8; WORD]) -> Result<B, Flaw<'a>> {
    if is_in_range(kind, word) { Ok(B::word(kind, word)) } else { Err(Flaw::Range(kind, word)) }
}

/// The data of a log. Bytes behind the last value are ignored.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    /// Bytes that may still be read. No encoder writes data that is read twice, and an attacker who
    /// does must not make a small log large.
    unread: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, unread: data.len() }
    }

    /// Reads one value whose head is at `at` and whose offsets count from `base`; moves `at` behind the head.
    pub(super) fn read<B: Build<'a>>(
        &mut self,
        kind: &'a Kind,
        base: usize,
        at: &mut usize,
    ) -> Result<B, Flaw<'a>> {
        if kind.is_word() {
            return word(kind, self.word(at)?);
        }
        if !kind.is_dynamic() {
            return self.parts(kind, *at, at);
        }
        let mut tail = base.checked_add(self.size(at)?).ok_or(Flaw::Short)?;
        match kind {
            Kind::Bytes => Ok(B::bytes(self.bytes(&mut tail)?)),
            Kind::String => Ok(B::text(self.bytes(&mut tail)?)),
            Kind::Array(part) => {
                let count = self.size(&mut tail)?;
                self.repeated(part, count, tail, &mut tail)
            }
            _ => self.parts(kind, tail, &mut tail),
        }
    }

    /// Reads the elements of a tuple or of an array of fixed length, one head after the other.
    fn parts<B: Build<'a>>(&mut self, kind: &'a Kind, base: usize, at: &mut usize) -> Result<B, Flaw<'a>> {
        match kind {
            Kind::FixedArray(part, count) => self.repeated(part, *count, base, at),
            Kind::Tuple(parts) => B::list(parts.iter().map(|part| self.read(part, base, at))),
            whole => self.read(whole, base, at),
        }
    }

    fn repeated<B: Build<'a>>(
        &mut self,
        part: &'a Kind,
        count: usize,
        base: usize,
        at: &mut usize,
    ) -> Result<B, Flaw<'a>> {
        // Every element takes a word at least: refuse before making room for them.
        if count > self.unread / WORD {
            return Err(Flaw::Short);
        }
        B::list((0..count).map(|_| self.read(part, base, at)))
    }

    fn bytes(&mut self, at: &mut usize) -> Result<&'a [u8], Flaw<'a>> {
        let length = self.size(at)?;
        self.take(at, length)
    }

    fn size(&mut self, at: &mut usize) -> Result<usize, Flaw<'a>> {
        let (high, low) = self.word(at)?.split_last_chunk::<8>().ok_or(Flaw::Short)?;
        if !is_filled(high, 0) {
            return Err(Flaw::Short);
        }
        usize::try_from(u64::from_be_bytes(*low)).map_err(|_| Flaw::Short)
    }

    fn word(&mut self, at: &mut usize) -> Result<&'a [u8; WORD], Flaw<'a>> {
        self.take(at, WORD)?.first_chunk().ok_or(Flaw::Short)
    }

    fn take(&mut self, at: &mut usize, length: usize) -> Result<&'a [u8], Flaw<'a>> {
        let end = at.checked_add(length).ok_or(Flaw::Short)?;
        let taken = self.data.get(*at..end).ok_or(Flaw::Short)?;
        self.unread = self.unread.checked_sub(length).ok_or(Flaw::Overlap)?;
        *at = end;
        Ok(taken)
    }
}

/// Whether the bytes of a word that its type leaves unused are what an encoder writes there.
fn is_in_range(kind: &Kind, word: &[u8; WORD]) -> bool {
    match kind {
        Kind::Bool => is_padded(word, 31, 0) && word.last().is_some_and(|byte| *byte <= 1),
        Kind::Uint(bits) => is_padded(word, WORD.saturating_sub(bits / 8), 0),
        Kind::Int(bits) => {
            let padding = WORD.saturating_sub(bits / 8);
            let is_negative = word.get(padding).is_some_and(|byte| byte & 0x80 != 0);
            is_padded(word, padding, if is_negative { 0xff } else { 0 })
        }
        Kind::Address => is_padded(word, 12, 0),
        Kind::FixedBytes(size) => is_padded_behind(word, *size),
        Kind::Function => is_padded_behind(word, 24),
        _ => false,
    }
}

fn is_padded(word: &[u8; WORD], padding: usize, with: u8) -> bool {
    word.get(..padding).is_some_and(|padding| is_filled(padding, with))
}

fn is_padded_behind(word: &[u8; WORD], size: usize) -> bool {
    word.get(size..).is_some_and(|padding| is_filled(padding, 0))
}

fn is_filled(bytes: &[u8], with: u8) -> bool {
    bytes.iter().all(|byte| *byte == with)
}

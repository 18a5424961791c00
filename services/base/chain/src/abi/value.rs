//! Values of event arguments, and their reading from ABI-encoded bytes.
// alloy's dynamic decoder replaces bytes that are not UTF-8, accepts words out of a type's range,
// and copies a tail as often as offsets point at it; this one is lossless, strict and linear.

use alloy::{
    dyn_abi::DynSolType,
    primitives::{I256, U256},
};
use capstan_primitives::Address;

const WORD: usize = 32;

/// A value of an event argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `bool`.
    Bool(bool),
    /// `uintN` or `intN`, in decimal, with a minus sign when negative.
    Integer(String),
    /// `string`. One that is not UTF-8, or has a NUL that no database takes as text, becomes `Bytes`.
    Text(String),
    /// `bytes`, `bytesN` and `function`; the 32-byte hash of an indexed argument of any type that
    /// does not fit into a topic (`string`, `bytes`, arrays, tuples).
    Bytes(Vec<u8>),
    /// `address`.
    Address(Address),
    /// Arrays and tuples, element by element.
    List(Vec<Value>),
}

impl Value {
    /// Reads the value of an indexed argument.
    pub(super) fn of_topic(kind: &DynSolType, topic: &[u8; WORD]) -> Result<Self, String> {
        if is_word(kind) { of_word(kind, topic) } else { Ok(Self::Bytes(topic.to_vec())) }
    }
}

/// Reads the arguments of types `kinds` from the data of a log; bytes after them are ignored.
pub(super) fn read_sequence<'a>(
    kinds: impl Iterator<Item = &'a DynSolType>,
    data: &[u8],
) -> Result<Vec<Value>, String> {
    let mut reader = Reader { data, unread: data.len() };
    let mut at = 0;
    kinds.map(|kind| reader.read(kind, 0, &mut at)).collect()
}

struct Reader<'a> {
    data: &'a [u8],
    /// Bytes that may still be read. No encoder writes data that is read twice, and an attacker who
    /// does must not make a small log large.
    unread: usize,
}

impl<'a> Reader<'a> {
    /// Reads one value whose head is at `at` and whose offsets count from `base`; moves `at` behind the head.
    fn read(&mut self, kind: &DynSolType, base: usize, at: &mut usize) -> Result<Value, String> {
        if is_word(kind) {
            return of_word(kind, self.word(at)?);
        }
        if !kind.is_dynamic() {
            return self.parts(kind, *at, at);
        }
        let offset = self.size(at)?;
        let mut tail = base.checked_add(offset).ok_or_else(overrun)?;
        match kind {
            DynSolType::Bytes => Ok(Value::Bytes(self.bytes(&mut tail)?.to_vec())),
            DynSolType::String => Ok(text(self.bytes(&mut tail)?)),
            DynSolType::Array(part) => {
                let count = self.size(&mut tail)?;
                self.repeated(part, count, tail, &mut tail)
            }
            _ => self.parts(kind, tail, &mut tail),
        }
    }

    /// Reads the elements of a tuple or of an array of fixed length, one head after the other.
    fn parts(&mut self, kind: &DynSolType, base: usize, at: &mut usize) -> Result<Value, String> {
        match kind {
            DynSolType::FixedArray(part, count) => self.repeated(part, *count, base, at),
            DynSolType::Tuple(parts) => {
                let values = parts.iter().map(|part| self.read(part, base, at));
                values.collect::<Result<_, _>>().map(Value::List)
            }
            other => Err(format!("type {other} is not supported")),
        }
    }

    fn repeated(
        &mut self,
        part: &DynSolType,
        count: usize,
        base: usize,
        at: &mut usize,
    ) -> Result<Value, String> {
        // Every element takes a word at least: refuse before making room for them.
        if count > self.unread / WORD {
            return Err(overrun());
        }
        (0..count).map(|_| self.read(part, base, at)).collect::<Result<_, _>>().map(Value::List)
    }

    fn bytes(&mut self, at: &mut usize) -> Result<&'a [u8], String> {
        let length = self.size(at)?;
        self.take(at, length)
    }

    fn size(&mut self, at: &mut usize) -> Result<usize, String> {
        usize::try_from(U256::from_be_bytes(*self.word(at)?)).map_err(|_| overrun())
    }

    fn word(&mut self, at: &mut usize) -> Result<&'a [u8; WORD], String> {
        self.take(at, WORD)?.first_chunk().ok_or_else(overrun)
    }

    fn take(&mut self, at: &mut usize, length: usize) -> Result<&'a [u8], String> {
        let end = at.checked_add(length).ok_or_else(overrun)?;
        let taken = self.data.get(*at..end).ok_or_else(overrun)?;
        self.unread = self.unread.checked_sub(length).ok_or("parts of the data overlap")?;
        *at = end;
        Ok(taken)
    }
}

/// Whether values of this type are exactly one word, so that a topic can hold them.
fn is_word(kind: &DynSolType) -> bool {
    use DynSolType::{Address, Bool, FixedBytes, Function, Int, Uint};
    matches!(kind, Bool | Int(_) | Uint(_) | FixedBytes(_) | Address | Function)
}

fn of_word(kind: &DynSolType, word: &[u8; WORD]) -> Result<Value, String> {
    let number = U256::from_be_bytes(*word);
    let value = match kind {
        DynSolType::Bool if number <= U256::ONE => Some(Value::Bool(number == U256::ONE)),
        DynSolType::Uint(bits) if number.bit_len() <= *bits => Some(Value::Integer(number.to_string())),
        DynSolType::Int(bits) => signed(number, *bits),
        DynSolType::Address => {
            left(word, 12).map(|bytes| Value::Address(capstan_primitives::Address::from(bytes)))
        }
        DynSolType::FixedBytes(size) => right(word, *size),
        DynSolType::Function => right(word, 24),
        _ => None,
    };
    value.ok_or_else(|| format!("{number:#066x} is out of the range of {kind}"))
}

fn signed(number: U256, bits: usize) -> Option<Value> {
    let number = I256::from_raw(number);
    // Without its sign bits the number must fit next to one sign bit.
    let magnitude = if number.is_negative() { !number.into_raw() } else { number.into_raw() };
    (magnitude.bit_len() < bits).then(|| Value::Integer(number.to_string()))
}

/// The last bytes of a word whose first `padding` bytes are zero.
fn left<const N: usize>(word: &[u8; WORD], padding: usize) -> Option<[u8; N]> {
    let (zeros, bytes) = word.split_at_checked(padding)?;
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    bytes.try_into().ok()
}

/// The first `size` bytes of a word whose other bytes are zero.
fn right(word: &[u8; WORD], size: usize) -> Option<Value> {
    let (bytes, zeros) = word.split_at_checked(size)?;
    zeros.iter().all(|byte| *byte == 0).then(|| Value::Bytes(bytes.to_vec()))
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Value::Text(text.to_owned()),
        _ => Value::Bytes(bytes.to_vec()),
    }
}

fn overrun() -> String {
    "the data is shorter than it says".to_owned()
}

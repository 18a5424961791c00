//! Types of event arguments.

use std::fmt;

/// Deepest nesting of arrays and tuples; reading a value recurses as deep.
pub(super) const DEEPEST: usize = 32;

/// A type as the ABI knows it. Written with [`fmt::Display`] as in an event's signature.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// Bits.
    Uint(usize),
    /// Bits.
    Int(usize),
    Address,
    /// Bytes.
    FixedBytes(usize),
    /// An address and a selector.
    Function,
    Bytes,
    String,
    Array(Box<Kind>),
    FixedArray(Box<Kind>, usize),
    Tuple(Vec<Kind>),
}

impl Kind {
    /// Whether values are exactly one word, so that a topic can hold them.
    pub(super) fn is_word(&self) -> bool {
        use Kind::{Address, Bool, FixedBytes, Function, Int, Uint};
        matches!(self, Bool | Int(_) | Uint(_) | FixedBytes(_) | Address | Function)
    }

    /// Whether the head of a value is an offset to the rest.
    pub(super) fn is_dynamic(&self) -> bool {
        match self {
            Self::Bytes | Self::String | Self::Array(_) => true,
            Self::FixedArray(part, _) => part.is_dynamic(),
            Self::Tuple(parts) => parts.iter().any(Self::is_dynamic),
            _ => false,
        }
    }

    /// How many arrays and tuples are around the innermost part, and one.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Array(part) | Self::FixedArray(part, _) => 1 + part.depth(),
            Self::Tuple(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or_default(),
            _ => 1,
        }
    }

    /// Reads the name of a type that has no parts: `uint256`, `bytes4`, `string`.
    pub(super) fn elementary(name: &str) -> Option<Self> {
        let sized = |prefix: &str, unit: usize, most: usize| {
            let digits = name.strip_prefix(prefix)?;
            let size: usize = digits.parse().ok()?;
            let is_plain = !digits.starts_with(['0', '+']);
            (is_plain && size.is_multiple_of(unit) && size <= most).then_some(size)
        };
        match name {
            "bool" => Some(Self::Bool),
            "address" => Some(Self::Address),
            "function" => Some(Self::Function),
            "bytes" => Some(Self::Bytes),
            "string" => Some(Self::String),
            "uint" => Some(Self::Uint(256)),
            "int" => Some(Self::Int(256)),
            _ => sized("uint", 8, 256)
                .map(Self::Uint)
                .or_else(|| sized("int", 8, 256).map(Self::Int))
                .or_else(|| sized("bytes", 1, 32).map(Self::FixedBytes)),
        }
    }

    /// Makes arrays of this type as the suffixes say, from left to right: `[]`, `[2][]`.
    pub(super) fn with_suffixes(self, suffixes: &str) -> Result<Self, String> {
        let mut kind = self;
        let mut rest = suffixes;
        while !rest.is_empty() {
            let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let (length, behind) = inner.ok_or_else(|| format!("{suffixes:?} is not an array suffix"))?;
            rest = behind;
            let part = Box::new(kind);
            kind = match length {
                "" => Self::Array(part),
                digits => match digits.parse() {
                    Ok(0) => return Err("an array of length 0 holds nothing".into()),
                    Ok(length) if !digits.starts_with('+') => Self::FixedArray(part, length),
                    _ => return Err(format!("{digits:?} is not the length of an array")),
                },
            };
        }
        Ok(kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Uint(bits) => write!(f, "uint{bits}"),
            Self::Int(bits) => write!(f, "int{bits}"),
            Self::Address => f.write_str("address"),
            Self::FixedBytes(size) => write!(f, "bytes{size}"),
            Self::Function => f.write_str("function"),
            Self::Bytes => f.write_str("bytes"),
            Self::String => f.write_str("string"),
            Self::Array(part) => write!(f, "{part}[]"),
            Self::FixedArray(part, length) => write!(f, "{part}[{length}]"),
            Self::Tuple(parts) => {
                f.write_str("(")?;
                for (place, part) in parts.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "," })?;
                    fmt::Display::fmt(part, f)?;
                }
                f.write_str(")")
            }
        }
    }
}

//! The arguments of an event, read by name into the forms of the wire.

use capstan_chain::{Decoded, Integer, Value};
use capstan_primitives::Address;

/// An event with the contract that emitted it.
pub(super) struct Fields<'a> {
    pub(super) protocol: &'a str,
    pub(super) event: &'a Decoded<'a>,
    pub(super) emitter: &'a Address,
    /// Tokens that it trades, when they are known.
    pub(super) tokens: &'a [Address],
}

impl<'a> Fields<'a> {
    fn value(&self, name: &str) -> Option<&'a Value<'a>> {
        let argument = self.event.arguments.iter().find(|argument| argument.name == name)?;
        Some(&argument.value)
    }

    /// The emitting contract.
    pub(super) fn contract(&self) -> String {
        self.emitter.to_string()
    }

    /// A token of the emitting contract; empty when it is not known.
    pub(super) fn token(&self, index: usize) -> String {
        self.tokens.get(index).map(Address::to_string).unwrap_or_default()
    }

    pub(super) fn address(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::Address(address) => Some(address.to_string()),
            _ => None,
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<Integer> {
        match self.value(name)? {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// An integer in decimal.
    pub(super) fn amount(&self, name: &str) -> Option<String> {
        self.integer(name).map(|integer| integer.to_string())
    }

    /// An integer in decimal with the other sign.
    pub(super) fn negated(&self, name: &str) -> Option<String> {
        self.integer(name).map(|integer| (-integer).to_string())
    }

    pub(super) fn integers(&self, name: &str) -> Option<Vec<Integer>> {
        let integer = |item: &Value| if let Value::Integer(integer) = item { Some(*integer) } else { None };
        self.list(name)?.iter().map(integer).collect()
    }

    /// Integers in decimal.
    pub(super) fn amounts(&self, name: &str) -> Option<Vec<String>> {
        Some(self.integers(name)?.iter().map(Integer::to_string).collect())
    }

    /// Bytes as 0x and lower-case hex.
    pub(super) fn bytes(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        matches!(value, Value::Bytes(_)).then(|| value.to_string())
    }

    /// A list of what [`bytes`](Self::bytes) is one of.
    pub(super) fn bytes_list(&self, name: &str) -> Option<Vec<String>> {
        let bytes = |item: &Value| matches!(item, Value::Bytes(_)).then(|| item.to_string());
        self.list(name)?.iter().map(bytes).collect()
    }

    fn list(&self, name: &str) -> Option<&'a [Value<'a>]> {
        match self.value(name)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn unsigned<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        let integer = self.integer(name).filter(|integer| !integer.is_negative())?;
        u64::try_from(integer.magnitude()).ok()?.try_into().ok()
    }

    pub(super) fn signed<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        let integer = self.integer(name)?;
        let magnitude = i64::try_from(integer.magnitude()).ok()?;
        let signed = if integer.is_negative() { magnitude.checked_neg()? } else { magnitude };
        signed.try_into().ok()
    }
}

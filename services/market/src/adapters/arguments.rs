//! Reading the arguments of an event by name.

use std::str::FromStr;

use capstan_primitives::{Address, Amount, Hash, U256};
use capstan_proto::indexer::Argument;
use prost_types::{Value, value::Kind};

use crate::domain::{event::Unusable, market::MarketId};

/// The arguments of one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a>(pub(crate) &'a [Argument]);

impl<'a> Arguments<'a> {
    /// Names are compared without underscores and case: contracts write `_marketId`, `market_id`
    /// and `marketId` for the same thing.
    fn find(&self, name: &str) -> Option<&'a Kind> {
        let argument = self.0.iter().find(|argument| plain(&argument.name).eq(plain(name)))?;
        argument.value.as_ref()?.kind.as_ref()
    }

    fn text(&self, name: &'static str) -> Result<&'a str, Unusable> {
        text(name, self.find(name).ok_or(Unusable::Missing(name))?)
    }

    fn parsed<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<T, Unusable> {
        parsed(name, self.text(name)?)
    }

    fn list(&self, name: &'static str) -> Result<&'a [Value], Unusable> {
        match self.find(name).ok_or(Unusable::Missing(name))? {
            Kind::ListValue(list) => Ok(&list.values),
            _ => Err(malformed(name, "is not a list")),
        }
    }

    fn parsed_list<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<Vec<T>, Unusable> {
        let item = |value: &'a Value| {
            let kind = value.kind.as_ref().ok_or_else(|| malformed(name, "has an empty item"))?;
            parsed(name, text(name, kind)?)
        };
        self.list(name)?.iter().map(item).collect()
    }

    pub(crate) fn address(&self, name: &'static str) -> Result<Address, Unusable> {
        parsed(name, &unchecked(self.text(name)?))
    }

    pub(crate) fn hash(&self, name: &'static str) -> Result<Hash, Unusable> {
        self.parsed(name)
    }

    pub(crate) fn hashes(&self, name: &'static str) -> Result<Vec<Hash>, Unusable> {
        self.parsed_list(name)
    }

    pub(crate) fn amount(&self, name: &'static str) -> Result<Amount, Unusable> {
        self.parsed(name)
    }

    pub(crate) fn amounts(&self, name: &'static str) -> Result<Vec<Amount>, Unusable> {
        self.parsed_list(name)
    }

    pub(crate) fn numbers(&self, name: &'static str) -> Result<Vec<U256>, Unusable> {
        Ok(self.amounts(name)?.into_iter().map(|amount| amount.0).collect())
    }

    pub(crate) fn small(&self, name: &'static str) -> Result<u32, Unusable> {
        u32::try_from(self.amount(name)?.0).map_err(|_| malformed(name, "is over 2^32 - 1"))
    }

    /// A market id: bytes32, or a number that is taken as its 32 bytes.
    pub(crate) fn market_id(&self, name: &'static str) -> Result<MarketId, Unusable> {
        let text = self.text(name)?;
        if text.starts_with("0x") {
            return Ok(MarketId::Factory(parsed(name, text)?));
        }
        let number: Amount = parsed(name, text)?;
        Ok(MarketId::Factory(Hash::from(number.0.to_be_bytes::<32>())))
    }

    /// An argument that not every contract has.
    pub(crate) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self, &'static str) -> Result<T, Unusable>,
    ) -> Result<Option<T>, Unusable> {
        self.find(name).is_some().then(|| read(self, name)).transpose()
    }

    pub(crate) fn string(&self, name: &'static str) -> Result<String, Unusable> {
        self.text(name).map(storable)
    }

    /// Text that is there, and is text: what only describes a market must not lose it.
    pub(crate) fn if_text(&self, name: &'static str) -> Option<String> {
        self.text(name).ok().map(storable)
    }

    pub(crate) fn strings(&self, name: &'static str) -> Result<Vec<String>, Unusable> {
        let item = |value: &Value| {
            let kind = value.kind.as_ref().ok_or_else(|| malformed(name, "has an empty item"))?;
            text(name, kind).map(storable)
        };
        self.list(name)?.iter().map(item).collect()
    }
}

fn plain(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}

/// An address without its checksum, which guards against mistakes in typing: the indexer makes it of the bytes.
pub(super) fn unchecked(address: &str) -> String {
    address.to_ascii_lowercase()
}

fn text<'a>(name: &'static str, kind: &'a Kind) -> Result<&'a str, Unusable> {
    match kind {
        Kind::StringValue(text) => Ok(text),
        _ => Err(malformed(name, "is not text")),
    }
}

fn parsed<T: FromStr<Err: ToString>>(name: &'static str, text: &str) -> Result<T, Unusable> {
    text.parse().map_err(|error: T::Err| Unusable::Malformed { name, problem: error.to_string() })
}

fn malformed(name: &'static str, problem: &str) -> Unusable {
    Unusable::Malformed { name, problem: problem.to_owned() }
}

/// PostgreSQL stores no zero characters; whoever writes one on chain must not stop us.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

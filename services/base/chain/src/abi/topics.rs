//! Values of indexed arguments as topics, to ask for the events that have them.

use std::str::FromStr;

use alloy::primitives::{I256, U256, hex};
use capstan_primitives::{Address, Hash};

use super::{Abi, EventShape, Kind, walk::WORD};

impl Abi {
    /// The events of these names only; none when no event has one of them.
    #[must_use]
    pub fn only(&self, names: &[impl AsRef<str>]) -> Option<Self> {
        let is_wanted = |event: &&EventShape| names.iter().any(|name| name.as_ref() == event.name());
        let mut abi = Self { events: Vec::new(), places: Default::default(), anonymous: Vec::new() };
        // None is ambiguous: they stood in one definition before.
        let added = self.events().filter(is_wanted).try_for_each(|event| abi.add(event.clone()));
        added.ok().filter(|()| abi.events().next().is_some()).map(|()| abi)
    }
}

impl EventShape {
    /// Where an indexed argument stands among the topics; none when there is no such argument.
    #[must_use]
    pub fn topic_place(&self, argument: &str) -> Option<usize> {
        let mut indexed = self.parameters.iter().filter(|parameter| parameter.indexed);
        let place = indexed.position(|parameter| parameter.name == argument)?;
        Some(place + usize::from(self.id.is_some()))
    }

    /// The topic of a value of an indexed argument, written as an address, `true` or `false`, an integer
    /// in decimal or hex, or bytes in hex; the value of a type that a topic has no room for is written
    /// as its hash.
    ///
    /// # Errors
    /// Why the value is not one of the argument's type.
    pub fn topic(&self, argument: &str, value: &str) -> Result<Hash, String> {
        let is_it = |parameter: &&super::Parameter| parameter.indexed && parameter.name == argument;
        let parameter = self.parameters.iter().find(is_it);
        let parameter =
            parameter.ok_or_else(|| format!("{} has no indexed argument {argument:?}", self.name))?;
        word(&parameter.kind, value).ok_or_else(|| format!("{value:?} is not of type {}", parameter.type_))
    }
}

fn word(kind: &Kind, value: &str) -> Option<Hash> {
    match kind {
        Kind::Bool => bool::from_str(value).ok().map(|value| unsigned(U256::from(u8::from(value)))),
        Kind::Uint(bits) => {
            let value = U256::from_str(value).ok()?;
            (value.bit_len() <= *bits).then(|| unsigned(value))
        }
        Kind::Int(bits) => {
            let value = I256::from_str(value).ok()?;
            let sign = u32::try_from(*bits).ok()?.checked_sub(1)?;
            let rest = value.asr(usize::try_from(sign).ok()?);
            (rest == I256::ZERO || rest == I256::MINUS_ONE).then(|| unsigned(value.into_raw()))
        }
        Kind::Address => Address::from_str(value).ok().and_then(|address| address_topic(&address)),
        Kind::FixedBytes(length) => {
            let bytes = hex::decode(value).ok().filter(|bytes| bytes.len() == *length)?;
            padded(&bytes, 0)
        }
        _ => Hash::from_str(value).ok(),
    }
}

/// The topic of an address; none for one that is not of an EVM chain.
#[must_use]
pub fn address_topic(address: &Address) -> Option<Hash> {
    let bytes = address.as_bytes();
    (bytes.len() == 20).then(|| padded(bytes, WORD - 20)).flatten()
}

fn unsigned(value: U256) -> Hash {
    Hash::from(value.to_be_bytes::<WORD>())
}

fn padded(bytes: &[u8], from: usize) -> Option<Hash> {
    let mut word = [0; WORD];
    word.get_mut(from..from.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(Hash::from(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(signature: &str) -> EventShape {
        Abi::parse_signatures(&[signature]).unwrap().events().next().unwrap().clone()
    }

    #[test]
    fn values_of_indexed_arguments_are_written_as_topics() {
        let shape = event("E(uint8 x, address indexed who, int16 indexed n, bytes2 indexed tag)");
        assert_eq!(
            ["who", "n", "tag", "x"].map(|name| shape.topic_place(name)),
            [Some(1), Some(2), Some(3), None]
        );
        let topic = |name, value| shape.topic(name, value).map(|topic| topic.to_string());
        let ends = |name, value, end: &str| assert!(topic(name, value).unwrap().ends_with(end), "{value}");
        ends(
            "who",
            "0xd8da6bf26964af9d7eed9e03e53415d37aa96045",
            "00d8da6bf26964af9d7eed9e03e53415d37aa96045",
        );
        ends("n", "-2", "fffe");
        ends("n", "32767", "0007fff");
        assert_eq!(topic("tag", "0xabcd").unwrap(), format!("0xabcd{}", "0".repeat(60)));
        for (name, value) in [("who", "0x12"), ("n", "32768"), ("n", "one"), ("tag", "0xab"), ("x", "1")] {
            assert!(topic(name, value).is_err(), "{name} {value}");
        }
        let other = event("E(string indexed text, bool indexed flag, uint8 indexed small)");
        let hash = format!("0x{}", "12".repeat(32));
        assert_eq!(other.topic("text", &hash).unwrap().to_string(), hash);
        assert!(other.topic("text", "words").is_err());
        assert!(other.topic("flag", "true").unwrap().to_string().ends_with("01"));
        assert!(other.topic("small", "0xff").unwrap().to_string().ends_with("0ff"));
        assert!(other.topic("small", "256").is_err());
    }

    #[test]
    fn an_abi_is_narrowed_to_some_of_its_events() {
        let abi = Abi::parse_signatures(&["A(uint8 x)", "B(uint8 x)", "A(uint8 indexed y)"]).unwrap();
        let only = abi.only(&["A"]).unwrap();
        assert_eq!((only.events().count(), only.event_names()), (2, vec!["A"]));
        assert!(
            only.topics().iter().all(|topic| only.events_of(topic).count() == abi.events_of(topic).count())
        );
        assert!(abi.only(&["C"]).is_none());
    }
}

//! Event definitions of contracts and the decoding of logs with them.

mod decode;
mod known;
mod parse;
mod protocol;
mod value;

use alloy::dyn_abi::DynSolType;
use capstan_primitives::Hash;

pub use decode::{Argument, DecodeError, Decoded};
pub use parse::AbiError;
pub use protocol::{Creates, Protocol, known_protocols, protocol};
pub use value::Value;

/// The events of one kind of contract, each with its own id and number of indexed arguments.
/// Anonymous events have no id and are left out.
#[derive(Debug, Clone)]
pub struct Abi {
    events: Vec<EventShape>,
}

#[derive(Debug, Clone, PartialEq)]
struct EventShape {
    name: String,
    /// Hash of the signature: the first topic.
    id: Hash,
    parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, PartialEq)]
struct Parameter {
    name: String,
    /// Type as written in the signature: `uint256`, `(address,uint256)[]`.
    type_: String,
    kind: DynSolType,
    indexed: bool,
}

impl Abi {
    /// The first topics of all events, each once, in the order of the definition.
    #[must_use]
    pub fn topics(&self) -> Vec<Hash> {
        distinct(self.events.iter().map(|event| event.id))
    }

    /// The names of the events whose first topic is `topic`.
    pub fn names_of(&self, topic: &Hash) -> impl Iterator<Item = &str> {
        let events = self.events.iter().filter(move |event| event.id == *topic);
        events.map(|event| event.name.as_str())
    }

    /// The names of all events, each once, in the order of the definition.
    #[must_use]
    pub fn event_names(&self) -> Vec<&str> {
        distinct(self.events.iter().map(|event| event.name.as_str()))
    }
}

impl EventShape {
    fn indexed_count(&self) -> usize {
        self.parameters.iter().filter(|parameter| parameter.indexed).count()
    }
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut seen, item| {
        if !seen.contains(&item) {
            seen.push(item);
        }
        seen
    })
}

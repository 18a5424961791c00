//! Event definitions of contracts and the decoding of logs with them.
//!
//! A log is matched by its first topic and its number of topics, which tells apart events of one
//! signature that differ in what is indexed, such as the `Transfer` of ERC-20 and of ERC-721. A log that
//! matches none is tried against the anonymous events of that number of topics, and is one of them when
//! it has the form of exactly one.
//!
//! A log carries the address of the contract that was called, also when that is a proxy and its code is
//! elsewhere: a proxy is configured with its own address and the ABI of its implementation, joined with
//! the events of the proxy itself where those matter. An upgrade that adds events needs a wider ABI.

mod decode;
mod json;
mod kind;
mod known;
mod parse;
mod protocol;
mod signature;
#[cfg(test)]
mod tests;
mod topics;
mod value;
mod walk;

use alloy::primitives::{B256, map::B256Map};
use capstan_primitives::Hash;

use kind::Kind;

pub use decode::{Argument, DecodeError, Decoded, Topic};
pub use parse::AbiError;
pub use protocol::{Creates, Protocol, known_protocols, protocol};
pub use topics::address_topic;
pub use value::{Integer, Value};

/// Most topics of a log that can be arguments: the EVM has four, and the first is the event's id
/// unless the event is anonymous.
const MOST_INDEXED: usize = 3;

/// The events of one kind of contract.
#[derive(Debug, Clone)]
pub struct Abi {
    /// Those with an id, no two with the same id and number of indexed arguments.
    events: Vec<EventShape>,
    /// Places in `events` by id and by number of indexed arguments.
    places: B256Map<[Option<usize>; MOST_INDEXED + 1]>,
    /// Those without an id.
    anonymous: Vec<EventShape>,
}

/// One event as its contract declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventShape {
    name: String,
    /// Hash of the signature: the first topic. None when the event is anonymous.
    id: Option<Hash>,
    parameters: Vec<Parameter>,
    indexed: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Parameter {
    name: String,
    /// Type as written in the signature: `uint256`, `(address,uint256)[]`.
    type_: String,
    kind: Kind,
    indexed: bool,
}

impl Abi {
    /// The first topics of all events that have one, each once, in the order of the definition.
    #[must_use]
    pub fn topics(&self) -> Vec<Hash> {
        distinct(self.events.iter().filter_map(EventShape::id))
    }

    /// The events whose first topic is `topic`.
    pub fn events_of(&self, topic: &Hash) -> impl Iterator<Item = &EventShape> {
        let places = self.places.get(&B256::new(*topic.as_bytes()));
        let places = places.into_iter().flatten().copied().flatten();
        places.filter_map(|place| self.events.get(place))
    }

    /// Every event, anonymous ones last.
    pub fn events(&self) -> impl Iterator<Item = &EventShape> {
        self.events.iter().chain(&self.anonymous)
    }

    /// The names of all events, each once, in the order of the definition, anonymous ones last.
    #[must_use]
    pub fn event_names(&self) -> Vec<&str> {
        distinct(self.events().map(EventShape::name))
    }

    /// Whether logs may be events of this ABI without having one of [`topics`](Self::topics).
    #[must_use]
    pub fn has_anonymous(&self) -> bool {
        !self.anonymous.is_empty()
    }

    /// The event of a log's first topic and number of topics; anonymous events are not looked at.
    #[must_use]
    pub fn find(&self, topics: &[impl Topic]) -> Option<&EventShape> {
        let (id, arguments) = topics.split_first()?;
        let places = self.places.get(&B256::new(*id.word()))?;
        let place = (*places.get(arguments.len())?)?;
        self.events.get(place)
    }
}

impl EventShape {
    /// Name of the event.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hash of the signature, the first topic of every log of the event; none when it is anonymous.
    #[must_use]
    pub fn id(&self) -> Option<Hash> {
        self.id
    }

    /// How many topics a log of the event has.
    #[must_use]
    pub fn topic_count(&self) -> usize {
        self.indexed + usize::from(self.id.is_some())
    }

    /// Name and types, as they are hashed: `Transfer(address,address,uint256)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let types: Vec<_> = self.parameters.iter().map(|parameter| parameter.type_.as_str()).collect();
        format!("{}({})", self.name, types.join(","))
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

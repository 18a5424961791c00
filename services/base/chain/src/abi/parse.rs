//! From definitions in any of their published forms to an ABI.

use capstan_primitives::keccak256;

use super::{
    Abi, EventShape, MOST_INDEXED, Parameter,
    kind::{DEEPEST, Kind},
};

/// Why a text holds no usable event definitions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// Not JSON.
    #[error("is not json: {reason}")]
    Json {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// JSON, but neither a list of definitions nor an object with such a list under `abi`.
    #[error("{field} is {found}; expected an array of definitions, or an object with one under \"abi\"")]
    NoAbi {
        /// `the text` or `abi`.
        field: &'static str,
        /// What is there instead.
        found: &'static str,
    },
    /// A part of the JSON that is not what an ABI has there.
    #[error("{field}: {reason}")]
    Field {
        /// Path to the part, with the event's name when that is known: `abi[3].inputs[0].type`.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// A definition of an event that cannot be read, or that no contract can have.
    #[error("event {event}: {reason}")]
    Event {
        /// Name or text of the definition.
        event: String,
        /// What is wrong.
        reason: String,
    },
    /// Two events that a log cannot tell apart.
    #[error("event {event} is defined twice with other arguments indexed")]
    Ambiguous {
        /// Signature of the event.
        event: String,
    },
    /// No event in it.
    #[error("defines no event")]
    NoEvents,
}

/// A definition as it was read, before it is known to make sense.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) anonymous: bool,
    pub(super) inputs: Vec<Input>,
}

/// An argument of a definition.
#[derive(Debug)]
pub(super) struct Input {
    /// Empty when it has none.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) indexed: bool,
}

impl Abi {
    pub(super) fn of_definitions(definitions: Vec<Definition>) -> Result<Self, AbiError> {
        let mut abi = Self { events: Vec::new(), places: Default::default(), anonymous: Vec::new() };
        for definition in definitions {
            abi.add(shape(definition)?)?;
        }
        if abi.events.is_empty() && abi.anonymous.is_empty() {
            return Err(AbiError::NoEvents);
        }
        Ok(abi)
    }

    pub(super) fn add(&mut self, shape: EventShape) -> Result<(), AbiError> {
        let Some(id) = shape.id else {
            if !self.anonymous.contains(&shape) {
                self.anonymous.push(shape);
            }
            return Ok(());
        };
        let places = self.places.entry((*id.as_bytes()).into()).or_default();
        let Some(place) = places.get_mut(shape.indexed) else { return Ok(()) }; // `shape` refuses more
        match place.and_then(|place| self.events.get(place)) {
            None => {
                *place = Some(self.events.len());
                self.events.push(shape);
                Ok(())
            }
            Some(twin) if is_decoded_alike(twin, &shape) => Ok(()),
            Some(_) => Err(AbiError::Ambiguous { event: shape.signature() }),
        }
    }
}

fn shape(definition: Definition) -> Result<EventShape, AbiError> {
    let Definition { name, anonymous, inputs } = definition;
    let indexed = inputs.iter().filter(|input| input.indexed).count();
    let most = if anonymous { MOST_INDEXED + 1 } else { MOST_INDEXED };
    if indexed > most {
        let reason = format!("has {indexed} indexed arguments, at most {most} fit into a log");
        return Err(AbiError::Event { event: name, reason });
    }
    let parameters = inputs.into_iter().enumerate().map(|(place, input)| {
        let name = if input.name.is_empty() { format!("arg{place}") } else { input.name };
        Parameter { name, type_: input.kind.to_string(), kind: input.kind, indexed: input.indexed }
    });
    let mut shape = EventShape { name, id: None, parameters: parameters.collect(), indexed };
    if !anonymous {
        shape.id = Some(keccak256(&[shape.signature().as_bytes()]));
    }
    Ok(shape)
}

/// Makes a type of its name without array suffixes, its parts if it is a tuple, and the suffixes.
pub(super) fn kind(base: &str, parts: Option<Vec<Kind>>, suffixes: &str) -> Result<Kind, String> {
    let inside = parts.iter().flatten().map(Kind::depth).max().unwrap_or_default();
    if inside + suffixes.matches('[').count() >= DEEPEST {
        return Err(format!("is nested {DEEPEST} deep or deeper"));
    }
    let kind = match parts {
        Some(parts) if parts.is_empty() => return Err("a tuple without parts holds nothing".into()),
        Some(parts) => Kind::Tuple(parts),
        None => Kind::elementary(base).ok_or_else(|| format!("{base:?} is not a type"))?,
    };
    kind.with_suffixes(suffixes)
}

fn is_decoded_alike(one: &EventShape, other: &EventShape) -> bool {
    let indexed = |shape: &EventShape| -> Vec<bool> {
        shape.parameters.iter().map(|parameter| parameter.indexed).collect()
    };
    indexed(one) == indexed(other)
}

//! Reading event definitions from the forms in which they are published.

use alloy::{
    dyn_abi::{DynSolType, Specifier},
    json_abi::{Event, EventParam},
};
use capstan_primitives::Hash;
use serde_json::Value;

use super::{Abi, EventShape, Parameter};

/// The EVM has four topics, and the first is the event's id.
const MOST_INDEXED: usize = 3;

/// Why a text holds no usable event definitions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// Not JSON.
    #[error("is not json: {reason}")]
    Json {
        /// What the parser says.
        reason: String,
    },
    /// JSON, but neither a list of definitions nor an object with such a list under `abi`.
    #[error("is neither an array of definitions nor an object with one under \"abi\"")]
    NoAbi,
    /// A definition of an event that cannot be read.
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
    /// No event with an id in it.
    #[error("defines no event")]
    NoEvents,
}

impl Abi {
    /// Reads a JSON array of ABI items, a compiler's artifact with such an array under `abi`, or a
    /// JSON array of human-readable signatures (`event Transfer(address indexed from, …)`), in which
    /// tuples are written without names: `(address,uint256)[] orders`.
    /// Anything but events is passed over.
    ///
    /// # Errors
    /// When the text is none of these, an event cannot be read, or there is no event.
    pub fn parse_json(text: &str) -> Result<Self, AbiError> {
        let json: Value =
            serde_json::from_str(text).map_err(|error| AbiError::Json { reason: error.to_string() })?;
        let items = json.as_array().or_else(|| json.get("abi")?.as_array()).ok_or(AbiError::NoAbi)?;
        let events = items.iter().filter_map(|item| match item {
            Value::String(signature) => is_event(signature).then(|| parse_signature(signature)),
            item => (item.get("type")?.as_str()? == "event").then(|| parse_item(item)),
        });
        Self::of_events(events.collect::<Result<Vec<_>, _>>()?)
    }

    /// Reads human-readable signatures, all of them of events.
    pub(super) fn of_signatures(signatures: &[&str]) -> Result<Self, AbiError> {
        let events = signatures.iter().map(|signature| parse_signature(signature));
        Self::of_events(events.collect::<Result<Vec<_>, _>>()?)
    }

    fn of_events(events: Vec<Event>) -> Result<Self, AbiError> {
        let mut shapes: Vec<EventShape> = Vec::new();
        for event in events.into_iter().filter(|event| !event.anonymous) {
            let shape = shape(&event)?;
            let twin = shapes
                .iter()
                .find(|other| other.id == shape.id && other.indexed_count() == shape.indexed_count());
            match twin {
                None => shapes.push(shape),
                Some(twin) if is_decoded_alike(twin, &shape) => {}
                Some(_) => return Err(AbiError::Ambiguous { event: event.signature() }),
            }
        }
        if shapes.is_empty() {
            return Err(AbiError::NoEvents);
        }
        Ok(Self { events: shapes })
    }
}

fn is_event(signature: &str) -> bool {
    signature.trim_start().starts_with("event ")
}

fn parse_signature(signature: &str) -> Result<Event, AbiError> {
    Event::parse(signature)
        .map_err(|error| AbiError::Event { event: signature.into(), reason: error.to_string() })
}

fn parse_item(item: &Value) -> Result<Event, AbiError> {
    let mut item = item.clone();
    let event = item.get("name").and_then(Value::as_str).unwrap_or("without a name").to_owned();
    if let Some(fields) = item.as_object_mut() {
        fields.entry("anonymous").or_insert(Value::Bool(false)); // older compilers leave it out
    }
    serde_json::from_value(item).map_err(|error| AbiError::Event { event, reason: error.to_string() })
}

fn shape(event: &Event) -> Result<EventShape, AbiError> {
    let refused = |reason: String| AbiError::Event { event: event.name.clone(), reason };
    let inputs = event.inputs.iter().enumerate();
    let parameters = inputs.map(|(place, input)| parameter(place, input)).collect::<Result<Vec<_>, _>>();
    let id = Hash::from(event.selector().0);
    let shape = EventShape { name: event.name.clone(), id, parameters: parameters.map_err(&refused)? };
    if shape.indexed_count() > MOST_INDEXED {
        return Err(refused(format!("has more than {MOST_INDEXED} indexed arguments")));
    }
    Ok(shape)
}

fn parameter(place: usize, input: &EventParam) -> Result<Parameter, String> {
    let kind: DynSolType = input.resolve().map_err(|error| format!("{}: {error}", input.ty))?;
    if has_empty_part(&kind) {
        return Err(format!("{}: has a part of no size", input.ty));
    }
    let name = if input.name.is_empty() { format!("arg{place}") } else { input.name.clone() };
    Ok(Parameter { name, type_: input.selector_type().into_owned(), kind, indexed: input.indexed })
}

/// Parts without a size could be repeated without end by a log of a few bytes.
fn has_empty_part(kind: &DynSolType) -> bool {
    match kind {
        DynSolType::Tuple(parts) => parts.is_empty() || parts.iter().any(has_empty_part),
        DynSolType::Array(part) => has_empty_part(part),
        DynSolType::FixedArray(part, length) => *length == 0 || has_empty_part(part),
        _ => false,
    }
}

fn is_decoded_alike(one: &EventShape, other: &EventShape) -> bool {
    let indexed = |shape: &EventShape| -> Vec<bool> {
        shape.parameters.iter().map(|parameter| parameter.indexed).collect()
    };
    indexed(one) == indexed(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: &str = r#"{"type":"event","name":"Made","inputs":[
        {"name":"","type":"tuple[]","indexed":false,"components":[{"name":"a","type":"address"}]}]}"#;

    #[test]
    fn the_three_published_forms_are_read() {
        let array = format!(r#"[{ITEM},{{"type":"constructor","inputs":[]}}]"#);
        let artifact = format!(r#"{{"contractName":"X","abi":{array},"bytecode":"0x"}}"#);
        let signatures = r#"["event Made((address)[])", "function f()", "struct S { uint a; }"]"#;
        for text in [array.as_str(), artifact.as_str(), signatures] {
            let abi = Abi::parse_json(text).unwrap();
            assert_eq!(abi.event_names(), ["Made"], "{text}");
            let parameter = &abi.events[0].parameters[0];
            assert_eq!((parameter.name.as_str(), parameter.type_.as_str()), ("arg0", "(address)[]"));
        }
    }

    #[test]
    fn what_defines_no_event_is_refused_with_the_reason() {
        assert!(matches!(Abi::parse_json("{"), Err(AbiError::Json { .. })));
        for text in ["{}", "3", r#"{"abi":3}"#] {
            assert_eq!(Abi::parse_json(text).unwrap_err(), AbiError::NoAbi, "{text}");
        }
        for text in ["[]", r#"["function f()"]"#, r#"["event Anonymous(uint a) anonymous"]"#] {
            assert_eq!(Abi::parse_json(text).unwrap_err(), AbiError::NoEvents, "{text}");
        }
    }

    #[test]
    fn an_event_that_no_contract_can_have_is_refused_by_name() {
        let texts = [
            r#"["event Bad(uint7x a)"]"#,
            r#"["event Bad(uint indexed a, uint indexed b, uint indexed c, uint indexed d)"]"#,
            r#"[{"type":"event","name":"Bad","inputs":[{"name":"a","type":"tuple[]","indexed":false,"components":[]}]}]"#,
            r#"[{"type":"event","name":"Bad"}]"#,
        ];
        for text in texts {
            let error = Abi::parse_json(text).unwrap_err();
            assert!(
                matches!(&error, AbiError::Event { event, .. } if event.contains("Bad")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn an_event_may_be_repeated_but_not_with_other_arguments_indexed() {
        let same = r#"["event A(uint indexed a, uint b)", "event A(uint indexed a, uint b)"]"#;
        assert_eq!(Abi::parse_json(same).unwrap().events.len(), 1);
        let more = r#"["event A(uint indexed a, uint b)", "event A(uint indexed a, uint indexed b)"]"#;
        assert_eq!(Abi::parse_json(more).unwrap().topics().len(), 1);
        let other = r#"["event A(uint indexed a, uint b)", "event A(uint a, uint indexed b)"]"#;
        assert!(matches!(Abi::parse_json(other), Err(AbiError::Ambiguous { .. })));
    }
}

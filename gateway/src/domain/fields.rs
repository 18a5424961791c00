//! Request fields by name, and their values from the text of a path or a query.

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value};
use serde::de::{
    IntoDeserializer,
    value::{Error as TextError, StrDeserializer},
};

/// The way to a field, outermost first; never empty.
pub type FieldPath = Vec<FieldDescriptor>;

/// A value that does not fit its field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The field as the caller wrote it, or `body`.
    pub field: String,
    /// What is wrong, in words for the caller.
    pub problem: String,
}

impl Invalid {
    /// Joins a field with what is wrong with it.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Follows names through nested messages; each is a field's name in the contract or in JSON.
/// `None` when a name is unknown or the way leads through something that is not a single message.
#[must_use]
pub fn resolve<'n>(
    message: &MessageDescriptor,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<FieldPath> {
    let mut path = FieldPath::new();
    let mut inside = Some(message.clone());
    for name in names {
        let field = field_of(&inside?, name)?;
        inside = match field.kind() {
            Kind::Message(next) if !field.is_list() && !field.is_map() => Some(next),
            _ => None,
        };
        path.push(field);
    }
    Some(path).filter(|path| !path.is_empty())
}

fn field_of(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

/// Sets the field at the end of `path` to one value, or to all of `texts` when it repeats.
///
/// # Errors
/// Says what is wrong with a value, or that a field has too many of them.
pub fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], texts: &[String]) -> Result<(), String> {
    let Some((field, rest)) = path.split_first() else {
        return Err("no such field".to_owned());
    };
    refuse_second_choice(message, field)?;
    if rest.is_empty() {
        let value = parse_all(field, texts)?;
        return message.try_set_field(field, value).map_err(|_| "does not fit its field".to_owned());
    }
    match message.get_field_mut(field) {
        Value::Message(inner) => set(inner, rest, texts),
        _ => Err("is not a message".to_owned()),
    }
}

fn refuse_second_choice(message: &DynamicMessage, field: &FieldDescriptor) -> Result<(), String> {
    let Some(choice) = field.containing_oneof() else {
        return Ok(());
    };
    let other = choice.fields().find(|other| other != field && message.has_field(other));
    match other {
        Some(other) => Err(format!("cannot be given together with {}", other.json_name())),
        None => Ok(()),
    }
}

fn parse_all(field: &FieldDescriptor, texts: &[String]) -> Result<Value, String> {
    if field.is_map() {
        return Err("a map cannot be given in a query".to_owned());
    }
    if field.is_list() {
        let values = texts.iter().map(|text| parse(&field.kind(), text));
        return Ok(Value::List(values.collect::<Result<_, _>>()?));
    }
    match texts {
        [text] => parse(&field.kind(), text),
        _ => Err("given more than once".to_owned()),
    }
}

/// Reads a value of `kind` from text, as proto JSON writes it in a string.
///
/// # Errors
/// Says what was expected.
pub fn parse(kind: &Kind, text: &str) -> Result<Value, String> {
    let value = match kind {
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => integer(text).map(Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => integer(text).map(Value::I64),
        Kind::Uint32 | Kind::Fixed32 => integer(text).map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => integer(text).map(Value::U64),
        Kind::Enum(options) => enum_number(options, text).map(Value::EnumNumber),
        Kind::Float | Kind::Double | Kind::Bytes | Kind::Message(_) => from_json_text(kind, text),
    };
    value.ok_or_else(|| format!("not {}", expected(kind)))
}

// Rust accepts a leading plus sign, JSON does not.
fn integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

fn enum_number(options: &EnumDescriptor, text: &str) -> Option<i32> {
    let named = options.get_value_by_name(text).map(|value| value.number());
    named.or_else(|| integer(text))
}

// Messages are those that JSON writes as one string, such as timestamps.
fn from_json_text(kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Double => number(text, f64::is_finite).map(Value::F64),
        Kind::Float => number(text, f32::is_finite).map(Value::F32),
        Kind::Bytes => bytes(text).map(Value::Bytes),
        Kind::Message(message) => {
            let json: StrDeserializer<'_, TextError> = text.into_deserializer();
            let read = DynamicMessage::deserialize(message.clone(), json).ok();
            read.map(Value::Message)
        }
        _ => None,
    }
}

// Rust reads more spellings of what is not finite than JSON has, and rounds what is too large up to it.
fn number<T: std::str::FromStr + Copy>(text: &str, is_finite: fn(T) -> bool) -> Option<T> {
    let value = text.parse().ok()?;
    let is_named = matches!(text, "NaN" | "Infinity" | "-Infinity");
    (is_named || is_finite(value)).then_some(value)
}

fn bytes(text: &str) -> Option<bytes::Bytes> {
    use base64::{Engine, alphabet, engine};
    let config =
        engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    let decoded = engine::GeneralPurpose::new(&alphabet, config).decode(text);
    decoded.ok().map(bytes::Bytes::from)
}

fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "text".to_owned(),
        Kind::Bytes => "base64".to_owned(),
        Kind::Float | Kind::Double => "a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "a 32-bit integer".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a 64-bit integer".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "an unsigned 32-bit integer".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "an unsigned 64-bit integer".to_owned(),
        Kind::Enum(options) => {
            let names: Vec<_> = options.values().map(|value| value.name().to_owned()).collect();
            format!("one of {}", names.join(", "))
        }
        Kind::Message(message) => format!("a {} in one piece of text", message.name()),
    }
}

//! Definitions in JSON, as compilers write them.

use serde_json::{Map, Value};

use super::{
    Abi, AbiError,
    kind::{DEEPEST, Kind},
    parse::{Definition, Input, kind},
    signature,
};

impl Abi {
    /// Reads a JSON array of ABI items, a compiler's artifact (Hardhat, Foundry, Truffle) with such an
    /// array under `abi`, or a JSON array of signatures as [`parse_signatures`](Self::parse_signatures)
    /// takes them. Anything but events is passed over.
    ///
    /// # Errors
    /// When the text is none of these, an event cannot be read, or there is no event. The error names
    /// the line, or the field, or the event.
    pub fn parse_json(text: &str) -> Result<Self, AbiError> {
        let json: Value =
            serde_json::from_str(text).map_err(|error| AbiError::Json { reason: error.to_string() })?;
        let (field, list) = match &json {
            Value::Object(artifact) => ("abi", artifact.get("abi").unwrap_or(&Value::Null)),
            list => ("the text", list),
        };
        let items = list.as_array().ok_or_else(|| AbiError::NoAbi { field, found: named(list) })?;
        let definitions = items.iter().enumerate().filter_map(|(place, item)| match item {
            Value::String(text) => signature::is_event(text).then(|| signature::parse(text)),
            item => definition(&format!("abi[{place}]"), item).transpose(),
        });
        Self::of_definitions(definitions.collect::<Result<Vec<_>, _>>()?)
    }
}

/// Reads one item; none when it is something else than an event.
fn definition(path: &str, item: &Value) -> Result<Option<Definition>, AbiError> {
    let item = item.as_object().ok_or_else(|| wrong(path, "a definition", item))?;
    // A function is what an item without a type is.
    if item.get("type").and_then(Value::as_str) != Some("event") {
        return Ok(None);
    }
    let name = string(path, item, "name")?;
    let path = format!("{path} (event {name})");
    if !signature::is_identifier(name) {
        return Err(AbiError::Field { field: path, reason: "the name is not an identifier".into() });
    }
    let inputs = array(&path, item, "inputs")?.iter().enumerate();
    let inputs = inputs.map(|(place, one)| input(&format!("{path}.inputs[{place}]"), one));
    // Older compilers leave it out.
    let anonymous = optional_flag(&path, item, "anonymous")?.unwrap_or(false);
    Ok(Some(Definition { name: name.to_owned(), anonymous, inputs: inputs.collect::<Result<_, _>>()? }))
}

fn input(path: &str, json: &Value) -> Result<Input, AbiError> {
    let fields = json.as_object().ok_or_else(|| wrong(path, "an argument", json))?;
    let name = if fields.contains_key("name") { string(path, fields, "name")? } else { "" };
    let indexed = optional_flag(path, fields, "indexed")?;
    let missing = || AbiError::Field { field: format!("{path}.indexed"), reason: "is missing".into() };
    let kind = type_of(path, fields, 0)?;
    Ok(Input { name: name.to_owned(), kind, indexed: indexed.ok_or_else(missing)? })
}

fn type_of(path: &str, fields: &Map<String, Value>, depth: usize) -> Result<Kind, AbiError> {
    let text = string(path, fields, "type")?;
    let refused = |reason| AbiError::Field { field: format!("{path}.type"), reason };
    if depth >= DEEPEST {
        return Err(refused(format!("is nested {DEEPEST} deep or deeper")));
    }
    let (base, suffixes) = text.split_at(text.find('[').unwrap_or(text.len()));
    let parts = if base == "tuple" { Some(components(path, fields, depth)?) } else { None };
    kind(base, parts, suffixes).map_err(refused)
}

fn components(path: &str, fields: &Map<String, Value>, depth: usize) -> Result<Vec<Kind>, AbiError> {
    let components = array(path, fields, "components")?.iter().enumerate();
    let read = components.map(|(place, part)| {
        let path = format!("{path}.components[{place}]");
        let fields = part.as_object().ok_or_else(|| wrong(&path, "a part of a tuple", part))?;
        type_of(&path, fields, depth + 1)
    });
    read.collect()
}

fn string<'a>(path: &str, fields: &'a Map<String, Value>, key: &str) -> Result<&'a str, AbiError> {
    let value = fields.get(key).unwrap_or(&Value::Null);
    value.as_str().ok_or_else(|| wrong(&format!("{path}.{key}"), "a string", value))
}

fn array<'a>(path: &str, fields: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], AbiError> {
    let value = fields.get(key).unwrap_or(&Value::Null);
    value.as_array().map(Vec::as_slice).ok_or_else(|| wrong(&format!("{path}.{key}"), "an array", value))
}

fn optional_flag(path: &str, fields: &Map<String, Value>, key: &str) -> Result<Option<bool>, AbiError> {
    let value = fields.get(key);
    let flag = value
        .map(|value| value.as_bool().ok_or_else(|| wrong(&format!("{path}.{key}"), "true or false", value)));
    flag.transpose()
}

fn wrong(path: &str, expected: &str, found: &Value) -> AbiError {
    AbiError::Field { field: path.to_owned(), reason: format!("is {}, expected {expected}", named(found)) }
}

/// What a JSON value is, in words. Absent fields are read as null.
fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "missing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

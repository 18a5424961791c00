//! From the path, query and body of an HTTP request to the request message of an rpc.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use prost_reflect::DynamicMessage;

use super::{
    contract::{Binding, Body},
    fields::{self, FieldPath, Invalid},
    template::{PathParts, Template},
};

/// The parts of an HTTP request that can hold fields.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The path as the route's template reads it.
    pub path: &'a PathParts<'a>,
    /// The template that matched.
    pub template: &'a Template,
    /// The query, still encoded; empty when there is none.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Builds the request message of `binding`.
///
/// # Errors
/// Names the field, query parameter or `body` that is wrong, and says why.
pub fn build(binding: &Binding, parts: Parts<'_>) -> Result<DynamicMessage, Invalid> {
    let mut message = from_body(binding, parts.body)?;
    for (variable, field) in parts.template.variables.iter().zip(&binding.variables) {
        let name = variable.field.join(".");
        let text = variable
            .value(parts.path, parts.template)
            .map_err(|error| Invalid::new(&name, error.to_string()))?;
        fields::set(&mut message, field, &[text]).map_err(|problem| Invalid::new(name, problem))?;
    }
    for (name, texts) in parse_query(parts.query)? {
        let field = query_field(binding, &name)?;
        fields::set(&mut message, &field, &texts).map_err(|problem| Invalid::new(name, problem))?;
    }
    Ok(message)
}

fn from_body(binding: &Binding, body: &[u8]) -> Result<DynamicMessage, Invalid> {
    let input = binding.method.input();
    let mut message = DynamicMessage::new(input);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(message);
    }
    match &binding.body {
        Body::None => Ok(message),
        Body::Message => read_json(&binding.method.input(), body),
        Body::Field(field) => {
            // The field's own reader is reached through a message that holds nothing else.
            let name = serde_json::to_vec(field.json_name()).unwrap_or_default();
            let wrapped = [b"{".as_slice(), &name, b":", body, b"}"].concat();
            refuse_open_json(body)?;
            let mut read = read_json(&binding.method.input(), &wrapped)?;
            if let Some(value) = read.take_field(field) {
                message
                    .try_set_field(field, value)
                    .map_err(|error| Invalid::new("body", error.to_string()))?;
            }
            Ok(message)
        }
    }
}

// Text such as `1,"other":2` would otherwise smuggle a second field in.
fn refuse_open_json(body: &[u8]) -> Result<(), Invalid> {
    serde_json::from_slice::<serde::de::IgnoredAny>(body)
        .map(|_| ())
        .map_err(|error| Invalid::new("body", error.to_string()))
}

fn read_json(message: &prost_reflect::MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, Invalid> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = DynamicMessage::deserialize(message.clone(), &mut reader);
    read.and_then(|message| reader.end().map(|()| message))
        .map_err(|error| Invalid::new("body", error.to_string()))
}

fn query_field(binding: &Binding, name: &str) -> Result<FieldPath, Invalid> {
    let unknown = || Invalid::new(name, "no such query parameter");
    let path = fields::resolve(&binding.method.input(), name.split('.')).ok_or_else(unknown)?;
    let in_path = binding.variables.contains(&path);
    if in_path {
        return Err(Invalid::new(name, "already given by the path"));
    }
    let in_body = match &binding.body {
        Body::None => false,
        Body::Message => true,
        Body::Field(field) => path.first() == Some(field),
    };
    if in_body {
        return Err(Invalid::new(name, "belongs into the body"));
    }
    Ok(path)
}

// Grouped by name, so that every value of a repeated field arrives together.
fn parse_query(query: &str) -> Result<BTreeMap<String, Vec<String>>, Invalid> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let not_text = || Invalid::new(name, "not valid percent-encoded UTF-8");
        let name = decode_form(name).ok_or_else(not_text)?;
        let value = decode_form(value).ok_or_else(not_text)?;
        parameters.entry(name).or_default().push(value);
    }
    Ok(parameters)
}

fn decode_form(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

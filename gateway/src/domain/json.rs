//! Response messages as canonical proto JSON.

use prost_reflect::{DynamicMessage, FieldDescriptor, SerializeOptions, Value};

/// Writes a message, or one field of it. Fields without presence are always there; optional fields
/// and messages only when they are set. A field that is asked for and not set is `null`.
///
/// # Errors
/// When a value has no JSON form, such as a timestamp after the year 9999.
pub fn write(
    message: &DynamicMessage,
    field: Option<&FieldDescriptor>,
) -> Result<Vec<u8>, serde_json::Error> {
    let Some(field) = field else {
        return write_message(message);
    };
    if field.supports_presence() && !message.has_field(field) {
        return Ok(b"null".to_vec());
    }
    match message.get_field(field).as_ref() {
        Value::Message(inner) => write_message(inner),
        _ => {
            let whole = to_value(message)?;
            serde_json::to_vec(&whole.get(field.json_name()))
        }
    }
}

/// The message as a JSON value.
///
/// # Errors
/// When a value has no JSON form.
pub fn to_value(message: &DynamicMessage) -> Result<serde_json::Value, serde_json::Error> {
    message.serialize_with_options(serde_json::value::Serializer, &options())
}

fn write_message(message: &DynamicMessage) -> Result<Vec<u8>, serde_json::Error> {
    let mut writer = serde_json::Serializer::new(Vec::with_capacity(512));
    message.serialize_with_options(&mut writer, &options())?;
    Ok(writer.into_inner())
}

const fn options() -> SerializeOptions {
    SerializeOptions::new().skip_default_fields(false)
}

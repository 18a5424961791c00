//! Which events a client wants.

use capstan_primitives::Address;
use capstan_proto::indexer as wire;

use super::convert::{at_most, parsed};
use crate::{
    domain::{ArgumentFilter, EventFilter},
    error::Error,
};

const MAX_ADDRESSES: usize = 1_000;
const MAX_NAMES: usize = 100;
const MAX_ARGUMENTS: usize = 10;
/// Of all arguments together.
const MAX_VALUES: usize = 1_000;

pub(super) fn list_filter(request: &wire::ListEventsRequest) -> Result<EventFilter, Error> {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let transaction =
        some(&request.transaction_hash).map(|text| parsed("transaction_hash", &text)).transpose()?;
    let address = some(&request.address).map(|text| parsed::<Address>("address", &text)).transpose()?;
    if let (Some(from), Some(to)) = (request.from_block, request.to_block)
        && from > to
    {
        let description = format!("{from} is after to_block {to}");
        return Err(Error::Field { field: "from_block".into(), description });
    }
    Ok(EventFilter {
        addresses: address.into_iter().collect(),
        kinds: some(&request.kind).into_iter().collect(),
        protocols: Vec::new(),
        arguments: listed_arguments(&request.arguments)?,
        transaction,
        from_block: request.from_block,
        to_block: request.to_block,
    })
}

pub(super) fn stream_filter(filter: Option<wire::EventFilter>) -> Result<EventFilter, Error> {
    let wire::EventFilter { addresses, kinds, protocols, arguments } = filter.unwrap_or_default();
    at_most("filter.addresses", addresses.len(), MAX_ADDRESSES)?;
    at_most("filter.kinds", kinds.len(), MAX_NAMES)?;
    at_most("filter.protocols", protocols.len(), MAX_NAMES)?;
    let addresses = addresses
        .iter()
        .enumerate()
        .map(|(index, text)| parsed(&format!("filter.addresses[{index}]"), text))
        .collect::<Result<_, _>>()?;
    let arguments = arguments.into_iter().map(|argument| {
        let wire::ArgumentFilter { name, values } = argument;
        ArgumentFilter { name, values }
    });
    let arguments = checked("filter.arguments", arguments.collect())?;
    Ok(EventFilter { addresses, kinds, protocols, arguments, ..EventFilter::default() })
}

/// Conditions that are written `name=value`.
fn listed_arguments(written: &[String]) -> Result<Vec<ArgumentFilter>, Error> {
    let mut arguments: Vec<ArgumentFilter> = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let description = format!("{text:?} is not written name=value");
            Error::Field { field: format!("arguments[{index}]"), description }
        })?;
        match arguments.iter_mut().find(|argument| argument.name == name) {
            Some(argument) => argument.values.push(value.to_owned()),
            None => arguments.push(ArgumentFilter { name: name.to_owned(), values: vec![value.to_owned()] }),
        }
    }
    checked("arguments", arguments)
}

fn checked(field: &str, arguments: Vec<ArgumentFilter>) -> Result<Vec<ArgumentFilter>, Error> {
    at_most(field, arguments.len(), MAX_ARGUMENTS)?;
    let values = arguments.iter().map(|argument| argument.values.len()).sum();
    at_most(field, values, MAX_VALUES)?;
    for (index, ArgumentFilter { name, values }) in arguments.iter().enumerate() {
        let wrong = |key: &str, description: String| {
            Err(Error::Field { field: format!("{field}[{index}].{key}"), description })
        };
        if name.is_empty() {
            return wrong("name", "is empty".to_owned());
        }
        if values.is_empty() {
            return wrong("values", "is empty, so that nothing would match".to_owned());
        }
        if let Some(value) = values.iter().find(|value| !may_be_value(value)) {
            return wrong("values", format!("{value:?} is no address, integer, boolean or bytes in hex"));
        }
    }
    Ok(arguments)
}

/// Whether a text can be a value of some type.
fn may_be_value(text: &str) -> bool {
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("0x") {
        Some(digits) => is_hex(digits),
        None => matches!(text, "true" | "false") || is_number(text.strip_prefix('-').unwrap_or(text)),
    }
}

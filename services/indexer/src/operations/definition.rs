//! From what people say of a contract to how its logs are read; everything that is wrong is named.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use capstan_chain::{Abi, known_protocols, protocol};
use capstan_runtime::{config::ConfigError, platform};

use super::plan::wrong;
use crate::domain::{Contract, Definition, Description, native};

/// What the configuration says of a contract or a wildcard.
pub(super) struct Configured<'a> {
    description: Description,
    /// Where its ABI is.
    file: Option<&'a Path>,
}

impl<'a> From<&'a platform::Contract> for Configured<'a> {
    fn from(of: &'a platform::Contract) -> Self {
        let platform::Contract { protocol, name, address: _, start_block: _, abi, signatures, events } = of;
        Self::new(protocol, name.as_deref(), abi.as_deref(), signatures, events)
    }
}

impl<'a> From<&'a platform::Wildcard> for Configured<'a> {
    fn from(of: &'a platform::Wildcard) -> Self {
        let platform::Wildcard { protocol, name, abi, signatures, events, .. } = of;
        Self::new(protocol, name.as_deref(), abi.as_deref(), signatures, events)
    }
}

impl<'a> Configured<'a> {
    fn new(
        protocol: &str,
        name: Option<&str>,
        file: Option<&'a Path>,
        signatures: &[String],
        events: &BTreeMap<String, String>,
    ) -> Self {
        let description = Description {
            protocol: protocol.to_owned(),
            name: name.map(str::to_owned),
            signatures: signatures.to_vec(),
            events: events.clone(),
            ..Description::default()
        };
        Self { description, file }
    }
}

impl Configured<'_> {
    /// How its logs are read; `place` begins the key of what is wrong.
    pub(super) fn definition(mut self, place: &str) -> Result<Definition, ConfigError> {
        let Some(file) = self.file else { return definition(&self.description, place) };
        let of_file = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
        let text = std::fs::read_to_string(file);
        self.description.abi = Some(text.map_err(|error| wrong(place, "abi", of_file(&error)))?);
        definition(&self.description, place).map_err(|error| match error {
            ConfigError::Value { place, key, reason } if key.ends_with(".abi") => {
                ConfigError::Value { place, key, reason: of_file(&reason) }
            }
            error => error,
        })
    }
}

/// The contract that `of` describes, on a chain that is followed from `start_block` on.
///
/// # Errors
/// When the protocol is unknown, the ABI cannot be read, or it has no event of a name; the key begins
/// with `place`.
pub fn contract(of: &Description, start_block: u64, place: &str) -> Result<Contract, ConfigError> {
    let start_block = of.start_block.unwrap_or(start_block);
    Ok(Contract {
        definition: Arc::new(definition(of, place)?),
        start_block,
        factory: None,
        tokens: Arc::default(),
    })
}

fn definition(of: &Description, place: &str) -> Result<Definition, ConfigError> {
    let definition = match of.protocol.as_str() {
        "abi" => of_abi(of, place)?,
        native::PROTOCOL => {
            let reason =
                "is of no contract; [[chains.accounts]] and [[chains.blocks]] say what to follow".to_owned();
            return Err(wrong(place, "protocol", reason));
        }
        name => {
            let known = || {
                let named = known_protocols().filter(|name| *name != native::PROTOCOL);
                named.collect::<Vec<_>>().join(", ")
            };
            let unknown =
                || wrong(place, "protocol", format!("{name:?} is not known; known are abi, {}", known()));
            Definition::of(protocol(name).ok_or_else(unknown)?, &of.events)
        }
    };
    let names = definition.abi.event_names();
    if let Some(event) = of.events.keys().find(|event| !names.contains(&event.as_str())) {
        let reason = format!("the ABI has no event {event:?}; it has {}", names.join(", "));
        return Err(wrong(place, "events", reason));
    }
    Ok(definition)
}

fn of_abi(of: &Description, place: &str) -> Result<Definition, ConfigError> {
    let name =
        of.name.as_ref().ok_or_else(|| wrong(place, "name", "is needed for protocol \"abi\"".into()))?;
    let abi = match (&of.abi, &of.signatures[..]) {
        (Some(text), []) => Abi::parse_json(text).map_err(|error| wrong(place, "abi", error.to_string()))?,
        (None, signatures @ [_, ..]) => {
            let signatures: Vec<&str> = signatures.iter().map(String::as_str).collect();
            let unusable = |error: capstan_chain::AbiError| wrong(place, "signatures", error.to_string());
            Abi::parse_signatures(&signatures).map_err(unusable)?
        }
        _ => {
            let reason = "protocol \"abi\" needs either a JSON ABI or signatures, a list".to_owned();
            return Err(wrong(place, "abi", reason));
        }
    };
    Ok(Definition::of_abi(name, abi, &of.events))
}

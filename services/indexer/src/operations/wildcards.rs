//! From `[[chains.wildcards]]` to the events that are followed on any contract.

use std::collections::BTreeMap;

use capstan_chain::{EventShape, LogFilter};
use capstan_primitives::Hash;
use capstan_runtime::{config::ConfigError, platform};

use super::{definition::Configured, plan::wrong};
use crate::domain::{Definition, Pattern};

/// The market believes what such contracts say: they are followed by their addresses.
const BELIEVED: &str = "gnosis.";
/// Topics of a log.
const TOPICS: usize = 4;

/// The pattern of a wildcard; `place` names it in errors, such as `chains.0.wildcards.2`.
pub(super) fn pattern(
    of: &platform::Wildcard,
    chain: &platform::Chain,
    place: &str,
) -> Result<Pattern, ConfigError> {
    let definition = Configured::from(of).definition(place)?;
    if !definition.creates.is_empty() || definition.protocol.starts_with(BELIEVED) {
        let reason = format!(
            "what {} says is believed only of contracts that are configured; follow them by address, or its \
             events by signatures with protocol \"abi\"",
            of.protocol
        );
        return Err(wrong(place, "protocol", reason));
    }
    let definition = only(definition, of, place)?;
    if definition.abi.has_anonymous() {
        let reason = "an anonymous event has no id to be found by; name the others".to_owned();
        return Err(wrong(place, "only", reason));
    }
    let filters = filters(&definition, of, place)?;
    Ok(Pattern::new(definition, of.start_block.unwrap_or(chain.start_block), filters))
}

fn only(definition: Definition, of: &platform::Wildcard, place: &str) -> Result<Definition, ConfigError> {
    if of.only.is_empty() {
        return Ok(definition);
    }
    let names = definition.abi.event_names();
    if let Some(unknown) = of.only.iter().find(|name| !names.contains(&name.as_str())) {
        let reason = format!("the ABI has no event {unknown:?}; it has {}", names.join(", "));
        return Err(wrong(place, "only", reason));
    }
    Ok(definition.only(&of.only))
}

/// One filter for all events whose narrowed arguments stand at the same places.
fn filters(
    definition: &Definition,
    of: &platform::Wildcard,
    place: &str,
) -> Result<Vec<LogFilter>, ConfigError> {
    let mut ids: BTreeMap<Vec<Vec<Hash>>, Vec<Hash>> = BTreeMap::new();
    for event in definition.abi.events() {
        let of_event = ids.entry(arguments(event, of, place)?).or_default();
        of_event.extend(event.id().filter(|id| !of_event.contains(id)));
    }
    let filter = |(arguments, ids): (Vec<Vec<Hash>>, Vec<Hash>)| {
        let topics = [vec![ids], arguments].concat();
        LogFilter { addresses: Vec::new(), topics }
    };
    Ok(ids.into_iter().map(filter).collect())
}

/// The topics after the id of an event that are asked for.
fn arguments(
    event: &EventShape,
    of: &platform::Wildcard,
    place: &str,
) -> Result<Vec<Vec<Hash>>, ConfigError> {
    let mut topics: Vec<Vec<Hash>> = vec![Vec::new(); TOPICS - 1];
    for (argument, values) in &of.r#where {
        let key = format!("where.{argument}");
        let at = event.topic_place(argument).and_then(|at| at.checked_sub(1));
        let Some(wanted) = at.and_then(|at| topics.get_mut(at)) else {
            let reason = format!(
                "{} has no indexed argument {argument:?}; name the events that have it in `only`",
                event.signature()
            );
            return Err(wrong(place, &key, reason));
        };
        let values = values.iter().map(|value| event.topic(argument, value)).collect::<Result<_, _>>();
        *wanted = values.map_err(|reason| wrong(place, &key, reason))?;
        if wanted.is_empty() {
            return Err(wrong(place, &key, "is empty, so that nothing would be followed".to_owned()));
        }
    }
    // Each further place would ask for logs of more topics.
    while topics.last().is_some_and(Vec::is_empty) {
        topics.pop();
    }
    Ok(topics)
}

//! Logs to what is stored of them.

use std::sync::Arc;

use capstan_chain::{DecodeError, Log};
use capstan_primitives::Hash;

use super::{Contract, Contracts, Definition, EventType, Found, Source};

/// Logs whose memory is given back at a time.
const GIVE_BACK: usize = 4_096;

/// What the logs of some blocks come to.
#[derive(Debug, Default)]
pub struct Batch {
    /// Logs to keep, in the order of the chain.
    pub events: Vec<NewEvent>,
    /// Contracts that factories made.
    pub found: Vec<Found>,
    /// Logs that do not decode as their ABI says.
    pub quarantined: Vec<Quarantined>,
}

/// A log to keep.
#[derive(Debug)]
pub struct NewEvent {
    /// The log.
    pub log: Log,
    /// What it is filed under.
    pub of: EventType,
}

/// A log that does not decode as its ABI says.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarantined {
    /// The log.
    pub log: Log,
    /// Why not.
    pub reason: String,
}

/// Sorts out `logs`, which are in the order of the chain. Logs of unknown contracts, or below their
/// contract's start block, are none of ours, unless a pattern takes them. One of an event that the ABI of
/// its contract does not list is kept: the ABI may list it later.
///
/// A log that only a pattern takes was emitted by nobody in particular. When it does not decode it is
/// another event, or somebody's joke, and is left out; nor does it make contracts known.
#[must_use]
pub fn sort_out(mut logs: Vec<Log>, contracts: &Contracts) -> Batch {
    let mut batch = Batch { events: Vec::with_capacity(logs.len()), ..Batch::default() };
    // From behind, the first one first: what was taken is given back on the way, and is not held twice.
    logs.reverse();
    while let Some(log) = logs.pop() {
        if logs.len().is_multiple_of(GIVE_BACK) {
            logs.shrink_to_fit();
        }
        let contract = match contracts.of(&log.address, log.block_number, &log.topics) {
            Some(Source::Contract(contract)) => contract,
            Some(Source::Pattern(contract)) => {
                if contract.definition.abi.check_log(&log).is_ok() {
                    let of = type_of(&log, contract);
                    batch.events.push(NewEvent { log, of });
                }
                continue;
            }
            None => continue,
        };
        batch.add(log, contract);
    }
    batch
}

impl Batch {
    /// Adds a log of a contract.
    fn add(&mut self, log: Log, contract: &Contract) {
        match contract.definition.abi.check_log(&log) {
            Ok(_) => self.found.extend(Contracts::made_by(contract, &log)),
            Err(DecodeError::UnknownEvent) => {}
            Err(error) => {
                self.quarantined.push(Quarantined { reason: error.to_string(), log });
                return;
            }
        }
        let of = type_of(&log, contract);
        self.events.push(NewEvent { log, of });
    }
}

/// What another definition makes of some logs that are stored of a contract.
#[derive(Debug, Default)]
pub struct Reread {
    /// What changes place: logs of the quarantine that are events now, and events that go into it; and
    /// what they, or others, make known.
    pub moved: Batch,
    /// What logs of the contract are filed under, and what they are filed under from now on.
    pub renamed: Vec<(EventType, EventType)>,
    /// Logs whose first topic is the id of their event now, or no longer is.
    pub filed: Vec<NewEvent>,
}

impl Reread {
    /// Looks at a log in quarantine.
    pub fn quarantined(&mut self, log: Log, contract: &Contract) {
        let mut now = Batch::default();
        now.add(log, contract);
        self.moved.events.append(&mut now.events);
        self.moved.found.append(&mut now.found);
    }

    /// Looks at a log that is filed as `of`.
    pub fn logged(&mut self, log: Log, of: &EventType, contract: &Contract) {
        let mut now = Batch::default();
        now.add(log, contract);
        self.moved.found.append(&mut now.found);
        self.moved.quarantined.append(&mut now.quarantined);
        for event in now.events.into_iter().filter(|event| event.of != *of) {
            if event.of.topic != of.topic {
                self.filed.push(event);
            } else if !self.renamed.iter().any(|(before, _)| before == of) {
                self.renamed.push((of.clone(), event.of));
            }
        }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Batch { events, found, quarantined } = &self.moved;
        let stays = events.is_empty() && found.is_empty() && quarantined.is_empty();
        stays && self.renamed.is_empty() && self.filed.is_empty()
    }
}

/// An anonymous event has no id: its first topic says nothing of its kind.
fn type_of(log: &Log, contract: &Contract) -> EventType {
    let Definition { abi, source, .. } = &*contract.definition;
    let is_anonymous = abi.has_anonymous() && abi.find(&log.topics).is_none();
    let topic = log.topics.first().copied().filter(|_| !is_anonymous);
    EventType { source: Arc::clone(source), topic: topic.unwrap_or(Hash::ZERO) }
}

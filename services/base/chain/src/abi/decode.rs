//! From a log to the name and the arguments of its event.

use capstan_primitives::Hash;

use super::{
    Abi, EventShape, Parameter, Value,
    walk::{Build, Flaw, Reader, WORD, word},
};
use crate::Log;

/// A log in the words of the contract. Names are borrowed from the ABI, texts and bytes from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// Name of the event as the contract declares it.
    pub name: &'a str,
    /// All arguments, indexed or not, in the order of the declaration.
    pub arguments: Vec<Argument<'a>>,
}

/// One argument of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Declared name, or `arg` and the place from 0 when it was declared without one.
    pub name: &'a str,
    /// Type as written in the event's signature, also when only a hash of the value is known.
    pub type_: &'a str,
    /// Value.
    pub value: Value<'a>,
}

/// Why a log could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No event of the ABI has this first topic with this number of topics, and no anonymous event
    /// of the ABI has this form.
    #[error("no known event has this id and number of topics")]
    UnknownEvent,
    /// The event is known, but topics or data are not what its declaration says.
    #[error("malformed log: {reason}")]
    Malformed {
        /// Event, argument and what is wrong.
        reason: String,
    },
    /// The log has the form of several anonymous events.
    #[error("ambiguous log: has the form of the anonymous events {}", events.join(" and "))]
    Ambiguous {
        /// Signatures of the events.
        events: Vec<String>,
    },
}

/// A topic of a log: 32 bytes.
pub trait Topic {
    /// The bytes, first byte first.
    fn word(&self) -> &[u8; 32];
}

impl Topic for Hash {
    fn word(&self) -> &[u8; 32] {
        self.as_bytes()
    }
}

impl Topic for [u8; 32] {
    fn word(&self) -> &[u8; 32] {
        self
    }
}

impl Abi {
    /// Decodes a log from its topics and data.
    ///
    /// Any bytes are safe: work and memory are bounded by the size of the log.
    ///
    /// # Errors
    /// The same as of [`check`](Self::check).
    pub fn decode<'a>(
        &'a self,
        topics: &'a [impl Topic],
        data: &'a [u8],
    ) -> Result<Decoded<'a>, DecodeError> {
        let event = match self.find(topics) {
            Some(event) => event,
            None => self.anonymous(topics, data)?,
        };
        let mut arguments = Vec::with_capacity(event.parameters.len());
        let keep = |parameter: &'a Parameter, value| {
            arguments.push(Argument { name: &parameter.name, type_: &parameter.type_, value });
        };
        event.walk(topics, data, keep)?;
        Ok(Decoded { name: &event.name, arguments })
    }

    /// [`decode`](Self::decode) of a whole log.
    ///
    /// # Errors
    /// The same as of [`check`](Self::check).
    pub fn decode_log<'a>(&'a self, log: &'a Log) -> Result<Decoded<'a>, DecodeError> {
        self.decode(&log.topics, &log.data)
    }

    /// Whether [`decode`](Self::decode) succeeds, without building the values; says which event it is.
    ///
    /// # Errors
    /// [`DecodeError::UnknownEvent`], [`DecodeError::Malformed`] or [`DecodeError::Ambiguous`].
    pub fn check(&self, topics: &[impl Topic], data: &[u8]) -> Result<&EventShape, DecodeError> {
        let Some(event) = self.find(topics) else { return self.anonymous(topics, data) };
        event.walk(topics, data, |_, ()| {})?;
        Ok(event)
    }

    /// [`check`](Self::check) of a whole log.
    ///
    /// # Errors
    /// The same as of [`check`](Self::check).
    pub fn check_log(&self, log: &Log) -> Result<&EventShape, DecodeError> {
        self.check(&log.topics, &log.data)
    }

    /// The only anonymous event that a log has the form of.
    fn anonymous(&self, topics: &[impl Topic], data: &[u8]) -> Result<&EventShape, DecodeError> {
        let is_candidate = |event: &&EventShape| {
            event.indexed == topics.len() && event.arguments(topics, data, |_, ()| {}).is_ok()
        };
        let mut candidates = self.anonymous.iter().filter(is_candidate);
        let first = candidates.next().ok_or(DecodeError::UnknownEvent)?;
        let others: Vec<_> = candidates.map(EventShape::signature).collect();
        if others.is_empty() {
            return Ok(first);
        }
        Err(DecodeError::Ambiguous { events: [vec![first.signature()], others].concat() })
    }
}

impl EventShape {
    /// Reads all arguments and hands them to `each`.
    fn walk<'a, B: Build<'a>>(
        &'a self,
        topics: &'a [impl Topic],
        data: &'a [u8],
        each: impl FnMut(&'a Parameter, B),
    ) -> Result<(), DecodeError> {
        self.arguments(topics, data, each).map_err(|(parameter, flaw)| DecodeError::Malformed {
            reason: format!("{}: {}: {flaw}", self.name, parameter.name),
        })
    }

    fn arguments<'a, B: Build<'a>>(
        &'a self,
        topics: &'a [impl Topic],
        data: &'a [u8],
        mut each: impl FnMut(&'a Parameter, B),
    ) -> Result<(), (&'a Parameter, Flaw<'a>)> {
        let mut topics = topics.iter().skip(usize::from(self.id.is_some())).map(Topic::word);
        let mut reader = Reader::new(data);
        let mut at = 0;
        for parameter in &self.parameters {
            let value = if parameter.indexed {
                topics.next().ok_or(Flaw::Short).and_then(|topic| of_topic(parameter, topic))
            } else {
                reader.read(&parameter.kind, 0, &mut at)
            };
            each(parameter, value.map_err(|flaw| (parameter, flaw))?);
        }
        Ok(())
    }
}

fn of_topic<'a, B: Build<'a>>(parameter: &'a Parameter, topic: &'a [u8; WORD]) -> Result<B, Flaw<'a>> {
    if parameter.kind.is_word() { word(&parameter.kind, topic) } else { Ok(B::bytes(topic)) }
}

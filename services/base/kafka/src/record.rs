//! What is in the topic: protobuf messages, and headers that say where in the log each one stands.

use std::{fmt, str::FromStr};

use capstan_proto::indexer::{Event, Heartbeat, UndoSignal};
use prost::Message as _;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};

/// A log, and which of its publications: it is published anew when history was added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Made at random with the log.
    pub id: u64,
    /// How often history had been added when its publication began.
    pub history: u64,
}

/// Where in a log something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Reorgs since the log began.
    pub fork: u64,
    /// As `Event.position`.
    pub position: u64,
}

/// One record of the topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The log that it is of.
    pub log: Log,
    /// What comes right before it.
    pub after: Place,
    /// What has been said with it. Of an undo: the last position that stays valid.
    pub through: Place,
    /// What it says.
    pub body: Body,
}

/// What a record says, by its header `type`.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `begin`: the publication of a log begins; its value says nothing more.
    Begin(Heartbeat),
    /// `begin` with the header `from`: it begins with this block, as what was before is no longer kept.
    BeginFrom(Heartbeat, u64),
    /// `event`
    Event(Event),
    /// `undo`
    Undo(UndoSignal),
    /// `block`: every event of this block and those before it has been said.
    Block(Heartbeat),
}

/// A record that is not ours, or not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Record {
    /// Chain id; its decimal digits are the record's key.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        match &self.body {
            Body::Event(event) => event.chain_id,
            Body::Undo(undo) => undo.chain_id,
            Body::Begin(heartbeat) | Body::BeginFrom(heartbeat, _) | Body::Block(heartbeat) => {
                heartbeat.chain_id
            }
        }
    }

    /// What the record is called: the same when it is published twice.
    #[must_use]
    pub fn id(&self) -> String {
        let chain = self.chain_id();
        match &self.body {
            Body::Event(event) => {
                let block = event.block.as_ref().map_or("", |block| &block.hash);
                format!("{chain}:{block}:{}", event.log_index)
            }
            Body::Begin(_) => format!("{chain}:begin:{}", self.log),
            Body::BeginFrom(_, block) => format!("{chain}:begin:{}:{block}", self.log),
            Body::Undo(_) => format!("{chain}:undo:{}", self.through),
            Body::Block(_) => format!("{chain}:block:{}", self.through),
        }
    }

    const fn type_(&self) -> &'static str {
        match self.body {
            Body::Begin(_) | Body::BeginFrom(..) => "begin",
            Body::Event(_) => "event",
            Body::Undo(_) => "undo",
            Body::Block(_) => "block",
        }
    }

    /// The value.
    #[must_use]
    pub(crate) fn value(&self) -> Vec<u8> {
        match &self.body {
            Body::Event(event) => event.encode_to_vec(),
            Body::Undo(undo) => undo.encode_to_vec(),
            Body::Begin(heartbeat) | Body::BeginFrom(heartbeat, _) | Body::Block(heartbeat) => {
                heartbeat.encode_to_vec()
            }
        }
    }

    /// The headers.
    #[must_use]
    pub(crate) fn headers(&self) -> OwnedHeaders {
        let headers = [
            ("id", self.id()),
            ("type", self.type_().to_owned()),
            ("log", self.log.to_string()),
            ("after", self.after.to_string()),
            ("through", self.through.to_string()),
        ];
        let from =
            if let Body::BeginFrom(_, block) = self.body { Some(("from", block.to_string())) } else { None };
        headers.iter().chain(&from).fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header { key, value: Some(value.as_str()) })
        })
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn read(message: &impl Message) -> Result<Self, Malformed> {
        let value = message.payload().ok_or_else(|| Malformed("has no value".to_owned()))?;
        Ok(Self {
            log: header(message, "log")?,
            after: header(message, "after")?,
            through: header(message, "through")?,
            body: match text(message, "type")? {
                "begin" => match text(message, "from") {
                    Ok(from) => Body::BeginFrom(decoded(value)?, number("from", from)?),
                    Err(_) => Body::Begin(decoded(value)?),
                },
                "event" => Body::Event(decoded(value)?),
                "undo" => Body::Undo(decoded(value)?),
                "block" => Body::Block(decoded(value)?),
                other => return Err(Malformed(format!("header type: {other:?} is not known"))),
            },
        })
    }
}

fn text<'a>(message: &'a impl Message, name: &str) -> Result<&'a str, Malformed> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let found = headers.filter(|header| header.key == name).find_map(|header| header.value);
    let text = found.and_then(|value| std::str::from_utf8(value).ok());
    text.ok_or_else(|| Malformed(format!("has no header {name}")))
}

fn header<T: FromStr<Err = Malformed>>(message: &impl Message, name: &str) -> Result<T, Malformed> {
    text(message, name)?.parse().map_err(|Malformed(reason)| Malformed(format!("header {name}: {reason}")))
}

fn number(name: &str, text: &str) -> Result<u64, Malformed> {
    text.parse().map_err(|error| Malformed(format!("header {name}: {error}")))
}

fn decoded<T: prost::Message + Default>(value: &[u8]) -> Result<T, Malformed> {
    T::decode(value).map_err(|error| Malformed(format!("value: {error}")))
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{}", self.id, self.history)
    }
}

impl FromStr for Log {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts = text.split_once('.');
        let parts =
            parts.and_then(|(id, history)| Some((u64::from_str_radix(id, 16).ok()?, history.parse().ok()?)));
        let (id, history) = parts.ok_or_else(|| Malformed(format!("{text:?} names no log")))?;
        Ok(Self { id, history })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.fork, self.position)
    }
}

impl FromStr for Place {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts = text.split_once(':');
        let parts = parts.and_then(|(fork, position)| Some((fork.parse().ok()?, position.parse().ok()?)));
        let (fork, position) = parts.ok_or_else(|| Malformed(format!("{text:?} is no place")))?;
        Ok(Self { fork, position })
    }
}

#[cfg(test)]
mod tests {
    use capstan_proto::primitives::BlockRef;
    use proptest::prelude::*;
    use rdkafka::{Timestamp, message::OwnedMessage};

    use super::*;

    fn sent(record: &Record) -> OwnedMessage {
        let key = record.chain_id().to_string().into_bytes();
        let (value, headers) = (record.value(), record.headers());
        OwnedMessage::new(Some(value), Some(key), "t".into(), Timestamp::NotAvailable, 0, 0, Some(headers))
    }

    fn body() -> impl Strategy<Value = Body> {
        let block = Some(BlockRef { number: 9, hash: "0xab".to_owned(), time: None });
        let heartbeat = Heartbeat { chain_id: 7, block: block.clone(), cursor: "c".into(), finalized: None };
        let event =
            Event { chain_id: 7, block: block.clone(), log_index: 3, position: 5, ..Event::default() };
        let undo = UndoSignal { chain_id: 7, last_valid_block: block, depth: 2, ..UndoSignal::default() };
        let begin = [Body::Begin(heartbeat.clone()), Body::BeginFrom(heartbeat.clone(), 4)];
        let bodies = [Body::Event(event), Body::Undo(undo), Body::Block(heartbeat)];
        prop::sample::select([&begin[..], &bodies].concat())
    }

    proptest! {
        #[test]
        fn a_record_reads_what_it_writes(body in body(), log: (u64, u64), after: (u64, u64), through: (u64, u64)) {
            let place = |(fork, position)| Place { fork, position };
            let log = Log { id: log.0, history: log.1 };
            let record = Record { log, after: place(after), through: place(through), body };
            prop_assert_eq!(Record::read(&sent(&record)), Ok(record));
        }

        #[test]
        fn any_text_is_refused_without_panic(text: String) {
            prop_assert!(text.parse::<Log>().is_err() || text.contains('.'));
            prop_assert!(text.parse::<Place>().is_err() || text.contains(':'));
        }
    }

    #[test]
    fn an_event_is_called_by_its_identity() {
        let block = Some(BlockRef { number: 9, hash: "0xab".to_owned(), time: None });
        let event = Event { chain_id: 7, block, log_index: 3, ..Event::default() };
        let place = Place { fork: 0, position: 0 };
        let log = Log { id: 1, history: 0 };
        let record = Record { log, after: place, through: place, body: Body::Event(event) };
        assert_eq!(record.id(), "7:0xab:3");
        let foreign = sent(&record).replace_headers(None);
        assert_eq!(Record::read(&foreign), Err(Malformed("has no header log".to_owned())));
    }
}

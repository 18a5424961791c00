//! Blocks of events as the indexer serves them.

use capstan_primitives::{Address, Hash, U256, keccak256};
use capstan_proto::{
    indexer::{
        Argument, Event, EventBatch, Heartbeat, StreamEventsResponse, stream_events_response::Message,
    },
    primitives::{BlockRef, Finality},
};
use prost_types::{ListValue, Timestamp, Value, value::Kind};

pub(super) const CHAIN_ID: u64 = 13371;
/// As `seed.time` has it.
const GENESIS_TIME: u64 = 1_750_000_000;
const BLOCK_SECONDS: u64 = 5;
/// Most events of one message, as the indexer has it.
const BATCH: usize = 1_000;

/// What was emitted since the last block that was taken.
pub(super) struct Log {
    number: u64,
    transactions: u64,
    events: Vec<Event>,
}

impl Log {
    /// A log whose next block has this number.
    pub(super) fn from(number: u64) -> Self {
        Self { number, transactions: 0, events: Vec::new() }
    }

    /// Begins a transaction; what is emitted is of it until the next.
    pub(super) fn transaction(&mut self) {
        self.transactions += 1;
    }

    /// Emits an event of the protocol and name that are its kind.
    pub(super) fn emit(&mut self, address: Address, kind: &str, arguments: Vec<Argument>) {
        let log_index = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let (protocol, name) = kind.rsplit_once('.').unwrap_or_default();
        let transaction =
            keccak256(&[b"transaction", &self.number.to_be_bytes(), &self.transactions.to_be_bytes()]);
        self.events.push(Event {
            chain_id: CHAIN_ID,
            block: Some(self.block()),
            transaction_hash: transaction.to_string(),
            log_index,
            address: address.to_string(),
            protocol: protocol.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            arguments,
            position: self.number << 24 | u64::from(log_index),
            finality: Finality::Finalized.into(),
            ..Event::default()
        });
    }

    /// Ends the block, and gives its events.
    pub(super) fn mine(&mut self) -> Vec<Event> {
        self.number += 1;
        self.transactions = 0;
        std::mem::take(&mut self.events)
    }

    fn block(&self) -> BlockRef {
        let seconds = i64::try_from(GENESIS_TIME + BLOCK_SECONDS * self.number).unwrap_or(i64::MAX);
        BlockRef {
            number: self.number,
            hash: keccak256(&[b"block", &self.number.to_be_bytes()]).to_string(),
            time: Some(Timestamp { seconds, nanos: 0 }),
        }
    }
}

/// Events in order as messages of the size that the indexer has them in.
pub(super) fn messages(events: &[Event]) -> Vec<StreamEventsResponse> {
    let mut rest = events;
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(rest.len().min(BATCH));
        rest = later;
        let block = batch.last().and_then(|event| event.block.clone());
        let block_complete = later.first().is_none_or(|next| next.block != block);
        messages.push(message(Message::Events(EventBatch {
            chain_id: CHAIN_ID,
            cursor: format!("bench {}", batch.last().map_or(0, |event| event.position)),
            events: batch.to_vec(),
            finalized: block.clone(),
            block,
            block_complete,
        })));
    }
    messages
}

/// Nothing new.
pub(super) fn heartbeat() -> StreamEventsResponse {
    message(Message::Heartbeat(Heartbeat {
        chain_id: CHAIN_ID,
        cursor: "bench".to_owned(),
        ..Heartbeat::default()
    }))
}

fn message(message: Message) -> StreamEventsResponse {
    StreamEventsResponse { message: Some(message) }
}

fn argument(name: &str, r#type: &str, kind: Kind) -> Argument {
    Argument { name: name.to_owned(), r#type: r#type.to_owned(), value: Some(Value { kind: Some(kind) }) }
}

fn list(items: impl Iterator<Item = String>) -> Kind {
    let values = items.map(|item| Value { kind: Some(Kind::StringValue(item)) }).collect();
    Kind::ListValue(ListValue { values })
}

pub(super) fn address(name: &str, value: Address) -> Argument {
    argument(name, "address", Kind::StringValue(value.to_string()))
}

pub(super) fn bytes32(name: &str, value: Hash) -> Argument {
    argument(name, "bytes32", Kind::StringValue(value.to_string()))
}

pub(super) fn bytes32s(name: &str, values: &[Hash]) -> Argument {
    argument(name, "bytes32[]", list(values.iter().map(ToString::to_string)))
}

pub(super) fn uint(name: &str, value: impl ToString) -> Argument {
    argument(name, "uint256", Kind::StringValue(value.to_string()))
}

pub(super) fn uints<T: ToString>(name: &str, values: &[T]) -> Argument {
    argument(name, "uint256[]", list(values.iter().map(ToString::to_string)))
}

pub(super) fn string(name: &str, value: &str) -> Argument {
    argument(name, "string", Kind::StringValue(value.to_owned()))
}

pub(super) fn strings(name: &str, values: &[&str]) -> Argument {
    argument(name, "string[]", list(values.iter().map(ToString::to_string)))
}

/// A number that no two things of one kind share.
pub(super) fn hash(kind: &str, number: usize) -> Hash {
    keccak256(&[kind.as_bytes(), &number.to_be_bytes()])
}

/// An address that no two things of one kind share.
pub(super) fn address_of(kind: &str, number: usize) -> Address {
    let hash = hash(kind, number);
    let mut bytes = [0; 20];
    bytes.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    Address::from(bytes)
}

/// Token ids are numbers.
pub(super) type Token = U256;

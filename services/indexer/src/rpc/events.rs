//! Events as they are sent.

use bytes::Bytes;
use capstan_chain::{Argument, Decoded, Value};
use capstan_primitives::{BlockRef, ChainId, Finality};
use capstan_proto::indexer::{self as wire, Payload};
use prost::Message;

use super::{canonical, checksums::Checksums, convert, protobuf::Wire};
use crate::{domain::Event, error::Error};

/// Room for an event that is written alone.
const ROOM: usize = 512;

/// Writes the events of one chain as protobuf, remembering what many of them share.
pub(super) struct EventWriter {
    chain_id: ChainId,
    arguments: bool,
    canonical: bool,
    raw: bool,
    texts: Texts,
}

/// What many events share, as it is written.
#[derive(Default)]
struct Texts {
    addresses: Checksums,
    block: Option<(BlockRef, Vec<u8>)>,
}

impl EventWriter {
    /// Writes events that carry `payloads`.
    pub(super) fn new(chain_id: ChainId, payloads: &[Payload]) -> Self {
        let some = |payload| payloads.contains(&payload);
        let none = !some(Payload::Canonical) && !some(Payload::Raw);
        Self {
            chain_id,
            arguments: none || some(Payload::Arguments) || some(Payload::Unspecified),
            canonical: some(Payload::Canonical),
            raw: some(Payload::Raw),
            texts: Texts::default(),
        }
    }

    /// One event, made a struct of.
    ///
    /// # Errors
    /// As of [`read`].
    pub(super) fn message(&mut self, how: Finality, event: &Event) -> Result<wire::Event, Error> {
        let mut wire = Wire::with_room(ROOM);
        self.fields(&mut wire, how, event);
        read(wire.into_bytes().into())
    }

    /// One event of the list in field `tag`.
    pub(super) fn write(&mut self, wire: &mut Wire, tag: u32, how: Finality, event: &Event) {
        wire.nested(tag, |wire| self.fields(wire, how, event));
    }

    /// The fields of `capstan.indexer.v1.Event`.
    fn fields(&mut self, wire: &mut Wire, how: Finality, event: &Event) {
        // It was checked on the way here: an event that does not decode is not handed out.
        let decoded = event.definition.abi.decode(&event.topics, &event.data).ok();
        wire.number(1, self.chain_id.0);
        wire.one_of_bytes(2, self.texts.block(event.block));
        wire.hex(3, event.transaction.as_bytes());
        wire.number(4, event.transaction_index.into());
        wire.number(5, event.log_index.into());
        wire.bytes(6, self.texts.addresses.text(event.address).as_bytes());
        wire.bytes(7, event.definition.protocol.as_bytes());
        wire.bytes(8, event.kind.as_bytes());
        if let Some(decoded) = &decoded {
            wire.bytes(9, decoded.name.as_bytes());
            if self.arguments {
                decoded.arguments.iter().for_each(|argument| self.texts.argument(wire, argument));
            }
        }
        wire.number(11, event.place);
        wire.number(12, i32::from(convert::finality(how)).unsigned_abs().into());
        if let Some(decoded) = decoded.filter(|_| self.canonical) {
            canonical(wire, event, &decoded);
        }
        if self.raw {
            event.topics.iter().for_each(|topic| wire.one_of_bytes(14, topic.as_bytes()));
            wire.bytes(15, &event.data);
        }
    }
}

/// Reads a message that was written here.
///
/// # Errors
/// Never, unless it was written wrongly.
pub(super) fn read<M: Message + Default>(written: Bytes) -> Result<M, Error> {
    M::decode(written).map_err(|error| Error::Task(format!("a message cannot be read back: {error}")))
}

fn canonical(wire: &mut Wire, event: &Event, decoded: &Decoded<'_>) {
    let meanings = canonical::of(decoded, event);
    meanings.iter().for_each(|meaning| wire.message(13, meaning));
}

impl Texts {
    fn block(&mut self, of: BlockRef) -> &[u8] {
        if self.block.as_ref().is_none_or(|(known, _)| *known != of) {
            self.block = Some((of, convert::block(of).encode_to_vec()));
        }
        self.block.as_ref().map(|(_, written)| written.as_slice()).unwrap_or_default()
    }

    /// `capstan.indexer.v1.Argument`.
    fn argument(&mut self, wire: &mut Wire, of: &Argument<'_>) {
        wire.nested(10, |wire| {
            wire.bytes(1, of.name.as_bytes());
            wire.bytes(2, of.type_.as_bytes());
            wire.nested(3, |wire| self.value(wire, &of.value));
        });
    }

    /// `google.protobuf.Value`.
    fn value(&mut self, wire: &mut Wire, of: &Value<'_>) {
        match of {
            Value::Bool(flag) => wire.one_of_flag(4, *flag),
            Value::Integer(number) => wire.text(3, number),
            Value::Text(text) => wire.one_of_bytes(3, text.as_bytes()),
            Value::Bytes(bytes) => wire.hex(3, bytes),
            Value::Address(address) => {
                wire.one_of_bytes(3, self.addresses.text(*address).as_bytes());
            }
            Value::List(values) => wire.nested(6, |wire| {
                for value in values {
                    wire.nested(1, |wire| self.value(wire, value));
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests;

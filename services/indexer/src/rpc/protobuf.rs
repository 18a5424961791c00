//! Writing protobuf field by field, for messages that are too many to be made of structs first.

use std::io::Write;

use bytes::BufMut;
use prost::encode_length_delimiter;

/// Wire types.
const VARINT: u32 = 0;
const LENGTH: u32 = 2;

/// A message that is being written. Fields are to come in the order of their tags, as prost writes them.
#[derive(Debug, Default)]
pub(super) struct Wire(Vec<u8>);

impl Wire {
    /// An empty message with room for so many bytes.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// How many bytes were written.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What was written after so many bytes, with room for as many.
    pub(super) fn split_off(&mut self, bytes: usize) -> Self {
        let mut rest = Self::with_room(bytes);
        rest.0.extend_from_slice(self.0.get(bytes..).unwrap_or_default());
        self.0.truncate(bytes);
        rest
    }

    /// What was written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number or an enum; like every field but those of a list and of a oneof, it is left out when it has
    /// its default.
    pub(super) fn number(&mut self, tag: u32, number: u64) {
        if number != 0 {
            self.varint(u64::from(tag << 3 | VARINT));
            self.varint(number);
        }
    }

    /// Bytes, or a text.
    pub(super) fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.one_of_bytes(tag, bytes);
        }
    }

    /// Bytes, or a text, of a list or of a oneof.
    pub(super) fn one_of_bytes(&mut self, tag: u32, bytes: &[u8]) {
        self.key(tag, bytes.len());
        self.0.put_slice(bytes);
    }

    /// A flag of a oneof.
    pub(super) fn one_of_flag(&mut self, tag: u32, flag: bool) {
        self.varint(u64::from(tag << 3 | VARINT));
        self.0.put_u8(flag.into());
    }

    /// Bytes as a text of 0x and lower-case hex.
    pub(super) fn hex(&mut self, tag: u32, bytes: &[u8]) {
        let digits = bytes.len().saturating_mul(2);
        self.key(tag, digits.saturating_add(2));
        self.0.put_slice(b"0x");
        let start = self.0.len();
        self.0.resize(start.saturating_add(digits), 0);
        // Fails only for room of another size.
        let _ = hex::encode_to_slice(bytes, self.0.get_mut(start..).unwrap_or_default());
    }

    /// A text that is written here, of a oneof.
    pub(super) fn text(&mut self, tag: u32, text: &impl std::fmt::Display) {
        self.nested(tag, |wire| {
            // Memory does not fail to be written to.
            let _ = write!(wire.0, "{text}");
        });
    }

    /// A message.
    pub(super) fn message(&mut self, tag: u32, message: &impl prost::Message) {
        self.key(tag, message.encoded_len());
        self.append(message);
    }

    /// The fields of a message that has those written so far, too.
    pub(super) fn append(&mut self, message: &impl prost::Message) {
        // Fails only when the room is bounded.
        let _ = message.encode(&mut self.0);
    }

    /// A message, or a text, that `write` writes.
    pub(super) fn nested(&mut self, tag: u32, write: impl FnOnce(&mut Self)) {
        self.varint(u64::from(tag << 3 | LENGTH));
        let start = self.0.len();
        self.0.put_u8(0);
        write(self);
        let end = self.0.len();
        let length = end.saturating_sub(start).saturating_sub(1);
        let width = prost::length_delimiter_len(length);
        // Most are shorter than 128 bytes; the others move, which costs less than to measure all beforehand.
        if let Some(more) = width.checked_sub(1).filter(|more| *more > 0) {
            self.0.resize(end.saturating_add(more), 0);
            self.0.copy_within(start.saturating_add(1)..end, start.saturating_add(width));
        }
        if let Some(mut place) = self.0.get_mut(start..start.saturating_add(width)) {
            // Fails only when there is too little room.
            let _ = encode_length_delimiter(length, &mut place);
        }
    }

    fn key(&mut self, tag: u32, length: usize) {
        self.varint(u64::from(tag << 3 | LENGTH));
        // Fails only when the room is bounded.
        let _ = encode_length_delimiter(length, &mut self.0);
    }

    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.put_u8(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.put_u8(number.to_le_bytes()[0]);
    }
}

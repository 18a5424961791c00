//! Events as batches of a bounded size.

use capstan_primitives::Finality;
use capstan_proto::encoded::{Message, StreamEventsResponse};
use capstan_proto::indexer::EventBatch;

use super::{Session, convert, message};
use crate::{
    domain::{Event, LogPage},
    rpc::{events::EventWriter, protobuf::Wire},
};

/// What a message is smaller than: gRPC's usual limit is 4 MiB. An event that is larger goes alone.
const MAX_BYTES: usize = 1 << 20;
/// Bytes of a message for what is not an event: blocks, and the cursor of up to a hundred chains.
const ROOM: usize = 16 << 10;
/// Bytes of the events of a message.
pub(super) const MAX_EVENT_BYTES: usize = MAX_BYTES - ROOM;
/// `capstan.indexer.v1.EventBatch.events`
const EVENTS: u32 = 2;

/// A batch that is being filled.
#[derive(Default)]
struct Batch<'a> {
    wire: Wire,
    count: usize,
    last: Option<&'a Event>,
}

impl<'a> Batch<'a> {
    /// Adds an event. Gives the batch without it, and begins another one, when that would be too large.
    fn add(
        &mut self,
        event: &'a Event,
        most: usize,
        write: impl FnOnce(&mut Wire, &Event),
    ) -> Option<Batch<'a>> {
        let before = self.wire.len();
        write(&mut self.wire, event);
        let is_full = self.count >= most || self.count > 0 && self.wire.len() > MAX_EVENT_BYTES;
        let full = is_full.then(|| {
            let begun = self.wire.split_off(before);
            std::mem::replace(self, Batch { wire: begun, count: 0, last: None })
        });
        self.count += 1;
        self.last = Some(event);
        full
    }
}

impl Session {
    /// The events of a page as messages.
    pub(super) fn batches(&mut self, page: &LogPage, writer: &mut EventWriter) -> Vec<StreamEventsResponse> {
        let LogPage { progress, safe, events, coverage, undo: _ } = page;
        let last_final = progress.finalized.map(|block| block.number);
        let mut messages = Vec::new();
        let mut batch = Batch::default();
        for event in events {
            let finality = Finality::of_safe(event.block.number, *safe, last_final);
            let write = |wire: &mut Wire, event: &Event| writer.write(wire, EVENTS, finality, event);
            let full = batch.add(event, self.request.max_batch, write);
            let full = full.and_then(|full| Some((full.last?, full.wire)));
            if let Some((last, wire)) = full {
                messages.push(self.batch(page, wire, last, (last.place, last.block != event.block)));
            }
        }
        if let Some(last) = batch.last {
            messages.push(self.batch(page, batch.wire, last, (coverage.through, coverage.block_complete)));
        }
        messages
    }

    /// The message of a batch that ends with `last`, after which the log was read through a place, and
    /// whether the block of `last` ends there.
    fn batch(
        &mut self,
        page: &LogPage,
        mut wire: Wire,
        last: &Event,
        (through, block_complete): (u64, bool),
    ) -> StreamEventsResponse {
        let (chain_id, fork) = (page.progress.chain_id, page.progress.fork);
        self.advance(chain_id, fork, through, Some(last.block));
        self.told(chain_id, (!block_complete).then_some(last.block.number));
        wire.append(&EventBatch {
            chain_id: chain_id.0,
            events: Vec::new(), // they are there
            block: Some(convert::block(last.block)),
            block_complete,
            finalized: page.progress.finalized.map(convert::block),
            cursor: self.text(),
        });
        message(Message::Events(wire.into_bytes().into()))
    }
}

#[cfg(test)]
mod tests;

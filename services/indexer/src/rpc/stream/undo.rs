//! What a reorg voids, told in messages of a bounded size.

use std::collections::VecDeque;

use capstan_primitives::{BlockRef, ChainId, Finality};
use capstan_proto::{
    encoded::{Message, StreamEventsResponse},
    indexer::{self as wire, UndoSignal},
};
use prost::Message as _;

use super::{Session, batches::MAX_EVENT_BYTES, convert, message};
use crate::{
    domain::{Position, Undo, place},
    error::Error,
    operations::Reverted,
};

/// An undo that is being told. Until its last message the client stands on the chain that it knows, lower
/// with each of them.
pub(super) struct Undoing {
    chain_id: ChainId,
    undo: Undo,
    /// Reorgs that the last message brings the client through.
    fork: u64,
    /// Through where void events are to be read yet.
    unread: Option<Position>,
    /// Block of the oldest void log that was read, wanted or not.
    looked_at: Option<BlockRef>,
    /// Void events that were read and not told, newest first, with their sizes.
    queue: VecDeque<(BlockRef, wire::Event, usize)>,
    is_told: bool,
}

impl Session {
    /// Begins to tell of an undo.
    pub(super) fn undoing(&self, chain_id: ChainId, undo: Undo, fork: u64) -> Result<Undoing, Error> {
        let unread = self.request.with_reverted.then_some(self.at(chain_id)?);
        let queue = VecDeque::new();
        Ok(Undoing { chain_id, undo, fork, unread, looked_at: None, queue, is_told: false })
    }

    /// The next message of an undo; none when it was told.
    pub(super) async fn next_undo(
        &mut self,
        of: &mut Undoing,
    ) -> Result<Option<StreamEventsResponse>, Error> {
        if of.is_told {
            return Ok(None);
        }
        // An event more than the message takes: it says through where the client still has all. When it takes
        // long to find one, the message says how far was looked.
        while of.unread.is_some()
            && of.takes(self.request.max_batch) == of.queue.len()
            && !(self.pulse.is_due() && of.looked_at.is_some())
        {
            self.read_void(of).await?;
        }
        let taken = of.takes(self.request.max_batch);
        let reverted = of.queue.drain(..taken).map(|(_, event, _)| event).collect();
        let at = self.at(of.chain_id)?;
        let (fork, stays, last_valid) = match (of.queue.front(), of.unread.zip(of.looked_at)) {
            (Some((block, next, _)), _) => (at.fork, next.position, *block),
            (None, Some((unread, block))) => (at.fork, unread.place, block),
            (None, None) => {
                of.is_told = true;
                (of.fork, at.place_after(&of.undo.last_valid), of.undo.last_valid)
            }
        };
        self.told(of.chain_id, None);
        let depth = place::number_of(at.place).saturating_sub(last_valid.number);
        self.advance(of.chain_id, fork, stays, Some(last_valid));
        Ok(Some(message(Message::Undo(UndoSignal {
            chain_id: of.chain_id.0,
            last_valid_block: Some(convert::block(last_valid)),
            depth,
            cursor: self.text(),
            reverted,
        }))))
    }

    async fn read_void(&mut self, of: &mut Undoing) -> Result<(), Error> {
        let Some(at) = of.unread else { return Ok(()) };
        let Reverted { events, rest, looked_at } =
            self.log.reverted(of.chain_id, at, of.undo, &self.request.filter).await?;
        of.looked_at = looked_at.or(of.looked_at);
        let writer = self.writers.get_mut(&of.chain_id).ok_or(Error::UnknownChain(of.chain_id.0))?;
        for event in events {
            let wire = writer.message(Finality::Latest, &event)?;
            let bytes = wire.encoded_len();
            of.queue.push_back((event.block, wire, bytes));
        }
        of.unread = rest.map(|place| Position { place, ..at });
        Ok(())
    }
}

impl Undoing {
    /// How many of the events that were read fit into a message; one always does.
    fn takes(&self, most: usize) -> usize {
        let mut bytes = 0;
        let fits = |(_, _, size): &&(BlockRef, wire::Event, usize)| {
            bytes += size;
            bytes <= MAX_EVENT_BYTES
        };
        let fitting = self.queue.iter().take(most).take_while(fits).count();
        fitting.max(1).min(self.queue.len())
    }
}

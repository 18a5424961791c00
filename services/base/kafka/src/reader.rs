//! From records to steps: what was published twice is left out, what is missing is waited for.

use std::collections::HashSet;

use capstan_primitives::{PageToken, PageTokenError};
use capstan_proto::indexer::{Event, EventBatch, EventFilter, Heartbeat, UndoSignal};
use capstan_proto::primitives::BlockRef;
use capstan_runtime::follow::{Step, Subscription};
use prost::Message as _;
use tracing::warn;

use crate::record::{Body, Log, Place, Record};

/// A batch ends when it has so many events or bytes, in the middle of a block if need be.
const MAX_BATCH: usize = 1_000;
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Reads the records of one chain in the order of the topic.
#[derive(Debug)]
pub(crate) struct Reader {
    chain_id: u64,
    filter: Filter,
    /// What the cursors are bound to.
    binding: String,
    at: Option<At>,
    /// Whether the record that the cursor names has been seen again.
    confirmed: bool,
    /// Events that no step has told of yet.
    held: Vec<Event>,
    held_bytes: usize,
    finalized: Option<BlockRef>,
    /// Whether records are missing that must come again.
    gap: bool,
}

/// How far the log has been read, and the last record that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    log: Log,
    place: Place,
    /// The place that the record itself names; an undo of what was not read yet names a later one.
    named: Place,
}

/// Why records cannot be taken further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The first record of the chain is not the beginning of its log.
    BeginningMissing,
    /// The log is published only from this block on, and what was read does not reach to there.
    BeginsWith(u64),
    /// What the cursor names is not there: the topic is another one.
    OtherTopic,
    /// The log is published anew from this offset on.
    Anew(i64),
}

impl Reader {
    /// Goes on after `cursor`; empty: with the beginning of the log.
    ///
    /// # Errors
    /// When the cursor is not one of this topic and subscription.
    pub(crate) fn open(
        topic: &str,
        subscription: &Subscription,
        cursor: &str,
    ) -> Result<Self, PageTokenError> {
        // What is published carries every payload.
        let Subscription { chain_id, filter, payloads: _ } = subscription;
        let binding = format!("Kafka {topic} {chain_id} {filter:?}");
        let at = match cursor {
            "" => None,
            cursor => Some(At::decode(&PageToken::decode(cursor, &binding)?)?),
        };
        Ok(Self {
            chain_id: *chain_id,
            filter: Filter::of(filter),
            binding,
            at,
            confirmed: at.is_none(),
            held: Vec::new(),
            held_bytes: 0,
            finalized: None,
            gap: false,
        })
    }

    /// How far the log has been read.
    pub(crate) const fn at(&self) -> Option<At> {
        self.at
    }

    /// Takes a record of the chain, the first one that which the cursor names.
    pub(crate) fn take(&mut self, partition: i32, offset: i64, record: Record) -> Result<Vec<Step>, Refused> {
        let Record { log, after, through, body } = record;
        let here = At { partition, offset, log, place: through, named: through };
        let Some(at) = self.at else {
            return match body {
                Body::Begin(_) => {
                    self.at = Some(here);
                    Ok(Vec::new())
                }
                Body::BeginFrom(_, block) => Err(Refused::BeginsWith(block)),
                _ => Err(Refused::BeginningMissing),
            };
        };
        if !self.confirmed {
            self.confirmed = true;
            return if at.is_of(here) { Ok(Vec::new()) } else { Err(Refused::OtherTopic) };
        }
        // An older publication goes on for a moment when the one that is replaced is not gone yet.
        let is_newer = log.id != at.log.id || log.history > at.log.history;
        match body {
            // Of what was taken back before it begins it does not tell.
            Body::Begin(_) if is_newer || (log == at.log && after.fork > at.place.fork) => {
                return Err(Refused::Anew(offset));
            }
            Body::BeginFrom(_, block) if is_newer || (log == at.log && at.misses(after)) => {
                return Err(Refused::BeginsWith(block));
            }
            _ if log != at.log => return Ok(Vec::new()),
            _ => {}
        }
        let order = order(at.place, after, through, &body);
        if order == Order::Next {
            self.gap = false;
            return Ok(self.accept(here, body));
        }
        if order == Order::Gap && !self.gap {
            self.gap = true;
            warn!(chain = self.chain_id, offset, "records are missing in the topic; waiting for them");
        }
        Ok(Vec::new())
    }

    fn accept(&mut self, here: At, body: Body) -> Vec<Step> {
        match body {
            Body::Begin(_) | Body::BeginFrom(..) => Vec::new(),
            Body::Event(event) => {
                self.at = Some(here);
                self.hold(event);
                let full = self.held.len() >= MAX_BATCH || self.held_bytes >= MAX_BATCH_BYTES;
                if full { self.batch(None).into_iter().collect() } else { Vec::new() }
            }
            Body::Block(marker) => {
                self.at = Some(here);
                self.finalized.clone_from(&marker.finalized);
                vec![self.batch(marker.block.clone()).unwrap_or_else(|| self.pass(marker))]
            }
            Body::Undo(undo) => {
                // What stays valid must be told of before the cursor is behind it.
                self.held.retain(|event| event.position <= here.place.position);
                let mut steps: Vec<Step> = self.batch(None).into_iter().collect();
                let read = self.at.map_or(here.place.position, |at| at.place.position);
                let place = Place { position: here.place.position.min(read), ..here.place };
                self.at = Some(At { place, ..here });
                steps.push(Step::Undo(UndoSignal { cursor: self.cursor(), ..undo }));
                steps
            }
        }
    }

    fn hold(&mut self, event: Event) {
        if self.filter.takes(&event) {
            self.held_bytes += event.encoded_len();
            self.held.push(event);
        }
    }

    /// The held events as a step; `through` when their block and all before it are complete.
    fn batch(&mut self, through: Option<BlockRef>) -> Option<Step> {
        let events = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let block_complete = through.is_some();
        let block = through.or_else(|| events.last()?.block.clone());
        let (chain_id, finalized, cursor) = (self.chain_id, self.finalized.clone(), self.cursor());
        let batch = EventBatch { chain_id, events, block, block_complete, finalized, cursor };
        (!batch.events.is_empty()).then_some(Step::Apply(batch))
    }

    fn pass(&self, marker: Heartbeat) -> Step {
        Step::Pass(Heartbeat { cursor: self.cursor(), ..marker })
    }

    fn cursor(&self) -> String {
        self.at.map(|at| at.encode().encode(&self.binding)).unwrap_or_default()
    }
}

/// How a record stands to what has been read.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    Next,
    Seen,
    Gap,
}

fn order(at: Place, after: Place, through: Place, body: &Body) -> Order {
    let (seen, follows) = match body {
        Body::Begin(_) | Body::BeginFrom(..) => (true, true),
        // A reorg has one of its own, so that its junction is right for every fork before it.
        Body::Undo(_) => (through.fork <= at.fork, after.fork <= at.fork),
        Body::Event(_) | Body::Block(_) if through.fork != at.fork => (through.fork < at.fork, false),
        Body::Event(_) => (through.position <= at.position, after.position <= at.position),
        // The same block again says what is final by now.
        Body::Block(_) => (through.position < at.position, after.position <= at.position),
    };
    match (seen, follows) {
        (true, _) => Order::Seen,
        (false, true) => Order::Next,
        (false, false) => Order::Gap,
    }
}

impl At {
    /// Whether the record that was `found` where this one was is the same.
    fn is_of(self, found: Self) -> bool {
        (self.offset, self.log, self.named) == (found.offset, found.log, found.named)
    }

    /// Whether a publication that begins at `start` leaves out a part of what comes next.
    const fn misses(self, start: Place) -> bool {
        start.position > self.place.position || start.fork > self.place.fork
    }

    fn encode(self) -> PageToken {
        let Self { partition, offset, log, place, named } = self;
        let mut key = partition.to_be_bytes().to_vec();
        key.extend(offset.to_be_bytes());
        let numbers = [log.id, log.history, place.fork, place.position, named.fork, named.position];
        key.extend(numbers.map(u64::to_be_bytes).concat());
        PageToken { key }
    }

    fn decode(token: &PageToken) -> Result<Self, PageTokenError> {
        let (partition, rest) = token.key.split_first_chunk::<4>().ok_or(PageTokenError::Malformed)?;
        let (offset, rest) = rest.split_first_chunk::<8>().ok_or(PageTokenError::Malformed)?;
        let ([id, history, fork, position, named @ ..], []) = rest.as_chunks::<8>() else {
            return Err(PageTokenError::Malformed);
        };
        let [named_fork, named_position] = named else { return Err(PageTokenError::Malformed) };
        let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        Ok(Self {
            partition: i32::from_be_bytes(*partition),
            offset: i64::from_be_bytes(*offset),
            log: Log { id: number(id), history: number(history) },
            place: Place { fork: number(fork), position: number(position) },
            named: Place { fork: number(named_fork), position: number(named_position) },
        })
    }
}

/// Which events are wanted; an empty set means any.
#[derive(Debug)]
struct Filter {
    addresses: HashSet<String>,
    kinds: HashSet<String>,
    protocols: HashSet<String>,
}

impl Filter {
    fn of(filter: &EventFilter) -> Self {
        // A subscription with conditions on arguments is refused before.
        let EventFilter { addresses, kinds, protocols, arguments: _ } = filter;
        Self {
            addresses: addresses.iter().map(|address| address.to_lowercase()).collect(),
            kinds: kinds.iter().cloned().collect(),
            protocols: protocols.iter().cloned().collect(),
        }
    }

    fn takes(&self, event: &Event) -> bool {
        let any = |wanted: &HashSet<String>, value: &str| wanted.is_empty() || wanted.contains(value);
        let address = self.addresses.is_empty() || self.addresses.contains(&event.address.to_lowercase());
        address && any(&self.kinds, &event.kind) && any(&self.protocols, &event.protocol)
    }
}

#[cfg(test)]
mod tests;

//! A reader of a topic into which two publishers write, die, go on and lose records.

use proptest::prelude::*;

use super::*;

const CHAIN: u64 = 7;
const LOG: Log = Log { id: 0xab, history: 0 };
/// Positions of a block; its last one has no event.
const BLOCK: u64 = 10;

/// The chain as the indexer has it: events with the fork that their block came with, and junctions.
#[derive(Debug, Default, Clone)]
struct Chain {
    events: Vec<(u64, u64)>,
    blocks: u64,
    /// Last position that the reorg to this fork left valid.
    junctions: Vec<u64>,
}

impl Chain {
    fn fork(&self) -> u64 {
        u64::try_from(self.junctions.len()).unwrap()
    }

    fn end(&self) -> u64 {
        self.blocks * BLOCK + BLOCK - 1
    }

    fn grow(&mut self, events: u64) {
        self.blocks += 1;
        let (first, fork) = (self.blocks * BLOCK, self.fork());
        self.events.extend((first..first + events).map(|position| (position, fork)));
    }

    fn reorg(&mut self, depth: u64) {
        self.blocks = self.blocks.saturating_sub(depth);
        let junction = self.end();
        self.events.retain(|(position, _)| *position <= junction);
        self.junctions.push(junction);
    }

    /// The reorgs after `fork`: their own and their junctions.
    fn reorgs(&self, fork: u64) -> impl Iterator<Item = (u64, u64)> {
        (1..).zip(self.junctions.iter().copied()).skip(usize::try_from(fork).unwrap())
    }
}

/// What the indexer does with a topic, told in a few lines.
#[derive(Debug, Clone, Copy)]
struct Publisher {
    at: Place,
}

impl Publisher {
    /// Everything that follows, as records.
    fn records(&mut self, chain: &Chain) -> Vec<Record> {
        let mut records = Vec::new();
        for (fork, position) in chain.reorgs(self.at.fork) {
            let through = Place { fork, position };
            let undo = UndoSignal { chain_id: CHAIN, ..UndoSignal::default() };
            records.push(Record { log: LOG, after: self.at, through, body: Body::Undo(undo) });
            self.at = Place { position: self.at.position.min(position), ..through };
        }
        for (position, fork) in &chain.events {
            if *position > self.at.position {
                records.push(self.next(*position, Body::Event(event(*position, *fork))));
            }
        }
        let block = Some(BlockRef { number: chain.blocks, ..BlockRef::default() });
        let marker = Heartbeat { chain_id: CHAIN, block, ..Heartbeat::default() };
        records.push(self.next(chain.end().max(self.at.position), Body::Block(marker)));
        records
    }

    fn next(&mut self, position: u64, body: Body) -> Record {
        let after = self.at;
        self.at = Place { position, ..after };
        Record { log: LOG, after, through: self.at, body }
    }
}

fn event(position: u64, fork: u64) -> Event {
    let block = Some(BlockRef { number: position / BLOCK, ..BlockRef::default() });
    Event { chain_id: CHAIN, block, position, transaction_hash: fork.to_string(), ..Event::default() }
}

fn begin() -> Record {
    let start = Place { fork: 0, position: 0 };
    let heartbeat = Heartbeat { chain_id: CHAIN, ..Heartbeat::default() };
    Record { log: LOG, after: start, through: start, body: Body::Begin(heartbeat) }
}

/// A consumer that keeps what it was told with the cursor.
#[derive(Debug, Default, Clone)]
struct Consumer {
    events: Vec<(u64, u64)>,
    cursor: String,
}

impl Consumer {
    fn reader(&self) -> Reader {
        let subscription =
            Subscription { chain_id: CHAIN, filter: EventFilter::default(), payloads: Vec::new() };
        Reader::open("topic", &subscription, &self.cursor).unwrap()
    }

    /// Reads from its cursor through the record before `until`.
    fn read(&mut self, topic: &[Record], until: usize) {
        let mut reader = self.reader();
        let first = reader.at().map_or(0, |at| usize::try_from(at.offset).unwrap());
        for (offset, record) in topic.iter().enumerate().take(until).skip(first) {
            let steps = reader.take(0, i64::try_from(offset).unwrap(), record.clone()).unwrap();
            let before = topic.get(offset).map(|record| record.through.position);
            steps.into_iter().for_each(|step| self.take(step, before));
        }
    }

    fn take(&mut self, step: Step, junction: Option<u64>) {
        match step {
            Step::Apply(batch) => {
                for event in batch.events {
                    let last = self.events.last().map_or(0, |(position, _)| *position);
                    assert!(event.position > last, "{} after {last}", event.position);
                    self.events.push((event.position, event.transaction_hash.parse().unwrap()));
                }
                self.cursor = batch.cursor;
            }
            Step::Undo(undo) => {
                self.events.retain(|(position, _)| Some(*position) <= junction);
                self.cursor = undo.cursor;
            }
            Step::Pass(heartbeat) => self.cursor = heartbeat.cursor,
        }
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Grow(u64),
    Reorg(u64),
    /// The publisher with this number publishes; of its records these are lost, and then it dies.
    Publish(usize, Vec<bool>),
    /// The other publisher takes over; the first may go on for a while.
    TakeOver,
    /// The consumer reads so much of what it has not read, and dies.
    Read(prop::sample::Index),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let lost = prop::collection::vec(prop::bool::weighted(0.2), 0..6);
    prop::collection::vec(
        prop_oneof![
            4 => (0..4_u64).prop_map(Happening::Grow),
            2 => (1..4_u64).prop_map(Happening::Reorg),
            4 => (0..2_usize, lost).prop_map(|(which, lost)| Happening::Publish(which, lost)),
            1 => Just(Happening::TakeOver),
            2 => any::<prop::sample::Index>().prop_map(Happening::Read),
        ],
        1..60,
    )
}

/// A topic with its publishers, one of which may commit how far it is.
struct World {
    chain: Chain,
    topic: Vec<Record>,
    publishers: [Publisher; 2],
    writer: usize,
    committed: Place,
    consumer: Consumer,
}

impl World {
    fn new() -> Self {
        let start = Publisher { at: Place { fork: 0, position: 0 } };
        Self {
            chain: Chain::default(),
            topic: vec![begin()],
            publishers: [start; 2],
            writer: 0,
            committed: start.at,
            consumer: Consumer::default(),
        }
    }

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Grow(events) => self.chain.grow(events),
            Happening::Reorg(depth) => self.chain.reorg(depth),
            Happening::Publish(which, lost) => self.publish(which, &lost),
            Happening::TakeOver => {
                self.writer = 1 - self.writer;
                self.publishers[self.writer].at = self.committed;
            }
            Happening::Read(index) => {
                let until = index.index(self.topic.len()) + 1;
                self.consumer.read(&self.topic, until);
            }
        }
    }

    fn publish(&mut self, which: usize, lost: &[bool]) {
        let records = self.publishers[which].records(&self.chain);
        let missing = lost.iter().take(records.len()).any(|lost| *lost);
        let kept = records.into_iter().enumerate();
        let kept = kept.filter(|(index, _)| !lost.get(*index).copied().unwrap_or_default());
        self.topic.extend(kept.map(|(_, record)| record));
        if missing {
            // Its producer failed; it goes on where what was acknowledged ends.
            self.publishers[which].at = self.committed;
        } else if which == self.writer {
            self.committed = self.publishers[which].at;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_event_takes_effect_once_and_in_order(happenings in happenings()) {
        let mut world = World::new();
        happenings.into_iter().for_each(|happening| world.take(happening));
        // Whatever was lost is published again by whoever writes in the end.
        world.publishers[world.writer].at = world.committed;
        world.publish(world.writer, &[]);
        world.consumer.read(&world.topic, world.topic.len());
        prop_assert_eq!(&world.consumer.events, &world.chain.events);
        let mut fresh = Consumer::default();
        fresh.read(&world.topic, world.topic.len());
        prop_assert_eq!(&fresh.events, &world.chain.events);
    }
}

fn block(number: u64) -> Record {
    let place = |position| Place { fork: 0, position };
    let block = Some(BlockRef { number, ..BlockRef::default() });
    let marker = Heartbeat { chain_id: CHAIN, block, ..Heartbeat::default() };
    Record { log: LOG, after: place(0), through: place(number * BLOCK), body: Body::Block(marker) }
}

#[test]
fn a_topic_without_the_beginning_is_refused() {
    let mut reader = Consumer::default().reader();
    assert_eq!(reader.take(0, 5, block(1)).unwrap_err(), Refused::BeginningMissing);
}

#[test]
fn a_topic_that_was_made_anew_is_noticed() {
    let mut consumer = Consumer::default();
    consumer.read(&[begin(), block(1)], 2);
    let mut reader = consumer.reader();
    assert_eq!(reader.take(0, 1, block(1)).unwrap().len(), 0);
    for other in [begin(), block(2)] {
        let mut reader = consumer.reader();
        assert_eq!(reader.take(0, 1, other).unwrap_err(), Refused::OtherTopic);
    }
}

#[test]
fn a_newer_publication_is_begun_with_and_an_older_one_left_out() {
    let of = |history, record: Record| Record { log: Log { history, ..LOG }, ..record };
    let mut reader = Consumer::default().reader();
    assert!(reader.take(0, 0, of(1, begin())).unwrap().is_empty());
    assert!(reader.take(0, 1, of(0, begin())).unwrap().is_empty());
    assert!(reader.take(0, 2, of(0, block(1))).unwrap().is_empty());
    assert_eq!(reader.take(0, 3, of(1, block(1))).unwrap().len(), 1);
    assert_eq!(reader.take(0, 4, of(2, begin())).unwrap_err(), Refused::Anew(4));
}

#[test]
fn only_wanted_events_are_told_and_a_cursor_is_of_its_subscription() {
    let filter =
        EventFilter { kinds: vec!["a".to_owned()], addresses: vec!["0xAB".into()], ..EventFilter::default() };
    let subscription = Subscription { chain_id: CHAIN, filter, payloads: Vec::new() };
    let mut reader = Reader::open("topic", &subscription, "").unwrap();
    reader.take(0, 0, begin()).unwrap();
    let place = |position| Place { fork: 0, position };
    for (offset, (kind, address)) in [("a", "0xaB"), ("b", "0xab"), ("a", "0xcd")].into_iter().enumerate() {
        let position = u64::try_from(offset).unwrap() + 1;
        let event = Event { kind: kind.to_owned(), address: address.to_owned(), ..event(position, 0) };
        let (after, through) = (place(position - 1), place(position));
        let record = Record { log: LOG, after, through, body: Body::Event(event) };
        assert!(reader.take(0, i64::try_from(position).unwrap(), record).unwrap().is_empty());
    }
    let steps = reader.take(0, 4, block(1)).unwrap();
    let [Step::Apply(batch)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!((batch.events.len(), batch.block_complete, batch.events[0].position), (1, true, 1));
    assert!(Reader::open("topic", &subscription, &batch.cursor).is_ok());
    let all = Subscription { filter: EventFilter::default(), ..subscription };
    assert_eq!(Reader::open("topic", &all, &batch.cursor).unwrap_err(), PageTokenError::OtherRequest);
}

#[test]
fn a_large_block_is_told_in_parts() {
    let mut consumer = Consumer::default();
    let mut publisher = Publisher { at: Place { fork: 0, position: 0 } };
    let count = u64::try_from(MAX_BATCH).unwrap() * 2 + 1;
    let events = (1..=count).map(|position| (position, 0)).collect();
    let chain = Chain { events, blocks: count, junctions: Vec::new() };
    let topic: Vec<Record> = std::iter::once(begin()).chain(publisher.records(&chain)).collect();
    let mut reader = consumer.reader();
    let steps =
        |(offset, record): (usize, &Record)| reader.take(0, i64::try_from(offset).unwrap(), record.clone());
    let steps: Vec<Step> = topic.iter().enumerate().flat_map(steps).flatten().collect();
    let parts = steps.iter().map(|step| match step {
        Step::Apply(batch) => (batch.events.len(), batch.block_complete),
        other => panic!("{other:?}"),
    });
    assert_eq!(parts.collect::<Vec<_>>(), [(MAX_BATCH, false), (MAX_BATCH, false), (1, true)]);
    consumer.read(&topic, 3 + MAX_BATCH);
    consumer.read(&topic, topic.len());
    assert_eq!(consumer.events, chain.events);
}

#[test]
fn a_publication_of_a_part_of_the_log_is_read_by_nobody_who_misses_what_it_leaves_out() {
    let begin_from = |history, position, fork| {
        let (log, place) = (Log { history, ..LOG }, Place { fork, position });
        let heartbeat = Heartbeat { chain_id: CHAIN, ..Heartbeat::default() };
        Record { log, after: place, through: place, body: Body::BeginFrom(heartbeat, 3) }
    };
    let taken = |record| {
        let mut reader = Consumer::default().reader();
        reader.take(0, 0, begin()).unwrap();
        reader.take(0, 1, block(2)).unwrap();
        reader.take(0, 2, record).map(|steps| steps.len())
    };
    let refused = Err(Refused::BeginsWith(3));
    assert_eq!(Consumer::default().reader().take(0, 0, begin_from(0, 2 * BLOCK, 0)).map(|_| 0), refused);
    assert_eq!(taken(begin_from(0, 2 * BLOCK, 0)), Ok(0));
    assert_eq!(taken(begin_from(0, 3 * BLOCK, 0)), refused, "blocks between are missing");
    assert_eq!(taken(begin_from(0, 2 * BLOCK, 1)), refused, "an undo may be missing");
    assert_eq!(taken(begin_from(1, 2 * BLOCK, 0)), refused, "what was added is missing");
    let whole = |fork| {
        let place = Place { fork, position: 0 };
        Record { after: place, through: place, ..begin() }
    };
    assert_eq!(taken(whole(0)), Ok(0));
    assert_eq!(taken(whole(1)), Err(Refused::Anew(2)));
}

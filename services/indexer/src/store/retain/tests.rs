//! Who is told what while blocks go, and who may let them go, on SQLite and PostgreSQL.

use std::{sync::Arc, time::Duration};

use capstan_chain::{Header, Log};
use capstan_db::{Database, Options, indexer::Migrator, testing::TestStore};
use capstan_primitives::{Address, BlockRef, BlockTime, ChainId, Finality, Hash, Topics};

use super::*;
use crate::{
    domain::{Batch, EventType, NewEvent, Position},
    store::{Append, Bounds, Span, Wanted, Window},
};

const CHAIN: ChainId = ChainId(1);
const LEASE: Duration = Duration::from_secs(60);
const HEIGHT: u64 = 50;
const PARTITION: u64 = 16;

fn block_at(number: u64) -> BlockRef {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    BlockRef { number, hash: Hash::from(hash), time: BlockTime(number) }
}

fn header(number: u64) -> Header {
    Header { block: block_at(number), parent_hash: block_at(number - 1).hash }
}

fn event(number: u64) -> NewEvent {
    let block = block_at(number);
    let of = EventType { source: Arc::from("test"), topic: Hash::ZERO };
    let log = Log {
        block_number: number,
        block_hash: block.hash,
        block_time: Some(block.time),
        transaction: block.hash.as_bytes().as_slice().try_into().unwrap(),
        transaction_index: 0,
        log_index: 0,
        address: Address::ZERO,
        topics: Topics::default(),
        data: Vec::new(),
    };
    NewEvent { log, of }
}

fn append(numbers: std::ops::RangeInclusive<u64>) -> Append {
    Append {
        headers: numbers.clone().map(header).collect(),
        finalized: Some(block_at(*numbers.end())),
        batch: Batch { events: numbers.map(event).collect(), ..Batch::default() },
        now: 0,
        window: Window { blocks: 0, seconds: 0 },
    }
}

/// A log of as many blocks with one log each, and its writer.
async fn log_in(test: &TestStore) -> (Store, ChainProgress) {
    let database = Database::open(&Options::new(test.url.clone()), "indexer").await.unwrap();
    capstan_db::prepare::<Migrator>(&database, "indexer").await.unwrap();
    let store = Store::new(database);
    store.open_log(CHAIN, 9, 0, PARTITION).await.unwrap();
    let progress = store.acquire(CHAIN, LEASE).await.unwrap().unwrap();
    let progress = store.append(&progress, append(1..=HEIGHT)).await.unwrap();
    (store, progress)
}

fn after(progress: &ChainProgress, number: u64) -> Position {
    let mark = Position::mark_of(&block_at(number).hash);
    Position { place: place::end_of(number), mark, ..Position::beginning(progress.log_id) }
}

/// The blocks of the logs after block `number`.
async fn read(store: &Store, progress: &ChainProgress, number: u64) -> Result<Vec<u64>, Error> {
    let bounds = Bounds { limit: 1_000, finality: Finality::Latest, safe: None, last_block: None };
    let page = store.read_log(CHAIN, after(progress, number), &Wanted::default(), bounds).await?.unwrap();
    Ok(page.events.iter().map(|event| event.block.number).collect())
}

async fn listed(store: &Store, newest_first: bool) -> Vec<u64> {
    let span = Span { after: None, floor: None, until: i64::MAX.unsigned_abs(), newest_first, limit: 1_000 };
    let (_, events, _) = store.list(CHAIN, &Wanted::default(), span, None).await.unwrap().unwrap();
    events.iter().map(|event| event.block.number).collect()
}

#[test]
fn a_part_is_bounded_and_never_nothing() {
    let blocks = |numbers: std::ops::Range<u64>, events| -> Vec<(u64, u64)> {
        numbers.map(|number| (number, events)).collect()
    };
    assert_eq!(bound(&[], 50), 50);
    assert_eq!(bound(&blocks(0..10, 1), 50), 50);
    assert_eq!(bound(&blocks(0..BLOCKS, 1), 5_000), BLOCKS - 1);
    assert_eq!(bound(&blocks(5..50, LOGS / 10), 50), 15);
    assert_eq!(bound(&blocks(5..50, LOGS * 2), 50), 6);
}

#[tokio::test]
async fn a_reader_that_is_overtaken_is_told_before_anything_is_gone() {
    for test in TestStore::both().await {
        let (store, progress) = log_in(&test).await;
        assert_eq!(read(&store, &progress, 5).await.unwrap().len(), 45);
        let raised = store.raise_earliest(&progress, 40).await.unwrap();
        for step in 0..3 {
            let refused = read(&store, &raised, 38).await.unwrap_err();
            assert!(matches!(refused, Error::CursorPruned { earliest: 40, .. }), "{refused}");
            let kept: Vec<u64> = (40..=HEIGHT).collect();
            assert_eq!(read(&store, &raised, 39).await.unwrap(), kept, "step {step}");
            assert!(store.knows(&raised, after(&raised, 39)).await.unwrap());
            assert!(!store.knows(&raised, Position { mark: 1, ..after(&raised, 40) }).await.unwrap());
            assert_eq!(listed(&store, false).await, kept);
            assert_eq!(listed(&store, true).await, kept.iter().rev().copied().collect::<Vec<_>>());
            match step {
                0 => assert_eq!(store.let_go(&raised).await.unwrap().0.events, 11),
                _ => _ = store.drop_partitions(&raised).await.unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn only_the_writer_lets_something_go_and_only_from_what_it_knows() {
    for test in TestStore::both().await {
        let (store, stale) = log_in(&test).await;
        store.give_up(CHAIN, stale.writer).await.unwrap();
        let progress = store.acquire(CHAIN, LEASE).await.unwrap().unwrap();
        assert!(matches!(store.raise_earliest(&stale, 20).await, Err(Error::OtherWriter(CHAIN))));
        let raised = store.raise_earliest(&progress, 40).await.unwrap();
        let stale = ChainProgress { writer: stale.writer, ..raised };
        assert!(matches!(store.let_go(&stale).await, Err(Error::OtherWriter(CHAIN))));
        let is_postgres = store.database.backend() == DatabaseBackend::Postgres;
        assert_eq!(store.drop_partitions(&stale).await.is_err(), is_postgres);
        assert_eq!(store.old_partitions_of(&raised).await.len(), if is_postgres { 2 } else { 0 });
        // One that does not know that it was raised would lower it again.
        let other = store.append(&progress, append(HEIGHT + 1..=HEIGHT + 1)).await;
        assert!(matches!(other, Err(Error::OtherWriter(CHAIN))));
        store.append(&raised, append(HEIGHT + 1..=HEIGHT + 1)).await.unwrap();
        assert_eq!(store.progress(CHAIN).await.unwrap().unwrap().earliest, 40);
    }
}

#[tokio::test]
async fn a_partition_is_not_dropped_under_a_reader() {
    let test = TestStore::postgres().await;
    let (store, progress) = log_in(&test).await;
    let read = store.read_events().await.unwrap();
    let raised = store.raise_earliest(&progress, 40).await.unwrap();
    assert!(matches!(store.drop_partitions(&raised).await, Err(Error::Store(_))));
    // As of its snapshot, which is older than what was raised, everything is there.
    let seen = capstan_db::indexer::entities::event::Entity::find().all(&read).await.unwrap();
    assert_eq!(seen.len(), 50);
    read.commit().await.unwrap();
    assert_eq!(store.drop_partitions(&raised).await.unwrap(), 2);
    assert_eq!(store.drop_partitions(&raised).await.unwrap(), 0);
}

impl Store {
    async fn old_partitions_of(&self, progress: &ChainProgress) -> Vec<String> {
        match self.database.backend() {
            DatabaseBackend::Postgres => self.old_partitions(progress).await.unwrap(),
            _ => Vec::new(),
        }
    }
}

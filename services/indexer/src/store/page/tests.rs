//! Pages of large logs, on SQLite and PostgreSQL.

use std::{sync::Arc, time::Duration};

use capstan_chain::{Header, Log};
use capstan_db::{Database, Options, indexer::Migrator, testing::TestStore};
use capstan_primitives::{Address, BlockTime, Finality, Hash, Topics};

use super::*;
use crate::{
    domain::{Batch, ChainProgress, NewEvent, Position},
    store::{Append, Bounds, Store, Window},
};

const CHAIN: ChainId = ChainId(1);

fn block_at(number: u64) -> BlockRef {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    BlockRef { number, hash: Hash::from(hash), time: BlockTime(number) }
}

fn event(number: u64, bytes: usize) -> NewEvent {
    let block = block_at(number);
    let log = Log {
        block_number: number,
        block_hash: block.hash,
        block_time: Some(block.time),
        transaction: block.hash.as_bytes().as_slice().try_into().unwrap(),
        transaction_index: 0,
        log_index: 0,
        address: Address::ZERO,
        topics: Topics::default(),
        data: vec![1; bytes],
    };
    NewEvent { log, of: EventType { source: Arc::from("test"), topic: Hash::ZERO } }
}

/// A log of blocks from the first on with one log each, with so much data.
async fn log_in(test: &TestStore, sizes: &[usize]) -> (Store, ChainProgress) {
    let database = Database::open(&Options::new(test.url.clone()), "indexer").await.unwrap();
    capstan_db::prepare::<Migrator>(&database, "indexer").await.unwrap();
    let store = Store::new(database);
    store.open_log(CHAIN, 9, 0, 1 << 20).await.unwrap();
    let progress = store.acquire(CHAIN, Duration::from_secs(60)).await.unwrap().unwrap();
    let numbers = 1..=u64::try_from(sizes.len()).unwrap();
    let header = |number| Header { block: block_at(number), parent_hash: block_at(number - 1).hash };
    let append = Append {
        headers: numbers.clone().map(header).collect(),
        finalized: None,
        batch: Batch {
            events: numbers.zip(sizes).map(|(number, bytes)| event(number, *bytes)).collect(),
            ..Batch::default()
        },
        now: 0,
        window: Window { blocks: 0, seconds: 0 },
    };
    let progress = store.append(&progress, append).await.unwrap();
    (store, progress)
}

#[tokio::test]
async fn a_page_of_large_logs_is_small_and_one_that_is_larger_than_a_page_comes_alone() {
    let sizes = [[PAGE_BYTES / 3; 7].as_slice(), &[2 * PAGE_BYTES, 10, 10]].concat();
    for test in TestStore::both().await {
        let (store, progress) = log_in(&test, &sizes).await;
        let bounds = Bounds { limit: 1_000, finality: Finality::Latest, safe: None, last_block: None };
        let mut at = Position::beginning(progress.log_id);
        let (mut pages, mut complete) = (Vec::new(), false);
        while !complete {
            let page = store.read_log(CHAIN, at, &Wanted::default(), bounds).await.unwrap().unwrap();
            pages.push(page.events.iter().map(|event| event.block.number).collect::<Vec<_>>());
            (at.place, complete) = (page.coverage.through, page.coverage.complete);
        }
        assert_eq!(pages, [vec![1, 2, 3], vec![4, 5, 6], vec![7], vec![8], vec![9, 10]]);

        let span = Span { after: None, floor: None, until: u64::MAX >> 1, newest_first: true, limit: 1_000 };
        let (_, found, more) = store.list(CHAIN, &Wanted::default(), span, None).await.unwrap().unwrap();
        let numbers: Vec<u64> = found.iter().map(|event| event.block.number).collect();
        assert_eq!((numbers, more), (vec![10, 9], place::place(9, 0)));
        store.database.close().await.unwrap();
    }
}

//! Which transactions are forgotten and who may forget them, on SQLite and PostgreSQL.

use std::time::Duration;

use capstan_db::{Database, Options, indexer::Migrator, testing::TestStore};
use capstan_primitives::{BlockTime, Hash};

use super::*;
use crate::domain::{Fate, Inclusion};

const CHAIN: ChainId = ChainId(1);
const OTHER: ChainId = ChainId(2);
const LEASE: Duration = Duration::from_secs(60);
const NOW: Moment = Moment { at: 1_000, block: 7, fork: 0 };

fn id(number: u64) -> TransactionId {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    TransactionId::try_from(hash.as_slice()).unwrap()
}

/// A transaction whose fate has been `fate` since `changed_at`.
fn transaction(chain_id: ChainId, number: u64, fate: Fate, changed_at: i64) -> WatchedTransaction {
    let new = WatchedTransaction::new(chain_id, id(number), String::new(), NOW);
    WatchedTransaction { fate, changed_at, ..new }
}

fn mined(is_final: bool) -> Fate {
    let block = BlockRef { number: 5, hash: Hash::ZERO, time: BlockTime(0) };
    let inclusion = Inclusion { block, index: 0, success: Some(true), gas_used: 1, gas_price: None };
    Fate::Mined { inclusion, is_final }
}

fn replaced(is_final: bool) -> Fate {
    let block = BlockRef { number: 5, hash: Hash::ZERO, time: BlockTime(0) };
    Fate::Replaced { by: None, block, is_final }
}

/// A store with logs of two chains, and the writer of the first.
async fn store_in(test: &TestStore) -> (Store, ChainProgress) {
    let database = Database::open(&Options::new(test.url.clone()), "indexer").await.unwrap();
    capstan_db::prepare::<Migrator>(&database, "indexer").await.unwrap();
    let store = Store::new(database);
    for chain_id in [CHAIN, OTHER] {
        store.open_log(chain_id, 9, 0, 16).await.unwrap();
    }
    let progress = store.acquire(CHAIN, LEASE).await.unwrap().unwrap();
    (store, progress)
}

#[tokio::test]
async fn what_nothing_is_expected_of_is_forgotten_in_time_and_nothing_else() {
    for test in TestStore::both().await {
        let (store, progress) = store_in(&test).await;
        let over = [mined(true), replaced(true), Fate::Dropped, Fate::Unknown];
        let open = [mined(false), replaced(false), Fate::Pending];
        for (number, fate) in (0..).zip(over.iter().chain(&open)) {
            store.register(&transaction(CHAIN, number, fate.clone(), 2_000)).await.unwrap();
            store.register(&transaction(OTHER, number, fate.clone(), 2_000)).await.unwrap();
        }
        store.register(&transaction(CHAIN, 90, mined(true), 3_000)).await.unwrap();
        assert_eq!(store.forget_transactions(&progress, 2_000).await.unwrap(), (0, false));
        assert_eq!(store.forget_transactions(&progress, 2_001).await.unwrap(), (4, false));
        assert_eq!(store.forget_transactions(&progress, 2_001).await.unwrap(), (0, false));
        let left =
            |chain_id| TransactionQuery { chain_id, state: None, sender: None, after: None, limit: 100 };
        let (rows, _) = store.transactions(&left(CHAIN)).await.unwrap();
        let ids: Vec<_> = rows.into_iter().rev().map(|row| row.id).collect();
        assert_eq!(ids, [4, 5, 6, 90].map(id));
        assert_eq!(store.transactions(&left(OTHER)).await.unwrap().0.len(), over.len() + open.len());
    }
}

#[tokio::test]
async fn many_are_forgotten_in_small_parts_and_only_by_the_writer() {
    for test in TestStore::both().await {
        let (store, stale) = store_in(&test).await;
        for number in 0..FORGOTTEN + 3 {
            store.register(&transaction(CHAIN, number, Fate::Dropped, 2_000)).await.unwrap();
        }
        store.give_up(CHAIN, stale.writer).await.unwrap();
        let progress = store.acquire(CHAIN, LEASE).await.unwrap().unwrap();
        let refused = store.forget_transactions(&stale, 9_000).await;
        assert!(matches!(refused, Err(Error::OtherWriter(CHAIN))), "{refused:?}");
        assert_eq!(store.forget_transactions(&progress, 9_000).await.unwrap(), (FORGOTTEN, true));
        assert_eq!(store.forget_transactions(&progress, 9_000).await.unwrap(), (3, false));
    }
}

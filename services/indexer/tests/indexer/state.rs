//! What a store holds, in a form that does not depend on how the chain was met.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{Provider, ProviderBuilder},
};
use capstan_db::{
    Database, DatabaseUrl, Options,
    indexer::entities::{block, chain, contract, event, event_type, quarantine},
    testing::TestStore,
};
use capstan_devnet::Devnet;
use sea_orm::EntityTrait;

use crate::harness::{Subscriber, database_url, head, indexer, platform_of, settle, stop};

/// Rows by table; numbers of forks and types and the times of writing are left out.
#[derive(Debug)]
pub(crate) struct State {
    tables: [(&'static str, BTreeSet<String>); 5],
    /// Number and hash of every block that is part of the chain.
    blocks: Vec<(u64, String)>,
}

impl State {
    /// Reads the store of an indexer.
    pub(crate) async fn of(store: &TestStore) -> Self {
        Self::at(store.url.clone()).await
    }

    /// Reads the store of an indexer that is there.
    pub(crate) async fn at(url: DatabaseUrl) -> Self {
        let database = Database::open(&Options::new(url), "indexer").await.unwrap();
        let read = database.read().await.unwrap();
        let blocks = block::Entity::find().all(&read).await.unwrap();
        let blocks: Vec<_> = blocks.into_iter().filter(|block| block.orphaned_at.is_none()).collect();
        let canonical: BTreeSet<_> = blocks.iter().map(|block| (block.number, block.fork)).collect();
        let types = event_type::Entity::find().all(&read).await.unwrap();
        let types: BTreeMap<i32, _> = types.into_iter().map(|of| (of.id, (of.source, of.topic))).collect();
        let events = event::Entity::find().all(&read).await.unwrap();
        let events = events.into_iter().filter(|event| canonical.contains(&(event.place >> 24, event.fork)));
        let events = events.map(|event| {
            let of = &types[&event.r#type];
            format!("{of:?} {:?}", event::Model { fork: 0, r#type: 0, ..event })
        });
        let contracts = contract::Entity::find().all(&read).await.unwrap();
        let quarantined = quarantine::Entity::find().all(&read).await.unwrap();
        let chains = chain::Entity::find().all(&read).await.unwrap();
        let chains = chains.into_iter().map(|chain| {
            let chain::Model { indexed_number, indexed_hash, indexed_time, events, .. } = &chain;
            let chain::Model { finalized_number, finalized_hash, finalized_time, .. } = &chain;
            let indexed = (indexed_number, indexed_hash, indexed_time);
            let finalized = (finalized_number, finalized_hash, finalized_time);
            format!("{indexed:?} {finalized:?} {events} {} {}", chain.decode_failures, chain.earliest)
        });
        // Of blocks without logs the ends of ranges are kept, which depend on who asked for what.
        let with_events = blocks.iter().filter(|block| block.events > 0);
        let with_events = with_events
            .map(|block| format!("{} {:?} {} {}", block.number, block.hash, block.time, block.events));
        let tables = [
            ("chain", chains.collect()),
            ("block", with_events.collect()),
            ("event", events.collect()),
            ("contract", contracts.iter().map(|row| format!("{row:?}")).collect()),
            ("quarantine", quarantined.iter().map(|row| format!("{row:?}")).collect()),
        ];
        let number = |block: &block::Model| u64::try_from(block.number).unwrap();
        let blocks = blocks.iter().map(|block| (number(block), block.hash.0.to_string())).collect();
        read.commit().await.unwrap();
        database.close().await.unwrap();
        Self { tables, blocks }
    }

    /// What an indexer that begins now and meets nothing makes of the chain.
    pub(crate) async fn fresh(devnet: &Devnet, toml: &str) -> (Self, Subscriber) {
        let store = TestStore::sqlite();
        let (running, mut client) = indexer(platform_of(toml, &database_url(&store))).await;
        let mut subscriber = Subscriber::default();
        subscriber.follow_to(&mut client, head(devnet).await).await;
        settle(&mut client, devnet, toml).await;
        stop(running).await;
        (Self::of(&store).await, subscriber)
    }

    /// How many rows a table has.
    pub(crate) fn rows(&self, table: &str) -> usize {
        self.tables.iter().find(|(name, _)| *name == table).unwrap().1.len()
    }

    /// Fails with one differing row a table, not with all.
    pub(crate) fn assert_same(&self, other: &Self, what: &str) {
        self.assert_same_but(&[], other, what);
    }

    /// The same, some tables left out.
    pub(crate) fn assert_same_but(&self, without: &[&str], other: &Self, what: &str) {
        let both = self.tables.iter().zip(&other.tables);
        for ((name, ours), (_, theirs)) in both.filter(|((name, _), _)| !without.contains(name)) {
            let (more, less) = (ours.difference(theirs).next(), theirs.difference(ours).next());
            assert!(
                ours == theirs,
                "{what}: {name} has {} rows, {} when fresh; {more:?} against {less:?}",
                ours.len(),
                theirs.len()
            );
        }
    }

    /// Every block of the store is one of the node, under the same number.
    pub(crate) async fn assert_blocks_of(&self, devnet: &Devnet) {
        let provider = ProviderBuilder::new().connect_http(devnet.http_url().parse().unwrap());
        for (number, hash) in &self.blocks {
            let block = provider.get_block_by_number(BlockNumberOrTag::Number(*number)).await.unwrap();
            assert_eq!(block.unwrap().header.hash.to_string(), *hash, "block {number}");
        }
    }
}

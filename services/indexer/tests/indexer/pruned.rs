//! What was derived from a log whose beginning is gone, when it would have to be derived again.

use capstan_db::testing::TestStore;
use capstan_indexer::Config;
use capstan_kafka::{Body, EventSource};
use capstan_proto::indexer::{
    EventFilter, ListPoolsRequest, Pool, ResetChainRequest,
    indexer_admin_service_client::IndexerAdminServiceClient, indexer_service_client::IndexerServiceClient,
};
use capstan_runtime::{
    Platform,
    follow::{Source, Subscription},
    platform::{FinalityRule, Retention},
};
use futures::StreamExt;
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    carriers::{Carrier, Consumer, published},
    harness::{database_url, devnet, head, ids, indexer_of, platform_of, stop},
    pools::{World, serve_with},
    retention::{keeping, tail, toml_without, traffic, until_earliest, whole},
};

/// Blocks that are kept.
const KEPT: u64 = 20;

/// Why a source has no more steps.
async fn refusal(mut source: EventSource, chain_id: u64, cursor: String) -> (Code, String) {
    let subscription = Subscription { chain_id, filter: EventFilter::default(), payloads: Vec::new() };
    let mut steps = source.open(&subscription, cursor).await.unwrap();
    let status = loop {
        if let Err(status) = steps.next().await.unwrap() {
            break status;
        }
    };
    (status.code(), status.get_details_error_info().unwrap().reason)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_comes_late_is_published_with_what_is_kept() {
    let (carrier, store, mut devnet) = (Carrier::kafka(), TestStore::sqlite(), devnet().await);
    traffic(&mut devnet, 40).await;
    let toml = keeping(&devnet, "{ blocks = 20 }") + &carrier.section();
    let few = toml_without(&toml, "gnosis.conditional_tokens");
    let (running, mut client) = indexer_of(&few, &store).await;
    let platform = platform_of(&toml, &database_url(&store));
    let first = head(&devnet).await.0 + 1 - KEPT;
    until_earliest(&mut client, &store, first).await;
    let (consumer, chain_id) = (Consumer::default(), devnet.chain_id());
    let source = || carrier.source(&platform, &running.url());
    consumer.read_to(source(), chain_id, head(&devnet).await).await;
    stop(running.clone()).await;

    // Publishing goes on, and what it waited for is let go.
    let (running, mut client) = indexer_of(&toml, &store).await;
    traffic(&mut devnet, 3).await;
    until_earliest(&mut client, &store, first + 3).await;
    let through = ((head(&devnet).await.0 + 1) << 24) - 1;
    let records: Vec<_> = loop {
        let records: Vec<_> = published(&platform).into_iter().map(|received| received.record).collect();
        if records.last().is_some_and(|last| last.through.position == through) {
            break records;
        }
        tokio::task::yield_now().await;
    };
    stop(running).await;
    // What was to be published may have been let go before it was read: then it begins again, later.
    let begins = records.iter().rposition(|record| matches!(record.body, Body::BeginFrom(..))).unwrap();
    let Body::BeginFrom(_, from) = records[begins].body else { unreachable!() };
    assert!((first..=first + 3).contains(&from), "{from}");
    let events = records[begins..].iter().filter_map(|record| match &record.body {
        Body::Event(event) if record.log == records[begins].log => Some(event.clone()),
        _ => None,
    });
    let all = whole(&devnet).await;
    assert_eq!(ids(&events.collect::<Vec<_>>()), tail(&devnet, &all, from).await);

    // Who has read, and who begins, is told that there is something that it cannot have.
    let cursor = consumer.kept.borrow().cursor.clone();
    for cursor in [cursor, String::new()] {
        let source = carrier.source(&platform, "");
        let refused = refusal(source, chain_id, cursor).await;
        assert_eq!(refused, (Code::FailedPrecondition, "BEGINNING_PRUNED".to_owned()));
    }
}

/// Keeps little, and leaves out the contracts of a protocol.
fn keeping_without(protocol: &str) -> impl FnOnce(&mut Platform, &mut Config) {
    move |platform, config| {
        let chain = &mut platform.chains[0];
        chain.contracts.retain(|contract| contract.protocol != protocol);
        (chain.finality, chain.retention) = (FinalityRule::Blocks(4), Some(Retention::Blocks(KEPT)));
        chain.partition_blocks = Some(16);
        (config.reorg_window, config.reorg_window_seconds, config.retention_interval_ms) = (5, 0, 20);
    }
}

/// Waits until no more is kept than is to be, and gives the first block that is.
async fn until_pruned(world: &World) -> u64 {
    let mut client = IndexerServiceClient::connect(world.running.url()).await.unwrap();
    let first = head(&world.devnet).await.0 + 1 - KEPT;
    until_earliest(&mut client, &world.store, first).await;
    first
}

/// Compares what is said of pools and of the volume of a day, and counts pools of which nothing is known.
async fn compare(world: &World, pools: &[Pool]) -> usize {
    let (number, hash) = head(&world.devnet).await;
    let trades = world.trades(number).await;
    for known in &world.devnet.deployment().pools {
        let found = pools.iter().find(|pool| pool.address == known.address.to_checksum(None));
        let Some(pool) = found else { continue };
        if pool.depth.is_some() {
            world.compare_depth(pool, known, hash).await;
        }
        let traded = trades.get(&known.address).copied().unwrap_or_default();
        assert_eq!((&pool.volume0, &pool.volume1), (&traded.in0.to_string(), &traded.in1.to_string()));
    }
    pools.iter().filter(|pool| pool.depth.is_none()).count()
}

async fn whole_from(world: &mut World) -> Option<u64> {
    world.client.list_pools(ListPoolsRequest::default()).await.unwrap().into_inner().whole_from
}

#[tokio::test]
async fn pools_go_on_when_history_comes_late_and_say_that_some_may_be_missing() {
    for store in TestStore::both().await {
        let mut world = World::serving(store, keeping_without("uniswap.v3.factory")).await;
        world.steps(40).await;
        until_pruned(&world).await;
        let (pairs, read) = (world.level().await.len(), head(&world.devnet).await.0);
        assert_eq!((pairs > 0, whole_from(&mut world).await), (true, None));
        stop(world.running.clone()).await;
        let change = keeping_without("");
        (world.running, world.client) = serve_with(&world.devnet, &world.store, change).await;
        world.steps(3).await;
        until_pruned(&world).await;
        let pools = world.level().await;
        assert_eq!((pools.len(), compare(&world, &pools).await), (pairs, 0));
        assert!(whole_from(&mut world).await.is_some_and(|first| first > read));
        stop(world.running).await;
    }
}

#[tokio::test]
async fn pools_are_read_again_from_what_is_kept_and_say_since_when() {
    for store in TestStore::both().await {
        let mut world = World::serving(store, keeping_without("")).await;
        world.steps(40).await;
        let first = until_pruned(&world).await;
        let before = world.level().await;
        assert_eq!(compare(&world, &before).await, 0);
        let mut admin = IndexerAdminServiceClient::connect(world.running.url()).await.unwrap();
        let block = head(&world.devnet).await.0 - 10;
        admin.reset_chain(ResetChainRequest { chain_id: 0, block }).await.unwrap();
        while whole_from(&mut world).await != Some(first) {
            tokio::task::yield_now().await;
        }
        let pools = world.level().await;
        let unknown = compare(&world, &pools).await;
        assert!(pools.len() == before.len() && unknown < pools.len(), "{unknown} of {}", pools.len());
        stop(world.running).await;
    }
}

//! Consumers that leave their cursors with the indexer: which ones it takes, and what becomes of them.

use std::{sync::OnceLock, time::Duration};

use capstan_db::{Database, indexer::entities::consumer, testing::TestStore};
use capstan_devnet::Devnet;
use capstan_indexer::Config;
use capstan_primitives::{Clock, PageToken};
use capstan_proto::indexer::{CommitCursorRequest, GetCursorRequest, ListEventsRequest};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sea_orm::{EntityTrait, Set};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Client, Subscriber, devnet, head, indexer, indexer_at, platform, stop};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The metrics of all tests of this process.
fn metrics() -> &'static PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// What is shown of how far a consumer is.
fn lag_of(consumer: &str) -> Option<f64> {
    let page = metrics().render();
    let label = format!("consumer=\"{consumer}\"");
    let is_its = |line: &&str| line.starts_with("indexer_consumer_lag_blocks{") && line.contains(&label);
    let lag = page.lines().find(is_its)?.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap();
    (!lag.is_nan()).then_some(lag)
}

async fn commit(client: &mut Client, consumer_id: &str, cursor: &str) -> Result<(), Status> {
    let request = CommitCursorRequest { consumer_id: consumer_id.into(), cursor: cursor.into() };
    client.commit_cursor(request).await.map(drop)
}

async fn level(client: &mut Client, devnet: &Devnet) -> Subscriber {
    let mut subscriber = Subscriber::default();
    subscriber.follow_to(client, head(devnet).await).await;
    subscriber
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn who_is_gone_falls_behind_and_is_forgotten_after_a_month() {
    metrics();
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
        let config = Config { retention_interval_ms: 20, ..Config::default() };
        let (running, mut client) = indexer_at(platform(&devnet, &store), config, &clock).await;
        let gone = format!("gone {}", running.url());
        let cursor = level(&mut client, &devnet).await.cursor;
        commit(&mut client, &gone, &cursor).await.unwrap();
        assert_eq!(lag_of(&gone), Some(0.0));
        for _ in 0..5 {
            devnet.step().await.unwrap();
        }
        while lag_of(&gone) != Some(5.0) {
            tokio::task::yield_now().await;
        }
        clock.advance(29 * DAY);
        let stays = format!("stays {}", running.url());
        let cursor = level(&mut client, &devnet).await.cursor;
        commit(&mut client, &stays, &cursor).await.unwrap();
        clock.advance(2 * DAY);
        while lag_of(&gone).is_some() {
            tokio::task::yield_now().await;
        }
        let status = client.get_cursor(GetCursorRequest { consumer_id: gone }).await.unwrap_err();
        assert_eq!(reason(&status), "CONSUMER_UNKNOWN");
        client.get_cursor(GetCursorRequest { consumer_id: stays.clone() }).await.unwrap();
        assert_eq!(lag_of(&stays), Some(0.0));
        stop(running).await;
    }
}

#[tokio::test]
async fn only_a_cursor_that_a_stream_could_go_on_from_is_kept() {
    let devnet = devnet().await;
    let (store, other) = (TestStore::sqlite(), TestStore::sqlite());
    let (running, mut client) = indexer(platform(&devnet, &other)).await;
    let of_other_log = level(&mut client, &devnet).await.cursor;
    stop(running).await;
    let (running, mut client) = indexer(platform(&devnet, &store)).await;
    level(&mut client, &devnet).await;
    let page = ListEventsRequest { page_size: 1, ..Default::default() };
    let page_token = client.list_events(page).await.unwrap().into_inner().next_page_token;
    let nothing = PageToken { key: vec![2] }.encode("x");
    let elsewhere = [vec![2], 999_u64.to_be_bytes().to_vec(), vec![0; 48]].concat();
    let elsewhere = PageToken { key: elsewhere }.encode("x");
    for (cursor, code, expected) in [
        (of_other_log, Code::InvalidArgument, "CURSOR_INVALID"),
        (page_token, Code::InvalidArgument, "CURSOR_INVALID"),
        (nothing, Code::InvalidArgument, "CURSOR_INVALID"),
        (elsewhere, Code::NotFound, "CHAIN_NOT_CONFIGURED"),
    ] {
        let status = commit(&mut client, "ledger", &cursor).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{cursor}");
    }
    let request = GetCursorRequest { consumer_id: "ledger".into() };
    assert_eq!(reason(&client.get_cursor(request).await.unwrap_err()), "CONSUMER_UNKNOWN");
    stop(running).await;
}

#[tokio::test]
async fn consumers_are_not_without_number() {
    for store in TestStore::both().await {
        let devnet = devnet().await;
        let (running, mut client) = indexer(platform(&devnet, &store)).await;
        let cursor = level(&mut client, &devnet).await.cursor;
        commit(&mut client, "first", &cursor).await.unwrap();
        let database = Database::open(&capstan_db::Options::new(store.url.clone()), "indexer").await.unwrap();
        let write = database.write().await.unwrap();
        let now = Clock::System.now().timestamp_millis();
        let row = |id: String| consumer::ActiveModel {
            id: Set(id),
            cursor: Set(cursor.clone()),
            committed_at: Set(now),
        };
        let others = (1..1_000).map(|number| row(format!("other {number}")));
        let rows = others.chain([row("kafka:topic/0:1".into())]);
        consumer::Entity::insert_many(rows).exec_without_returning(&write).await.unwrap();
        write.commit().await.unwrap();
        let status = commit(&mut client, "one more", &cursor).await.unwrap_err();
        let refused = (status.code(), reason(&status));
        assert_eq!(refused, (Code::ResourceExhausted, "CONSUMERS_EXHAUSTED".to_owned()));
        commit(&mut client, "first", &cursor).await.unwrap();
        database.close().await.unwrap();
        stop(running).await;
    }
}

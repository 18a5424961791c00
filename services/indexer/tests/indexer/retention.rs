//! What is no longer to be kept goes, and nothing else; whoever needs it is told.

use std::{collections::BTreeSet, time::Duration};

use capstan_db::{
    Database,
    indexer::entities::{block, chain, event, pool_cursor, quarantine, reorg},
    testing::TestStore,
};
use capstan_devnet::{Devnet, Options};
use capstan_proto::indexer::{Event, ListEventsRequest, StreamEventsRequest, stream_events_request::Start};
use capstan_runtime::FAILPOINT_VARIABLE;
use sea_orm::{ConnectionTrait, DatabaseBackend, EntityTrait, Statement};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    harness::{
        Client, Id, Subscriber, database_url, devnet, head, ids, indexer, indexer_of, listed, look_again,
        platform, status, stop, truth,
    },
    process::Process,
};

const FINAL_AFTER: u64 = 4;
const WINDOW: u64 = 5;
const PARTITION: i64 = 16;

/// A configuration that keeps as much as `retention` says.
pub(crate) fn keeping(devnet: &Devnet, retention: &str) -> String {
    let rules = format!(
        "finality = {{ blocks = {FINAL_AFTER} }}\nretention = {retention}\npartition_blocks = {PARTITION}"
    );
    let toml = devnet.config_toml().replace("finality = { blocks = 32 }", &rules);
    assert!(toml.contains("retention"));
    format!(
        "{toml}\n[indexer]\npoll_interval_ms = 50\nbatch_blocks = 7\nmax_response_bytes = 8388608\n\
         retention_interval_ms = 20\nreorg_window = {WINDOW}\nreorg_window_seconds = 0\n"
    )
}

pub(crate) async fn traffic(devnet: &mut Devnet, blocks: u64) {
    for _ in 0..blocks {
        devnet.step().await.unwrap();
    }
}

/// Waits until the log begins with block `earliest` and what was before is gone.
pub(crate) async fn until_earliest(client: &mut Client, store: &TestStore, earliest: u64) {
    while status(client).await.earliest_block != earliest {
        look_again().await;
    }
    let database = open(store).await;
    while !Rows::read(&database).await.is_clean(earliest) {
        look_again().await;
    }
    database.close().await.unwrap();
    assert_eq!(status(client).await.earliest_block, earliest);
}

async fn open(store: &TestStore) -> Database {
    Database::open(&capstan_db::Options::new(store.url.clone()), "indexer").await.unwrap()
}

/// What is in the store.
struct Rows {
    blocks: Vec<block::Model>,
    events: Vec<event::Model>,
    reorgs: Vec<reorg::Model>,
    quarantined: usize,
    chain: chain::Model,
    pools_at: Option<i64>,
    /// First blocks of the partitions.
    partitions: Option<BTreeSet<i64>>,
}

impl Rows {
    async fn of(store: &TestStore) -> Self {
        let database = open(store).await;
        let rows = Self::read(&database).await;
        database.close().await.unwrap();
        rows
    }

    async fn read(database: &Database) -> Self {
        let read = database.read().await.unwrap();
        let pools = pool_cursor::Entity::find().one(&read).await.unwrap();
        let rows = Self {
            pools_at: pools.and_then(|cursor| cursor.block_number),
            blocks: block::Entity::find().all(&read).await.unwrap(),
            events: event::Entity::find().all(&read).await.unwrap(),
            reorgs: reorg::Entity::find().all(&read).await.unwrap(),
            quarantined: quarantine::Entity::find().all(&read).await.unwrap().len(),
            chain: chain::Entity::find().one(&read).await.unwrap().unwrap(),
            partitions: match database.backend() {
                DatabaseBackend::Postgres => Some(partitions(&read).await),
                _ => None,
            },
        };
        read.commit().await.unwrap();
        rows
    }

    /// Whether nothing is left of blocks below `earliest`, but orphans, and logs that share a partition
    /// with such that are kept.
    fn is_clean(&self, earliest: u64) -> bool {
        let earliest = i64::try_from(earliest).unwrap();
        let lowest = self.partitions.as_ref().map_or(earliest, |_| earliest - earliest % PARTITION);
        self.blocks.iter().all(|block| block.number >= earliest || block.orphaned_at.is_some())
            && self.events.iter().all(|event| event.place >> 24 >= lowest)
            && self.partitions.iter().flatten().all(|first| *first >= lowest)
    }
}

async fn partitions(read: &impl ConnectionTrait) -> BTreeSet<i64> {
    let names = "SELECT relname::text AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
                 WHERE inhparent = 'event'::regclass";
    let rows = read.query_all_raw(Statement::from_string(DatabaseBackend::Postgres, names)).await.unwrap();
    let first = |name: String| name.rsplit_once('_').unwrap().1.parse().unwrap();
    rows.iter().map(|row| first(row.try_get("", "name").unwrap())).collect()
}

/// The events of blocks from `first` on, as the node itself lists them.
pub(crate) async fn tail(devnet: &Devnet, all: &[Event], first: u64) -> Vec<Id> {
    let number = |event: &Event| event.block.as_ref().unwrap().number;
    assert_eq!(ids(all), truth(devnet).await);
    ids(&all.iter().filter(|event| number(event) >= first).cloned().collect::<Vec<_>>())
}

/// Every event of the chain, from an indexer that keeps all.
pub(crate) async fn whole(devnet: &Devnet) -> Vec<Event> {
    let store = TestStore::sqlite();
    let (running, mut client) = indexer(platform(devnet, &store)).await;
    let mut all = Subscriber::default();
    all.follow_to(&mut client, head(devnet).await).await;
    stop(running).await;
    all.events
}

async fn refusal(client: &mut Client, request: StreamEventsRequest) -> Status {
    client.stream_events(request).await.expect_err("what is asked for is not kept")
}

fn assert_pruned(status: &Status, earliest: u64) {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (status.code(), info.reason.as_str()),
        (Code::FailedPrecondition, "CURSOR_PRUNED"),
        "{status}"
    );
    assert_eq!(info.metadata["earliest"], earliest.to_string());
}

fn from(start: Start) -> StreamEventsRequest {
    StreamEventsRequest { start: Some(start), ..Default::default() }
}

/// Reads a stream from block `first` through the head.
async fn read_from(client: &mut Client, devnet: &Devnet, first: u64) -> Subscriber {
    let (number, _) = head(devnet).await;
    let request = StreamEventsRequest { stop_block: Some(number), ..from(Start::FromBlock(first)) };
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut subscriber = Subscriber::default();
    while subscriber.try_take(&mut stream).await.is_ok() {}
    subscriber
}

#[tokio::test]
async fn old_blocks_go_and_the_rest_is_the_tail_of_a_log_that_keeps_all() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let toml = keeping(&devnet, "{ blocks = 20 }");
        let (running, mut client) = indexer_of(&toml, &store).await;
        let mut old = Subscriber::default();
        old.follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;
        traffic(&mut devnet, 60).await;

        let (running, mut client) = indexer_of(&toml, &store).await;
        let (height, _) = head(&devnet).await;
        let earliest = height + 1 - 20;
        until_earliest(&mut client, &store, earliest).await;
        let all = whole(&devnet).await;
        let tail = tail(&devnet, &all, earliest).await;
        let kept = listed(&mut client, 7, false).await;
        assert!(ids(&kept) == tail && !tail.is_empty(), "{} of {} events", kept.len(), tail.len());
        // Apart from what is final, which the two have set differently.
        let bare = |events: &[Event]| -> Vec<Event> {
            events.iter().map(|event| Event { finality: 0, ..event.clone() }).collect()
        };
        assert!(bare(&all).ends_with(&bare(&kept)));
        let newest_first: Vec<Event> = listed(&mut client, 7, true).await.into_iter().rev().collect();
        assert_eq!(newest_first, kept);
        let mut live = read_from(&mut client, &devnet, earliest).await;
        assert_eq!(live.events, kept);
        let now = status(&mut client).await;
        assert_eq!((now.events, now.earliest_block), (u64::try_from(kept.len()).unwrap(), earliest));

        let stale = StreamEventsRequest { cursor: old.cursor.clone(), ..Default::default() };
        assert_pruned(&refusal(&mut client, stale).await, earliest);
        for request in [
            StreamEventsRequest::default(),
            from(Start::FromBlock(0)),
            from(Start::FromBlock(earliest - 1)),
            from(Start::BlocksBeforeHead(21)),
        ] {
            assert_pruned(&refusal(&mut client, request).await, earliest);
        }
        let list =
            |first| ListEventsRequest { from_block: Some(first), page_size: 1_000, ..Default::default() };
        assert_pruned(&client.list_events(list(earliest - 1)).await.unwrap_err(), earliest);
        let page = client.list_events(list(earliest)).await.unwrap().into_inner();
        assert_eq!(page.events, kept);

        // It goes on, and so does who is level with it.
        traffic(&mut devnet, 3).await;
        live.follow_to(&mut client, head(&devnet).await).await;
        until_earliest(&mut client, &store, earliest + 3).await;
        assert!(live.ids().ends_with(&ids(&listed(&mut client, 0, false).await)));
        stop(running).await;
    }
}

#[tokio::test]
async fn days_are_those_of_the_chain() {
    for store in TestStore::both().await {
        let quarters = Options { block_interval: Duration::from_secs(6 * 3_600), ..Options::default() };
        let mut devnet = Devnet::start(quarters).await.unwrap();
        traffic(&mut devnet, 40).await;
        let toml = keeping(&devnet, "{ days = 5 }");
        let (running, mut client) = indexer_of(&toml, &store).await;
        let earliest = head(&devnet).await.0 - 20;
        until_earliest(&mut client, &store, earliest).await;
        let all = whole(&devnet).await;
        assert_eq!(ids(&listed(&mut client, 0, false).await), tail(&devnet, &all, earliest).await);
        stop(running).await;
    }
}

#[tokio::test]
async fn what_may_still_leave_the_chain_is_kept_however_little_is_asked_for() {
    let mut devnet = devnet().await;
    traffic(&mut devnet, 30).await;
    let store = TestStore::sqlite();
    let (running, mut client) = indexer_of(&keeping(&devnet, "{ blocks = 1 }"), &store).await;
    let earliest = head(&devnet).await.0 - WINDOW;
    until_earliest(&mut client, &store, earliest).await;
    stop(running).await;

    // Nor does anything go while nothing is final.
    let store = TestStore::sqlite();
    let toml = keeping(&devnet, "{ blocks = 1 }");
    let toml =
        toml.replace(&format!("finality = {{ blocks = {FINAL_AFTER} }}"), "finality = { blocks = 999 }");
    let (running, mut client) = indexer_of(&toml, &store).await;
    let mut all = Subscriber::default();
    all.follow_to(&mut client, head(&devnet).await).await;
    traffic(&mut devnet, 2).await;
    all.follow_to(&mut client, head(&devnet).await).await;
    assert_eq!(status(&mut client).await.earliest_block, 0);
    assert_eq!(all.ids(), truth(&devnet).await);
    stop(running).await;
}

#[tokio::test]
async fn a_reorg_above_what_is_kept_is_undone_and_one_below_is_nobodys_any_more() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        traffic(&mut devnet, 30).await;
        let toml = keeping(&devnet, "{ blocks = 10 }");
        let (running, mut client) = indexer_of(&toml, &store).await;
        until_earliest(&mut client, &store, head(&devnet).await.0 - 9).await;
        let first = head(&devnet).await.0 - 9;
        let mut reader = read_from(&mut client, &devnet, first).await;
        reader.follow_to(&mut client, head(&devnet).await).await;
        let left = reader.cursor.clone();
        devnet.reorg_postponing(3).await.unwrap();
        devnet.step().await.unwrap();
        reader.follow_to(&mut client, head(&devnet).await).await;
        assert_eq!(reader.undos.len(), 1);
        let all = whole(&devnet).await;
        assert_eq!(reader.ids(), tail(&devnet, &all, first).await);
        let rows = Rows::of(&store).await;
        assert_eq!((rows.reorgs.len(), rows.chain.earliest_fork), (1, 0));

        // The cursor of the dead fork stands on an orphan that is known, but not what came after its undo.
        let behind = u64::try_from(rows.reorgs[0].last_valid_number).unwrap();
        let more = behind + 12 - head(&devnet).await.0;
        traffic(&mut devnet, more).await;
        reader.follow_to(&mut client, head(&devnet).await).await;
        until_earliest(&mut client, &store, behind + 3).await;
        let rows = Rows::of(&store).await;
        assert_eq!((rows.reorgs.len(), rows.chain.earliest_fork), (0, 1));
        assert!(rows.blocks.iter().any(|block| block.orphaned_at.is_some()));
        let dead = StreamEventsRequest { cursor: left, ..Default::default() };
        assert_pruned(&refusal(&mut client, dead).await, behind + 3);
        let all = whole(&devnet).await;
        assert_eq!(ids(&listed(&mut client, 0, false).await), tail(&devnet, &all, behind + 3).await);
        devnet.reorg(2).await.unwrap();
        devnet.step().await.unwrap();
        reader.follow_to(&mut client, head(&devnet).await).await;
        let all = whole(&devnet).await;
        assert_eq!(reader.ids(), tail(&devnet, &all, first).await);
        stop(running).await;
    }
}

#[tokio::test]
async fn a_kill_between_the_steps_leaves_what_the_next_run_goes_on_from() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        let toml = keeping(&devnet, "{ blocks = 20 }");
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("capstan.toml");
        std::fs::write(&config, &toml).unwrap();
        let mut points = vec!["retain.before", "retain.raised", "retain.part"];
        points.extend(matches!(store.url, capstan_db::DatabaseUrl::Postgres(_)).then_some("retain.dropped"));
        for point in points {
            // More than a partition, so that there is one to drop.
            traffic(&mut devnet, 2 * u64::try_from(PARTITION).unwrap() + 20).await;
            let armed = format!("{point}=1");
            let process =
                Process::spawn(&config, &database_url(&store), &[(FAILPOINT_VARIABLE, &armed)]).await;
            process.killed(point).await;
        }
        let (running, mut client) = indexer_of(&toml, &store).await;
        let earliest = head(&devnet).await.0 - 19;
        until_earliest(&mut client, &store, earliest).await;
        let all = whole(&devnet).await;
        let kept = listed(&mut client, 0, false).await;
        assert_eq!(ids(&kept), tail(&devnet, &all, earliest).await);
        let rows = Rows::of(&store).await;
        assert_eq!(usize::try_from(rows.chain.events).unwrap(), kept.len());
        assert_eq!(usize::try_from(rows.chain.decode_failures).unwrap(), rows.quarantined);
        stop(running).await;
    }
}

#[tokio::test]
async fn history_that_comes_late_goes_down_to_what_is_kept() {
    for store in TestStore::both().await {
        let mut devnet = devnet().await;
        traffic(&mut devnet, 40).await;
        let toml = keeping(&devnet, "{ blocks = 20 }");
        let few = toml_without(&toml, "gnosis.conditional_tokens");
        let (running, mut client) = indexer_of(&few, &store).await;
        let earliest = head(&devnet).await.0 - 19;
        until_earliest(&mut client, &store, earliest).await;
        let before = status(&mut client).await.events;
        stop(running).await;
        let (running, mut client) = indexer_of(&toml, &store).await;
        let all = whole(&devnet).await;
        let wanted = tail(&devnet, &all, earliest).await;
        while ids(&listed(&mut client, 0, false).await) != wanted {
            look_again().await;
        }
        assert!(status(&mut client).await.events > before);
        stop(running).await;
        assert!(Rows::of(&store).await.is_clean(earliest));
    }
}

/// The configuration without the contract of a protocol.
pub(crate) fn toml_without(toml: &str, protocol: &str) -> String {
    let mut parts = toml.split("[[chains.contracts]]");
    let first = parts.next().unwrap().to_owned();
    let kept = parts.filter(|part| !part.contains(protocol));
    kept.fold(first, |toml, part| toml + "[[chains.contracts]]" + part)
}

#[tokio::test]
async fn nothing_goes_that_the_pools_have_not_read() {
    let mut devnet = devnet().await;
    let store = TestStore::postgres().await;
    let (running, mut client) = indexer_of(&keeping(&devnet, "{ blocks = 20 }"), &store).await;
    let (height, _) = head(&devnet).await;
    let database = open(&store).await;
    while Rows::read(&database).await.pools_at != i64::try_from(height).ok() {
        look_again().await;
    }
    // As if they were slow: they can be read and do not move.
    let held = database.write().await.unwrap();
    held.execute_unprepared("LOCK TABLE pool_cursor IN EXCLUSIVE MODE").await.unwrap();
    traffic(&mut devnet, 60).await;
    let (newest, _) = head(&devnet).await;
    let earliest = loop {
        let status = status(&mut client).await;
        let indexed = status.indexed.map_or(0, |block| block.number);
        if indexed == newest && status.earliest_block >= height {
            break status.earliest_block;
        }
        look_again().await;
    };
    assert_eq!(earliest, height);
    held.commit().await.unwrap();
    until_earliest(&mut client, &store, newest - 19).await;
    stop(running).await;
    database.close().await.unwrap();
}

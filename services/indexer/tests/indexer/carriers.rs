//! What the shared follower makes of the log, by gRPC and by Kafka: one suite for both.

use std::sync::Arc;

use alloy::primitives::B256;
use capstan_db::testing::TestStore;
use capstan_devnet::Devnet;
use capstan_kafka::{
    EventSource, KafkaSource,
    testing::{Broker, Received, received},
};
use capstan_proto::indexer::{Event, EventFilter};
use capstan_runtime::{
    Platform, Running,
    events::Kafka,
    follow::{Projection, Step, Subscription, follow},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use crate::harness::{database_url, devnet, head, ids, platform_of, stop, truth, try_start};

const TOPIC: &str = "capstan.events";
const PARTITIONS: i32 = 3;
/// The devnet's blocks are final after 32.
const DEEPEST: u64 = 12;

/// How the log gets to its consumers.
pub(crate) enum Carrier {
    Grpc,
    Kafka(Broker),
}

impl Carrier {
    pub(crate) fn both() -> [Self; 2] {
        [Self::Grpc, Self::kafka()]
    }

    pub(crate) fn kafka() -> Self {
        Self::Kafka(Broker::start(TOPIC, PARTITIONS))
    }

    /// The devnet's configuration with what the carrier adds.
    pub(crate) fn config(&self, devnet: &Devnet) -> String {
        let toml = devnet.config_toml();
        toml + &self.section()
    }

    /// What it adds.
    pub(crate) fn section(&self) -> String {
        match self {
            Self::Grpc => String::new(),
            Self::Kafka(broker) => format!("\n[events.kafka]\nbrokers = [{:?}]\n", broker.address()),
        }
    }

    pub(crate) fn source(&self, platform: &Platform, url: &str) -> EventSource {
        match self {
            Self::Grpc => EventSource::Indexer(Endpoint::from_shared(url.to_owned()).unwrap().connect_lazy()),
            Self::Kafka(_) => EventSource::Kafka(KafkaSource::new(section(platform))),
        }
    }
}

pub(crate) fn section(platform: &Platform) -> Kafka {
    platform.events.kafka.clone().unwrap()
}

/// Every record of the chain's partition.
pub(crate) fn published(platform: &Platform) -> Vec<Received> {
    let partition = i32::try_from(platform.chains[0].id.0).unwrap() % PARTITIONS;
    received(&section(platform), partition)
}

/// What a consumer has in its own database.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) events: Vec<Event>,
    pub(crate) cursor: String,
    through: (u64, String),
    undos: usize,
    steps: usize,
    pub(crate) resets: usize,
}

/// A consumer whose database outlives it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumer {
    pub(crate) kept: Arc<watch::Sender<Kept>>,
    filter: EventFilter,
}

impl Consumer {
    /// Follows until it has the block with this number and hash, and dies.
    pub(crate) async fn read_to(&self, source: EventSource, chain_id: u64, head: (u64, B256)) {
        let head = (head.0, format!("{:#x}", head.1));
        self.read_until(source, chain_id, |kept| kept.through == head).await;
    }

    async fn read_until(&self, source: EventSource, chain_id: u64, done: impl Fn(&Kept) -> bool) {
        let subscription = Subscription { chain_id, filter: self.filter.clone(), payloads: Vec::new() };
        let mut kept = self.kept.subscribe();
        tokio::select! {
            biased;
            seen = kept.wait_for(done) => drop(seen.unwrap()),
            ended = follow(source, subscription, self.clone(), CancellationToken::new()) => panic!("{ended:?}"),
        }
    }

    fn ids(&self) -> Vec<(String, u32)> {
        ids(&self.kept.borrow().events)
    }
}

impl Projection for Consumer {
    type Error = std::convert::Infallible;

    async fn cursor(&mut self) -> Result<String, Self::Error> {
        Ok(self.kept.borrow().cursor.clone())
    }

    async fn take(&mut self, step: Step) -> Result<(), Self::Error> {
        self.kept.send_modify(|kept| kept.take(step));
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), Self::Error> {
        self.kept.send_modify(|kept| *kept = Kept { resets: kept.resets + 1, ..Kept::default() });
        Ok(())
    }

    fn halted(&mut self, halted: bool) {
        assert!(!halted, "nothing was pruned");
    }
}

impl Kept {
    fn take(&mut self, step: Step) {
        self.steps += 1;
        let of = |block: Option<capstan_proto::primitives::BlockRef>| {
            block.map(|block| (block.number, block.hash))
        };
        match step {
            Step::Apply(batch) => {
                let mut last = self.events.last().map_or(0, |event| event.position);
                for event in &batch.events {
                    assert!(event.position > last, "{event:?} after position {last}");
                    last = event.position;
                }
                self.events.extend(batch.events);
                if batch.block_complete {
                    self.through = of(batch.block).unwrap();
                }
                self.cursor = batch.cursor;
            }
            Step::Undo(undo) => {
                self.undos += 1;
                self.through = of(undo.last_valid_block).unwrap();
                let last = self.through.0;
                self.events.retain(|event| event.block.as_ref().unwrap().number <= last);
                self.cursor = undo.cursor;
            }
            Step::Pass(heartbeat) => {
                self.through = of(heartbeat.block).unwrap_or_default();
                self.cursor = heartbeat.cursor;
            }
        }
    }
}

/// A chain, an indexer that follows it, and a carrier.
pub(crate) struct World {
    pub(crate) carrier: Carrier,
    pub(crate) devnet: Devnet,
    pub(crate) platform: Platform,
    pub(crate) running: Running,
    _store: TestStore,
}

impl World {
    pub(crate) async fn begin(carrier: Carrier) -> Self {
        let (devnet, store) = (devnet().await, TestStore::sqlite());
        Self::begin_on(carrier, devnet, store, |platform| platform).await
    }

    /// With the platform that `change` makes of the devnet's.
    async fn begin_on(
        carrier: Carrier,
        devnet: Devnet,
        store: TestStore,
        change: impl Fn(Platform) -> Platform,
    ) -> Self {
        let platform = platform_of(&carrier.config(&devnet), &database_url(&store));
        let running = try_start(change(platform.clone())).await.unwrap();
        Self { carrier, devnet, platform, running, _store: store }
    }

    pub(crate) fn chain_id(&self) -> u64 {
        self.platform.chains[0].id.0
    }

    pub(crate) fn source(&self) -> EventSource {
        self.carrier.source(&self.platform, &self.running.url())
    }

    /// Has the consumer read through the head, and compares what it has with the node.
    pub(crate) async fn level(&self, consumer: &Consumer) {
        consumer.read_to(self.source(), self.chain_id(), head(&self.devnet).await).await;
        assert_eq!(consumer.ids(), truth(&self.devnet).await);
    }

    async fn steps(&mut self, blocks: usize) {
        for _ in 0..blocks {
            self.devnet.step().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_comes_once_and_in_order() {
    for carrier in Carrier::both() {
        let mut world = World::begin(carrier).await;
        let consumer = Consumer::default();
        world.level(&consumer).await;
        world.steps(5).await;
        world.level(&consumer).await;
        let late = Consumer::default();
        world.level(&late).await;
        assert!(!late.ids().is_empty());
        stop(world.running).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_takes_back_what_it_voids() {
    for carrier in Carrier::both() {
        let mut world = World::begin(carrier).await;
        let (consumer, away) = (Consumer::default(), Consumer::default());
        world.steps(12).await;
        world.level(&consumer).await;
        world.level(&away).await;
        for depth in [1, 4, 9] {
            world.devnet.reorg_postponing(depth).await.unwrap();
            world.level(&consumer).await;
            world.steps(2).await;
            world.level(&consumer).await;
        }
        assert!(consumer.kept.borrow().undos >= 3);
        // One that was away for all of them.
        world.level(&away).await;
        assert!(away.kept.borrow().undos >= 1);
        assert_eq!((consumer.kept.borrow().resets, away.kept.borrow().resets), (0, 0));
        stop(world.running).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_killed_goes_on_from_its_cursor() {
    for carrier in Carrier::both() {
        let mut world = World::begin(carrier).await;
        let (consumer, mut rng) = (Consumer::default(), StdRng::seed_from_u64(20_261_124));
        world.steps(12).await;
        for _ in 0..20 {
            if rng.random_ratio(1, 3) {
                world.devnet.reorg(rng.random_range(1..=DEEPEST)).await.unwrap();
            }
            world.steps(2).await;
            let steps = consumer.kept.borrow().steps + rng.random_range(1..=2);
            let (number, hash) = head(&world.devnet).await;
            let head = (number, format!("{hash:#x}"));
            let done = |kept: &Kept| kept.steps >= steps || kept.through == head;
            consumer.read_until(world.source(), world.chain_id(), done).await;
        }
        world.level(&consumer).await;
        assert_eq!(consumer.kept.borrow().resets, 0);
        stop(world.running).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_leaves_out_what_is_not_wanted() {
    for carrier in Carrier::both() {
        let world = World::begin(carrier).await;
        let all = Consumer::default();
        world.level(&all).await;
        let kind = all.kept.borrow().events.last().unwrap().kind.clone();
        let filter = EventFilter { kinds: vec![kind.clone()], ..EventFilter::default() };
        let some = Consumer { filter, ..Consumer::default() };
        some.read_to(world.source(), world.chain_id(), head(&world.devnet).await).await;
        let wanted: Vec<Event> =
            all.kept.borrow().events.iter().filter(|event| event.kind == kind).cloned().collect();
        assert_eq!(some.ids(), ids(&wanted));
        // The same cursor is none of another subscription: what is derived is made anew.
        let other = Consumer { kept: Arc::clone(&some.kept), ..Consumer::default() };
        let all = ids(&all.kept.borrow().events);
        let (source, chain_id) = (world.source(), world.chain_id());
        other.read_until(source, chain_id, |kept| kept.events.len() == all.len()).await;
        assert_eq!((other.ids(), other.kept.borrow().resets), (all, 1));
        stop(world.running).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_comes_late_has_consumers_start_over() {
    for carrier in Carrier::both() {
        let without = |mut platform: Platform| {
            platform.chains[0].contracts.retain(|contract| contract.protocol != "gnosis.fpmm_factory");
            platform
        };
        let (devnet, store) = (devnet().await, TestStore::sqlite());
        let mut world = World::begin_on(carrier, devnet, store, without).await;
        world.steps(6).await;
        let consumer = Consumer::default();
        consumer.read_to(world.source(), world.chain_id(), head(&world.devnet).await).await;
        let truth = truth(&world.devnet).await;
        assert!(consumer.ids().len() < truth.len());
        stop(world.running).await;
        world.running = try_start(world.platform.clone()).await.unwrap();
        let (source, chain_id) = (world.source(), world.chain_id());
        consumer.read_until(source, chain_id, |kept| kept.events.len() == truth.len()).await;
        assert_eq!((consumer.ids(), consumer.kept.borrow().resets), (truth.clone(), 1));
        // Whoever comes then meets both publications of a topic.
        let late = Consumer::default();
        let source = world.source();
        late.read_until(source, chain_id, |kept| kept.events.len() == truth.len()).await;
        assert_eq!(late.ids(), truth);
        stop(world.running).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_carriers_tell_the_same_of_an_event() {
    let world = World::begin(Carrier::kafka()).await;
    let (by_kafka, by_grpc) = (Consumer::default(), Consumer::default());
    world.level(&by_kafka).await;
    let source = Carrier::Grpc.source(&world.platform, &world.running.url());
    by_grpc.read_to(source, world.chain_id(), head(&world.devnet).await).await;
    let bare = |consumer: &Consumer| {
        let events = consumer.kept.borrow().events.clone();
        // Finality is as of when the message was made; the topic has every payload.
        let bare = |event| Event {
            finality: 0,
            canonical: Vec::new(),
            topics: Vec::new(),
            data: Default::default(),
            ..event
        };
        events.into_iter().map(bare).collect::<Vec<Event>>()
    };
    assert_eq!(bare(&by_kafka), bare(&by_grpc));
    assert!(by_kafka.kept.borrow().events.iter().all(|event| !event.topics.is_empty()));
    stop(world.running).await;
}

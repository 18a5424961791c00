//! Publishing to Kafka: what is in the topic, and what becomes of it when something dies.

use std::collections::BTreeMap;

use capstan_db::testing::TestStore;
use capstan_devnet::{Devnet, Options};
use capstan_kafka::{
    Body, EventSource, KafkaSource,
    testing::{Broker, received},
};
use capstan_proto::indexer::ChainState;
use capstan_runtime::{FAILPOINT_VARIABLE, Platform};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    carriers::{Carrier, Consumer, World, published, section},
    harness::{
        Client, database_url, devnet, head, ids, look_again, platform_of, status, stop, truth, try_start,
    },
    process::Process,
};

const POINTS: [&str; 4] = ["kafka.send", "kafka.sent", "kafka.stored", "commit.after"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_says_what_it_is_and_where_it_stands() {
    let mut world = World::begin(Carrier::kafka()).await;
    let consumer = Consumer::default();
    world.level(&consumer).await;
    world.devnet.reorg_postponing(2).await.unwrap();
    world.level(&consumer).await;
    let chain_id = world.chain_id().to_string();
    let records = published(&world.platform);
    let (mut at, mut events) = (None, 0);
    for received in &records {
        assert_eq!(received.key, chain_id);
        let headers: BTreeMap<&str, &str> =
            received.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers["id"], received.record.id());
        // Without failures every record follows the one before it; an undo may reach back behind it.
        assert!(at.is_none_or(|at| at == received.record.after), "{received:?}");
        let mut through = received.record.through;
        match &received.record.body {
            Body::Begin(_) => assert_eq!((headers["type"], received.offset), ("begin", 0)),
            Body::Event(event) => {
                events += 1;
                let hash = &event.block.as_ref().unwrap().hash;
                assert_eq!(headers["id"], format!("{chain_id}:{hash}:{}", event.log_index));
                assert_eq!((headers["type"], through.position), ("event", event.position));
            }
            Body::BeginFrom(..) => panic!("nothing was pruned"),
            Body::Undo(undo) => {
                assert_eq!((headers["type"], undo.depth), ("undo", 2));
                through.position = through.position.min(received.record.after.position);
            }
            Body::Block(_) => assert_eq!(headers["type"], "block"),
        }
        at = Some(through);
    }
    assert!(events >= consumer.kept.borrow().events.len());
    stop(world.running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_loses_nothing_and_repeats_nothing() {
    let carrier = Carrier::kafka();
    for store in TestStore::both().await {
        let mut life = Life::begin(&carrier, &store).await;
        for number in 0..12_usize {
            life.die_at(POINTS[number % POINTS.len()]).await;
        }
        life.survive().await;
    }
}

/// A publisher that lives many times, with a consumer that reads meanwhile.
struct Life<'a> {
    carrier: &'a Carrier,
    store: &'a TestStore,
    devnet: Devnet,
    directory: tempfile::TempDir,
    toml: String,
    consumer: Consumer,
    rng: StdRng,
}

impl<'a> Life<'a> {
    async fn begin(carrier: &'a Carrier, store: &'a TestStore) -> Self {
        let mut devnet = Devnet::start(Options::default()).await.unwrap();
        for _ in 0..12 {
            devnet.step().await.unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        // A topic for every life: another log in the same topic would be another publication.
        let topic = if store.url.to_string().starts_with("sqlite") { "one" } else { "two" };
        let toml = format!("{}topic = \"{topic}\"\n", carrier.config(&devnet));
        std::fs::write(directory.path().join("capstan.toml"), &toml).unwrap();
        let (consumer, rng) = (Consumer::default(), StdRng::seed_from_u64(20_261_124));
        Self { carrier, store, devnet, directory, toml, consumer, rng }
    }

    async fn die_at(&mut self, point: &str) {
        if self.rng.random_ratio(1, 2) {
            self.devnet.reorg(self.rng.random_range(1..=8)).await.unwrap();
        }
        let armed = format!("{point}={}", self.rng.random_range(1..=3));
        let config = self.directory.path().join("capstan.toml");
        let environment = [(FAILPOINT_VARIABLE, armed.as_str())];
        let process = Process::spawn(&config, &database_url(self.store), &environment).await;
        let mut client = process.client().await;
        // Every block brings it nearer to its end.
        while let Some(living) = &mut client {
            self.devnet.step().await.unwrap();
            if !has_block(living, self.devnet.block_number()).await {
                client = None;
            }
        }
        process.killed(&armed).await;
    }

    async fn survive(self) {
        let platform = platform_of(&self.toml, &database_url(self.store));
        let running = try_start(platform.clone()).await.unwrap();
        let (chain_id, head) = (self.devnet.chain_id(), head(&self.devnet).await);
        let truth = truth(&self.devnet).await;
        for consumer in [&self.consumer, &Consumer::default()] {
            let source = self.carrier.source(&platform, &running.url());
            consumer.read_to(source, chain_id, head).await;
            assert_eq!(ids(&consumer.kept.borrow().events), truth);
        }
        stop(running).await;
    }
}

/// Waits for a block; false when the indexer dies before.
async fn has_block(client: &mut Client, number: u64) -> bool {
    loop {
        let Ok(answer) = client.get_status(capstan_proto::indexer::GetStatusRequest {}).await else {
            return false;
        };
        let chain = answer.into_inner().chains.into_iter().next().unwrap();
        if chain.indexed.is_some_and(|block| block.number >= number) {
            return true;
        }
        look_again().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_holds_up_nothing_but_publishing() {
    let mut world = World::begin(Carrier::kafka()).await;
    let consumer = Consumer::default();
    world.level(&consumer).await;
    let Carrier::Kafka(broker) = &world.carrier else { unreachable!() };
    broker.down();
    for _ in 0..3 {
        world.devnet.step().await.unwrap();
    }
    world.devnet.reorg_postponing(2).await.unwrap();
    let mut client = Client::connect(world.running.url()).await.unwrap();
    let wanted = format!("{:#x}", head(&world.devnet).await.1);
    while status(&mut client).await.indexed.is_none_or(|block| block.hash != wanted) {
        look_again().await;
    }
    assert_eq!(status(&mut client).await.state(), ChainState::Live);
    let Carrier::Kafka(broker) = &world.carrier else { unreachable!() };
    broker.up();
    world.level(&consumer).await;
    assert_eq!(consumer.kept.borrow().resets, 0);
    stop(world.running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_writer_publishes_and_who_takes_over_goes_on() {
    let mut world = World::begin(Carrier::kafka()).await;
    let consumer = Consumer::default();
    world.level(&consumer).await;
    let second = try_start(world.platform.clone()).await.unwrap();
    world.devnet.step().await.unwrap();
    world.level(&consumer).await;
    let first = std::mem::replace(&mut world.running, second);
    stop(first).await;
    world.devnet.reorg(1).await.unwrap();
    world.devnet.step().await.unwrap();
    world.level(&consumer).await;
    assert_eq!(consumer.kept.borrow().resets, 0);
    // One beginning: the second goes on from where the first one stored that it was.
    let begun = published(&world.platform);
    let begun = begun.iter().filter(|received| matches!(received.record.body, Body::Begin(_)));
    assert_eq!(begun.count(), 1);
    stop(world.running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_gets_the_whole_log() {
    let mut world = World::begin(Carrier::kafka()).await;
    let consumer = Consumer::default();
    world.level(&consumer).await;
    world.devnet.step().await.unwrap();
    world.level(&consumer).await;
    stop(world.running).await;
    world.carrier = Carrier::kafka();
    let platform = platform_of(&world.carrier.config(&world.devnet), &world.platform.database.url);
    world.running = try_start(platform.clone()).await.unwrap();
    world.platform = platform;
    world.level(&Consumer::default()).await;
    world.devnet.step().await.unwrap();
    world.level(&consumer).await;
    stop(world.running).await;
}

/// The one that comes second finds records in the partition that it had published into before, of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_that_share_a_partition_of_a_topic_that_was_made_anew_get_all_of_both() {
    let chains = [13_370, 13_371].map(|chain_id| Options { chain_id, ..Options::default() });
    let [one, other] = chains.map(Devnet::start);
    let (mut one, mut other) = (one.await.unwrap(), other.await.unwrap());
    let store = TestStore::sqlite();
    let both = format!("{}\n{}", one.config_toml(), other.config_toml());
    let broker = Broker::start("both", 1);
    let topic = |broker: &Broker, chains: &str| {
        let section = format!("[events.kafka]\nbrokers = [{:?}]\ntopic = \"both\"\n", broker.address());
        platform_of(&format!("{chains}\n{section}"), &database_url(&store))
    };
    let all = topic(&broker, &both);
    let running = try_start(all.clone()).await.unwrap();
    for devnet in [&one, &other] {
        whole_of(&all, devnet).await;
    }
    stop(running).await;
    drop(broker);
    let broker = Broker::start("both", 1);
    let first = topic(&broker, &one.config_toml());
    let running = try_start(first.clone()).await.unwrap();
    whole_of(&first, &one).await;
    stop(running).await;
    let all = topic(&broker, &both);
    let running = try_start(all.clone()).await.unwrap();
    for devnet in [&mut one, &mut other] {
        devnet.step().await.unwrap();
        whole_of(&all, devnet).await;
    }
    let begun = received(&section(&all), 0);
    let begun = begun.iter().filter(|received| matches!(received.record.body, Body::Begin(_)));
    assert_eq!(begun.count(), 2, "what the topic has is not published again");
    stop(running).await;
}

/// Reads the log of a chain from the beginning of the topic, and compares it with the node.
async fn whole_of(platform: &Platform, devnet: &Devnet) {
    let (consumer, source) = (Consumer::default(), KafkaSource::new(section(platform)));
    consumer.read_to(EventSource::Kafka(source), devnet.chain_id(), head(devnet).await).await;
    assert_eq!(ids(&consumer.kept.borrow().events), truth(devnet).await);
}

#[tokio::test]
async fn a_wrong_option_is_refused_before_anything_starts() {
    let (carrier, devnet, store) = (Carrier::kafka(), devnet().await, TestStore::sqlite());
    let toml = format!("{}options.lingr.ms = 5\n", carrier.config(&devnet));
    let refused = try_start(platform_of(&toml, &database_url(&store))).await.unwrap_err().to_string();
    assert_eq!(refused, "configuration: events.kafka.options.lingr.ms: is no setting of librdkafka");
}

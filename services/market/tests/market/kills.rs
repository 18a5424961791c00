//! A market that is killed again and again ends with the tables of one that was not.

use std::{process::Stdio, time::Duration};

use capstan_db::{Database, Options, market::entities, testing::TestStore};
use capstan_market::simulated::{Dice, World};
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{StreamMarketsRequest, market_service_client::MarketServiceClient},
};
use sea_orm::{EntityTrait, Iterable, PrimaryKeyToColumn, QueryOrder};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::platform::{CHAIN, Changes, ScriptedIndexer, start_market, url};

/// On each store, of which there are two.
const KILLS: usize = 25;
/// More than all lives together are told.
const STEPS: usize = KILLS * 15;
/// Messages without a step that are waited for.
const HEARTBEATS: usize = 100;
const SEED: u64 = 20_261_128;
const DATABASE: &str = "CAPSTAN_TEST_DATABASE";
const INDEXER: &str = "CAPSTAN_TEST_INDEXER";
const ADDRESS: &str = "serving at ";

#[tokio::test]
async fn a_market_killed_fifty_times_has_the_tables_of_one_that_was_not() {
    let (steps, world) = steps(SEED);
    let undisturbed = undisturbed(&steps, &world).await;
    for store in TestStore::both().await {
        let indexer = ScriptedIndexer::start().await;
        let mut dice = Dice::new(SEED);
        let mut deaths = Vec::new();
        for _ in 0..KILLS {
            let told = told(&steps, &cursor(&store).await, 6 + dice.roll(9));
            die(&store, &indexer, told, (dice.roll(4) > 0, dice.roll(20_000))).await;
            deaths.push(cursor(&store).await);
        }
        assert_ne!(deaths.last(), steps.last().map(cursor_of).as_ref(), "it died on the way");
        deaths.dedup();
        assert!(deaths.len() > KILLS / 2, "it died at {} places", deaths.len());
        indexer.forget_sessions();
        let session = indexer.session_of(CHAIN);
        told(&steps, &cursor(&store).await, STEPS * 2).into_iter().for_each(|step| session.say(step));
        let running = start_market(url(&store), indexer.address, &[CHAIN]).await;
        let client = MarketServiceClient::connect(running.url()).await.unwrap();
        until(client, &world).await;
        running.stop(Duration::from_secs(5)).await;
        indexer.stop().await;
        let killed = dump(&store).await;
        let first = killed.iter().zip(&undisturbed).find(|(killed, undisturbed)| killed != undisturbed);
        assert!(killed == undisturbed, "seed {SEED}: {first:?}");
    }
}

/// A long history with a reorg now and then, step by step, and what is left of it.
fn steps(seed: u64) -> (Vec<Message>, World) {
    let (mut dice, mut world) = (Dice::new(seed), World::new(CHAIN));
    let mut steps = Vec::new();
    let go_on = |world: &mut World, dice: &mut Dice, blocks: usize, steps: &mut Vec<Message>| {
        for _ in 0..blocks {
            world.go_on(dice, 1);
            let number = world.log.head().unwrap().number;
            steps.push(Message::Events(world.log.batch(number, number)));
        }
    };
    while steps.len() < STEPS {
        let blocks = 1 + dice.roll(20);
        go_on(&mut world, &mut dice, blocks, &mut steps);
        let (mut lost, kept) = (world.clone(), world.log.head().unwrap().number);
        let depth = 1 + dice.roll(6);
        go_on(&mut lost, &mut dice, depth, &mut steps);
        steps.push(Message::Undo(lost.log.undo(kept)));
        (world.log.position, world.log.fork) = (lost.log.position, lost.log.fork);
    }
    go_on(&mut world, &mut dice, 5, &mut steps);
    (steps, world)
}

fn cursor_of(step: &Message) -> String {
    match step {
        Message::Events(batch) => batch.cursor.clone(),
        Message::Undo(undo) => undo.cursor.clone(),
        _ => unreachable!("no step of the history"),
    }
}

/// At most so many steps after a cursor.
fn told(steps: &[Message], cursor: &str, most: usize) -> Vec<Message> {
    let after = steps.iter().position(|step| cursor_of(step) == cursor).map_or(0, |at| at + 1);
    steps[after..].iter().take(most).cloned().collect()
}

async fn undisturbed(steps: &[Message], world: &World) -> Vec<String> {
    let store = TestStore::sqlite();
    let indexer = ScriptedIndexer::start().await;
    let session = indexer.session_of(CHAIN);
    steps.iter().cloned().for_each(|step| session.say(step));
    let running = start_market(url(&store), indexer.address, &[CHAIN]).await;
    until(MarketServiceClient::connect(running.url()).await.unwrap(), world).await;
    running.stop(Duration::from_secs(5)).await;
    indexer.stop().await;
    dump(&store).await
}

async fn until(mut client: MarketServiceClient<tonic::transport::Channel>, world: &World) {
    let request = StreamMarketsRequest { chain_id: CHAIN, ..Default::default() };
    Changes::of(client.stream_markets(request).await.unwrap().into_inner()).until(world).await;
}

/// A process that is told some steps, and is killed so many microseconds after it began to serve, or to go on.
async fn die(
    store: &TestStore,
    indexer: &ScriptedIndexer,
    told: Vec<Message>,
    (goes_on, microseconds): (bool, usize),
) {
    let before = stored(store).await.and_then(|row| row.block_hash).map(|hash| hash.0.to_string());
    indexer.forget_sessions();
    let session = indexer.session_of(CHAIN);
    told.into_iter().for_each(|step| session.say(step));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kills::a_market_serves_until_it_is_killed", "--ignored", "--nocapture"]);
    command.env(DATABASE, url(store)).env(INDEXER, indexer.address.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it serves");
        if let Some(address) = line.strip_prefix(ADDRESS) {
            break address.to_owned();
        }
    };
    if goes_on {
        let mut client = MarketServiceClient::connect(address).await.unwrap();
        let request = StreamMarketsRequest { chain_id: CHAIN, ..Default::default() };
        let mut stream = client.stream_markets(request).await.unwrap().into_inner();
        // What it was told may end where it began, by a reorg.
        for _ in 0..HEARTBEATS {
            let as_of = stream.message().await.unwrap().unwrap().as_of;
            if as_of.and_then(|as_of| as_of.block).map(|block| block.hash) != before {
                break;
            }
        }
    }
    // No wait for anything: a step may be anywhere by then.
    tokio::time::sleep(Duration::from_micros(microseconds as u64)).await;
    child.kill().await.unwrap();
}

/// Where in the log the tables are.
async fn cursor(store: &TestStore) -> String {
    stored(store).await.map_or_else(String::new, |row| row.cursor)
}

async fn stored(store: &TestStore) -> Option<entities::cursor::Model> {
    let database = Database::open(&Options::new(store.url.clone()), "market").await.unwrap();
    let read = database.read().await.unwrap();
    // There is no table before the first life.
    let found = entities::cursor::Entity::find().one(&read).await.ok().flatten();
    drop(read);
    database.close().await.unwrap();
    found
}

/// Every row of every table, but for the cursor and the log of reorgs, which tell how the state came to be.
async fn dump(store: &TestStore) -> Vec<String> {
    let database = Database::open(&Options::new(store.url.clone()), "market").await.unwrap();
    let mut rows = Vec::new();
    macro_rules! dump {
        ($($table:ident),+) => {$({
            let mut query = entities::$table::Entity::find();
            for key in <entities::$table::PrimaryKey as Iterable>::iter() {
                query = query.order_by_asc(key.into_column());
            }
            let read = database.read().await.unwrap();
            let found = query.all(&read).await.unwrap();
            rows.extend(found.iter().map(|row| format!("{} {row:?}", stringify!($table))));
        })+};
    }
    dump!(block, condition, resolution, market, amm, amm_condition, amm_link, outcome_token);
    dump!(balance, holder_count, open_interest, transfer, activity, cost_basis, cost_entry, gift);
    dump!(pool_snapshot, pool_rank, candle, quarantine);
    database.close().await.unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the other test starts; by itself it has nothing to serve"]
#[expect(clippy::disallowed_methods, reason = "what the test that started this process told it")]
async fn a_market_serves_until_it_is_killed() {
    let (Ok(database), Ok(indexer)) = (std::env::var(DATABASE), std::env::var(INDEXER)) else { return };
    let running = start_market(database, indexer.parse().unwrap(), &[CHAIN]).await;
    // On a line of its own: the test runner has begun one.
    println!("\n{ADDRESS}{}", running.url());
    panic!("{}", running.failure().await);
}

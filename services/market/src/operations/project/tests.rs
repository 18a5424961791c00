//! The projection against simulated contracts, on SQLite and PostgreSQL.

mod books;
mod interest;
mod memory;

use std::collections::BTreeMap;

use capstan_db::{
    Database, Options,
    columns::{AmountColumn, signed},
    market::{Migrator, entities},
    testing::TestStore,
};
use capstan_primitives::{Address, Amount, ChainId, U256};
use capstan_proto::indexer::EventBatch;
use capstan_runtime::follow;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, Iterable, PrimaryKeyToColumn, QueryFilter, QueryOrder,
};
use tokio::sync::watch;

use super::*;
use crate::adapters::{
    indexer,
    simulated::{CONDITIONAL_TOKENS, Dice, World, user},
};

const CHAIN: u64 = 31_338;

/// One projector on one store.
struct Subject {
    database: Database,
    projector: Projector,
    _store: TestStore,
}

impl Subject {
    async fn on(store: TestStore) -> Self {
        let database = Database::open(&Options::new(store.url.clone()), "market").await.unwrap();
        capstan_db::prepare::<Migrator>(&database, "market").await.unwrap();
        let projector =
            Projector::new(Store::new(database.clone()), ChainId(CHAIN), 1, watch::Sender::new(0))
                .await
                .unwrap();
        Self { database, projector, _store: store }
    }

    async fn both() -> [Self; 2] {
        let [sqlite, postgres] = TestStore::both().await;
        [Self::on(sqlite).await, Self::on(postgres).await]
    }

    async fn take(&mut self, step: follow::Step) {
        self.projector.take(indexer::step(step).unwrap()).await.unwrap();
    }

    async fn apply(&mut self, batch: EventBatch) {
        self.take(follow::Step::Apply(batch)).await;
    }

    async fn apply_each_block(&mut self, world: &World, from: u64) {
        let to = world.log.head().map_or(0, |head| head.number);
        for number in from..=to {
            self.apply(world.log.batch(number, number)).await;
        }
    }

    /// Every row of every table, but for the cursor and the log of reorgs, which tell how the state came to be.
    async fn dump(&self) -> Vec<String> {
        let mut rows = Vec::new();
        macro_rules! dump {
            ($($table:ident),+) => {$({
                let mut query = entities::$table::Entity::find();
                for key in <entities::$table::PrimaryKey as Iterable>::iter() {
                    query = query.order_by_asc(key.into_column());
                }
                let read = self.database.read().await.unwrap();
                let found = query.all(&read).await.unwrap();
                rows.extend(found.iter().map(|row| format!("{} {row:?}", stringify!($table))));
            })+};
        }
        dump!(block, condition, resolution, market, amm, amm_condition, amm_link, outcome_token);
        dump!(
            balance,
            holder_count,
            open_interest,
            transfer,
            activity,
            cost_basis,
            cost_entry,
            gift,
            pool_snapshot,
            pool_rank,
            candle,
            quarantine
        );
        rows
    }

    async fn quarantined(&self) -> Vec<String> {
        let read = self.database.read().await.unwrap();
        let rows = entities::quarantine::Entity::find()
            .order_by_asc(entities::quarantine::Column::Position)
            .all(&read)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.reason).collect()
    }
}

async fn assert_equals_contracts(subject: &Subject, world: &World) {
    let read = subject.database.read().await.unwrap();
    let rows = entities::balance::Entity::find().all(&read).await.unwrap();
    let stored: BTreeMap<(U256, Address), U256> = rows
        .into_iter()
        .map(|row| {
            assert_eq!(row.contract.0, Address::from(CONDITIONAL_TOKENS));
            ((U256::from_be_bytes(*row.position_id.0.as_bytes()), row.holder.0), row.amount.0.0)
        })
        .collect();
    assert_eq!(stored, world.balances);
    for (number, pool) in world.pools.iter().enumerate() {
        let newest = entities::pool_snapshot::Entity::find()
            .filter(entities::pool_snapshot::Column::Amm.eq(pool.address.as_bytes().to_vec()))
            .order_by_desc(entities::pool_snapshot::Column::BlockNumber)
            .one(&read)
            .await
            .unwrap();
        let Some(newest) = newest else {
            assert!(pool.supply.is_zero() && pool.trades == 0, "a funded pool has a snapshot");
            continue;
        };
        let balances: Vec<Amount> = serde_json::from_str(&newest.balances).unwrap();
        let expected: Vec<Amount> = world.pool_balances(number).into_iter().map(Amount).collect();
        assert_eq!(balances, expected);
        let totals = (AmountColumn(Amount(pool.volume)), signed(pool.trades));
        assert_eq!((newest.volume, newest.trades), totals);
    }
}

#[tokio::test]
async fn balances_pools_and_volumes_equal_those_of_the_contracts() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let world = World::random(CHAIN, seed, 40);
        for mut subject in Subject::both().await {
            subject.apply(world.log.batch(1, 40)).await;
            assert_equals_contracts(&subject, &world).await;
            assert_eq!(subject.quarantined().await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn batches_of_any_size_give_the_same_tables() {
    let world = World::random(CHAIN, 7, 30);
    for (mut whole, mut single) in Subject::both().await.into_iter().zip(Subject::both().await) {
        whole.apply(world.log.batch(1, 30)).await;
        single.apply_each_block(&world, 1).await;
        assert_eq!(whole.dump().await, single.dump().await);
    }
}

#[tokio::test]
async fn a_block_in_pieces_takes_effect_as_one() {
    let world = World::random(CHAIN, 8, 20);
    let all = world.log.batch(1, 20);
    for mut subject in Subject::both().await {
        subject.apply(all.clone()).await;
        let expected = subject.dump().await;
        let [mut pieces, _] = Subject::both().await;
        for end in 1..=all.events.len() {
            let events = all.events[end - 1..end].to_vec();
            let block = events[0].block.clone();
            let next = all.events.get(end).map(|event| event.block.clone());
            let block_complete = next.as_ref() != Some(&block);
            let cursor = format!("piece {end}");
            pieces.apply(EventBatch { events, block, block_complete, cursor, ..all.clone() }).await;
        }
        assert_eq!(pieces.dump().await, expected);
    }
}

#[tokio::test]
async fn a_batch_that_ends_inside_a_block_is_taken_up_again_after_a_crash() {
    let world = World::random(CHAIN, 9, 20);
    let all = world.log.batch(1, 20);
    for mut subject in Subject::both().await {
        let cut = all.events.len() / 2;
        let open = EventBatch {
            events: all.events[..cut].to_vec(),
            block: all.events[cut - 1].block.clone(),
            block_complete: false,
            cursor: "inside".into(),
            ..all.clone()
        };
        subject.apply(open).await;
        assert_eq!(subject.projector.cursor().await.unwrap(), "", "the cursor is not beyond what is stored");
        subject.apply(all.clone()).await;
        assert_equals_contracts(&subject, &world).await;
        assert_eq!(subject.quarantined().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn handling_events_twice_changes_nothing() {
    let world = World::random(CHAIN, 11, 25);
    for mut subject in Subject::both().await {
        subject.apply(world.log.batch(1, 25)).await;
        let once = subject.dump().await;
        subject.apply(world.log.batch(1, 25)).await;
        subject.apply(world.log.batch(10, 20)).await;
        assert_eq!(subject.dump().await, once);
    }
}

#[tokio::test]
async fn an_undo_is_as_if_the_blocks_had_never_been() {
    for (seed, depth) in [(21, 1), (22, 5), (23, 20), (24, 39), (25, 40)] {
        println!("seed {seed}, depth {depth}");
        let mut dice = Dice::new(seed);
        let mut world = World::new(CHAIN);
        world.go_on(&mut dice, 40 - depth);
        let mut shorter = world.clone();
        let floor = u64::try_from(40 - depth).unwrap();
        world.go_on(&mut dice, depth);
        for mut subject in Subject::both().await {
            let mut never = Subject::on(TestStore::sqlite()).await;
            never.apply_each_block(&shorter, 1).await;
            subject.apply(world.log.batch(1, 40)).await;
            let mut fork = world.log.clone();
            subject.take(follow::Step::Undo(fork.undo(floor))).await;
            assert_eq!(subject.dump().await, never.dump().await);
            assert_equals_contracts(&subject, &shorter).await;
        }
        // The chain goes on with other blocks, as on a store that never saw the lost ones.
        let mut fork = world.log.clone();
        let undo = fork.undo(floor);
        (shorter.log.position, shorter.log.fork) = (fork.position, fork.fork);
        shorter.go_on(&mut dice, 10);
        for mut subject in Subject::both().await {
            let mut fresh = Subject::on(TestStore::sqlite()).await;
            fresh.apply_each_block(&shorter, 1).await;
            subject.apply_each_block(&world, 1).await;
            subject.take(follow::Step::Undo(undo.clone())).await;
            subject.take(follow::Step::Undo(undo.clone())).await;
            subject.apply_each_block(&shorter, floor + 1).await;
            assert_eq!(subject.dump().await, fresh.dump().await);
            assert_equals_contracts(&subject, &shorter).await;
        }
    }
}

#[tokio::test]
async fn a_store_of_another_version_is_filled_anew() {
    let world = World::random(CHAIN, 12, 40);
    for mut subject in Subject::both().await {
        subject.apply(world.log.batch(1, 40)).await;
        let expected = subject.dump().await;
        let write = subject.database.write().await.unwrap();
        entities::cost_basis::Entity::delete_many().exec(&write).await.unwrap();
        let older = entities::cursor::ActiveModel { version: Set(0), ..Default::default() };
        entities::cursor::Entity::update_many().set(older).exec(&write).await.unwrap();
        write.commit().await.unwrap();
        let damaged = subject.dump().await;
        let store = Store::new(subject.database.clone());
        let mut projector = Projector::new(store, ChainId(CHAIN), 1, watch::Sender::new(0)).await.unwrap();
        assert_eq!(projector.cursor().await.unwrap(), "");
        assert_eq!(subject.dump().await, damaged, "what is there is served until the log is");
        subject.projector = projector;
        subject.apply_each_block(&world, 1).await;
        assert_ne!(subject.projector.cursor().await.unwrap(), "");
        assert_eq!(subject.dump().await, expected);
    }
}

#[tokio::test]
async fn a_pool_is_a_market_of_its_own_again_when_its_link_is_undone() {
    let mut world = World::new(CHAIN);
    world.create_market_without_link(user(1), "Whose pool?", &["A", "B"], U256::from(1_000_000));
    world.log.mine();
    let unlinked = world.clone();
    world.link_markets();
    world.log.mine();
    for mut subject in Subject::both().await {
        let mut never = Subject::on(TestStore::sqlite()).await;
        never.apply_each_block(&unlinked, 1).await;
        subject.apply_each_block(&world, 1).await;
        assert_ne!(subject.dump().await, never.dump().await);
        subject.take(follow::Step::Undo(world.log.clone().undo(1))).await;
        assert_eq!(subject.dump().await, never.dump().await);
    }
}

#[tokio::test]
async fn a_replaced_log_starts_from_nothing() {
    let (old, new) = (World::random(CHAIN, 31, 20), World::random(CHAIN, 32, 20));
    for mut subject in Subject::both().await {
        subject.apply(old.log.batch(1, 20)).await;
        subject.projector.reset().await.unwrap();
        assert_eq!(subject.dump().await, Vec::<String>::new());
        assert_eq!(subject.projector.cursor().await.unwrap(), "");
        subject.apply(new.log.batch(1, 20)).await;
        assert_equals_contracts(&subject, &new).await;
    }
}

#[tokio::test]
async fn of_two_projectors_of_a_chain_only_one_goes_on() {
    let world = World::random(CHAIN, 41, 10);
    for mut subject in Subject::both().await {
        let store = Store::new(subject.database.clone());
        let mut other = Projector::new(store, ChainId(CHAIN), 2, watch::Sender::new(0)).await.unwrap();
        subject.apply(world.log.batch(1, 5)).await;
        let late = other.take(indexer::step(follow::Step::Apply(world.log.batch(1, 3))).unwrap()).await;
        assert!(matches!(late, Err(Error::CursorMoved(ChainId(CHAIN)))), "{late:?}");
        other.cursor().await.unwrap();
        other.take(indexer::step(follow::Step::Apply(world.log.batch(6, 10))).unwrap()).await.unwrap();
        assert_equals_contracts(&subject, &world).await;
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_used_is_quarantined_and_the_rest_goes_on() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Will it rain?\0", &["Yes", "No"], U256::from(1_000_000));
    world.log.mine();
    world.buy(user(2), pool, U256::from(5_000), 0);
    world.log.mine();
    let mut batch = world.log.batch(1, 2);
    let mut broken = batch.events.last().unwrap().clone();
    let mut add = |change: &dyn Fn(&mut capstan_proto::indexer::Event)| {
        broken.position += 1;
        broken.log_index += 1;
        let mut event = broken.clone();
        change(&mut event);
        batch.events.push(event);
    };
    add(&|event| drop(event.arguments.remove(0)));
    add(&|event| event.arguments[1].value = None);
    add(&|event| event.address = user(9).to_string());
    add(&|event| event.kind = "gnosis.fpmm.Unheard".into());
    for mut subject in Subject::both().await {
        subject.apply(batch.clone()).await;
        assert_equals_contracts(&subject, &world).await;
        let reasons = subject.quarantined().await;
        assert_eq!(reasons[..2], ["argument buyer is missing", "argument investmentAmount is missing"]);
        assert!(reasons[2].starts_with("the log has no creation of the pool 0x"), "{}", reasons[2]);
        assert_eq!(reasons[3..], ["a kind that is not handled"]);
    }
}

#[tokio::test]
async fn the_schema_goes_up_down_and_up() {
    for store in TestStore::both().await {
        let database = Database::open(&Options::new(store.url.clone()), "market").await.unwrap();
        capstan_db::prepare::<Migrator>(&database, "market").await.unwrap();
        let steps =
            u32::try_from(capstan_db::state::<Migrator>(&database, "market").await.unwrap().applied.len());
        capstan_db::down::<Migrator>(&database, "market", steps.unwrap()).await.unwrap();
        assert!(capstan_db::state::<Migrator>(&database, "market").await.unwrap().applied.is_empty());
        capstan_db::prepare::<Migrator>(&database, "market").await.unwrap();
        assert!(capstan_db::state::<Migrator>(&database, "market").await.unwrap().pending.is_empty());
    }
}

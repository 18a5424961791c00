//! Open interest and numbers of holders, against simulated contracts.

use capstan_primitives::Hash;

use super::*;
use crate::domain::market::{Market, MarketId};

type Counts = BTreeMap<U256, i64>;

fn word(column: &capstan_db::columns::HashColumn) -> U256 {
    U256::from_be_bytes(*column.0.as_bytes())
}

/// How many have each token, without pools, as the balances say.
async fn recounted(subject: &Subject) -> Counts {
    let read = subject.database.read().await.unwrap();
    let pools = entities::amm::Entity::find().all(&read).await.unwrap();
    let mut counts = Counts::new();
    for row in entities::balance::Entity::find().all(&read).await.unwrap() {
        if pools.iter().all(|pool| pool.address != row.holder) {
            *counts.entry(word(&row.position_id)).or_default() += 1;
        }
    }
    counts
}

/// The newest row of every condition.
async fn open_interest(subject: &Subject) -> BTreeMap<Hash, U256> {
    let read = subject.database.read().await.unwrap();
    let query = entities::open_interest::Entity::find();
    let rows = query.order_by_asc(entities::open_interest::Column::BlockNumber).all(&read).await.unwrap();
    rows.into_iter().map(|row| (row.condition_id.0, row.amount.0.0)).collect()
}

async fn assert_counts_are_right(subject: &Subject, world: &World) {
    let read = subject.database.read().await.unwrap();
    let rows = entities::holder_count::Entity::find().all(&read).await.unwrap();
    drop(read);
    let stored: Counts = rows.iter().map(|row| (word(&row.position_id), row.holders)).collect();
    assert_eq!(stored, recounted(subject).await);
    let pools: Vec<Address> = world.pools.iter().map(|pool| pool.address).collect();
    let mut really = Counts::new();
    for (token, _) in world.balances.keys().filter(|(_, holder)| !pools.contains(holder)) {
        *really.entry(*token).or_default() += 1;
    }
    assert_eq!(stored, really);
    let (mut said, mut held) = (open_interest(subject).await, world.interest.clone());
    said.retain(|_, amount| !amount.is_zero());
    held.retain(|_, amount| !amount.is_zero());
    assert_eq!(said, held);
}

/// One more block, in which somebody may give tokens to a pool that is not made yet.
fn mine(world: &mut World, dice: &mut Dice) {
    let owned: Vec<(U256, Address)> = world.balances.keys().copied().collect();
    if dice.roll(3) == 0 && !owned.is_empty() {
        let (token, holder) = owned[dice.roll(owned.len())];
        if world.pools.iter().all(|pool| pool.address != holder) {
            world.transfer(token, holder, world.next_pool(), U256::from(1));
        }
    }
    world.go_on(dice, 1);
}

#[tokio::test]
async fn holders_and_open_interest_are_right_after_every_step_with_reorgs() {
    for seed in 51..=58 {
        println!("seed {seed}");
        let [sqlite, postgres] = Subject::both().await;
        let mut subject = if seed % 4 == 0 { postgres } else { sqlite };
        let (mut dice, mut world) = (Dice::new(seed), World::new(CHAIN));
        for _ in 0..8 {
            let from = world.log.head().map_or(1, |head| head.number + 1);
            for _ in 0..=dice.roll(8) {
                mine(&mut world, &mut dice);
            }
            let head = world.log.head().unwrap().number;
            subject.apply(world.log.batch(from, head)).await;
            assert_counts_are_right(&subject, &world).await;
            let mut lost = world.clone();
            for number in head + 1..=head + 1 + u64::try_from(dice.roll(6)).unwrap() {
                mine(&mut lost, &mut dice);
                subject.apply(lost.log.batch(number, number)).await;
                assert_counts_are_right(&subject, &lost).await;
            }
            subject.take(follow::Step::Undo(lost.log.undo(head))).await;
            assert_counts_are_right(&subject, &world).await;
            (world.log.position, world.log.fork) = (lost.log.position, lost.log.fork);
        }
        assert_eq!(subject.quarantined().await, Vec::<String>::new());
        subject.projector.reset().await.unwrap();
        assert_counts_are_right(&subject, &World::new(CHAIN)).await;
    }
}

#[tokio::test]
async fn an_address_is_a_holder_until_it_is_a_pool_and_again_when_that_is_undone() {
    let mut world = World::new(CHAIN);
    let condition = world.prepare(user(1), Hash::ZERO, 2);
    let sets = world.single_sets(condition);
    world.split(user(1), (Hash::ZERO, condition), &sets, U256::from(100));
    let tokens: Vec<U256> = world.balances.keys().map(|(token, _)| *token).collect();
    world.transfer(tokens[0], user(1), world.next_pool(), U256::from(40));
    world.log.mine();
    let before = world.clone();
    let pool = world.create_pool(user(2), &[condition], U256::ZERO, U256::ZERO);
    world.log.mine();
    world.transfer(tokens[1], user(1), world.pools[pool].address, U256::from(100));
    world.log.mine();
    for mut subject in Subject::both().await {
        let stored = [[2, 1], [1, 1], [1, 0]].map(|counts| -> Counts {
            tokens.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
        });
        for (number, stored) in (1..).zip(&stored) {
            subject.apply(world.log.batch(number, number)).await;
            assert_eq!(&recounted(&subject).await, stored);
        }
        assert_counts_are_right(&subject, &world).await;
        subject.take(follow::Step::Undo(world.log.clone().undo(1))).await;
        assert_counts_are_right(&subject, &before).await;
        assert_eq!(recounted(&subject).await, stored[0]);
    }
}

#[tokio::test]
async fn numbers_that_an_earlier_version_did_not_keep_are_not_made_up() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Since when?", &["A", "B"], U256::from(1_000_000));
    world.buy(user(2), pool, U256::from(5_000), 0);
    world.log.mine();
    let id = MarketId::Factory(world.markets[0].0);
    for mut subject in Subject::both().await {
        subject.apply(world.log.batch(1, 1)).await;
        let said = shown(&subject, id).await;
        assert_eq!((said.open_interest, said.holders), (Some(Amount::from(1_004_900)), vec![1, 0]));
        let write = subject.database.write().await.unwrap();
        let older = entities::cursor::ActiveModel { version: Set(1), ..Default::default() };
        entities::cursor::Entity::update_many().set(older).exec(&write).await.unwrap();
        write.commit().await.unwrap();
        let said = shown(&subject, id).await;
        assert_eq!((said.open_interest, said.holders), (None, Vec::new()));
    }
}

async fn shown(subject: &Subject, id: MarketId) -> Market {
    let read = Store::new(subject.database.clone()).read().await.unwrap();
    let states = read.chains(&[ChainId(CHAIN)]).await.unwrap();
    read.market(&states[0], id).await.unwrap().unwrap()
}

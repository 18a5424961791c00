//! What users gave and were given, in their histories.

use capstan_db::testing::TestStore;
use capstan_market::simulated::{COLLATERAL, Dice, World, user};
use capstan_primitives::{Address, Hash, U256};
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{self as wire, ActivityKind},
};

use crate::{
    platform::{CHAIN, TestPlatform},
    reads::{name_of, on_both_with},
};

fn number(number: u64) -> U256 {
    U256::from(number)
}

async fn pages(platform: &mut TestPlatform, who: Address, page_size: i32) -> Vec<wire::Activity> {
    let mut request =
        wire::ListUserHistoryRequest { address: who.to_string(), page_size, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = platform.client.list_user_history(request.clone()).await.unwrap().into_inner();
        found.extend(page.activities);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

async fn history(platform: &mut TestPlatform, who: Address) -> Vec<wire::Activity> {
    let whole = pages(platform, who, 500).await;
    assert_eq!(pages(platform, who, 1).await, whole);
    whole
}

type Told<'a> = (ActivityKind, &'a str, Option<u32>, Option<&'a str>);

/// Kind, tokens, outcome and counterparty.
fn told(activity: &wire::Activity) -> Told<'_> {
    (activity.kind(), &activity.amount, activity.outcome_index, activity.counterparty.as_deref())
}

#[tokio::test]
async fn a_transfer_is_in_the_histories_of_both_sides_item_by_item() {
    use ActivityKind::{Split, TransferIn, TransferOut};
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Given?", &["A", "B"], number(1_000_000));
    let condition = world.pools[pool].conditions[0];
    world.log.mine();
    world.log.transaction();
    let sets = world.single_sets(condition);
    world.split(user(3), (Hash::ZERO, condition), &sets, number(100));
    world.log.transaction();
    let tokens = world.pools[pool].tokens.clone();
    world.transfer_batch(user(3), user(4), &tokens, &[number(7), number(9)]);
    world.log.transaction();
    world.transfer(tokens[1], user(3), user(3), number(5));
    world.transfer(tokens[1], user(4), user(3), number(2));
    world.log.mine();
    on_both_with(world, async |platform, world| {
        let (three, four) = (user(3).to_string(), user(4).to_string());
        let giver = history(platform, user(3)).await;
        let expected: [Told<'_>; 4] = [
            (TransferIn, "2", Some(1), Some(&four)),
            (TransferOut, "9", Some(1), Some(&four)),
            (TransferOut, "7", Some(0), Some(&four)),
            (Split, "0", None, None),
        ];
        assert_eq!(giver.iter().map(told).collect::<Vec<_>>(), expected);
        let taker = history(platform, user(4)).await;
        let expected: [Told<'_>; 3] = [
            (TransferOut, "2", Some(1), Some(&three)),
            (TransferIn, "9", Some(1), Some(&three)),
            (TransferIn, "7", Some(0), Some(&three)),
        ];
        assert_eq!(taker.iter().map(told).collect::<Vec<_>>(), expected);
        let events = &world.log.blocks[1].events;
        let batch = events.iter().filter(|event| event.name == "TransferBatch").nth(1).unwrap();
        for item in &taker[1..] {
            assert_eq!(item.transaction_hash, batch.transaction_hash);
            assert_eq!((item.log_index, &item.user_address), (batch.log_index, &four));
            assert_eq!(item.market_id, Some(name_of(world, 0)));
            assert_eq!(item.condition_id, world.pools[0].conditions[0].to_string());
            assert_eq!((item.collateral_amount.as_str(), item.fee.as_str()), ("0", "0"));
            let block = item.block.as_ref().unwrap();
            assert_eq!(block.hash, world.log.blocks[1].at.hash.to_string());
        }
        assert_eq!(taker[1].position_id, Some(world.pools[0].tokens[1].to_string()));
        assert_eq!((giver[3].position_id.as_ref(), giver[3].counterparty.as_ref()), (None, None));
    })
    .await;
}

#[tokio::test]
async fn only_what_a_pool_did_not_buy_was_given_to_it() {
    use ActivityKind::{Buy, Sell, TransferOut};
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Sold?", &["A", "B"], number(1_000_000));
    world.log.transaction();
    world.buy(user(3), pool, number(8_000), 0);
    world.log.transaction();
    let (token, at) = (world.pools[pool].tokens[0], world.pools[pool].address);
    world.transfer(token, user(3), at, number(30));
    world.sell(user(3), pool, number(1_000), 0).unwrap();
    world.log.mine();
    on_both_with(world, async |platform, world| {
        let found = history(platform, user(3)).await;
        let kinds: Vec<ActivityKind> = found.iter().map(wire::Activity::kind).collect();
        assert_eq!(kinds, [Sell, TransferOut, Buy]);
        let pool = world.pools[0].address.to_string();
        assert_eq!(told(&found[1]), (TransferOut, "30", Some(0), Some(pool.as_str())));
        assert_eq!(history(platform, world.pools[0].address).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_transfer_of_a_token_that_no_market_has_names_the_token_alone() {
    let mut world = World::new(CHAIN);
    let three = world.prepare(user(1), Hash::from([3; 32]), 3);
    world.split(user(3), (Hash::ZERO, three), &[number(1), number(6)], number(50));
    let collection = capstan_market::simulated::collection_id(Hash::ZERO, three, number(6));
    let token = capstan_market::simulated::position_id(COLLATERAL.into(), collection);
    world.transfer(token, user(3), user(4), number(50));
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let [given] = &history(platform, user(4)).await[..] else { panic!("one") };
        assert_eq!(given.position_id, Some(token.to_string()));
        assert_eq!(
            (given.market_id.as_ref(), given.condition_id.as_str(), given.outcome_index),
            (None, "", None)
        );
    })
    .await;
}

#[tokio::test]
async fn histories_after_a_reorg_are_those_of_a_chain_that_never_had_the_lost_blocks() {
    for (seed, store) in (301..).zip(TestStore::both().await) {
        println!("seed {seed}");
        let (mut dice, mut world) = (Dice::new(seed), World::new(CHAIN));
        world.go_on(&mut dice, 60);
        let mut fork = world.clone();
        world.go_on(&mut dice, 40);
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        session.apply(&world, 1, 100);
        let mut lost = world.log.clone();
        session.say(Message::Undo(lost.undo(60)));
        (fork.log.position, fork.log.fork) = (lost.position, lost.fork);
        fork.go_on(&mut dice, 40);
        session.apply(&fork, 61, 100);
        platform.until(&fork).await;
        let mut never = TestPlatform::start().await;
        let session = never.session();
        session.apply(&fork, 1, 100);
        never.until(&fork).await;
        let mut gifts = 0;
        for who in 1..=6 {
            let found = history(&mut platform, user(who)).await;
            assert_eq!(found, pages(&mut never, user(who), 500).await);
            let order: Vec<_> =
                found.iter().map(|it| (it.block.as_ref().unwrap().number, it.log_index)).collect();
            assert!(order.is_sorted_by(|newer, older| newer >= older), "{order:?}");
            gifts += found.iter().filter(|activity| activity.counterparty.is_some()).count();
        }
        assert!(gifts > 4, "{gifts} gifts");
        never.stop().await;
        platform.stop().await;
    }
}

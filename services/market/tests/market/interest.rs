//! Open interest and numbers of holders, as callers are told them.

use capstan_market::simulated::{World, user};
use capstan_primitives::{Hash, U256};
use capstan_proto::market::{
    GetMarketRequest, ListMarketsRequest, Market, StreamKind, StreamMarketsRequest,
    stream_markets_response::Message,
};

use crate::{
    platform::{CHAIN, TestPlatform},
    reads::on_both_with,
    streams::told_of,
};

fn number(number: u64) -> U256 {
    U256::from(number)
}

async fn market(platform: &mut TestPlatform, id: impl ToString) -> Market {
    let request = GetMarketRequest { market_id: id.to_string(), chain_id: CHAIN };
    platform.client.get_market(request).await.unwrap().into_inner().market.unwrap()
}

#[tokio::test]
async fn a_market_says_how_much_collateral_is_behind_it_and_how_many_hold_each_outcome() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "How much?", &["A", "B"], number(1_000_000));
    world.buy(user(2), pool, number(5_000), 0);
    let condition = world.pools[pool].conditions[0];
    let sets = world.single_sets(condition);
    world.split(user(3), (Hash::ZERO, condition), &sets, number(900));
    world.merge(user(3), (Hash::ZERO, condition), &sets, number(400));
    let (token, other) = (world.pools[pool].tokens[1], user(4));
    world.transfer(token, user(3), other, number(1));
    // The same collateral, whoever trades with it; and a pool that nobody funded.
    let same = world.create_pool(user(5), &[condition], U256::ZERO, number(70));
    world.log.mine();
    on_both_with(world, async |platform, world| {
        // The fee of two percent stays in the pool.
        for pool in [pool, same] {
            let market = market(platform, world.pools[pool].address).await;
            assert_eq!(market.open_interest.as_deref(), Some("1005470"));
            assert_eq!(market.holder_counts, [2, 2], "pools are no holders");
        }
    })
    .await;
}

#[tokio::test]
async fn redemptions_pay_from_the_open_interest_of_their_own_condition_only() {
    let mut world = World::new(CHAIN);
    let [first, second] = [1, 2].map(|question| world.prepare(user(1), Hash::from([question; 32]), 2));
    let both = world.create_pool(user(2), &[first, second], U256::ZERO, number(1_000));
    let sets = world.single_sets(first);
    world.split(user(3), (Hash::ZERO, first), &sets, number(300));
    world.split(user(3), (Hash::ZERO, second), &sets, number(20));
    world.report(first, &[number(1), number(2)]);
    world.redeem(user(3), (Hash::ZERO, first), &sets[..1]);
    let empty = world.prepare(user(1), Hash::from([3; 32]), 2);
    world.create_pool(user(2), &[empty], U256::ZERO, U256::ZERO);
    world.log.mine();
    on_both_with(world, async |platform, world| {
        let combined = market(platform, world.pools[both].address).await;
        assert_eq!(combined.open_interest.as_deref(), Some("1220"), "that of both conditions");
        assert_eq!(combined.holder_counts, [0; 4], "nobody has tokens of both");
        let untouched = market(platform, world.pools[1].address).await;
        assert_eq!(
            (untouched.open_interest.as_deref(), &untouched.holder_counts[..]),
            (Some("0"), &[0, 0][..])
        );
    })
    .await;
}

#[tokio::test]
async fn nothing_is_said_of_a_market_whose_condition_was_not_seen() {
    let mut world = World::new(CHAIN);
    world.create_market_without_link(user(1), "Which tokens?", &["A", "B"], U256::ZERO);
    world.log.mine();
    world.log.blocks[0].events.retain(|event| event.kind == "market.created");
    on_both_with(world, async |platform, world| {
        let market = market(platform, world.markets[0].0).await;
        assert_eq!((market.open_interest, market.holder_counts), (None, Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn lists_say_of_random_markets_what_the_contracts_hold() {
    on_both_with(World::random(CHAIN, 91, 80), async |platform, world| {
        let request = ListMarketsRequest { page_size: 500, ..Default::default() };
        let markets = platform.client.list_markets(request).await.unwrap().into_inner().markets;
        assert!(markets.len() > 3);
        for market in markets {
            let of_market = |pool: &&capstan_market::simulated::SimulatedPool| {
                market.amm_address.as_deref() == Some(&pool.address.to_string())
            };
            let pool = world.pools.iter().find(of_market).unwrap();
            let backed = pool.conditions.iter().filter_map(|condition| world.interest.get(condition));
            let backed = backed.fold(U256::ZERO, |sum, amount| sum + amount);
            assert_eq!(market.open_interest, Some(backed.to_string()));
            let is_pool = |holder| world.pools.iter().any(|pool| pool.address == holder);
            let holders = |token: &U256| {
                let holders =
                    world.balances.keys().filter(|(held, holder)| held == token && !is_pool(*holder));
                holders.count() as u64
            };
            assert_eq!(market.holder_counts, pool.tokens.iter().map(holders).collect::<Vec<u64>>());
        }
    })
    .await;
}

#[tokio::test]
async fn streams_tell_the_open_interest_after_the_block_and_count_no_holders() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Then?", &["A", "B"], number(1_000));
    world.log.mine();
    world.resolve_market(0, &[number(1), number(0)]);
    world.log.mine();
    let condition = world.pools[pool].conditions[0];
    let sets = world.single_sets(condition);
    world.split(user(3), (Hash::ZERO, condition), &sets, number(50));
    world.log.mine();
    let kinds = vec![StreamKind::Lifecycle.into()];
    let told = told_of(&world, 1, StreamMarketsRequest { kinds, ..Default::default() }).await;
    let said: Vec<Option<String>> = told
        .iter()
        .filter_map(|message| match &message.message {
            Some(Message::Market(market)) => {
                assert_eq!(market.holder_counts, Vec::<u64>::new());
                Some(market.open_interest.clone())
            }
            _ => None,
        })
        .collect();
    assert!(!said.is_empty() && said.iter().all(|said| said.as_deref() == Some("1000")), "{said:?}");
}

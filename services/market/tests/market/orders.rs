//! The orders that markets are listed in.

use std::cmp::Reverse;

use capstan_db::testing::TestStore;
use capstan_market::simulated::{Dice, World};
use capstan_primitives::U256;
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{ListMarketsRequest, ListPriceHistoryRequest, Market, MarketOrder},
};
use tonic::Code;

use crate::platform::{CHAIN, TestPlatform};

async fn listed(platform: &mut TestPlatform, order: MarketOrder, page_size: i32) -> Vec<Market> {
    let request = ListMarketsRequest { order: order.into(), page_size, ..Default::default() };
    platform.all_markets(request).await
}

async fn had_liquidity(platform: &mut TestPlatform, market: &Market) -> bool {
    let request = ListPriceHistoryRequest { market_id: market.market_id.clone(), ..Default::default() };
    !platform.client.list_price_history(request).await.unwrap().into_inner().points.is_empty()
}

fn number(text: Option<&str>) -> U256 {
    text.unwrap_or("0").parse().unwrap()
}

async fn check(platform: &mut TestPlatform) {
    let newest = listed(platform, MarketOrder::Newest, 500).await;
    assert_eq!(newest, listed(platform, MarketOrder::Unspecified, 2).await);
    let mut expected = newest.clone();
    // Among equals the order of creation, which the newest first has the other way round.
    expected.reverse();
    expected.sort_by_key(|market| market.resolution_time.map_or(i64::MAX, |time| time.seconds));
    assert_eq!(listed(platform, MarketOrder::ResolutionTime, 2).await, expected);
    let mut ranked = Vec::new();
    for market in newest {
        if had_liquidity(platform, &market).await {
            ranked.push(market);
        }
    }
    assert!(ranked.len() > 2, "{ranked:?}");
    let pool = |market: &Market| market.amm_address.clone().unwrap().to_lowercase();
    ranked.sort_by_key(|market| Reverse((number(Some(&market.volume)), pool(market))));
    assert_eq!(listed(platform, MarketOrder::Volume, 2).await, ranked);
    ranked.sort_by_key(|market| Reverse((number(market.liquidity.as_deref()), pool(market))));
    assert_eq!(listed(platform, MarketOrder::Liquidity, 1).await, ranked);
}

#[tokio::test]
async fn markets_are_listed_in_every_order_before_and_after_a_reorg() {
    for (seed, store) in (101..).zip(TestStore::both().await) {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut world = World::new(CHAIN);
        world.go_on(&mut dice, 40);
        let mut fork = world.clone();
        world.go_on(&mut dice, 20);
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        session.apply(&world, 1, 60);
        platform.until(&world).await;
        check(&mut platform).await;
        let mut lost = world.log.clone();
        session.say(Message::Undo(lost.undo(40)));
        (fork.log.position, fork.log.fork) = (lost.position, lost.fork);
        fork.go_on(&mut dice, 3);
        session.apply(&fork, 41, 43);
        platform.until(&fork).await;
        check(&mut platform).await;
        platform.stop().await;
    }
}

#[tokio::test]
async fn a_page_token_is_of_its_order_and_an_unknown_order_is_named() {
    let world = World::random(CHAIN, 103, 40);
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 40);
    platform.until(&world).await;
    let request = ListMarketsRequest { page_size: 1, ..Default::default() };
    let page = platform.client.list_markets(request.clone()).await.unwrap().into_inner();
    let page_token = page.next_page_token;
    let other = ListMarketsRequest { order: MarketOrder::Volume.into(), page_token, ..request.clone() };
    let unknown = ListMarketsRequest { order: 99, ..request };
    for (request, field) in [(other, "page_token"), (unknown, "order")] {
        let refused = platform.client.list_markets(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(field), "{refused:?}");
    }
    platform.stop().await;
}

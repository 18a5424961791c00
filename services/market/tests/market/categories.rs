//! Markets by category: that of their event, or that of their factory.

use std::collections::BTreeSet;

use capstan_db::testing::TestStore;
use capstan_market::{
    Factory,
    simulated::{Dice, FPMM_FACTORY, MARKET_FACTORY, World, user},
};
use capstan_primitives::{Address, ChainId, U256};
use capstan_proto::market::{ListMarketsRequest, MarketOrder};
use tonic::Code;

use crate::{
    platform::{CHAIN, TestPlatform, try_start_market, url},
    reads::on_both_with,
};

fn factory(address: [u8; 20], category: &str) -> Factory {
    Factory { chain_id: ChainId(CHAIN), address: Address::from(address), category: category.to_owned() }
}

#[tokio::test]
async fn a_category_is_what_the_event_says_between_spaces_and_one_that_is_too_long_is_none() {
    let mut world = World::new(CHAIN);
    let long = "a".repeat(101);
    for (said, question) in
        [(Some(" Sports\t"), "A?"), (Some("  "), "B?"), (None, "C?"), (Some(long.as_str()), "D?")]
    {
        world.says[1] = said.map(str::to_owned);
        world.create_market(user(1), question, &["Yes", "No"], U256::from(1_000));
    }
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let all = platform.all_markets(ListMarketsRequest::default()).await;
        let categories: Vec<Option<String>> = all.into_iter().rev().map(|market| market.category).collect();
        assert_eq!(categories, [Some("Sports".to_owned()), None, None, None]);
        for (category, count) in [("Sports", 1), ("sports", 0), (" Sports", 0), (&long[1..], 0)] {
            let request = ListMarketsRequest { category: category.into(), ..Default::default() };
            assert_eq!(platform.all_markets(request).await.len(), count, "{category}");
        }
        let request = ListMarketsRequest { category: long.clone(), ..Default::default() };
        let refused = platform.client.list_markets(request).await.unwrap_err();
        assert!(refused.code() == Code::InvalidArgument && refused.message().starts_with("category: "));
    })
    .await;
}

/// Every category in every order is the list of all without the other markets.
async fn check(platform: &mut TestPlatform, categories: &[&str]) {
    let orders =
        [MarketOrder::Newest, MarketOrder::ResolutionTime, MarketOrder::Volume, MarketOrder::Liquidity];
    for order in orders {
        let of = || ListMarketsRequest { order: order.into(), ..Default::default() };
        let all = platform.all_markets(of()).await;
        for category in categories {
            let mut expected = all.clone();
            expected.retain(|market| market.category.as_deref() == Some(category));
            for page_size in [1, 2, 500] {
                let request = ListMarketsRequest { category: (*category).into(), page_size, ..of() };
                assert_eq!(platform.all_markets(request).await, expected, "{category} {order:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_configured_category_is_that_of_markets_that_say_none_and_may_change() {
    for (seed, store) in (211..).zip(TestStore::both().await) {
        println!("seed {seed}");
        let mut world = World::new(CHAIN);
        let mut dice = Dice::new(seed);
        world.go_on(&mut dice, 80);
        for (at, said) in [None, Some("Sports"), None, Some("Gas")].into_iter().enumerate() {
            world.says[1] = said.map(str::to_owned);
            world.create_market(user(1), &format!("Number {at}?"), &["Yes", "No"], U256::from(1_000));
            world.log.mine();
        }
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        session.apply(&world, 1, 84);
        platform.until(&world).await;
        check(&mut platform, &["Sports", "Gas", "None"]).await;
        let configured = [
            vec![factory(MARKET_FACTORY, "Sports"), factory(FPMM_FACTORY, "Pools")],
            vec![factory(MARKET_FACTORY, "Weather"), factory(FPMM_FACTORY, "Sports")],
        ];
        for factories in configured {
            platform.config.factories = factories.clone();
            platform.restart().await;
            let all = platform.all_markets(ListMarketsRequest::default()).await;
            let categories: BTreeSet<String> = all.into_iter().filter_map(|market| market.category).collect();
            for factory in factories {
                assert!(categories.contains(&factory.category), "{categories:?}");
            }
            check(&mut platform, &["Sports", "Gas", "Pools", "Weather"]).await;
        }
        platform.stop().await;
    }
}

#[tokio::test]
async fn categories_of_no_chain_and_of_one_factory_twice_are_refused() {
    let store = TestStore::sqlite();
    let of_another = Factory { chain_id: ChainId(5), ..factory(MARKET_FACTORY, "A") };
    let twice = vec![factory(MARKET_FACTORY, "A"), factory(MARKET_FACTORY, "B")];
    let long = "a".repeat(101);
    let mut cases = vec![
        (vec![of_another], "market.factories.0.chain_id: chain 5 is not configured"),
        (twice, "market.factories.1.address: "),
    ];
    for text in ["", " a", long.as_str()] {
        cases.push((vec![factory(MARKET_FACTORY, text)], "market.factories.0.category: "));
    }
    for (factories, expected) in cases {
        let refused = try_start_market(url(&store), factories).await.err().unwrap();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

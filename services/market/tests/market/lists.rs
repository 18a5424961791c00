//! Markets by what they have in common, by their condition, and many at once.

use capstan_market::simulated::{COLLATERAL, MARKET_FACTORY, World, user};
use capstan_primitives::Address;
use capstan_proto::market::{
    BatchGetMarketsRequest, BatchGetMarketsResponse, GetMarketRequest, GetPricesRequest, ListMarketsRequest,
    ListTradesRequest, OutcomePrice,
};
use prost_types::Timestamp;
use tonic::Code;

use crate::{
    platform::TestPlatform,
    reads::{get, name_of, on_both},
};

async fn listed(platform: &mut TestPlatform, request: ListMarketsRequest) -> Vec<String> {
    let markets = platform.all_markets(ListMarketsRequest { page_size: 1, ..request }).await;
    markets.into_iter().map(|market| market.market_id).collect()
}

/// The rain market, and the two bare pools, newest first.
fn ids(world: &World) -> (String, [String; 2]) {
    let pool = |index: usize| world.pools[index].address.to_lower_hex();
    (name_of(world, 0), [pool(2), pool(1)])
}

#[tokio::test]
async fn markets_are_listed_by_what_they_have_in_common() {
    on_both(async |platform, world| {
        let (rain, bare) = ids(world);
        let all = [bare[0].clone(), bare[1].clone(), rain.clone()];
        let none: [String; 0] = [];
        let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let of = ListMarketsRequest::default;
        let due = 1_800_000_000;
        let cases: [(ListMarketsRequest, &[String]); 15] = [
            (of(), &all),
            (ListMarketsRequest { creator: user(1).to_string(), ..of() }, &all[2..]),
            (ListMarketsRequest { creator: user(2).to_lower_hex(), ..of() }, &bare),
            (ListMarketsRequest { creator: user(9).to_string(), ..of() }, &none),
            (ListMarketsRequest { collateral_token: Address::from(COLLATERAL).to_string(), ..of() }, &all),
            (ListMarketsRequest { collateral_token: user(1).to_string(), ..of() }, &none),
            (ListMarketsRequest { condition_id: world.pools[1].conditions[0].to_string(), ..of() }, &bare),
            (ListMarketsRequest { search: "RAIN?".into(), ..of() }, &all[2..]),
            (ListMarketsRequest { search: "%".into(), ..of() }, &none),
            (ListMarketsRequest { search: "will".into(), resolved: Some(false), ..of() }, &none),
            (ListMarketsRequest { resolved: Some(false), creator: user(2).to_string(), ..of() }, &bare),
            (ListMarketsRequest { due_after: time(due), ..of() }, &all[2..]),
            (ListMarketsRequest { due_after: time(due + 1), ..of() }, &none),
            (ListMarketsRequest { due_before: time(due), ..of() }, &none),
            (ListMarketsRequest { due_after: time(1), due_before: time(due + 1), ..of() }, &all[2..]),
        ];
        for (request, expected) in cases {
            assert_eq!(listed(platform, request.clone()).await, expected, "{request:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_condition_names_its_market_when_it_is_the_only_one() {
    on_both(async |platform, world| {
        let market = get(platform, &name_of(world, 0)).await;
        assert_eq!(get(platform, &market.condition_id).await, market);
        let market_id = world.pools[1].conditions[0].to_string();
        let request = GetMarketRequest { market_id, chain_id: 0 };
        let refused = platform.client.get_market(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("list them by condition_id"), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn many_markets_are_got_at_once_and_those_that_are_not_there_are_named() {
    on_both(async |platform, world| {
        let (rain, [empty, three]) = ids(world);
        let unknown = format!("0x{}", "ab".repeat(32));
        let pool_of_rain = world.pools[0].address.to_string();
        let market_ids = vec![three.clone(), rain.clone(), unknown.clone(), empty.clone(), pool_of_rain];
        let request = BatchGetMarketsRequest { market_ids, chain_id: 0 };
        let BatchGetMarketsResponse { markets, missing, as_of } =
            platform.client.batch_get_markets(request).await.unwrap().into_inner();
        let found: Vec<String> = markets.iter().map(|market| market.market_id.clone()).collect();
        assert_eq!(
            (found, missing, as_of.len()),
            (vec![three, rain.clone(), empty, rain.clone()], vec![unknown], 1)
        );
        assert_eq!(markets[1], get(platform, &rain).await);
        for count in [0, 101] {
            let request = BatchGetMarketsRequest { market_ids: vec![rain.clone(); count], chain_id: 0 };
            let refused = platform.client.batch_get_markets(request).await.unwrap_err();
            assert!(refused.code() == Code::InvalidArgument && refused.message().contains("market_ids"));
        }
    })
    .await;
}

#[tokio::test]
async fn prices_say_what_was_last_paid_for_each_outcome() {
    on_both(async |platform, world| {
        let (rain, [empty, three]) = ids(world);
        for (market_id, traded) in [(rain, vec![0, 1]), (empty, vec![]), (three, vec![2])] {
            let request = ListTradesRequest { market_id: market_id.clone(), ..Default::default() };
            let trades = platform.client.list_trades(request).await.unwrap().into_inner().trades;
            let request = GetPricesRequest { market_id, chain_id: 0 };
            let prices = platform.client.get_prices(request).await.unwrap().into_inner().prices;
            let said = |price: &OutcomePrice| (price.last_trade_price.clone(), price.last_trade_time);
            for price in &prices {
                let last = trades.iter().find(|trade| trade.outcome_index == price.outcome_index);
                let expected = last.map(|trade| (trade.price.clone(), trade.block.as_ref().unwrap().time));
                assert_eq!(said(price), expected.unwrap_or_default(), "{price:?}");
            }
            let with_trade = prices.iter().filter(|price| price.last_trade_price.is_some());
            assert_eq!(with_trade.map(|price| price.outcome_index).collect::<Vec<_>>(), traded);
        }
    })
    .await;
}

#[tokio::test]
async fn a_resolved_market_names_its_oracle_and_the_block() {
    on_both(async |platform, world| {
        let (rain, [empty, _]) = ids(world);
        let resolution = get(platform, &rain).await.resolution.unwrap();
        assert_eq!(resolution.oracle_address, Some(Address::from(MARKET_FACTORY).to_string()));
        assert_eq!(resolution.condition_id, world.pools[0].conditions[0].to_string());
        let events = &world.log.blocks[5].events;
        let report = events.iter().find(|event| event.name == "ConditionResolution").unwrap();
        assert_eq!(resolution.log_index, report.log_index);
        assert_eq!(resolution.transaction_hash.as_ref(), Some(&report.transaction_hash));
        assert_eq!(resolution.block.unwrap().hash, world.log.blocks[5].at.hash.to_string());
        assert_eq!(get(platform, &empty).await.resolution, None);
    })
    .await;
}

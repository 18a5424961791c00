//! Holders of a market, of one outcome or all, in every order.

use std::cmp::Reverse;

use capstan_market::simulated::{World, user};
use capstan_primitives::{Address, Hash, U256};
use capstan_proto::market::{ListMarketPositionsRequest, PositionOrder};
use tonic::Code;
use tonic_types::StatusExt;

use crate::{platform::TestPlatform, reads::on_both_with};

/// Outcome, holder and amount.
type Held = (u32, Address, U256);

/// Amounts that are in another order as texts, several of them the same; one holder of one outcome only.
fn scene() -> World {
    let mut world = World::new(crate::platform::CHAIN);
    let pool = world.create_market(user(1), "Who?", &["A", "B"], U256::from(1_000_000));
    let condition = world.pools[pool].conditions[0];
    let sets = world.single_sets(condition);
    for (number, amount) in (10..).zip([9, 100, 10, 1_000, 99, 100, 100, 2, 9]) {
        world.split(user(number), (Hash::ZERO, condition), &sets, U256::from(amount));
    }
    let token = world.pools[pool].tokens[0];
    world.transfer(token, user(13), user(30), U256::from(1_000));
    world.log.mine();
    world
}

fn held(world: &World) -> Vec<Held> {
    let pool = &world.pools[0];
    let of_token = |(outcome, token): (u32, &U256)| {
        let holders =
            world.balances.iter().filter(|((held, holder), _)| held == token && *holder != pool.address);
        holders.map(|((_, holder), amount)| (outcome, *holder, *amount)).collect::<Vec<Held>>()
    };
    (0..).zip(&pool.tokens).flat_map(of_token).collect()
}

fn request(world: &World) -> ListMarketPositionsRequest {
    ListMarketPositionsRequest { market_id: world.markets[0].0.to_string(), ..Default::default() }
}

async fn listed(platform: &mut TestPlatform, mut request: ListMarketPositionsRequest) -> Vec<Held> {
    let mut found = Vec::new();
    loop {
        let page = platform.client.list_market_positions(request.clone()).await.unwrap().into_inner();
        found.extend(page.positions.into_iter().map(|position| {
            let holder = position.user_address.parse().unwrap();
            (position.outcome_index, holder, position.amount.parse().unwrap())
        }));
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn holders_are_listed_by_holder_or_by_amount_page_by_page() {
    on_both_with(scene(), async |platform, world| {
        let by_holder = held(world);
        let mut by_amount = by_holder.clone();
        by_amount.sort_by_key(|(outcome, holder, amount)| (*outcome, Reverse(*amount), *holder));
        assert_ne!(by_amount, by_holder);
        for page_size in [1, 2, 4, 500] {
            for outcome_index in [None, Some(0), Some(1)] {
                let request = ListMarketPositionsRequest { page_size, outcome_index, ..request(world) };
                compare(platform, request, [&by_holder, &by_amount]).await;
            }
        }
    })
    .await;
}

async fn compare(platform: &mut TestPlatform, request: ListMarketPositionsRequest, all: [&[Held]; 2]) {
    let wanted = |it: &&Held| request.outcome_index.is_none_or(|outcome| it.0 == outcome);
    let [by_holder, by_amount] = all.map(|all| all.iter().filter(wanted).copied().collect::<Vec<Held>>());
    for (order, expected) in [
        (PositionOrder::Unspecified, &by_holder),
        (PositionOrder::Holder, &by_holder),
        (PositionOrder::Amount, &by_amount),
    ] {
        let request = ListMarketPositionsRequest { order: order.into(), ..request.clone() };
        assert_eq!(&listed(platform, request).await, expected, "{order:?}");
    }
}

#[tokio::test]
async fn an_outcome_or_an_order_that_there_is_not_is_named_and_tokens_are_of_their_request() {
    on_both_with(scene(), async |platform, world| {
        for outcome in [2, u32::MAX] {
            let request = ListMarketPositionsRequest { outcome_index: Some(outcome), ..request(world) };
            assert_eq!(refused(platform, request).await, "outcome_index");
        }
        assert_eq!(
            refused(platform, ListMarketPositionsRequest { order: 9, ..request(world) }).await,
            "order"
        );
        let first = ListMarketPositionsRequest { page_size: 1, outcome_index: Some(0), ..request(world) };
        let page = platform.client.list_market_positions(first.clone()).await.unwrap().into_inner();
        let next = ListMarketPositionsRequest { page_token: page.next_page_token, ..first };
        assert!(platform.client.list_market_positions(next.clone()).await.is_ok());
        let by_amount = ListMarketPositionsRequest { order: PositionOrder::Amount.into(), ..next.clone() };
        assert_eq!(refused(platform, by_amount).await, "page_token");
        assert_eq!(
            refused(platform, ListMarketPositionsRequest { outcome_index: None, ..next }).await,
            "page_token"
        );
    })
    .await;
}

/// The field that a request is refused for.
async fn refused(platform: &mut TestPlatform, request: ListMarketPositionsRequest) -> String {
    let status = platform.client.list_market_positions(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations[0].field.clone()
}

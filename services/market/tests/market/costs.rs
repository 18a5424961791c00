//! Profit and loss as users read it, on both stores.

use capstan_market::simulated::{World, user};
use capstan_primitives::{Address, Hash, U256};
use capstan_proto::market::{self as wire, PositionStatus};
use tonic::Code;

use crate::{
    platform::{CHAIN, TestPlatform},
    reads::{on_both, on_both_with},
};

fn number(number: u64) -> U256 {
    U256::from(number)
}

async fn positions(platform: &mut TestPlatform, who: Address, closed: bool) -> Vec<wire::Position> {
    let request = wire::ListUserPositionsRequest { address: who.to_string(), closed, ..Default::default() };
    platform.client.list_user_positions(request).await.unwrap().into_inner().positions
}

/// Known and unknown amount, cost, realised and unmatched profit.
fn books(costs: Option<&wire::PositionCosts>) -> [&str; 5] {
    let costs = costs.unwrap();
    [&costs.known_amount, &costs.unknown_amount, &costs.cost, &costs.realised_pnl, &costs.unmatched_pnl]
        .map(String::as_str)
}

#[tokio::test]
async fn who_redeems_only_the_losing_set_keeps_the_other_tokens_on_the_books() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Who wins?", &["A", "B"], number(1_000_000));
    world.log.transaction();
    let won = world.buy(user(3), pool, number(5_000), 0);
    let lost = world.buy(user(3), pool, number(7_000), 1);
    world.log.transaction();
    world.resolve_market(0, &[number(1), number(0)]);
    let condition = world.pools[pool].conditions[0];
    world.redeem(user(3), (Hash::ZERO, condition), &[number(2)]);
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let [held] = &positions(platform, user(3), false).await[..] else { panic!("one is left") };
        assert_eq!((held.outcome_index, held.status()), (0, PositionStatus::Redeemable));
        let won = won.to_string();
        assert_eq!((&held.amount, held.value.as_ref()), (&won, Some(&won)));
        assert_eq!(books(held.costs.as_ref()), [won.as_str(), "0", "5000", "0", "0"]);
        let costs = held.costs.as_ref().unwrap();
        let worth: i64 = won.parse().unwrap();
        assert_eq!(costs.unrealised_pnl, Some((worth - 5_000).to_string()));
        assert_eq!((costs.invested.as_str(), costs.fees.as_str()), ("5000", "100"));
        let [gone] = &positions(platform, user(3), true).await[..] else { panic!("one is closed") };
        assert_eq!((gone.outcome_index, gone.status()), (1, PositionStatus::Closed));
        assert_eq!(books(gone.costs.as_ref()), ["0", "0", "0", "-7000", "0"]);
        assert_eq!(gone.costs.as_ref().unwrap().average_cost, None);
        assert!(!lost.is_zero() && held.reconciled && gone.reconciled);
    })
    .await;
}

#[tokio::test]
async fn gifts_are_kept_apart_and_their_sale_is_no_profit_of_what_was_paid_for() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Given?", &["A", "B"], number(1_000_000));
    world.log.transaction();
    let bought = world.buy(user(3), pool, number(8_000), 0);
    let token = world.pools[pool].tokens[0];
    world.transfer(token, user(3), user(4), bought);
    world.log.transaction();
    let sold = world.sell(user(4), pool, number(1_000), 0).unwrap();
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let [given] = &positions(platform, user(3), true).await[..] else { panic!("one is closed") };
        assert_eq!(books(given.costs.as_ref()), ["0", "0", "0", "0", "-8000"]);
        let [taken] = &positions(platform, user(4), false).await[..] else { panic!("one is left") };
        let left = (bought - sold).to_string();
        assert_eq!(books(taken.costs.as_ref()), ["0", left.as_str(), "0", "0", "1000"]);
        assert!(taken.reconciled && taken.costs.as_ref().unwrap().average_cost.is_none());
    })
    .await;
}

#[tokio::test]
async fn tokens_sent_to_oneself_keep_their_cost() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "To whom?", &["A", "B"], number(1_000_000));
    world.log.transaction();
    let bought = world.buy(user(3), pool, number(8_000), 0);
    world.transfer(world.pools[pool].tokens[0], user(3), user(3), bought);
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let [held] = &positions(platform, user(3), false).await[..] else { panic!("one") };
        assert_eq!(books(held.costs.as_ref()), [bought.to_string().as_str(), "0", "8000", "0", "0"]);
        assert!(held.reconciled);
    })
    .await;
}

#[tokio::test]
async fn tokens_that_no_event_explains_are_shown_as_a_difference() {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "From where?", &["A", "B"], number(1_000_000));
    world.log.transaction();
    let bought = world.buy(user(3), pool, number(8_000), 1);
    world.transfer(world.pools[pool].tokens[1], Address::ZERO, user(3), number(77));
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let [held] = &positions(platform, user(3), false).await[..] else { panic!("one") };
        assert_eq!(
            (held.amount.clone(), held.difference.as_str()),
            ((bought + number(77)).to_string(), "77")
        );
        assert!(!held.reconciled);
        assert_eq!(held.costs.as_ref().unwrap().known_amount, bought.to_string());
    })
    .await;
}

#[tokio::test]
async fn shares_of_pools_cost_what_the_pool_did_not_send_back() {
    on_both(async |platform, world| {
        let request = wire::ListUserLiquidityRequest { address: user(6).to_string(), ..Default::default() };
        let answer = platform.client.list_user_liquidity(request).await.unwrap().into_inner();
        let [shares] = &answer.positions[..] else { panic!("of one pool") };
        let pool = &world.pools[0];
        assert_eq!(
            (&shares.amm_address, &shares.market_id),
            (&pool.address.to_string(), &world.markets[0].0.to_string())
        );
        let costs = shares.costs.as_ref().unwrap();
        assert_eq!(costs.known_amount, pool.shares[&user(6)].to_string());
        assert_eq!((costs.realised_pnl.as_str(), costs.unknown_amount.as_str()), ("7", "0"), "the fees");
        let number = |text: &str| text.parse::<i128>().unwrap();
        let held = positions(platform, user(6), false).await;
        let of_tokens: i128 = held.iter().map(|it| number(&it.costs.as_ref().unwrap().cost)).sum();
        assert_eq!(number(&costs.cost) + of_tokens - 7, -world.cash[&user(6)]);
        assert!(held.iter().all(|position| position.reconciled));
    })
    .await;
}

#[tokio::test]
async fn closed_positions_come_in_pages_of_their_own() {
    let mut world = World::new(CHAIN);
    for market in 0..3 {
        let pool = world.create_market(user(1), &format!("Number {market}?"), &["A", "B"], number(1_000_000));
        world.log.transaction();
        let bought = world.buy(user(3), pool, number(8_000), 0);
        world.transfer(world.pools[pool].tokens[0], user(3), user(4), bought);
    }
    world.log.mine();
    on_both_with(world, async |platform, _| {
        let mut request = wire::ListUserPositionsRequest {
            address: user(3).to_string(),
            page_size: 1,
            closed: true,
            ..Default::default()
        };
        let mut found = Vec::new();
        loop {
            let page = platform.client.list_user_positions(request.clone()).await.unwrap().into_inner();
            found.extend(page.positions.into_iter().map(|position| position.position_id));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let all = positions(platform, user(3), true).await;
        assert_eq!(found, all.into_iter().map(|position| position.position_id).collect::<Vec<_>>());
        assert_eq!((found.len(), positions(platform, user(3), false).await.len()), (3, 0));
        request.closed = false;
        let refused = platform.client.list_user_positions(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    })
    .await;
}

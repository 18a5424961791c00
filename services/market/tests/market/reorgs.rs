//! What the indexer does to the market: undo, silence, restart, another log.

use capstan_market::simulated::{Dice, World, user};
use capstan_primitives::U256;
use capstan_proto::{indexer::stream_events_response::Message, market as wire};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::platform::{CHAIN, TestPlatform};

/// What the market says of every market, with trades and holders.
async fn everything(platform: &mut TestPlatform) -> Vec<String> {
    let request = wire::ListMarketsRequest { page_size: 500, ..Default::default() };
    let listed = platform.client.list_markets(request).await.unwrap().into_inner();
    let mut said = Vec::new();
    for market in listed.markets {
        let market_id = market.market_id.clone();
        said.push(format!("{market:?}"));
        let request =
            wire::ListTradesRequest { market_id: market_id.clone(), page_size: 500, ..Default::default() };
        said.push(format!("{:?}", platform.client.list_trades(request).await.unwrap().into_inner()));
        let request = wire::ListMarketPositionsRequest { market_id, page_size: 500, ..Default::default() };
        said.push(format!(
            "{:?}",
            platform.client.list_market_positions(request).await.unwrap().into_inner()
        ));
    }
    said
}

async fn answers_of(world: &World) -> Vec<String> {
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(world, 1, world.log.head().unwrap().number);
    platform.until(world).await;
    let said = everything(&mut platform).await;
    platform.stop().await;
    said
}

#[tokio::test]
async fn a_reorg_takes_back_what_lost_blocks_said() {
    let mut dice = Dice::new(51);
    let mut world = World::new(CHAIN);
    world.go_on(&mut dice, 20);
    let mut fork = world.clone();
    world.go_on(&mut dice, 5);
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 25);
    platform.until(&world).await;
    let mut lost = world.log.clone();
    let undo = lost.undo(20);
    (fork.log.position, fork.log.fork) = (lost.position, lost.fork);
    fork.go_on(&mut dice, 6);
    session.say(Message::Undo(undo));
    session.apply(&fork, 21, 26);
    platform.until(&fork).await;
    assert_eq!(everything(&mut platform).await, answers_of(&fork).await);
    platform.stop().await;
}

#[tokio::test]
async fn a_market_whose_creation_was_undone_is_not_found() {
    let mut world = World::new(CHAIN);
    world.log.mine();
    world.create_market(user(1), "Gone?", &["A", "B"], U256::from(1_000_000));
    world.log.mine();
    let market_id = world.markets[0].0.to_string();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 2, 2);
    platform.until(&world).await;
    let mut changes = platform.stream(wire::StreamMarketsRequest::default()).await;
    session.say(Message::Undo(world.log.undo(1)));
    let resync = changes.next_change().await;
    assert!(matches!(resync.message, Some(wire::stream_markets_response::Message::Resync(_))), "{resync:?}");
    let request = wire::GetMarketRequest { market_id, chain_id: 0 };
    assert_eq!(platform.client.get_market(request).await.unwrap_err().code(), Code::NotFound);
    platform.stop().await;
}

#[tokio::test]
async fn a_lost_connection_is_taken_up_at_the_stored_cursor() {
    let world = World::random(CHAIN, 52, 12);
    let mut platform = TestPlatform::start().await;
    let (first, second) = (platform.session(), platform.session());
    let cursor = world.log.batch(1, 6).cursor;
    first.apply(&world, 1, 6);
    drop(first);
    // The indexer may repeat what it sent: it takes effect once.
    second.apply(&world, 4, 12);
    platform.until(&world).await;
    assert_eq!(platform.cursors(), ["".to_owned(), cursor]);
    let request = platform.last_request();
    assert_eq!(request.chain_ids, [CHAIN]);
    let filter = request.filter.unwrap();
    assert_eq!((filter.addresses.len(), filter.protocols.len(), filter.kinds.len()), (0, 0, 15));
    assert_eq!(everything(&mut platform).await, answers_of(&world).await);
    platform.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_run_ended() {
    let world = World::random(CHAIN, 53, 12);
    let mut shorter = world.clone();
    shorter.log.blocks.truncate(6);
    let mut platform = TestPlatform::start().await;
    let first = platform.session();
    first.apply(&world, 1, 6);
    platform.until(&shorter).await;
    platform.restart().await;
    let second = platform.session();
    second.apply(&world, 7, 12);
    platform.until(&world).await;
    assert_eq!(platform.cursors(), ["".to_owned(), world.log.batch(1, 6).cursor]);
    assert_eq!(everything(&mut platform).await, answers_of(&world).await);
    platform.stop().await;
}

#[tokio::test]
async fn a_replaced_log_is_read_from_its_beginning() {
    let (old, new) = (World::random(CHAIN, 54, 10), World::random(CHAIN, 55, 10));
    let mut platform = TestPlatform::start().await;
    let (first, second, third) = (platform.session(), platform.session(), platform.session());
    first.apply(&old, 1, 10);
    platform.until(&old).await;
    let mut changes = platform.stream(wire::StreamMarketsRequest::default()).await;
    drop(first);
    let details = ErrorDetails::with_error_info("CURSOR_INVALID", "indexer.capstan", []);
    second.refuse(Status::with_error_details(Code::InvalidArgument, "another log", details));
    let resync = changes.next_change().await;
    let Some(wire::stream_markets_response::Message::Resync(resync)) = resync.message else {
        panic!("expected a resync: {resync:?}");
    };
    assert_eq!(resync.last_valid_block, None);
    third.apply(&new, 1, 10);
    platform.until(&new).await;
    assert_eq!(platform.cursors().last().map(String::as_str), Some(""));
    assert_eq!(everything(&mut platform).await, answers_of(&new).await);
    platform.stop().await;
}

#[tokio::test]
async fn a_log_that_no_longer_has_what_is_needed_leaves_what_is_served_as_it_is() {
    let mut dice = Dice::new(53);
    let mut world = World::new(CHAIN);
    world.go_on(&mut dice, 10);
    let pruned = || {
        let details = ErrorDetails::with_error_info(
            "CURSOR_PRUNED",
            "indexer.capstan",
            [("earliest".into(), "7".into())],
        );
        Status::with_error_details(Code::FailedPrecondition, "no longer kept", details)
    };
    let added = ErrorDetails::with_error_info("CURSOR_HISTORY_ADDED", "indexer.capstan", []);
    let added = Status::with_error_details(Code::InvalidArgument, "history was added", added);
    // What follows the cursor is gone, or the beginning is when everything would have to be read again.
    for first in [pruned(), added] {
        let mut platform = TestPlatform::start().await;
        let session = platform.session();
        session.apply(&world, 1, 10);
        platform.until(&world).await;
        let said = everything(&mut platform).await;
        platform.refuse(first.clone());
        if first.code() == Code::InvalidArgument {
            platform.refuse(pruned());
        }
        let spare = platform.session();
        drop(session);
        let mut changes = platform.stream(wire::StreamMarketsRequest::default()).await;
        // It would have come again several times over.
        for _ in 0..25 {
            changes.next().await;
        }
        let asked = platform.cursors();
        assert_eq!(asked.len(), if first.code() == Code::InvalidArgument { 3 } else { 2 }, "{first}");
        assert_eq!(everything(&mut platform).await, said, "{first}");

        // After a restart it goes on from where it was.
        platform.restart().await;
        let mut more = world.clone();
        more.go_on(&mut Dice::new(54), 3);
        spare.apply(&more, 11, 13);
        platform.until(&more).await;
        assert_eq!(platform.cursors().last(), Some(&asked[1]), "{first}");
        assert_eq!(everything(&mut platform).await, answers_of(&more).await, "{first}");
        platform.stop().await;
    }
}

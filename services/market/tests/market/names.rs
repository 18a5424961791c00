//! Markets by their slugs.

use capstan_db::testing::TestStore;
use capstan_market::simulated::{World, user};
use capstan_primitives::U256;
use capstan_proto::{
    indexer::stream_events_response::Message,
    market::{self as wire, StreamMarketsRequest, stream_markets_response::Message as Change},
};
use tonic::Code;

use crate::{
    platform::{CHAIN, TestPlatform},
    reads::{get, name_of, on_both_with},
};

fn says(world: &mut World, slug: Option<&str>, question: &str) -> usize {
    world.says[0] = slug.map(str::to_owned);
    world.create_market(user(1), question, &["Yes", "No"], U256::from(1_000_000))
}

/// A market with a slug of its factory, one with that of its question, one whose slug is taken, and a bare pool.
fn scene() -> World {
    let mut world = World::new(CHAIN);
    says(&mut world, Some("rain-2026"), "Rain?");
    world.log.mine();
    says(&mut world, Some("Not Good"), "Will  it SNOW?");
    says(&mut world, Some("rain-2026"), "Hail?");
    let three = world.prepare(user(7), capstan_primitives::Hash::from([3; 32]), 3);
    world.create_pool(user(2), &[three], U256::ZERO, U256::from(1_000));
    world.log.mine();
    for pool in 0..3 {
        world.log.transaction();
        world.buy(user(3), pool, U256::from(5_000), 0);
        world.buy(user(4), pool, U256::from(7_000), 1);
    }
    world.log.mine();
    world
}

fn of_snow(world: &World) -> String {
    let id = name_of(world, 1);
    format!("will-it-snow-{}", &id[id.len() - 8..])
}

#[tokio::test]
async fn a_slug_is_that_of_the_factory_or_of_the_question_and_the_oldest_market_keeps_it() {
    on_both_with(scene(), async |platform, world| {
        let request = wire::ListMarketsRequest::default();
        let listed = platform.client.list_markets(request).await.unwrap().into_inner().markets;
        let slugs: Vec<Option<String>> = listed.into_iter().rev().map(|market| market.slug).collect();
        assert_eq!(slugs, [Some("rain-2026".into()), Some(of_snow(world)), None, None]);
        assert_eq!(get(platform, "rain-2026").await, get(platform, &name_of(world, 0)).await);
        assert_eq!(get(platform, &of_snow(world)).await, get(platform, &name_of(world, 1)).await);
        let request = wire::BatchGetMarketsRequest {
            market_ids: vec![
                of_snow(world),
                "no-such".into(),
                name_of(world, 0),
                "rain-2026".into(),
                of_snow(world),
            ],
            chain_id: 0,
        };
        let batch = platform.client.batch_get_markets(request).await.unwrap().into_inner();
        let found: Vec<&str> = batch.markets.iter().map(|market| market.market_id.as_str()).collect();
        let (rain, snow) = (name_of(world, 0), name_of(world, 1));
        assert_eq!(found, [&snow, &rain, &rain, &snow]);
        assert_eq!(batch.missing, ["no-such"]);
    })
    .await;
}

#[tokio::test]
async fn a_slug_is_taken_wherever_an_id_is() {
    on_both_with(scene(), async |platform, world| {
        let client = &mut platform.client;
        macro_rules! same {
            ($method:ident, $request:ident { $($field:ident: $value:expr),* }) => {{
                let of = |market_id: String| wire::$request { market_id, $($field: $value,)* ..Default::default() };
                let by_slug = client.$method(of("rain-2026".into())).await.unwrap().into_inner();
                let by_id = client.$method(of(name_of(world, 0))).await.unwrap().into_inner();
                (by_slug, by_id)
            }};
        }
        let (by_slug, by_id) = same!(get_prices, GetPricesRequest {});
        assert_eq!(by_slug, by_id);
        let amount = || Some(wire::quote_trade_request::Amount::CollateralAmount("100".into()));
        let side = wire::TradeSide::Buy.into();
        let (by_slug, by_id) = same!(quote_trade, QuoteTradeRequest { side: side, amount: amount() });
        assert!(by_slug == by_id && by_slug.quote.is_some());
        let (by_slug, by_id) = same!(list_price_history, ListPriceHistoryRequest {});
        assert!(by_slug == by_id && !by_slug.points.is_empty());
        let interval = wire::CandleInterval::CandleInterval1h.into();
        let (by_slug, by_id) = same!(list_candles, ListCandlesRequest { interval: interval });
        assert!(by_slug == by_id && !by_slug.candles.is_empty());
        let (by_slug, by_id) = same!(list_market_positions, ListMarketPositionsRequest {});
        assert!(by_slug == by_id && !by_slug.positions.is_empty());
        let (by_slug, by_id) = same!(list_trades, ListTradesRequest { page_size: 1 });
        assert_eq!(by_slug.trades, by_id.trades);
        let next = wire::ListTradesRequest {
            market_id: "rain-2026".into(),
            page_size: 1,
            page_token: by_slug.next_page_token,
            ..Default::default()
        };
        let next = client.list_trades(next).await.unwrap().into_inner().trades;
        assert!(next.len() == 1 && next != by_slug.trades);
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_a_slug_tells_of_its_market_and_goes_on_from_its_cursor() {
    let mut world = scene();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 3);
    platform.until(&world).await;
    let unknown = StreamMarketsRequest { market_ids: vec!["snow".into()], ..Default::default() };
    assert_eq!(platform.client.stream_markets(unknown).await.unwrap_err().code(), Code::NotFound);
    let of_rain = StreamMarketsRequest { market_ids: vec!["rain-2026".into()], ..Default::default() };
    let mut changes = platform.stream(of_rain.clone()).await;
    let cursor = changes.next().await.cursor;
    for pool in 0..2 {
        world.log.transaction();
        world.buy(user(5), pool, U256::from(900), 0);
    }
    world.log.mine();
    session.apply(&world, 4, 4);
    let told = changes.until(&world).await;
    let again = platform.stream(StreamMarketsRequest { cursor, ..of_rain }).await.until(&world).await;
    for told in [told, again] {
        let trades: Vec<String> = told
            .into_iter()
            .filter_map(|message| match message.message {
                Some(Change::Trade(trade)) => Some(trade.market_id),
                _ => None,
            })
            .collect();
        assert_eq!(trades, [name_of(&world, 0)]);
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_slug_goes_to_the_next_market_only_when_a_reorg_takes_the_older_one_back() {
    for store in TestStore::both().await {
        let mut world = World::new(CHAIN);
        world.log.mine();
        let mut fork = world.clone();
        says(&mut world, Some("cup"), "Who first?");
        world.log.mine();
        says(&mut world, Some("cup"), "Who second?");
        world.log.mine();
        let mut platform = TestPlatform::start_on(store, &[CHAIN]).await;
        let session = platform.session();
        session.apply(&world, 1, 3);
        platform.until(&world).await;
        assert_eq!(get(&mut platform, "cup").await.question.as_deref(), Some("Who first?"));
        session.say(Message::Undo(world.log.undo(1)));
        (fork.log.position, fork.log.fork) = (world.log.position, world.log.fork);
        says(&mut fork, Some("cup"), "Who second?");
        fork.log.mine();
        session.apply(&fork, 2, 2);
        platform.until(&fork).await;
        let market = get(&mut platform, "cup").await;
        assert_eq!((market.question.as_deref(), market.slug.as_deref()), (Some("Who second?"), Some("cup")));
        platform.stop().await;
    }
}

#[tokio::test]
async fn a_slug_on_two_chains_asks_for_the_chain() {
    let mut platform = TestPlatform::start_on(TestStore::sqlite(), &[CHAIN, CHAIN + 1]).await;
    let mut sessions = Vec::new();
    for chain in [CHAIN, CHAIN + 1] {
        let mut world = World::new(chain);
        says(&mut world, Some("both"), "On both?");
        if chain == CHAIN {
            says(&mut world, Some("one"), "On one?");
        }
        world.log.mine();
        let session = platform.session_of(chain);
        session.apply(&world, 1, 1);
        sessions.push(session);
        platform.until(&world).await;
    }
    assert_eq!(get(&mut platform, "one").await.chain_id, CHAIN);
    let request = |chain_id| wire::GetMarketRequest { market_id: "both".into(), chain_id };
    let refused = platform.client.get_market(request(0)).await.unwrap_err();
    assert!(refused.message().starts_with("chain_id: "), "{refused}");
    for chain in [CHAIN, CHAIN + 1] {
        let market = platform.client.get_market(request(chain)).await.unwrap().into_inner().market.unwrap();
        assert_eq!((market.chain_id, market.slug.as_deref()), (chain, Some("both")));
    }
    let request = wire::BatchGetMarketsRequest { market_ids: vec!["both".into()], chain_id: 0 };
    assert_eq!(platform.client.batch_get_markets(request).await.unwrap().into_inner().markets.len(), 2);
    platform.stop().await;
}

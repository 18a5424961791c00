//! Bad requests: the class, the reason and the field.

use capstan_market::simulated::{World, user};
use capstan_primitives::U256;
use capstan_proto::market as wire;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::platform::{CHAIN, TestPlatform};

fn told<T>(answer: Result<T, Status>) -> (Code, String, String) {
    let status = answer.err().expect("a refusal");
    let details = status.get_error_details();
    let info = details.error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, "market.capstan");
    let field = details.bad_request().and_then(|bad| bad.field_violations.first());
    (status.code(), info.reason.clone(), field.map(|violation| violation.field.clone()).unwrap_or_default())
}

fn invalid(reason: &str, field: &str) -> (Code, String, String) {
    (Code::InvalidArgument, reason.into(), field.into())
}

fn missing(reason: &str) -> (Code, String, String) {
    (Code::NotFound, reason.into(), String::new())
}

async fn with_a_market() -> (TestPlatform, World, crate::platform::Session) {
    let mut world = World::new(CHAIN);
    let pool = world.create_market(user(1), "Why?", &["A", "B"], U256::from(1_000_000));
    for _ in 0..3 {
        world.buy(user(2), pool, U256::from(1_000), 0);
    }
    world.log.mine();
    let mut platform = TestPlatform::start().await;
    let session = platform.session();
    session.apply(&world, 1, 1);
    platform.until(&world).await;
    (platform, world, session)
}

#[tokio::test]
async fn a_malformed_id_is_the_callers_fault_and_an_unknown_one_is_not_found() {
    let (mut platform, _, _session) = with_a_market().await;
    for text in [
        "",
        "-a",
        "0x12",
        "0xzz00000000000000000000000000000000000000000000000000000000000000",
        "Market",
        "a b",
    ] {
        let request = wire::GetMarketRequest { market_id: text.into(), chain_id: 0 };
        let answer = platform.client.get_market(request).await;
        assert_eq!(told(answer), invalid("INVALID_FIELD", "market_id"), "{text}");
    }
    for text in [format!("0x{}", "ab".repeat(32)), user(9).to_string(), "7".into(), "no-such-market".into()] {
        let request = wire::GetMarketRequest { market_id: text.clone(), chain_id: 0 };
        assert_eq!(told(platform.client.get_market(request).await), missing("MARKET_NOT_FOUND"));
        let request = wire::GetPricesRequest { market_id: text.clone(), chain_id: 0 };
        assert_eq!(told(platform.client.get_prices(request).await), missing("MARKET_NOT_FOUND"));
        let request = wire::ListTradesRequest { market_id: text.clone(), ..Default::default() };
        assert_eq!(told(platform.client.list_trades(request).await), missing("MARKET_NOT_FOUND"));
        let request = wire::ListPriceHistoryRequest { market_id: text.clone(), ..Default::default() };
        assert_eq!(told(platform.client.list_price_history(request).await), missing("MARKET_NOT_FOUND"));
        let request = wire::ListMarketPositionsRequest { market_id: text, ..Default::default() };
        assert_eq!(told(platform.client.list_market_positions(request).await), missing("MARKET_NOT_FOUND"));
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_malformed_address_is_named() {
    let (mut platform, _, _session) = with_a_market().await;
    for text in ["", "0x1", &format!("0x{}", "11".repeat(32)), "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"] {
        let request = wire::ListUserPositionsRequest { address: text.into(), ..Default::default() };
        let answer = platform.client.list_user_positions(request).await;
        assert_eq!(told(answer), invalid("INVALID_FIELD", "address"), "{text}");
        let request = wire::ListUserHistoryRequest { address: text.into(), ..Default::default() };
        assert_eq!(
            told(platform.client.list_user_history(request).await),
            invalid("INVALID_FIELD", "address")
        );
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_page_size_below_zero_is_named_and_one_that_is_too_large_is_the_largest() {
    let (mut platform, world, _session) = with_a_market().await;
    let market_id = world.markets[0].0.to_string();
    for page_size in [-1, i32::MIN] {
        let request = wire::ListMarketsRequest { page_size, ..Default::default() };
        assert_eq!(told(platform.client.list_markets(request).await), invalid("INVALID_FIELD", "page_size"));
        let request =
            wire::ListTradesRequest { market_id: market_id.clone(), page_size, ..Default::default() };
        assert_eq!(told(platform.client.list_trades(request).await), invalid("INVALID_FIELD", "page_size"));
    }
    for page_size in [501, 1_001, i32::MAX] {
        let request = wire::ListMarketsRequest { page_size, ..Default::default() };
        assert!(platform.client.list_markets(request).await.is_ok());
        let market_id = market_id.clone();
        let request = wire::ListPriceHistoryRequest { market_id, page_size, ..Default::default() };
        assert!(platform.client.list_price_history(request).await.is_ok());
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_page_token_of_another_request_is_refused() {
    let (mut platform, world, _session) = with_a_market().await;
    let market_id = world.markets[0].0.to_string();
    let trades = |market_id: &str, page_token: &str| wire::ListTradesRequest {
        market_id: market_id.into(),
        page_size: 1,
        page_token: page_token.into(),
        ..Default::default()
    };
    let first = platform.client.list_trades(trades(&market_id, "")).await.unwrap().into_inner();
    let token = first.next_page_token;
    assert!(platform.client.list_trades(trades(&market_id, &token)).await.is_ok());
    let of_pool = world.pools[0].address.to_string();
    for (market, token) in [(of_pool.as_str(), token.as_str()), (market_id.as_str(), "nonsense")] {
        let answer = platform.client.list_trades(trades(market, token)).await;
        assert_eq!(told(answer), invalid("PAGE_TOKEN_INVALID", "page_token"));
    }
    let request = wire::ListMarketsRequest { page_token: token, ..Default::default() };
    assert_eq!(
        told(platform.client.list_markets(request).await),
        invalid("PAGE_TOKEN_INVALID", "page_token")
    );
    platform.stop().await;
}

#[tokio::test]
async fn a_chain_that_is_not_followed_is_not_found() {
    let (mut platform, _, _session) = with_a_market().await;
    let request = wire::ListMarketsRequest { chain_id: 5, ..Default::default() };
    assert_eq!(told(platform.client.list_markets(request).await), missing("CHAIN_NOT_FOLLOWED"));
    let request = wire::StreamMarketsRequest { chain_id: 5, ..Default::default() };
    assert_eq!(told(platform.client.stream_markets(request).await), missing("CHAIN_NOT_FOLLOWED"));
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_refuses_cursors_and_markets_that_cannot_be() {
    let (mut platform, world, _session) = with_a_market().await;
    let market_id = world.markets[0].0.to_string();
    let cursor = platform.stream(wire::StreamMarketsRequest::default()).await.next().await.cursor;
    for (cursor, market_ids) in [("nonsense".to_owned(), vec![]), (cursor, vec![market_id])] {
        let request = wire::StreamMarketsRequest { cursor, market_ids, ..Default::default() };
        assert_eq!(told(platform.client.stream_markets(request).await), invalid("CURSOR_INVALID", "cursor"));
    }
    for market_ids in [vec!["X".to_owned()], vec![user(1).to_string(); 101]] {
        let request = wire::StreamMarketsRequest { market_ids, ..Default::default() };
        assert_eq!(
            told(platform.client.stream_markets(request).await),
            invalid("INVALID_FIELD", "market_ids")
        );
    }
    for kind in [0, 99] {
        let request = wire::StreamMarketsRequest { kinds: vec![1, kind], ..Default::default() };
        assert_eq!(told(platform.client.stream_markets(request).await), invalid("INVALID_FIELD", "kinds"));
    }
    platform.stop().await;
}

//! The contract over REST.

use capstan_gateway::{config::Config, domain::contract::Contract};
use capstan_proto::{
    indexer::{Event, ListEventsRequest, ListEventsResponse},
    market::{
        GetMarketRequest, GetMarketResponse, GetPricesResponse, ListMarketsRequest, ListUserHistoryRequest,
        Market, OutcomePrice,
    },
    primitives::{AsOf, BlockRef, Finality},
};
use serde_json::json;

use crate::edge::{Answer, Edge, Setup};

#[tokio::test]
async fn every_path_of_the_contract_reaches_its_rpc() {
    let config = Config { admin: true, ..Config::default() };
    let edge = Edge::with(Setup { config, ..Setup::default() }).await;
    let contract = Contract::read(capstan_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut reached = 0;
    for route in contract.routes().iter() {
        let binding = &route.target;
        if binding.method.full_name().starts_with("capstan.gateway.") {
            continue;
        }
        let path = with_values(&binding.template);
        let answer = Answer::of(edge.http.request(route.method.clone(), edge.url(&path))).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let expected = binding.method.input().full_name().replace('.', "::");
        assert!(edge.backend.last_name().ends_with(&expected), "{path}: {}", edge.backend.last_name());
        reached += 1;
    }
    assert_eq!(edge.backend.count(), reached);
    assert!(reached >= 24, "{reached}");
}

#[tokio::test]
async fn what_is_for_operators_is_served_only_when_the_configuration_says_so() {
    let edge = Edge::start().await;
    for path in ["/v1/indexer/contracts", "/v1/indexer/decode-failures"] {
        assert_eq!(edge.get(path).await.status, 501, "{path}");
    }
    assert_eq!(edge.backend.count(), 0);
}

fn with_values(template: &str) -> String {
    let mut path = String::new();
    for part in template.split('{') {
        match part.split_once('}') {
            Some((_, rest)) => path.extend(["1", rest]),
            None => path.push_str(part),
        }
    }
    path
}

#[tokio::test]
async fn the_paths_that_must_stay_are_there() {
    let edge = Edge::start().await;
    for path in [
        "/health",
        "/api/status",
        "/api/indexer/status",
        "/api/markets",
        "/api/markets/0x1",
        "/api/markets/0x1/prices",
        "/api/markets/0x1/positions",
        "/api/users/0x1/positions",
        "/api/users/0x1/history",
        "/v1/api/indexer/health",
        "/v1/api/indexer/status",
        "/v1/api/indexer/events",
        "/v1/api/quoter/health",
        "/v1/api/quoter/price/0x1",
    ] {
        let answer = edge.get(path).await;
        let expected = if path == "/health" { 503 } else { 200 };
        assert_eq!(answer.status, expected, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_query_fills_the_request_by_either_name() {
    let edge = Edge::start().await;
    let by_json = "/v1/events?chainId=9007199254740993&fromBlock=0&newestFirst=true&pageSize=7&kind=a%2Bb+c";
    let by_proto =
        "/v1/events?chain_id=9007199254740993&from_block=0&newest_first=true&page_size=7&kind=a%2bb%20c";
    for path in [by_json, by_proto] {
        assert_eq!(edge.get(path).await.status, 200);
        let (asked, _) = edge.backend.asked::<ListEventsRequest>();
        let expected = ListEventsRequest {
            chain_id: 9_007_199_254_740_993,
            from_block: Some(0),
            to_block: None,
            newest_first: true,
            page_size: 7,
            kind: "a+b c".to_owned(),
            ..Default::default()
        };
        assert_eq!(asked, expected);
    }
    edge.get("/api/markets?resolved=false").await;
    assert_eq!(edge.backend.asked::<ListMarketsRequest>().0.resolved, Some(false));
}

#[tokio::test]
async fn a_path_value_is_decoded_once() {
    let edge = Edge::start().await;
    edge.get("/api/users/a%2Fb%2520%C3%A9:x/history").await;
    assert_eq!(edge.backend.asked::<ListUserHistoryRequest>().0.address, "a/b%20é:x");
}

#[tokio::test]
async fn a_market_is_the_whole_body_with_fields_without_presence_printed() {
    let edge = Edge::start().await;
    edge.backend.answers(|| Ok(GetMarketResponse { market: Some(market()), as_of: Some(as_of()) }));
    let answer = edge.get("/api/markets/0xabc").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["marketId"], "0xabc");
    assert_eq!(body["resolved"], false);
    assert_eq!(body["payouts"], json!([]));
    assert_eq!(body["tradeCount"], "9007199254740993");
    assert_eq!(body["outcomeCount"], 2);
    assert_eq!(body["source"], "MARKET_SOURCE_FACTORY");
    assert_eq!(body["createdAt"], "2026-01-01T00:00:00Z");
    assert_eq!(body["updatedAt"], "2026-01-01T00:00:01.500Z");
    for absent in ["question", "resolutionTime", "ammAddress", "asOf"] {
        assert_eq!(body.get(absent), None, "{absent}");
    }
    assert_eq!(edge.backend.asked::<GetMarketRequest>().0.market_id, "0xabc");
}

#[tokio::test]
async fn lists_keep_their_envelope_and_the_block_that_they_are_as_of() {
    let edge = Edge::start().await;
    edge.backend.answers(|| {
        let price =
            OutcomePrice { price: Some("0.5".into()), pool_balance: "10".into(), ..Default::default() };
        Ok(GetPricesResponse {
            market_id: "0x1".into(),
            prices: vec![price, OutcomePrice::default()],
            as_of: Some(as_of()),
        })
    });
    let expected = json!({
        "marketId": "0x1",
        "prices": [
            {"outcomeIndex": 0, "price": "0.5", "poolBalance": "10"},
            {"outcomeIndex": 0, "poolBalance": ""},
        ],
        "asOf": {
            "chainId": "31338",
            "block": {"number": "7", "hash": "0xff", "time": "2026-01-01T00:00:00Z"},
            "finality": "FINALITY_SAFE",
        },
    });
    assert_eq!(edge.get("/v1/markets/0x1/prices").await.json(), expected);
}

#[tokio::test]
async fn dynamic_values_of_events_are_plain_json() {
    use prost_types::value::Kind;
    let edge = Edge::start().await;
    edge.backend.answers(|| {
        let kind = Some(Kind::StringValue("115792089237316195423570985008687907853".into()));
        let argument = capstan_proto::indexer::Argument {
            name: "amount".into(),
            r#type: "uint256".into(),
            value: Some(prost_types::Value { kind }),
        };
        let event = Event { arguments: vec![argument], ..Default::default() };
        Ok(ListEventsResponse { events: vec![event], ..Default::default() })
    });
    let body = edge.get("/v1/api/indexer/events").await.json();
    let argument = &body["events"][0]["arguments"][0];
    assert_eq!(argument["value"], "115792089237316195423570985008687907853");
    assert_eq!(body["events"][0]["position"], "0");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let edge = Edge::start().await;
    let answer = Answer::of(edge.http.head(edge.url("/api/markets"))).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn what_a_service_needs_to_know_is_passed_on_and_nothing_else() {
    let edge = Edge::start().await;
    let request = edge.http.get(edge.url("/api/markets/0x1"));
    let request = request.header("authorization", "Bearer x").header("cookie", "secret=1");
    let answer = Answer::of(request.header("x-request-id", "abc-1").header("grpc-timeout", "5S")).await;
    assert_eq!(answer.header("x-request-id"), "abc-1");
    let (_, metadata) = edge.backend.asked::<GetMarketRequest>();
    assert_eq!(metadata.get("x-request-id").unwrap(), "abc-1");
    assert_eq!(metadata.get("authorization").unwrap(), "Bearer x");
    assert!(metadata.get("cookie").is_none());
    assert!(metadata.get("grpc-timeout").is_some());
}

fn market() -> Market {
    Market {
        market_id: "0xabc".into(),
        outcome_count: 2,
        trade_count: 9_007_199_254_740_993,
        source: capstan_proto::market::MarketSource::Factory.into(),
        created_at: Some(time(0)),
        updated_at: Some(prost_types::Timestamp { nanos: 500_000_000, ..time(1) }),
        ..Default::default()
    }
}

fn as_of() -> AsOf {
    AsOf {
        chain_id: 31338,
        block: Some(BlockRef { number: 7, hash: "0xff".into(), time: Some(time(0)) }),
        finality: Finality::Safe.into(),
    }
}

fn time(after: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: 1_767_225_600 + after, nanos: 0 }
}

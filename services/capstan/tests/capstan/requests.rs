//! Bad requests over REST: one error shape, with the field named.

use capstan_devnet::Options;
use serde_json::{Value, json};

use crate::house::House;

fn violations(answer: &Value) -> Vec<&str> {
    let details = answer["error"]["details"].as_array().unwrap();
    let fields = details.iter().filter_map(|detail| detail["fieldViolations"].as_array()).flatten();
    fields.map(|violation| violation["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bad_request_is_told_what_is_wrong_and_where() {
    let mut house = House::open(Options::default()).await;
    let head = house.level().await;
    let id = house.list("/api/markets", "markets", 3, head).await[0]["marketId"].as_str().unwrap().to_owned();
    let token = house.get("/api/markets?pageSize=1").await.1["nextPageToken"].as_str().unwrap().to_owned();
    let bad = [
        ("/api/users/0x12/positions".to_owned(), "address"),
        ("/api/users/nobody/history".to_owned(), "address"),
        ("/api/markets/0x12".to_owned(), "market_id"),
        ("/api/markets?pageSize=-1".to_owned(), "page_size"),
        ("/api/markets?pageSize=501".to_owned(), "page_size"),
        ("/api/markets?pageToken=nonsense".to_owned(), "page_token"),
        (format!("/api/markets?pageToken={token}&resolved=true"), "page_token"),
        (format!("/api/markets/{id}/trades?pageToken={token}"), "page_token"),
        ("/v1/api/indexer/events?address=0x".to_owned(), "address"),
        ("/v1/api/indexer/events?pageSize=1001".to_owned(), "page_size"),
    ];
    for (path, field) in bad {
        let (status, answer) = house.get(&path).await;
        assert_eq!(status, 400, "{path}: {answer}");
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["status"]),
            (&json!(400), &json!("INVALID_ARGUMENT"))
        );
        assert_eq!(violations(&answer), [field], "{path}: {answer}");
    }
    let missing = [
        format!("/api/markets/0x{}", "0".repeat(64)),
        format!("/api/markets/0x{}/prices", "1".repeat(40)),
        "/v1/api/indexer/events?chainId=99".to_owned(),
        "/api/nothing/here".to_owned(),
    ];
    for path in missing {
        let (status, answer) = house.get(&path).await;
        assert_eq!((status, &answer["error"]["status"]), (404, &json!("NOT_FOUND")), "{path}: {answer}");
        assert!(answer["error"]["requestId"].is_string(), "{path}: {answer}");
    }
    house.stop().await;
}

#[tokio::test]
async fn every_documented_path_answers_and_under_its_canonical_name_too() {
    let mut house = House::open(Options::default()).await;
    let head = house.level().await;
    let market = house.list("/api/markets", "markets", 50, head).await.remove(0);
    let id = market["marketId"].as_str().unwrap();
    let user = house.devnet.deployment().accounts[0].address;
    let paths = [
        ("/api/markets".to_owned(), "/v1/markets".to_owned()),
        (format!("/api/markets/{id}"), format!("/v1/markets/{id}")),
        (format!("/api/markets/{id}/prices"), format!("/v1/markets/{id}/prices")),
        (format!("/api/markets/{id}/positions"), format!("/v1/markets/{id}/positions")),
        (format!("/api/users/{user}/positions"), format!("/v1/users/{user}/positions")),
        (format!("/api/users/{user}/history"), format!("/v1/users/{user}/history")),
        ("/api/indexer/status".to_owned(), "/v1/indexer/status".to_owned()),
        ("/v1/api/indexer/status".to_owned(), "/v1/indexer/status".to_owned()),
        ("/v1/api/indexer/health".to_owned(), "/v1/indexer/health".to_owned()),
        ("/v1/api/indexer/events".to_owned(), "/v1/events".to_owned()),
    ];
    for (path, canonical) in paths {
        let (answer, same) = (house.get(&path).await, house.get(&canonical).await);
        assert_eq!(answer.0, 200, "{path}: {}", answer.1);
        assert_eq!(answer, same, "{path}");
    }
    for (path, fields) in [
        ("/health", &["status", "database", "indexer", "uptime"][..]),
        ("/v1/health", &["status"]),
        ("/api/status", &["status", "services", "chains"]),
        ("/v1/status", &["status"]),
    ] {
        let (status, answer) = house.get(path).await;
        assert_eq!((status, &answer["status"]), (200, &json!("ok")), "{path}: {answer}");
        assert!(fields.iter().all(|field| answer.get(field).is_some()), "{path}: {answer}");
    }
    let said =
        ["marketId", "questionId", "conditionId", "creator", "collateralToken", "ammAddress", "outcomes"];
    let said = said.iter().chain(&["resolved", "payouts", "createdAt", "updatedAt"]);
    said.for_each(|field| assert!(market.get(field).is_some(), "{field}: {market}"));
    house.stop().await;
}

//! Bad requests over REST: one error shape, with the field named.

use alloy::{eips::BlockId, providers::Provider};
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
        ("/v1/api/indexer/health".to_owned(), "/v1/indexer/health".to_owned()),
        ("/v1/api/indexer/events".to_owned(), "/v1/events".to_owned()),
    ];
    for (path, canonical) in paths {
        let (answer, same) = (house.get(&path).await, house.get(&canonical).await);
        assert_eq!(answer.0, 200, "{path}: {}", answer.1);
        assert_eq!(answer, same, "{path}");
    }
    house.serving().await;
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
    // Rates and endpoints are other ones with every call.
    for path in ["/v1/indexer/status", "/api/indexer/status", "/v1/api/indexer/status"] {
        let (status, answer) = house.get(path).await;
        let name = answer["chains"][0]["name"].as_str();
        assert_eq!((status, name), (200, Some("devnet")), "{path}: {answer}");
    }
    let said =
        ["marketId", "questionId", "conditionId", "creator", "collateralToken", "ammAddress", "outcomes"];
    let said = said.iter().chain(&["resolved", "payouts", "createdAt", "updatedAt"]);
    said.for_each(|field| assert!(market.get(field).is_some(), "{field}: {market}"));
    house.stop().await;
}

#[tokio::test]
async fn a_transaction_is_registered_and_followed_over_rest() {
    let mut house = House::open(Options::default()).await;
    let unknown = format!("0x{}", "1".repeat(64));
    let block = house.provider().get_block(BlockId::latest()).full().await.unwrap().unwrap();
    let mined = format!("{:#x}", block.transactions.hashes().next().unwrap());
    let label = "a \"label\"";
    for hash in [&unknown, &mined] {
        let (status, answer) =
            house.post("/api/transactions", &json!({ "hash": hash, "label": label })).await;
        assert_eq!((status, &answer["transaction"]["hash"]), (200, &json!(hash)), "{answer}");
    }
    let path = format!("/api/transactions/{mined}");
    let head = json!(format!("{:#x}", block.header.hash));
    let found = loop {
        let (status, answer) = house.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        let is_level = answer["asOf"]["block"]["hash"] == head;
        if is_level && answer["transaction"]["state"] == "TRANSACTION_STATE_MINED" {
            break answer;
        }
    };
    let inclusion = &found["transaction"]["inclusion"];
    assert_eq!(inclusion["block"]["hash"], format!("{:#x}", block.header.hash), "{found}");
    assert!(inclusion["fee"].as_str().unwrap().parse::<u128>().unwrap() > 0, "{found}");
    assert_eq!(found["transaction"]["label"], label);
    let chain_id = house.devnet.chain_id();
    for path in ["/v1/transactions", "/v1/api/indexer/transactions", "/api/transactions"] {
        let named = json!({ "chainId": chain_id, "hash": unknown, "label": label });
        assert_eq!(house.post(path, &named).await.0, 200, "{path}");
        assert_eq!(house.get(&format!("{path}/{mined}?chainId={chain_id}")).await, (200, found.clone()));
    }
    for path in ["/v1/transactions", "/v1/api/indexer/transactions/recent", "/api/transactions/recent"] {
        let (status, page) = house.get(&format!("{path}?state=TRANSACTION_STATE_UNKNOWN")).await;
        let hashes: Vec<_> =
            page["transactions"].as_array().unwrap().iter().map(|found| &found["hash"]).collect();
        assert_eq!((status, hashes), (200, vec![&json!(unknown)]), "{page}");
    }
    let refused = [
        (json!({ "hash": "0x12" }), 400),
        (json!({ "hash": unknown, "chainId": 99 }), 404),
        (json!({ "hash": unknown, "label": "another" }), 409),
    ];
    for (body, expected) in refused {
        let (status, answer) = house.post("/api/transactions", &body).await;
        assert_eq!(status, expected, "{answer}");
    }
    let (status, answer) = house.get(&format!("/api/transactions/0x{}", "2".repeat(64))).await;
    assert_eq!((status, &answer["error"]["status"]), (404, &json!("NOT_FOUND")), "{answer}");
    house.stop().await;
}

#[tokio::test]
async fn pools_are_listed_and_looked_up_over_rest() {
    let mut house = House::open(Options::default()).await;
    let head = json!(format!("{:#x}", house.head().await));
    let page = loop {
        let (status, answer) = house.get("/api/pools").await;
        assert_eq!(status, 200, "{answer}");
        if answer["asOf"]["block"]["hash"] == head {
            break answer;
        }
    };
    for path in ["/v1/pools", "/v1/api/indexer/pools"] {
        assert_eq!(house.get(path).await, (200, page.clone()), "{path}");
    }
    let pools = page["pools"].as_array().unwrap();
    assert_eq!(pools.len(), house.devnet.deployment().pools.len());
    for pool in pools {
        let address = pool["address"].as_str().unwrap();
        for path in ["/api/pools", "/v1/pools", "/v1/api/indexer/pools"] {
            let (status, answer) = house.get(&format!("{path}/{address}")).await;
            assert_eq!((status, &answer["pool"], &answer["asOf"]), (200, pool, &page["asOf"]), "{path}");
        }
        let depth = pool.get("reserves").or(pool.get("concentrated"));
        assert!(depth.is_some() && pool["volume0"].is_string(), "{pool}");
        assert!(["token0", "token1", "fee"].iter().all(|field| pool.get(field).is_some()), "{pool}");
    }
    for (path, field) in [("/api/pools?protocol=curve", "protocol"), ("/api/pools/0x12", "address")] {
        let (status, answer) = house.get(path).await;
        assert_eq!((status, violations(&answer)), (400, vec![field]), "{answer}");
    }
    let (status, answer) = house.get(&format!("/api/pools/0x{}", "0".repeat(40))).await;
    assert_eq!((status, &answer["error"]["status"]), (404, &json!("NOT_FOUND")), "{answer}");
    house.stop().await;
}

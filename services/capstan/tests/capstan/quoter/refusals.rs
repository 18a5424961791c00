//! What cannot be asked is refused with the field named; what cannot be answered says why.

use alloy::primitives::Address;
use capstan_devnet::Options;
use serde_json::{Value, json};

use super::{client, level};
use crate::house::House;

fn quote(changes: &Value, house: &House) -> Value {
    let tokens = &house.devnet.deployment().tokens;
    let mut request = json!({
        "tokenIn": tokens[0].address, "tokenOut": tokens[3].address, "amountIn": "1000000",
    });
    for (key, value) in changes.as_object().unwrap() {
        match value.is_null() {
            true => request.as_object_mut().unwrap().remove(key),
            false => request.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    request
}

#[tokio::test]
async fn a_wrong_question_names_its_field_and_a_hopeless_one_its_status() {
    let mut house = House::open(Options { venues: true, ..Options::default() }).await;
    level(&house, &mut client(&house).await).await;
    let token = house.devnet.deployment().tokens[0].address;
    let huge = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    for (changes, field) in [
        (json!({"tokenOut": token}), "quote.token_out"),
        (json!({"tokenIn": null}), "quote.token_in"),
        (json!({"tokenIn": "0x12"}), "quote.token_in"),
        (json!({"amountIn": "0"}), "quote.amount_in"),
        (json!({"amountIn": null}), "quote.amount_in"),
        (json!({"amountIn": "1.5"}), "quote.amount_in"),
        (json!({"amountIn": "-1"}), "quote.amount_in"),
        (json!({"amountIn": huge}), "quote.amount_in"),
        (json!({"amountIn": null, "amountOut": "0"}), "quote.amount_out"),
        (json!({"slippageBps": 10_001}), "quote.slippage_bps"),
        (json!({"maxHops": 5}), "quote.max_hops"),
        (json!({"maxSplits": 17}), "quote.max_splits"),
        (json!({"timeoutMs": 5_001}), "quote.timeout_ms"),
        (json!({"protocols": ["uniswap.v9"]}), "quote.protocols"),
        (json!({"excludedPools": ["x"]}), "quote.excluded_pools"),
        (json!({"gasPrice": "x"}), "quote.gas_price"),
    ] {
        let request = quote(&changes, &house);
        let (status, answer) = house.post("/v1/api/quoter/quote", &request).await;
        assert_eq!(status, 400, "{request}: {answer}");
        assert!(answer.to_string().contains(field), "{field}: {answer}");
    }
    let (status, answer) = house.post("/v1/quotes", &quote(&json!({"chainId": "99"}), &house)).await;
    assert_eq!(status, 404, "{answer}");
    let unknown = Address::repeat_byte(0x77);
    for (changes, expected) in [
        (json!({}), "QUOTE_STATUS_OK"),
        (json!({"tokenIn": unknown}), "QUOTE_STATUS_UNKNOWN_TOKEN"),
        (json!({"amountIn": "1".to_owned() + &"0".repeat(40)}), "QUOTE_STATUS_INSUFFICIENT_LIQUIDITY"),
        (json!({"minBlock": "1000000"}), "QUOTE_STATUS_STALE_STATE"),
        (json!({"maxStalenessMs": "1"}), "QUOTE_STATUS_STALE_STATE"),
        (json!({"protocols": ["erc4626"]}), "QUOTE_STATUS_NO_ROUTE"),
    ] {
        let (status, answer) = house.post("/v1/quotes", &quote(&changes, &house)).await;
        assert_eq!((status, &answer["status"]), (200, &json!(expected)), "{changes}: {answer}");
        assert!(answer["asOf"]["block"]["hash"].is_string(), "{answer}");
    }
    house.stop().await;
}

#[tokio::test]
async fn a_price_leads_through_the_deepest_pools() {
    let mut house = House::open(Options { venues: true, ..Options::default() }).await;
    level(&house, &mut client(&house).await).await;
    let weth = house.devnet.deployment().tokens[3].address;
    let (status, answer) = house.get(&format!("/v1/api/quoter/price/{weth}")).await;
    assert_eq!(status, 200, "{answer}");
    let price: f64 = answer["wholePrice"].as_str().unwrap().parse().unwrap();
    assert!((1_000.0..10_000.0).contains(&price), "{answer}");
    let usd = house.devnet.deployment().tokens[0].address;
    let (status, depth) = house.get(&format!("/v1/quoter/depth?baseToken={weth}&quoteToken={usd}")).await;
    assert_eq!(status, 200, "{depth}");
    for side in ["sell", "buy"] {
        let amounts = depth[side]
            .as_array()
            .unwrap()
            .iter()
            .map(|level| level["baseAmount"].as_str().unwrap().parse::<u128>().unwrap());
        let amounts: Vec<u128> = amounts.collect();
        assert!(amounts.len() == 5 && amounts[0] > 0 && amounts.is_sorted(), "{depth}");
    }
    let (status, _) = house.get(&format!("/v1/api/quoter/price/{}", Address::repeat_byte(0x77))).await;
    assert_eq!(status, 404);
    house.stop().await;
}

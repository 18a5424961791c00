//! What BuildSwap refuses, and what it says when it cannot do all.

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
};
use capstan_devnet::{Devnet, Options};
use capstan_proto::quoter::{Approval, BuildSwapRequest, QuoteRequest, SignedPermit, quote_request::Amount};
use serde_json::{Value, json};
use tonic::Code;

use super::trader::Trader;

fn merged(mut base: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(key)),
            Value::Object(_) if base[key].is_object() => base[key] = merged(base[key].clone(), value),
            other => base[key] = other.clone(),
        }
    }
    base
}

/// A question whose permit is signed as it should be.
async fn permitted(trader: &mut Trader) -> Value {
    let tokens = trader.tokens();
    let (token_in, token_out) = (tokens[0].to_string(), tokens[3].to_string());
    let quote = QuoteRequest {
        token_in: token_in.clone(),
        token_out: token_out.clone(),
        amount: Some(Amount::AmountIn("1000000".to_owned())),
        ..QuoteRequest::default()
    };
    let sender = trader.account(6).to_string();
    let mut ask = BuildSwapRequest { quote: Some(quote), sender: sender.clone(), ..Default::default() };
    ask.set_approval(Approval::Permit2);
    let built = trader.prepare(&mut ask).await;
    assert!(built.transaction.is_some(), "{built:?}");
    let signed = ask.permit.unwrap();
    let permit = signed.permit.unwrap();
    json!({
        "quote": { "tokenIn": token_in, "tokenOut": token_out, "amountIn": "1000000" },
        "sender": sender,
        "approval": "APPROVAL_PERMIT2",
        "permit": {
            "permit": {
                "token": permit.token, "amount": permit.amount, "expiration": permit.expiration.to_string(),
                "nonce": permit.nonce.to_string(), "spender": permit.spender,
                "sigDeadline": permit.sig_deadline.to_string(),
            },
            "signature": signed.signature,
        },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_swap_names_its_field() {
    let mut trader = Trader::open(Options { seed: 5, venues: true, ..Options::default() }).await;
    let right = permitted(&mut trader).await;
    let (status, answer) = trader.house.post("/v1/swaps:build", &right).await;
    assert_eq!((status, answer["transaction"]["to"].is_string()), (200, true), "{answer}");
    let (routers, tokens) = (trader.routers(), trader.tokens());
    let signature = right["permit"]["signature"].as_str().unwrap().to_owned();
    let (short, other) = (signature[..128].to_owned(), format!("{}00{}", &signature[..20], &signature[22..]));
    let permit = |changes: Value| json!({ "permit": { "permit": changes } });
    let address = |last: u8| Address::with_last_byte(last).to_string();
    for (changes, field) in [
        (json!({ "sender": null }), "sender"),
        (json!({ "sender": address(0) }), "sender"),
        (json!({ "sender": routers[1] }), "sender"),
        (json!({ "recipient": address(0) }), "recipient"),
        (json!({ "recipient": address(1) }), "recipient"),
        (json!({ "recipient": address(2) }), "recipient"),
        (json!({ "recipient": routers[1] }), "recipient"),
        (json!({ "recipient": tokens[3] }), "recipient"),
        (json!({ "recipient": trader.house.devnet.deployment().pools[0].address }), "recipient"),
        (json!({ "recipient": "0x12" }), "recipient"),
        (json!({ "deadlineSeconds": 0 }), "deadline_seconds"),
        (json!({ "deadlineSeconds": 86_401 }), "deadline_seconds"),
        (json!({ "approval": 9 }), "approval"),
        (json!({ "quote": null }), "quote"),
        (json!({ "quote": { "amountIn": "0" } }), "quote.amount_in"),
        (json!({ "permit": { "permit": null } }), "permit.permit"),
        (json!({ "permit": { "signature": "" } }), "permit.signature"),
        (json!({ "permit": { "signature": "0xzz" } }), "permit.signature"),
        (json!({ "permit": { "signature": short } }), "permit.signature"),
        (json!({ "permit": { "signature": other } }), "permit.signature"),
        (json!({ "sender": trader.account(7) }), "permit.signature"),
        (permit(json!({ "token": tokens[1] })), "permit.permit.token"),
        (permit(json!({ "spender": routers[0] })), "permit.permit.spender"),
        (permit(json!({ "amount": "999999" })), "permit.permit.amount"),
        (permit(json!({ "amount": U256::MAX.to_string() })), "permit.permit.amount"),
        (permit(json!({ "expiration": "1" })), "permit.permit.expiration"),
        (permit(json!({ "sigDeadline": "1" })), "permit.permit.sig_deadline"),
        (permit(json!({ "nonce": "5" })), "permit.permit.nonce"),
        (permit(json!({ "nonce": (1_u64 << 48).to_string() })), "permit.permit.nonce"),
    ] {
        let request = merged(right.clone(), &changes);
        let (status, answer) = trader.house.post("/v1/api/quoter/swap", &request).await;
        assert_eq!(status, 400, "{changes}: {answer}");
        assert!(answer.to_string().contains(&format!("\"{field}\"")), "{changes}: {answer}");
    }
    trader.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_built_says_why() {
    let plain = |toml: String| toml.split("\n[[quoter.routers]]").next().unwrap().to_owned();
    let mut trader =
        Trader::open_changed(Options { seed: 5, venues: true, ..Options::default() }, plain).await;
    let tokens = trader.tokens();
    let sender = trader.account(6);
    let request = json!({
        "quote": { "tokenIn": tokens[0], "tokenOut": tokens[3], "amountIn": "1000000" }, "sender": sender,
    });
    let (status, answer) = trader.house.post("/v1/swaps:build", &request).await;
    assert_eq!((status, &answer["quote"]["status"]), (200, &json!("QUOTE_STATUS_OK")), "{answer}");
    assert!(
        answer["transaction"].is_null() && answer["problem"].as_str().unwrap().contains("router"),
        "{answer}"
    );
    trader.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sender_lacks_is_told_and_a_node_that_is_away_is_done_without() {
    let options = Options { seed: 5, venues: true, ..Options::default() };
    let mut trader = Trader::open(options.clone()).await;
    let tokens = trader.tokens();
    let ask = |approval: Approval, token_in: Address, amount: &str, sender: Address| BuildSwapRequest {
        quote: Some(QuoteRequest {
            token_in: token_in.to_string(),
            token_out: tokens[3].to_string(),
            amount: Some(Amount::AmountIn(amount.to_owned())),
            ..QuoteRequest::default()
        }),
        sender: sender.to_string(),
        approval: approval.into(),
        ..BuildSwapRequest::default()
    };
    let stranger = Address::repeat_byte(0x5a);
    let poor = trader.build(&ask(Approval::Allowance, tokens[0], "1000000", stranger)).await;
    assert_eq!(poor.missing_balance.as_deref(), Some("1000000"), "{poor:?}");
    assert!(poor.transaction.is_some() && poor.simulation.is_none(), "{poor:?}");
    let allowance = poor.allowance.unwrap();
    assert_eq!(allowance.amount, "1000000");
    assert_eq!(allowance.spender, trader.routers()[0].to_string());
    let rich = trader.account(6);
    let lacking = trader.build(&ask(Approval::Permit2, tokens[0], "1000000", rich)).await;
    let permit2 = trader.house.devnet.deployment().permit2.to_string();
    assert!(lacking.transaction.is_none() && lacking.permit.is_some(), "{lacking:?}");
    assert_eq!(lacking.allowance.unwrap().spender, permit2);
    // The chain ends; what is known of it stays.
    let other = Devnet::start(Options { chain_id: 4_242, venues: false, ..options }).await.unwrap();
    std::mem::replace(&mut trader.house.devnet, other).stop().await.unwrap();
    for approval in [Approval::Unspecified, Approval::Allowance] {
        let built = trader.build(&ask(approval, tokens[0], "1000000", rich)).await;
        assert!(built.transaction.is_some() && built.simulation.is_none(), "{built:?}");
    }
    let coin = tokens[4];
    let built = trader.build(&ask(Approval::Permit2, coin, "1000000000000000", rich)).await;
    assert!(built.transaction.is_some() && built.simulation.is_none(), "{built:?}");
    let request = ask(Approval::Permit2, tokens[0], "1000000", rich);
    let refused = trader.client.build_swap(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    trader.house.stop().await;
}

/// Answers every question with the magic of EIP-1271.
const WALLET: &str = "0x631626ba7e60e01b5f5260205ff3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_that_is_a_contract_judges_its_signatures_itself() {
    let mut trader = Trader::open(Options { seed: 5, venues: true, ..Options::default() }).await;
    let wallet = Address::repeat_byte(0x5b);
    for (method, params) in [
        ("anvil_setCode", json!([wallet, WALLET])),
        ("anvil_setBalance", json!([wallet, "0x56bc75e2d63100000"])),
        ("anvil_impersonateAccount", json!([wallet])),
    ] {
        let _: Value = trader.house.provider().raw_request(method.into(), params).await.unwrap();
    }
    let (token_in, token_out) = (trader.tokens()[0], trader.tokens()[3]);
    let amount = U256::from(1_000_000);
    trader.mint(wallet, token_in, amount).await;
    let permit2 = trader.house.devnet.deployment().permit2;
    trader.allow(wallet, token_in, (permit2, amount)).await;
    trader.level().await;
    let quote = QuoteRequest {
        token_in: token_in.to_string(),
        token_out: token_out.to_string(),
        amount: Some(Amount::AmountIn(amount.to_string())),
        ..QuoteRequest::default()
    };
    let mut ask = BuildSwapRequest { quote: Some(quote), sender: wallet.to_string(), ..Default::default() };
    ask.set_approval(Approval::Permit2);
    let permit = trader.build(&ask).await.permit.unwrap().permit;
    ask.permit = Some(SignedPermit { permit, signature: "0x0102030405".to_owned() });
    let built = trader.build(&ask).await;
    assert!(built.simulation.as_ref().unwrap().succeeded, "{built:?}");
    let sent = trader.send(wallet, built.transaction.as_ref().unwrap()).await;
    assert!(sent.succeeded, "{built:?}");
    assert_eq!(trader.balances(&[wallet]).await[&(wallet, token_in)], U256::ZERO);
    trader.house.stop().await;
}

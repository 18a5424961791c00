//! What the chain's own contracts say of a quote, as the service asks them.

use std::collections::BTreeMap;

use capstan_devnet::Options;
use capstan_proto::quoter::{Pool, Quote, QuoteStatus, Verdict, VerifyQuoteRequest, VerifyQuoteResponse};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tonic::Code;

use super::{Amount, Client, QuoteRequest, amount, ask, client, level, path, pools, request};
use crate::house::House;

const SEED: u64 = 7;

async fn verify(client: &mut Client, quote: &Quote) -> Result<VerifyQuoteResponse, tonic::Status> {
    let request = VerifyQuoteRequest { quote: Some(quote.clone()) };
    client.verify_quote(request).await.map(tonic::Response::into_inner)
}

/// A quote along a random path, or over whatever routes are best.
async fn random_quote(client: &mut Client, pools: &[Pool], rng: &mut StdRng) -> Option<Quote> {
    let (path, from, to) = path(pools, rng)?;
    let text = amount(rng).to_string();
    let amount = if rng.random() { Amount::AmountIn(text) } else { Amount::AmountOut(text) };
    let along = request(pools, &path, (&from, &to), amount.clone());
    let best =
        QuoteRequest { token_in: from, token_out: to, amount: Some(amount), ..QuoteRequest::default() };
    let quote = ask(client, if rng.random() { &along } else { &best }).await;
    (quote.status() == QuoteStatus::Ok).then_some(quote)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contracts_say_what_was_quoted_and_not_what_was_not() {
    let options = Options { seed: SEED, venues: true, transactions_per_block: 8, ..Options::default() };
    let mut house = House::open(options).await;
    let mut client = client(&house).await;
    let mut rng = StdRng::seed_from_u64(SEED);
    level(&house, &mut client).await;
    let pools = pools(&mut client).await;
    let (mut quotes, mut asked) = (Vec::new(), BTreeMap::<String, usize>::new());
    while quotes.len() < 150 {
        let Some(quote) = random_quote(&mut client, &pools, &mut rng).await else { continue };
        let answer = verify(&mut client, &quote).await.unwrap();
        assert_eq!(answer.block, quote.as_of.as_ref().unwrap().block);
        let hops: Vec<_> = quote.routes.iter().flat_map(|route| &route.hops).collect();
        assert_eq!(answer.hops.len(), hops.len());
        for (told, hop) in answer.hops.iter().zip(&hops) {
            let is_again = hops.iter().filter(|other| other.pool_id == hop.pool_id).count() > 1;
            assert!(
                told.difference.as_deref() == Some("0") || is_again,
                "{told:?} of {quote:?}, seed {SEED}"
            );
            *asked.entry(hop.protocol.clone()).or_default() += usize::from(told.on_chain.is_some());
        }
        let is_whole = answer.hops.iter().all(|hop| hop.on_chain.is_some());
        let verdict = if is_whole { Verdict::Equal } else { Verdict::PartlyEqual };
        assert_eq!(answer.verdict(), verdict, "{answer:?}");
        quotes.push(quote);
    }
    assert!(asked.len() == 6 && asked.values().all(|count| *count > 5), "{asked:?}, seed {SEED}");
    // The chain goes on; what was quoted stays true of its block.
    for _ in 0..3 {
        house.devnet.step().await.unwrap();
    }
    level(&house, &mut client).await;
    for quote in quotes.choose_multiple(&mut rng, 30) {
        assert_ne!(verify(&mut client, quote).await.unwrap().verdict(), Verdict::Different, "{quote:?}");
        let answer = verify(&mut client, &dearer(quote)).await.unwrap();
        assert_eq!(answer.verdict(), Verdict::Different, "{answer:?} of {quote:?}");
        let difference = answer.hops.iter().find_map(|hop| hop.difference.clone().filter(|it| it != "0"));
        assert_eq!(difference.as_deref(), Some("-1"), "{answer:?}");
    }
    house.stop().await;
}

/// The quote with one unit more out of its first route, or in with an exact output.
fn dearer(quote: &Quote) -> Quote {
    let more = |text: &mut String| *text = (text.parse::<u128>().unwrap() + 1).to_string();
    let mut quote = quote.clone();
    let route = &mut quote.routes[0];
    if quote.max_amount_in.is_some() {
        more(&mut route.hops[0].amount_in);
        more(&mut quote.amount_in);
    } else {
        more(&mut route.hops.last_mut().unwrap().amount_out);
        more(&mut quote.amount_out);
    }
    quote
}

#[tokio::test]
async fn what_is_no_quote_is_refused_by_its_field() {
    let mut house = House::open(Options { venues: true, ..Options::default() }).await;
    let mut client = client(&house).await;
    level(&house, &mut client).await;
    let tokens = &house.devnet.deployment().tokens;
    let asked = json!({
        "tokenIn": tokens[0].address, "tokenOut": tokens[3].address, "amountIn": "1000000", "maxSplits": 1,
    });
    let (_, quote) = house.post("/v1/quotes", &asked).await;
    let (status, answer) = house.post("/v1/api/quoter/verify", &quote).await;
    assert_eq!((status, &answer["verdict"]), (200, &json!("VERDICT_EQUAL")), "{answer}");
    let other = tokens[1].address;
    for (pointer, value, field) in [
        ("/status", json!("QUOTE_STATUS_NO_ROUTE"), "quote.status"),
        ("/routes", json!([]), "quote.routes"),
        ("/amountOut", json!("1"), "quote.amount_out"),
        ("/amountIn", json!("x"), "quote.amount_in"),
        ("/asOf/block/hash", json!("0x12"), "quote.as_of.block.hash"),
        ("/routes/0/hops", json!([]), "quote.routes[0].hops"),
        ("/routes/0/hops/0/poolId", json!("x"), "quote.routes[0].hops[0].pool_id"),
        ("/routes/0/hops/0/poolId", json!(other), "quote.routes[0].hops[0]"),
        ("/routes/0/hops/0/tokenIn", json!(other), "quote.routes[0].hops[0].amount_in"),
        ("/tokenOut", json!(other), "quote.routes[0].hops"),
    ] {
        let mut changed: Value = quote.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let (status, answer) = house.post("/v1/quotes:verify", &changed).await;
        assert_eq!(status, 400, "{pointer}: {answer}");
        assert!(answer.to_string().contains(field), "{field}: {answer}");
    }
    let mut unknown = ask(&mut client, &question(&house)).await;
    unknown.as_of.as_mut().unwrap().block.as_mut().unwrap().hash = format!("0x{}", "12".repeat(32));
    let refused = verify(&mut client, &unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    house.stop().await;
}

fn question(house: &House) -> QuoteRequest {
    let tokens = &house.devnet.deployment().tokens;
    QuoteRequest {
        token_in: tokens[0].address.to_string(),
        token_out: tokens[3].address.to_string(),
        amount: Some(Amount::AmountIn("1000000".to_owned())),
        ..QuoteRequest::default()
    }
}

//! What holds of every quote, whatever the pools are: asked over the wire, for random pairs and amounts.

use alloy::primitives::U256;
use capstan_devnet::Options;
use capstan_proto::quoter::{Objective, Pool, Quote, QuoteStatus};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{Amount, Client, QuoteRequest, amount, ask, chain::number, client, level, path, pools, request};
use crate::house::House;

const SEED: u64 = 11;

/// The best without a look at gas, which would choose another route than the most tokens.
async fn best(client: &mut Client, (from, to): (&str, &str), amount: Amount, splits: u32) -> Option<Quote> {
    let request = QuoteRequest {
        token_in: from.to_owned(),
        token_out: to.to_owned(),
        amount: Some(amount),
        max_splits: splits,
        objective: Objective::Gross.into(),
        timeout_ms: 5_000,
        ..QuoteRequest::default()
    };
    let quote = ask(client, &request).await;
    (quote.status() == QuoteStatus::Ok).then_some(quote)
}

fn given(amount: U256) -> Amount {
    Amount::AmountIn(amount.to_string())
}

/// An amount that drains pools: the chunks that share it are as large as some of them, and a plan that was found for less
/// may be missed. A single path never gives less for more, however much.
fn is_beyond(quote: &Quote) -> bool {
    number::<f64>(&quote.price_impact_bps) > 2_000.0
}

/// A little to twice as much.
fn larger(amount: U256, rng: &mut StdRng) -> U256 {
    amount + U256::from(rng.random::<u64>()) % amount + U256::ONE
}

/// Through one pool there and back nothing is gained; through several there may be, where their prices differ.
async fn there_and_back(client: &mut Client, pools: &[Pool], rng: &mut StdRng) {
    let mut done = 0;
    while done < 250 {
        let Some((path, from, to)) = path(pools, rng) else { continue };
        let amount = amount(rng);
        let there = ask(client, &request(pools, &path, (&from, &to), given(amount))).await;
        if path.len() > 1 || there.status() != QuoteStatus::Ok {
            continue;
        }
        let more = given(larger(amount, rng));
        let more = ask(client, &request(pools, &path, (&from, &to), more)).await;
        if more.status() == QuoteStatus::Ok {
            let out = number::<U256>(&there.amount_out);
            assert!(number::<U256>(&more.amount_out) >= out, "{there:?} {more:?}, seed {SEED}");
        }
        let back = given(number(&there.amount_out));
        let back = ask(client, &request(pools, &path, (&to, &from), back)).await;
        if back.status() == QuoteStatus::Ok {
            assert!(number::<U256>(&back.amount_out) <= amount, "{there:?} {back:?}, seed {SEED}");
            done += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_quote_profits_and_no_split_does_worse() {
    let options = Options { seed: SEED, venues: true, transactions_per_block: 8, ..Options::default() };
    let mut house = House::open(options).await;
    let mut client = client(&house).await;
    let mut rng = StdRng::seed_from_u64(SEED);
    for _ in 0..10 {
        house.devnet.step().await.unwrap();
    }
    level(&house, &mut client).await;
    let pools = pools(&mut client).await;
    there_and_back(&mut client, &pools, &mut rng).await;
    let tokens: Vec<&String> = pools.iter().flat_map(|pool| &pool.tokens).collect();
    let mut done = 0;
    while done < 250 {
        let (from, to) = (tokens.choose(&mut rng).unwrap(), tokens.choose(&mut rng).unwrap());
        let there = (from.as_str(), to.as_str());
        if from == to {
            continue;
        }
        let amount = amount(&mut rng);
        let Some(split) = best(&mut client, there, given(amount), 8).await else { continue };
        let out = number::<U256>(&split.amount_out);
        assert_eq!(split.amount_in, amount.to_string());
        let sums = split.routes.iter().fold((U256::ZERO, U256::ZERO), |(given, taken), route| {
            (given + number::<U256>(&route.amount_in), taken + number::<U256>(&route.amount_out))
        });
        assert_eq!(sums, (amount, out), "{split:?}, seed {SEED}");
        if let Some(single) = best(&mut client, there, given(amount), 1).await {
            assert!(number::<U256>(&single.amount_out) <= out, "{single:?} {split:?}, seed {SEED}");
        }
        if let Some(more) = best(&mut client, there, given(larger(amount, &mut rng)), 8).await {
            let is_more = number::<U256>(&more.amount_out) >= out;
            assert!(is_more || is_beyond(&more), "{split:?} {more:?}, seed {SEED}");
        }
        if let Some(paid) = best(&mut client, there, Amount::AmountOut(out.to_string()), 1).await {
            let again = best(&mut client, there, given(number(&paid.amount_in)), 1).await.unwrap();
            assert!(number::<U256>(&again.amount_out) >= out, "{paid:?} {again:?}, seed {SEED}");
        }
        done += 1;
    }
    house.stop().await;
}

//! What BuildSwap makes does what it says: the routers' own contracts move exactly what was quoted, and keep nothing.

mod market;
mod trader;
mod wrong;

use alloy::primitives::{Address, U256};
use capstan_devnet::Options;
use capstan_proto::quoter::{
    Approval, BuildSwapRequest, BuildSwapResponse, QuoteRequest, QuoteStatus, quote_request::Amount,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use self::trader::{Balances, Mined, Trader};
use super::chain::{COIN, number};

const SEED: u64 = 77;
const PROTOCOLS: [&[&str]; 7] = [
    &[],
    &[],
    &["uniswap.v4", "weth9"],
    &["uniswap.v2", "uniswap.v3", "weth9"],
    &["uniswap.v3", "weth9"],
    &["uniswap.v2", "weth9"],
    &["uniswap.v2", "uniswap.v4", "weth9"],
];

/// Some of a token that is worth dollars.
fn worth(trader: &Trader, token: Address, dollars: u64) -> U256 {
    let tokens = &trader.house.devnet.deployment().tokens;
    let (decimals, price) = match tokens.iter().find(|known| known.address == token) {
        Some(known) if known.symbol == "tBTC" => (known.decimals, 60_000),
        Some(known) if known.symbol == "WETH" => (known.decimals, 3_000),
        Some(known) => (known.decimals, 1),
        None => (18, 3_000),
    };
    U256::from(10).pow(U256::from(decimals)) * U256::from(dollars) / U256::from(price)
}

fn question(trader: &Trader, rng: &mut StdRng) -> BuildSwapRequest {
    let tokens = trader.tokens();
    let (token_in, token_out) = loop {
        let (first, second) = (*tokens.choose(rng).unwrap(), *tokens.choose(rng).unwrap());
        if first != second {
            break (first, second);
        }
    };
    let dollars = 1 + (rng.random_range(0..120_000_u64) >> rng.random_range(0..12));
    let off = U256::from(rng.random_range(0..1_000_u64));
    let amount = |token| (worth(trader, token, dollars) + off).to_string();
    let amount = match rng.random() {
        true => Amount::AmountIn(amount(token_in)),
        false => Amount::AmountOut(amount(token_out)),
    };
    let sender = trader.account(rng.random_range(5..20));
    let recipient = match rng.random_range(0..3) {
        0 => String::new(),
        1 => trader.account(rng.random_range(0..5)).to_string(),
        _ => Address::from(rng.random::<[u8; 20]>()).to_string(),
    };
    let protocols = PROTOCOLS.choose(rng).unwrap().iter().map(|name| (*name).to_owned()).collect();
    let quote = QuoteRequest {
        token_in: token_in.to_string(),
        token_out: token_out.to_string(),
        amount: Some(amount),
        max_hops: rng.random_range(1..=4),
        max_splits: [1, 2, 8].choose(rng).copied().unwrap(),
        objective: rng.random_range(0..=2),
        protocols,
        timeout_ms: 5_000,
        ..QuoteRequest::default()
    };
    let approval = [Approval::Unspecified, Approval::Allowance, Approval::Permit2, Approval::Permit2];
    BuildSwapRequest {
        quote: Some(quote),
        sender: sender.to_string(),
        recipient,
        approval: (*approval.choose(rng).unwrap()).into(),
        ..BuildSwapRequest::default()
    }
}

/// How often each way was taken.
#[derive(Debug, Default)]
struct Counts {
    swaps: usize,
    permits: usize,
    exact_out: usize,
    split: usize,
    mixed: usize,
    coin_in: usize,
    coin_out: usize,
    to_others: usize,
    routers: [usize; 2],
    none: usize,
}

impl Counts {
    fn count(&mut self, request: &BuildSwapRequest, built: &BuildSwapResponse) {
        let quote = built.quote.as_ref().unwrap();
        let swaps = |route: &capstan_proto::quoter::Route| {
            let names = route.hops.iter().map(|hop| hop.protocol.clone());
            let mut names: Vec<String> = names.filter(|name| name != "weth9").collect();
            names.dedup();
            names.len()
        };
        self.swaps += 1;
        self.permits += usize::from(request.permit.is_some());
        self.exact_out += usize::from(quote.max_amount_in.is_some());
        self.split += usize::from(quote.routes.len() > 1);
        self.mixed += usize::from(quote.routes.iter().any(|route| swaps(route) > 1));
        self.coin_in += usize::from(quote.token_in == COIN.to_string());
        self.coin_out += usize::from(quote.token_out == COIN.to_string());
        self.to_others += usize::from(!request.recipient.is_empty());
        self.routers[usize::from(built.approval() == Approval::Permit2)] += 1;
    }
}

/// What moved is what was quoted, and nothing else did.
fn compare(
    (request, built): (&BuildSwapRequest, &BuildSwapResponse),
    (before, after): (&Balances, &Balances),
    mined: &Mined,
) -> U256 {
    let quote = built.quote.as_ref().unwrap();
    let (token_in, token_out): (Address, Address) = (number(&quote.token_in), number(&quote.token_out));
    let sender: Address = number(&request.sender);
    let recipient = if request.recipient.is_empty() { sender } else { number(&request.recipient) };
    let told = format!("{quote:?} {request:?}, seed {SEED}");
    let fee = |holder, token| {
        if (holder, token) == (sender, COIN) { mined.fee } else { U256::ZERO }
    };
    let at = (sender, token_in);
    let paid = before[&at] - fee(sender, token_in) - after[&at];
    let at = (recipient, token_out);
    let received = after[&at] + fee(recipient, token_out) - before[&at];
    let amounts: (U256, U256) = (number(&quote.amount_in), number(&quote.amount_out));
    // Backwards, pairs round up what goes in and give what that is worth.
    let has_pairs = quote.routes.iter().flat_map(|route| &route.hops).any(|hop| hop.protocol == "uniswap.v2");
    match quote.max_amount_in.as_ref().filter(|_| has_pairs) {
        None => assert_eq!((paid, received), amounts, "{told}"),
        Some(most) => {
            let more = received.checked_sub(amounts.1);
            assert!(more.is_some_and(|more| more <= amounts.1 / U256::from(1_000)), "{received} {told}");
            assert!(paid <= number::<U256>(most), "{paid} {told}");
            assert!(paid == amounts.0 || quote.routes.len() > 1, "{paid} {told}");
        }
    }
    for ((holder, token), balance) in before {
        if (*holder, *token) != (sender, token_in) && (*holder, *token) != (recipient, token_out) {
            assert_eq!(after[&(*holder, *token)] + fee(*holder, *token), *balance, "{holder} {token} {told}");
        }
    }
    paid
}

/// Builds, sends and compares one swap; false when there is none.
async fn swap(trader: &mut Trader, mut request: BuildSwapRequest, counts: &mut Counts) -> bool {
    let built = trader.prepare(&mut request).await;
    let quote = built.quote.as_ref().unwrap();
    let Some(transaction) = &built.transaction else {
        assert!(quote.status() != QuoteStatus::Ok && !built.problem.is_empty(), "{built:?}");
        return false;
    };
    let told = format!("{built:?} {request:?}, seed {SEED}");
    if built.missing_balance.is_some() {
        return false;
    }
    assert!(built.simulation.as_ref().is_some_and(|simulation| simulation.succeeded), "{told}");
    let (sender, router): (Address, Address) = (number(&request.sender), number(&transaction.to));
    let recipient = if request.recipient.is_empty() { sender } else { number(&request.recipient) };
    let token_in = number(&quote.token_in);
    let [first, second] = trader.routers();
    let holders = [sender, recipient, first, second, trader.house.devnet.deployment().permit2];
    let before = trader.balances(&holders).await;
    let allowed = trader.allowed(sender, token_in, router).await;
    let mined = trader.send(sender, transaction).await;
    assert!(mined.succeeded, "{told}");
    let paid = compare((&request, &built), (&before, &trader.balances(&holders).await), &mined);
    let permitted = request.permit.as_ref().and_then(|signed| signed.permit.as_ref());
    let allowed = permitted.map_or(allowed, |permit| number(&permit.amount));
    if token_in != COIN {
        let left = trader.allowed(sender, token_in, router).await;
        // What is unwrapped first is taken up to the limit, and comes back.
        let is_unwrapped = quote.routes.iter().any(|route| route.hops[0].protocol == "weth9");
        let most = quote.max_amount_in.as_ref().filter(|_| is_unwrapped).map_or(paid, |most| number(most));
        assert!(left <= allowed - paid && left >= allowed - most, "{left} of {allowed} after {paid}: {told}");
    }
    let ratio = transaction.gas as f64 / mined.gas as f64;
    assert!((0.5..2.0).contains(&ratio), "{} was told, {} was taken: {told}", transaction.gas, mined.gas);
    counts.count(&request, &built);
    trader.level().await;
    true
}

/// Swaps at random until so many were made.
async fn swap_all(
    trader: &mut Trader,
    (seed, swaps): (u64, usize),
    change: impl Fn(&mut BuildSwapRequest),
) -> Counts {
    let (mut rng, mut counts) = (StdRng::seed_from_u64(seed), Counts::default());
    while counts.swaps < swaps {
        let mut request = question(trader, &mut rng);
        change(&mut request);
        if !swap(trader, request, &mut counts).await {
            counts.none += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_quoted_moves_and_the_routers_keep_nothing() {
    let options = Options { seed: SEED, venues: true, ..Options::default() };
    let mut trader = Trader::open(options).await;
    // What the devnet allowed already would hide what is asked for.
    let [first, _] = trader.routers();
    for account in 5..20 {
        let account = trader.account(account);
        for token in trader.tokens().into_iter().filter(|token| *token != COIN) {
            trader.allow(account, token, (first, U256::ZERO)).await;
        }
    }
    trader.level().await;
    let counts = swap_all(&mut trader, (SEED, 160), |_| {}).await;
    let told = format!("{counts:?}, seed {SEED}");
    let ways = [counts.permits, counts.exact_out, counts.split, counts.coin_in, counts.coin_out];
    assert!(ways.iter().all(|count| *count >= 15) && counts.to_others > 30, "{told}");
    assert!(counts.routers.iter().all(|count| *count >= 30) && counts.mixed >= 5, "{told}");
    println!("{told}");
    trader.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_encoding_of_the_routers_first_version_moves_the_same() {
    // The router of the devnet takes single swaps with V4 as both versions do.
    let options = Options { seed: SEED, venues: true, ..Options::default() };
    let older = |toml: String| toml.replace("version = \"2.1\"", "version = \"2.0\"");
    let mut trader = Trader::open_changed(options, older).await;
    let universal = |request: &mut BuildSwapRequest| request.set_approval(Approval::Permit2);
    let counts = swap_all(&mut trader, (SEED + 1, 60), universal).await;
    assert_eq!(counts.routers, [0, 60], "{counts:?}, seed {SEED}");
    trader.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coin_is_wrapped_and_unwrapped_wherever_v4_needs_it() {
    let mut trader = Trader::open(Options { seed: SEED, venues: true, ..Options::default() }).await;
    let (tokens, sender) = (trader.tokens(), trader.account(11).to_string());
    let mut counts = Counts::default();
    let pairs = tokens.iter().flat_map(|from| tokens.iter().map(move |to| (*from, *to)));
    for (from, to) in pairs.filter(|(from, to)| from != to) {
        for side in 0..2 {
            let (token, amount): (_, fn(String) -> Amount) =
                if side == 0 { (from, Amount::AmountIn) } else { (to, Amount::AmountOut) };
            let quote = QuoteRequest {
                token_in: from.to_string(),
                token_out: to.to_string(),
                amount: Some(amount(worth(&trader, token, 300).to_string())),
                protocols: vec!["uniswap.v4".to_owned(), "weth9".to_owned()],
                max_hops: 4,
                max_splits: 1 + 7 * (counts.swaps as u32 % 2),
                timeout_ms: 5_000,
                ..QuoteRequest::default()
            };
            let approval = Approval::Permit2.into();
            let sender = sender.clone();
            let request = BuildSwapRequest { quote: Some(quote), sender, approval, ..Default::default() };
            assert!(swap(&mut trader, request, &mut counts).await, "{from} {to} {side}");
        }
    }
    assert_eq!((counts.swaps, counts.exact_out), (40, 20));
    trader.house.stop().await;
}

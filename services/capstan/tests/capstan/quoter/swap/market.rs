//! Swaps in a market that is another one when they are mined.

use alloy::primitives::{Address, U256};
use capstan_devnet::Options;
use capstan_proto::quoter::{
    Approval, BuildSwapRequest, ListPoolsRequest, QuoteRequest, QuoteStatus, quote_request::Amount,
};

use super::{
    super::chain::number,
    trader::{Balances, Trader},
    worth,
};

fn sum(balances: &Balances, holder: Address, token: Address) -> U256 {
    balances[&(holder, token)]
}

/// tUSD for WETH.
fn request(trader: &Trader, sender: usize, (amount, slippage_bps): (Amount, u32)) -> BuildSwapRequest {
    let tokens = trader.tokens();
    let quote = QuoteRequest {
        token_in: tokens[0].to_string(),
        token_out: tokens[3].to_string(),
        amount: Some(amount),
        slippage_bps: Some(slippage_bps),
        timeout_ms: 5_000,
        ..QuoteRequest::default()
    };
    let sender = trader.account(sender).to_string();
    BuildSwapRequest { quote: Some(quote), sender, ..BuildSwapRequest::default() }
}

/// Somebody else buys the same before.
async fn move_market(trader: &mut Trader, approval: Approval, dollars: u64) {
    let amount = Amount::AmountIn(worth(trader, trader.tokens()[0], dollars).to_string());
    let mut other = request(trader, 7, (amount, 5_000));
    other.set_approval(approval);
    let built = trader.prepare(&mut other).await;
    let sent = trader.send(trader.account(7), built.transaction.as_ref().unwrap()).await;
    assert!(sent.succeeded, "{built:?}");
}

async fn moved(
    trader: &mut Trader,
    approval: Approval,
    is_exact_in: bool,
    (dollars, slippage): (u64, u32),
) -> bool {
    let tokens = trader.tokens();
    let amount = match is_exact_in {
        true => Amount::AmountIn(worth(trader, tokens[0], 20_000).to_string()),
        false => Amount::AmountOut(worth(trader, tokens[3], 20_000).to_string()),
    };
    let mut ask = request(trader, 6, (amount, slippage));
    ask.set_approval(approval);
    let built = trader.prepare(&mut ask).await;
    move_market(trader, approval, dollars).await;
    let sender = trader.account(6);
    let holders = [sender, trader.routers()[0], trader.routers()[1]];
    let before = trader.balances(&holders).await;
    let mined = trader.send(sender, built.transaction.as_ref().unwrap()).await;
    let after = trader.balances(&holders).await;
    for (at, balance) in &before {
        let is_moved = at.0 == sender && (at.1 == tokens[0] || at.1 == tokens[3]) && mined.succeeded;
        let fee = if *at == (sender, tokens[4]) { mined.fee } else { U256::ZERO };
        assert!(is_moved || after[at] + fee == *balance, "{at:?} {built:?}");
    }
    if mined.succeeded {
        let quote = built.quote.as_ref().unwrap();
        let paid = sum(&before, sender, tokens[0]) - sum(&after, sender, tokens[0]);
        let received = sum(&after, sender, tokens[3]) - sum(&before, sender, tokens[3]);
        match is_exact_in {
            true => assert!(
                paid == number::<U256>(&quote.amount_in) && received < number::<U256>(&quote.amount_out)
            ),
            false => assert!(
                paid > number::<U256>(&quote.amount_in) && received >= number::<U256>(&quote.amount_out)
            ),
        }
        let least = quote.min_amount_out.as_ref().map_or(U256::ZERO, |least| number(least));
        let most = quote.max_amount_in.as_ref().map_or(U256::MAX, |most| number(most));
        assert!(received >= least && paid <= most, "{paid} {received} {quote:?}");
    }
    trader.level().await;
    mined.succeeded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_that_moved_too_far_moves_nothing() {
    let mut trader = Trader::open(Options { seed: 5, venues: true, ..Options::default() }).await;
    for approval in [Approval::Allowance, Approval::Permit2] {
        for is_exact_in in [true, false] {
            let told = format!("{approval:?} {is_exact_in}");
            assert!(!moved(&mut trader, approval, is_exact_in, (150_000, 10)).await, "{told}");
            assert!(moved(&mut trader, approval, is_exact_in, (30_000, 3_000)).await, "{told}");
        }
    }
    trader.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_whose_time_is_over_moves_nothing() {
    let mut trader = Trader::open(Options { seed: 5, venues: true, ..Options::default() }).await;
    for approval in [Approval::Allowance, Approval::Permit2] {
        for (blocks, is_in_time) in [(8, false), (1, true)] {
            let amount = Amount::AmountIn(worth(&trader, trader.tokens()[0], 1_000).to_string());
            let mut ask = request(&trader, 6, (amount, 50));
            ask.set_approval(approval);
            ask.deadline_seconds = Some(7);
            let built = trader.prepare(&mut ask).await;
            let time =
                built.quote.as_ref().unwrap().as_of.as_ref().unwrap().block.as_ref().unwrap().time.unwrap();
            assert!(built.deadline <= time.seconds as u64 + 7, "{built:?}");
            trader.house.devnet.mine_empty(blocks).await.unwrap();
            let holders = [trader.account(6)];
            let before = trader.balances(&holders).await;
            let mined = trader.send(trader.account(6), built.transaction.as_ref().unwrap()).await;
            let after = trader.balances(&holders).await;
            let token = trader.tokens()[0];
            assert_eq!(mined.succeeded, is_in_time, "{built:?}");
            let unmoved = sum(&before, holders[0], token) == sum(&after, holders[0], token);
            assert_eq!(unmoved, !is_in_time);
            trader.level().await;
        }
    }
    trader.house.stop().await;
}

/// Whatever pools do not take in a swap that may give anything comes back: the second pool of two is drained before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_drained_pool_does_not_take_comes_back() {
    for (approval, sender) in [(Approval::Allowance, 6), (Approval::Permit2, 8)] {
        let mut trader = Trader::open(Options { seed: 5, venues: true, ..Options::default() }).await;
        drained(&mut trader, approval, sender).await;
        trader.house.stop().await;
    }
}

async fn drained(trader: &mut Trader, approval: Approval, sender: usize) {
    let (tokens, pools) = (trader.tokens(), v3_pools(trader).await);
    let only = |kept: &[String]| -> Vec<String> {
        pools.iter().map(|(id, _)| id.clone()).filter(|id| !kept.contains(id)).collect()
    };
    let of = |one: Address, other: Address| {
        let has = |pool: &&(String, Vec<Address>)| pool.1.contains(&one) && pool.1.contains(&other);
        pools.iter().find(has).unwrap().0.clone()
    };
    // WETH for tUSD for tBTC.
    let (first, second) = (of(tokens[3], tokens[0]), of(tokens[0], tokens[1]));
    let ask = |(from, to): (Address, Address), amount: String, kept: &[String], sender: Address| {
        let quote = QuoteRequest {
            token_in: from.to_string(),
            token_out: to.to_string(),
            amount: Some(Amount::AmountIn(amount)),
            slippage_bps: Some(10_000),
            protocols: vec!["uniswap.v3".to_owned()],
            excluded_pools: only(kept),
            max_splits: 1,
            timeout_ms: 5_000,
            ..QuoteRequest::default()
        };
        BuildSwapRequest { quote: Some(quote), sender: sender.to_string(), ..BuildSwapRequest::default() }
    };
    let account = trader.account(sender);
    let amount = worth(trader, tokens[3], 30_000).to_string();
    let mut whole = ask((tokens[3], tokens[1]), amount, &[first, second.clone()], account);
    whole.set_approval(approval);
    let built = trader.prepare(&mut whole).await;
    // All but a little of what the second pool can take is taken.
    let drainer = trader.account(9);
    let huge = format!("1{}", "0".repeat(30));
    let refused =
        trader.build(&ask((tokens[0], tokens[1]), huge, std::slice::from_ref(&second), drainer)).await;
    let quote = refused.quote.as_ref().unwrap();
    assert_eq!(quote.status(), QuoteStatus::InsufficientLiquidity, "{refused:?}");
    let most: U256 = number(quote.max_fillable.as_ref().unwrap_or_else(|| panic!("{refused:?}")));
    trader.mint(drainer, tokens[0], most).await;
    let left = worth(trader, tokens[0], 1);
    let mut drain = ask((tokens[0], tokens[1]), (most - left).to_string(), &[second], drainer);
    drain.set_approval(Approval::Allowance);
    let drain = trader.prepare(&mut drain).await;
    assert!(trader.send(drainer, drain.transaction.as_ref().unwrap()).await.succeeded, "{drain:?}");
    let holders = [account, trader.routers()[0], trader.routers()[1]];
    let before = trader.balances(&holders).await;
    let mined = trader.send(account, built.transaction.as_ref().unwrap()).await;
    let after = trader.balances(&holders).await;
    assert!(mined.succeeded, "{built:?}");
    assert!(
        sum(&after, account, tokens[0]) > sum(&before, account, tokens[0]),
        "nothing was left over: {built:?}"
    );
    for (at, balance) in before.iter().filter(|((holder, _), _)| *holder != account) {
        assert_eq!(after[at], *balance, "{at:?} {built:?}");
    }
    trader.level().await;
}

async fn v3_pools(trader: &mut Trader) -> Vec<(String, Vec<Address>)> {
    let request = ListPoolsRequest { page_size: 500, ..ListPoolsRequest::default() };
    let listed = trader.client.list_pools(request).await.unwrap().into_inner().pools;
    let v3 = listed.into_iter().filter(|pool| pool.protocol == "uniswap.v3");
    v3.map(|pool| (pool.pool_id, pool.tokens.iter().map(|token| number(token)).collect())).collect()
}

//! Pools of two tokens.

use capstan_proto::indexer::{LiquidityChanged, PoolCreated, TradeExecuted, canonical_event::Event};

use super::{EMITTER, account, meanings, meanings_with, minus, text, word};

fn pool_trade(venue: &str, index: u32, amount_in: &str, amount_out: &str) -> Event {
    Event::TradeExecuted(TradeExecuted {
        venue: venue.into(),
        pool: text(EMITTER),
        trader: text(1),
        recipient: text(2),
        amount_in: amount_in.into(),
        amount_out: amount_out.into(),
        token_in_index: Some(index),
        ..TradeExecuted::default()
    })
}

#[test]
fn a_swap_says_which_side_went_in() {
    const V2: &str = "uniswap.v2.pair";
    let v2 = |amounts: [u64; 4]| {
        let signature = "Swap(address,uint256,uint256,uint256,uint256,address)";
        meanings(V2, signature, &[word(1), word(2)], &amounts.map(word))
    };
    assert_eq!(v2([5, 0, 0, 9]), [pool_trade(V2, 0, "5", "9")]);
    assert_eq!(v2([0, 5, 9, 0]), [pool_trade(V2, 1, "5", "9")]);
    assert_eq!(v2([5, 2, 1, 9]), [pool_trade(V2, 0, "4", "7")], "what came back is taken off");
    assert_eq!(v2([1_003, 0, 1_000, 0]), [], "a flash loan");
    assert_eq!(v2([5, 5, 1, 1]), [], "a gift");

    const V3: &str = "uniswap.v3.pool";
    let v3 = |amount0, amount1| {
        let signature = "Swap(address,address,int256,int256,uint160,uint128,int24)";
        let data = [amount0, amount1, word(1 << 60), word(1), minus(200_000)];
        meanings(V3, signature, &[word(1), word(2)], &data)
    };
    assert_eq!(v3(word(5), minus(9)), [pool_trade(V3, 0, "5", "9")]);
    assert_eq!(v3(minus(9), word(5)), [pool_trade(V3, 1, "5", "9")]);
    assert_eq!(v3(word(1), word(0)), [pool_trade(V3, 0, "1", "0")], "too small to buy anything");
    assert_eq!(v3(word(0), word(0)), []);
}

#[test]
fn a_swap_of_a_pool_whose_tokens_are_known_says_which_they_are() {
    let tokens = [account(7), account(8)];
    let of = |event: &Event| match event {
        Event::TradeExecuted(trade) => (trade.token_in.clone(), trade.token_out.clone()),
        other => panic!("{other:?}"),
    };
    let v2 = |amounts: [u64; 4]| {
        let signature = "Swap(address,uint256,uint256,uint256,uint256,address)";
        let indexed = [word(1), word(2)];
        of(&meanings_with(&tokens, "uniswap.v2.pair", signature, &indexed, &amounts.map(word))[0])
    };
    assert_eq!([v2([5, 0, 0, 9]), v2([0, 5, 9, 0])], [(text(7), text(8)), (text(8), text(7))]);
    let v3 = |amount0, amount1| {
        let signature = "Swap(address,address,int256,int256,uint160,uint128,int24)";
        let data = [amount0, amount1, word(1 << 60), word(1), minus(200_000)];
        of(&meanings_with(&tokens, "uniswap.v3.pool", signature, &[word(1), word(2)], &data)[0])
    };
    assert_eq!([v3(word(5), minus(9)), v3(minus(9), word(5))], [(text(7), text(8)), (text(8), text(7))]);
    let fpmm = |signature| {
        let (indexed, data) = ([word(1), word(0)], [word(10), word(1), word(9)]);
        of(&meanings_with(&tokens[..1], "gnosis.fpmm", signature, &indexed, &data)[0])
    };
    let bought = fpmm("FPMMBuy(address,uint256,uint256,uint256,uint256)");
    let sold = fpmm("FPMMSell(address,uint256,uint256,uint256,uint256)");
    assert_eq!([bought, sold], [(text(7), String::new()), (String::new(), text(7))]);
}

#[test]
fn where_one_contract_trades_for_all_pools_the_log_says_for_which() {
    let id = [0xab; 32];
    let trade = |venue: &str, pool: &str| TradeExecuted {
        venue: venue.into(),
        pool: pool.into(),
        amount_in: "5".into(),
        amount_out: "9".into(),
        ..TradeExecuted::default()
    };
    const VAULT: &str = "balancer.v2.vault";
    let signature = "Swap(bytes32,address,address,uint256,uint256)";
    let expected = TradeExecuted {
        token_in: text(7),
        token_out: text(8),
        ..trade(VAULT, "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB")
    };
    let seen = meanings(VAULT, signature, &[id, word(7), word(8)], &[word(5), word(9)]);
    assert_eq!(seen, [Event::TradeExecuted(expected)]);

    const V4: &str = "uniswap.v4.pool_manager";
    let v4 = |amount0, amount1| {
        let signature = "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)";
        let data = [amount0, amount1, word(1 << 60), word(1), minus(200_000), word(500)];
        meanings(V4, signature, &[id, word(1)], &data)
    };
    let expected = |index| {
        let pool = format!("0x{}", "ab".repeat(32));
        let token_in_index = Some(index);
        Event::TradeExecuted(TradeExecuted { trader: text(1), token_in_index, ..trade(V4, &pool) })
    };
    assert_eq!(v4(minus(5), word(9)), [expected(0)]);
    assert_eq!(v4(word(9), minus(5)), [expected(1)]);
    assert_eq!(v4(word(0), word(0)), []);
}

#[test]
fn factories_make_pools() {
    let pool = |fee, tick_spacing| {
        let (pool, token0, token1) = (text(3), text(1), text(2));
        [Event::PoolCreated(PoolCreated { pool, token0, token1, fee, tick_spacing })]
    };
    let v2 = "PairCreated(address,address,address,uint256)";
    assert_eq!(
        meanings("uniswap.v2.factory", v2, &[word(1), word(2)], &[word(3), word(44)]),
        pool(None, None)
    );
    let v3 = "PoolCreated(address,address,uint24,int24,address)";
    let seen = meanings("uniswap.v3.factory", v3, &[word(1), word(2), word(3_000)], &[word(60), word(3)]);
    assert_eq!(seen, pool(Some(3_000), Some(60)));
}

#[test]
fn liquidity_is_positive_into_the_pool() {
    let v2 = LiquidityChanged {
        pool: text(EMITTER),
        provider: text(1),
        amount0: "5".into(),
        amount1: "9".into(),
        ..LiquidityChanged::default()
    };
    let amounts = [word(5), word(9)];
    let mint = meanings("uniswap.v2.pair", "Mint(address,uint256,uint256)", &[word(1)], &amounts);
    assert_eq!(mint, [Event::LiquidityChanged(v2.clone())]);
    let burn =
        meanings("uniswap.v2.pair", "Burn(address,uint256,uint256,address)", &[word(1), word(2)], &amounts);
    let less = LiquidityChanged { amount0: "-5".into(), amount1: "-9".into(), ..v2.clone() };
    assert_eq!(burn, [Event::LiquidityChanged(LiquidityChanged { recipient: text(2), ..less.clone() })]);

    let range = [word(1), minus(60), word(120)];
    let (tick_lower, tick_upper) = (Some(-60), Some(120));
    let mint = "Mint(address,address,int24,int24,uint128,uint256,uint256)";
    let mint = meanings("uniswap.v3.pool", mint, &range, &[word(8), word(7), word(5), word(9)]);
    let more = LiquidityChanged { shares: "7".into(), tick_lower, tick_upper, ..v2 };
    assert_eq!(mint, [Event::LiquidityChanged(more)]);
    let burn = "Burn(address,int24,int24,uint128,uint256,uint256)";
    let burn = meanings("uniswap.v3.pool", burn, &range, &[word(7), word(5), word(9)]);
    assert_eq!(
        burn,
        [Event::LiquidityChanged(LiquidityChanged { shares: "-7".into(), tick_lower, tick_upper, ..less })]
    );
    let poke = meanings(
        "uniswap.v3.pool",
        "Burn(address,int24,int24,uint128,uint256,uint256)",
        &range,
        &[word(0); 3],
    );
    assert!(matches!(&poke[..], [Event::LiquidityChanged(none)] if none.shares == "0"), "never -0: {poke:?}");
}

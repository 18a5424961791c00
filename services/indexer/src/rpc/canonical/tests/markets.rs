//! Questions, positions and market makers.

use capstan_proto::indexer::{
    LiquidityChanged, MarketCreated, MarketResolved, PayoutRedeemed, PositionSplit, PositionsMerged,
    TradeExecuted, TradeSide, canonical_event::Event,
};

use super::{EMITTER, hex, id, meanings, strings, text, word};

#[test]
fn market_makers_trade_outcomes() {
    const FPMM: &str = "gnosis.fpmm";
    let trade = |side: TradeSide, amount_in: &str, amount_out: &str| {
        [Event::TradeExecuted(TradeExecuted {
            venue: FPMM.into(),
            pool: text(EMITTER),
            trader: text(1),
            recipient: text(1),
            amount_in: amount_in.into(),
            amount_out: amount_out.into(),
            fee: "2".into(),
            side: side.into(),
            outcome_index: Some(1),
            ..TradeExecuted::default()
        })]
    };
    let data = [word(100), word(2), word(150)];
    let read = |name: &str| {
        meanings(
            FPMM,
            &format!("{name}(address,uint256,uint256,uint256,uint256)"),
            &[word(1), word(1)],
            &data,
        )
    };
    assert_eq!(read("FPMMBuy"), trade(TradeSide::Buy, "100", "150"));
    assert_eq!(read("FPMMSell"), trade(TradeSide::Sell, "150", "100"));
}

#[test]
fn market_makers_are_funded_by_outcome() {
    const FPMM: &str = "gnosis.fpmm";
    let added = LiquidityChanged {
        pool: text(EMITTER),
        provider: text(1),
        outcome_amounts: strings(&["5", "0"]),
        shares: "7".into(),
        ..LiquidityChanged::default()
    };
    let data = [word(64), word(7), word(2), word(5), word(0)];
    let seen = meanings(FPMM, "FPMMFundingAdded(address,uint256[],uint256)", &[word(1)], &data);
    assert_eq!(seen, [Event::LiquidityChanged(added.clone())]);
    let removed = LiquidityChanged {
        recipient: text(1),
        outcome_amounts: strings(&["-5", "0"]),
        shares: "-7".into(),
        fees_paid: "3".into(),
        ..added
    };
    let data = [word(96), word(3), word(7), word(2), word(5), word(0)];
    let seen = meanings(FPMM, "FPMMFundingRemoved(address,uint256[],uint256,uint256)", &[word(1)], &data);
    assert_eq!(seen, [Event::LiquidityChanged(removed)]);
}

#[test]
fn both_factories_make_the_same_market() {
    let made = [Event::MarketCreated(MarketCreated {
        condition_ids: vec![hex(id(0xab))],
        conditional_tokens: text(3),
        market_maker: text(2),
        collateral: text(4),
        creator: text(1),
        fee: "20".into(),
        ..MarketCreated::default()
    })];
    let signature = "FixedProductMarketMakerCreation(address,address,address,address,bytes32[],uint256)";
    let plain = [word(2), word(3), word(4), word(160), word(20), word(1), id(0xab)];
    let seen = meanings("gnosis.fpmm_factory", signature, &[word(1)], &plain);
    assert_eq!(seen, made);
    let deterministic = [word(2), word(96), word(20), word(1), id(0xab)];
    let seen = meanings("gnosis.fpmm_factory", signature, &[word(1), word(3), word(4)], &deterministic);
    assert_eq!(seen, made);
}

#[test]
fn a_question_is_asked_and_answered() {
    const CONTRACT: &str = "gnosis.conditional_tokens";
    let indexed = [id(0xab), word(1), id(0xcd)];
    let asked = MarketCreated {
        condition_ids: vec![hex(id(0xab))],
        question_id: hex(id(0xcd)),
        oracle: text(1),
        outcome_count: Some(2),
        conditional_tokens: text(EMITTER),
        ..MarketCreated::default()
    };
    let seen =
        meanings(CONTRACT, "ConditionPreparation(bytes32,address,bytes32,uint256)", &indexed, &[word(2)]);
    assert_eq!(seen, [Event::MarketCreated(asked)]);
    let answered = MarketResolved {
        condition_id: hex(id(0xab)),
        question_id: hex(id(0xcd)),
        oracle: text(1),
        payout_numerators: strings(&["1", "0"]),
    };
    let signature = "ConditionResolution(bytes32,address,bytes32,uint256,uint256[])";
    let seen = meanings(CONTRACT, signature, &indexed, &[word(2), word(64), word(2), word(1), word(0)]);
    assert_eq!(seen, [Event::MarketResolved(answered)]);
}

#[test]
fn positions_are_split_merged_and_redeemed() {
    const CONTRACT: &str = "gnosis.conditional_tokens";
    let (stakeholder, collateral, amount) = (text(1), text(4), "9".to_owned());
    let (parent_collection_id, condition_id) = (hex(id(0)), hex(id(0xab)));
    let partition = strings(&["1", "2"]);
    let data = [word(4), word(96), word(9), word(2), word(1), word(2)];
    let read = |name: &str| {
        let signature = format!("{name}(address,address,bytes32,bytes32,uint256[],uint256)");
        meanings(CONTRACT, &signature, &[word(1), id(0), id(0xab)], &data)
    };
    let redeemed = PayoutRedeemed {
        redeemer: text(1),
        collateral: text(4),
        parent_collection_id: hex(id(0)),
        condition_id: hex(id(0xab)),
        index_sets: partition.clone(),
        payout: "9".into(),
    };
    let split =
        PositionSplit { stakeholder, collateral, parent_collection_id, condition_id, partition, amount };
    assert_eq!(read("PositionSplit"), [Event::PositionSplit(split.clone())]);
    let PositionSplit { stakeholder, collateral, parent_collection_id, condition_id, partition, amount } =
        split;
    let merged =
        PositionsMerged { stakeholder, collateral, parent_collection_id, condition_id, partition, amount };
    assert_eq!(read("PositionsMerge"), [Event::PositionsMerged(merged)]);
    let signature = "PayoutRedemption(address,address,bytes32,bytes32,uint256[],uint256)";
    let data = [id(0xab), word(96), word(9), word(2), word(1), word(2)];
    let seen = meanings(CONTRACT, signature, &[word(1), word(4), id(0)], &data);
    assert_eq!(seen, [Event::PayoutRedeemed(redeemed)]);
}

//! Tokens, allowances, vaults and prices.

use capstan_chain::Integer;
use capstan_primitives::U256;
use capstan_proto::indexer::{
    ApprovalChanged, PriceUpdated, VaultDirection, VaultFlow, canonical_event::Event,
};
use prost_types::Timestamp;

use super::{EMITTER, Word, meanings, minus, text, transfer, word};

/// Protocols whose contracts are tokens, whatever else they are.
const FUNGIBLE: [&str; 6] =
    ["balancer.v2.weighted_pool", "erc20", "erc4626", "gnosis.fpmm", "uniswap.v2.pair", "weth9"];

#[test]
fn tokens_change_hands() {
    const TRANSFER: &str = "Transfer(address,address,uint256)";
    for name in FUNGIBLE {
        assert_eq!(
            meanings(name, TRANSFER, &[word(1), word(2)], &[word(7)]),
            [transfer(1, 2, "7", "")],
            "{name}"
        );
    }
    let all = meanings("erc20", TRANSFER, &[word(1), word(2)], &[[0xff; 32]]);
    assert_eq!(all, [transfer(1, 2, &U256::MAX.to_string(), "")]);
    assert_eq!(
        meanings("weth9", "Deposit(address,uint256)", &[word(3)], &[word(7)]),
        [transfer(0, 3, "7", "")]
    );
    assert_eq!(
        meanings("weth9", "Withdrawal(address,uint256)", &[word(3)], &[word(7)]),
        [transfer(3, 0, "7", "")]
    );
}

#[test]
fn a_batch_is_one_transfer_for_each_token() {
    const CONTRACT: &str = "gnosis.conditional_tokens";
    let indexed = [word(9), word(1), word(2)];
    let single = "TransferSingle(address,address,address,uint256,uint256)";
    assert_eq!(meanings(CONTRACT, single, &indexed, &[word(5), word(6)]), [transfer(1, 2, "6", "5")]);
    let batch = "TransferBatch(address,address,address,uint256[],uint256[])";
    let lists = [word(64), word(160), word(2), word(5), word(6), word(2), word(50), word(60)];
    let both = [transfer(1, 2, "50", "5"), transfer(1, 2, "60", "6")];
    assert_eq!(meanings(CONTRACT, batch, &indexed, &lists), both);
    let uneven = [word(64), word(160), word(2), word(5), word(6), word(1), word(50)];
    assert_eq!(meanings(CONTRACT, batch, &indexed, &uneven), []);
    let empty = [word(64), word(96), word(0), word(0)];
    assert_eq!(meanings(CONTRACT, batch, &indexed, &empty), []);
}

#[test]
fn allowances_change() {
    const APPROVAL: &str = "Approval(address,address,uint256)";
    let of_token = ApprovalChanged {
        token: text(EMITTER),
        owner: text(1),
        spender: text(2),
        amount: "7".into(),
        ..ApprovalChanged::default()
    };
    for name in FUNGIBLE {
        let seen = meanings(name, APPROVAL, &[word(1), word(2)], &[word(7)]);
        assert_eq!(seen, [Event::ApprovalChanged(of_token.clone())], "{name}");
    }
    let all = ApprovalChanged { amount: String::new(), all_tokens: Some(true), ..of_token };
    let signature = "ApprovalForAll(address,address,bool)";
    let seen = meanings("gnosis.conditional_tokens", signature, &[word(1), word(2)], &[word(1)]);
    assert_eq!(seen, [Event::ApprovalChanged(all)]);
}

#[test]
fn permit2_keeps_the_allowances_of_other_tokens() {
    let granted = ApprovalChanged {
        token: text(3),
        owner: text(1),
        spender: text(2),
        amount: "7".into(),
        all_tokens: None,
        registry: text(EMITTER),
        expiration: Some((1 << 48) - 1),
    };
    let indexed = [word(1), word(3), word(2)];
    let data = [word(7), word((1 << 48) - 1), word(4)];
    let approval =
        meanings("permit2", "Approval(address,address,address,uint160,uint48)", &indexed, &data[..2]);
    assert_eq!(approval, [Event::ApprovalChanged(granted.clone())]);
    let permit =
        meanings("permit2", "Permit(address,address,address,uint160,uint48,uint48)", &indexed, &data);
    assert_eq!(permit, [Event::ApprovalChanged(granted.clone())]);
    let lockdown = meanings("permit2", "Lockdown(address,address,address)", &[word(1)], &[word(3), word(2)]);
    let revoked = ApprovalChanged { amount: "0".into(), expiration: None, ..granted };
    assert_eq!(lockdown, [Event::ApprovalChanged(revoked)]);
}

#[test]
fn a_feed_has_a_price_and_its_time() {
    let read = |current, at| {
        let signature = "AnswerUpdated(int256,uint256,uint256)";
        meanings("chainlink.aggregator", signature, &[current, word(3)], &[at])
    };
    let price = |answer: &str, seconds: Option<i64>| {
        let updated_at = seconds.map(|seconds| Timestamp { seconds, nanos: 0 });
        let (feed, answer, round_id) = (text(EMITTER), answer.to_owned(), "3".to_owned());
        [Event::PriceUpdated(PriceUpdated { feed, answer, round_id, updated_at })]
    };
    assert_eq!(read(word(250_000_000_000), word(1_700_000_000)), price("250000000000", Some(1_700_000_000)));
    assert_eq!(read(minus(37), [0xff; 32]), price("-37", None));
}

#[test]
fn assets_flow_into_a_vault_and_out() {
    let data = [word(100), word(90)];
    let into = VaultFlow {
        vault: text(EMITTER),
        direction: VaultDirection::Deposit.into(),
        sender: text(1),
        owner: text(3),
        receiver: String::new(),
        assets: "100".into(),
        shares: "90".into(),
    };
    let seen = meanings("erc4626", "Deposit(address,address,uint256,uint256)", &[word(1), word(3)], &data);
    assert_eq!(seen, [Event::VaultFlow(into.clone())]);
    let out = VaultFlow { direction: VaultDirection::Withdraw.into(), receiver: text(2), ..into };
    let signature = "Withdraw(address,address,address,uint256,uint256)";
    let seen = meanings("erc4626", signature, &[word(1), word(2), word(3)], &data);
    assert_eq!(seen, [Event::VaultFlow(out)]);
}

#[test]
fn the_lowest_integer_has_a_negative() {
    let lowest: Word = U256::from(1).wrapping_shl(255).to_be_bytes();
    let read = meanings(
        "chainlink.aggregator",
        "AnswerUpdated(int256,uint256,uint256)",
        &[lowest, word(3)],
        &[word(1)],
    );
    let magnitude = Integer::from(U256::from(1).wrapping_shl(255));
    assert!(
        matches!(&read[..], [Event::PriceUpdated(price)] if price.answer == (-magnitude).to_string()),
        "{read:?}"
    );
}

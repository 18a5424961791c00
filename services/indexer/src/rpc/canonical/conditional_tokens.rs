//! Gnosis conditional tokens: questions, positions, and the ERC-1155 tokens that these are.

use capstan_proto::indexer::{
    ApprovalChanged, MarketCreated, MarketResolved, PayoutRedeemed, PositionSplit, PositionsMerged, Transfer,
    canonical_event::Event,
};

use super::{Adapter, fields::Fields};

pub(super) const EVENTS: Adapter = &[
    ("TransferSingle", transfer),
    ("TransferBatch", transfers),
    ("ApprovalForAll", approval),
    ("ConditionPreparation", created),
    ("ConditionResolution", resolved),
    ("PositionSplit", split),
    ("PositionsMerge", merged),
    ("PayoutRedemption", redeemed),
];

fn transfer(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![moved(of, of.amount("id")?, of.amount("value")?)?])
}

fn transfers(of: &Fields<'_>) -> Option<Vec<Event>> {
    let (ids, values) = (of.amounts("ids")?, of.amounts("values")?);
    if ids.len() != values.len() {
        return None;
    }
    ids.into_iter().zip(values).map(|(id, value)| moved(of, id, value)).collect()
}

fn moved(of: &Fields<'_>, token_id: String, amount: String) -> Option<Event> {
    let (from, to) = (of.address("from")?, of.address("to")?);
    Some(Event::Transfer(Transfer { token: of.contract(), from, to, amount, token_id }))
}

fn approval(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::ApprovalChanged(ApprovalChanged {
        token: of.contract(),
        owner: of.address("owner")?,
        spender: of.address("operator")?,
        all_tokens: Some(of.flag("approved")?),
        ..ApprovalChanged::default()
    })])
}

fn created(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::MarketCreated(MarketCreated {
        condition_ids: vec![of.bytes("conditionId")?],
        question_id: of.bytes("questionId")?,
        oracle: of.address("oracle")?,
        outcome_count: Some(of.unsigned("outcomeSlotCount")?),
        conditional_tokens: of.contract(),
        ..MarketCreated::default()
    })])
}

fn resolved(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::MarketResolved(MarketResolved {
        condition_id: of.bytes("conditionId")?,
        question_id: of.bytes("questionId")?,
        oracle: of.address("oracle")?,
        payout_numerators: of.amounts("payoutNumerators")?,
    })])
}

fn split(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::PositionSplit(PositionSplit {
        stakeholder: of.address("stakeholder")?,
        collateral: of.address("collateralToken")?,
        parent_collection_id: of.bytes("parentCollectionId")?,
        condition_id: of.bytes("conditionId")?,
        partition: of.amounts("partition")?,
        amount: of.amount("amount")?,
    })])
}

fn merged(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::PositionsMerged(PositionsMerged {
        stakeholder: of.address("stakeholder")?,
        collateral: of.address("collateralToken")?,
        parent_collection_id: of.bytes("parentCollectionId")?,
        condition_id: of.bytes("conditionId")?,
        partition: of.amounts("partition")?,
        amount: of.amount("amount")?,
    })])
}

fn redeemed(of: &Fields<'_>) -> Option<Vec<Event>> {
    Some(vec![Event::PayoutRedeemed(PayoutRedeemed {
        redeemer: of.address("redeemer")?,
        collateral: of.address("collateralToken")?,
        parent_collection_id: of.bytes("parentCollectionId")?,
        condition_id: of.bytes("conditionId")?,
        index_sets: of.amounts("indexSets")?,
        payout: of.amount("payout")?,
    })])
}

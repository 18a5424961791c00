//! Creates prediction markets through the MarketFactory, and one without it.

use alloy::primitives::{Address, B256, U256, keccak256};
use anyhow::{Context, Result};

use super::{CREATORS, call, dollar, question_id, token_at};
use crate::{
    contracts::{ConditionalTokens, FpmmFactory, MarketFactory, NewMarket},
    deployment::Deployment,
    questions::{LASTING, PASSING, Question},
    wallet::Send,
};

/// Dollars that a market starts with.
const FUNDING: u64 = 20_000;
const GAS: u64 = 5_000_000;
/// 2035-01-01T00:00:00Z.
const FAR_AWAY: u64 = 2_051_222_400;
/// Set-up markets that can be resolved soon, in blocks after the set-up.
const SOON: [u64; 2] = [60, 240];

/// All markets of the set-up.
pub(super) fn first(deployment: &Deployment, now: u64, block_seconds: u64) -> Result<Vec<Send>> {
    let lasting = LASTING.iter().map(|question| (question, FAR_AWAY));
    let passing = PASSING.iter().zip(SOON).map(|(question, blocks)| (question, now + blocks * block_seconds));
    let mut sends = Vec::new();
    for (number, (question, resolution_time)) in (0_u64..).zip(lasting.chain(passing)) {
        let creator = usize::try_from(number)? % CREATORS;
        // Numbers of later markets are block heights: these are out of their way.
        let id = question_id(u64::MAX, number);
        sends.push(create_market(deployment, creator, question, (id, number, resolution_time))?);
    }
    sends.extend(bare(deployment)?);
    Ok(sends)
}

/// A market by the MarketFactory, which is also its oracle; `{}` in the text becomes `number`.
pub(crate) fn create_market(
    deployment: &Deployment,
    creator: usize,
    question: &Question,
    (id, number, resolution_time): (B256, u64, u64),
) -> Result<Send> {
    let market = NewMarket {
        oracle: Address::ZERO,
        questionId: id,
        collateralToken: token_at(deployment, question.collateral)?,
        question: question.text.replace("{}", &number.to_string()),
        outcomes: question.outcomes.iter().map(|&name| name.to_owned()).collect(),
        resolutionTime: U256::from(resolution_time),
        fee: fee(question.fee_basis_points),
        initialFunds: dollar(question.collateral) * U256::from(FUNDING),
        distributionHint: question.hint.iter().map(|&weight| U256::from(weight)).collect(),
    };
    Ok(call(creator, deployment.market_factory, &MarketFactory::createMarketCall { market }, GAS))
}

/// A market maker that the MarketFactory does not know of; nobody ever resolves it.
fn bare(deployment: &Deployment) -> Result<[Send; 2]> {
    let oracle = deployment.accounts.first().context("no accounts")?.address;
    let (question, outcomes) = (keccak256("a market without the MarketFactory"), U256::from(2));
    let prepare =
        ConditionalTokens::prepareConditionCall { oracle, questionId: question, outcomeSlotCount: outcomes };
    let condition =
        keccak256([oracle.as_slice(), question.as_slice(), &outcomes.to_be_bytes::<32>()].concat());
    let create = FpmmFactory::create2FixedProductMarketMakerCall {
        saltNonce: U256::ZERO,
        conditionalTokens: deployment.conditional_tokens,
        collateralToken: token_at(deployment, 0)?,
        conditionIds: vec![condition],
        fee: fee(100),
        initialFunds: dollar(0) * U256::from(FUNDING),
        distributionHint: Vec::new(),
    };
    Ok([
        call(0, deployment.conditional_tokens, &prepare, GAS),
        call(0, deployment.fpmm_factory, &create, GAS),
    ])
}

fn fee(basis_points: u64) -> U256 {
    U256::from(10).pow(U256::from(14)) * U256::from(basis_points)
}

//! Finds the markets in the chain's own logs, so that neither a restart nor a reorg can make our list wrong.

use std::collections::HashMap;

use alloy::{
    primitives::{Address, B256, Bytes, Log as RawLog, U64, U256},
    sol_types::SolEvent,
};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use crate::{
    contracts::{ConditionalTokens, FpmmFactory, MarketFactory},
    deployment::{Deployment, Market},
    rpc::Rpc,
};

#[derive(Deserialize)]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// All markets on the chain.
pub(crate) async fn all(rpc: &Rpc, deployment: &Deployment) -> Result<Vec<Market>> {
    let mut markets = Vec::new();
    since(rpc, deployment, 0, &mut markets).await?;
    Ok(markets)
}

/// Adds what happened to markets from a block on: new ones at the end, resolutions in place.
pub(crate) async fn since(
    rpc: &Rpc,
    deployment: &Deployment,
    block: u64,
    markets: &mut Vec<Market>,
) -> Result<()> {
    let filter = json!([{
        "fromBlock": U64::from(block),
        "toBlock": "latest",
        "address": [deployment.conditional_tokens, deployment.fpmm_factory, deployment.market_factory],
        "topics": [[
            MarketFactory::MarketCreated::SIGNATURE_HASH,
            FpmmFactory::FixedProductMarketMakerCreation::SIGNATURE_HASH,
            ConditionalTokens::ConditionResolution::SIGNATURE_HASH,
        ]],
    }]);
    let logs: Vec<Log> = rpc.call("eth_getLogs", filter).await.context("look for markets")?;
    let mut announced = HashMap::new();
    for log in logs {
        let log = RawLog::new(log.address, log.topics, log.data).context("a log with too many topics")?;
        if let Ok(created) = MarketFactory::MarketCreated::decode_log(&log) {
            announced.insert(created.conditionId, created.data);
        } else if let Ok(amm) = FpmmFactory::FixedProductMarketMakerCreation::decode_log(&log) {
            let condition = *amm.conditionIds.first().context("a market maker without a condition")?;
            markets.push(market(rpc, deployment, amm.data, announced.remove(&condition)).await?);
        } else if let Ok(resolution) = ConditionalTokens::ConditionResolution::decode_log(&log) {
            resolve(markets, resolution.data);
        }
    }
    Ok(())
}

fn resolve(markets: &mut [Market], resolution: ConditionalTokens::ConditionResolution) {
    for market in markets.iter_mut().filter(|market| market.condition_id == resolution.conditionId) {
        market.payouts = Some(resolution.payoutNumerators.clone());
    }
}

/// The MarketFactory announces a market before it creates the market maker, in the same transaction.
async fn market(
    rpc: &Rpc,
    deployment: &Deployment,
    amm: FpmmFactory::FixedProductMarketMakerCreation,
    announced: Option<MarketFactory::MarketCreated>,
) -> Result<Market> {
    let condition_id = *amm.conditionIds.first().context("a market maker without a condition")?;
    let tokens = deployment.conditional_tokens;
    let slots =
        rpc.view(tokens, &ConditionalTokens::getOutcomeSlotCountCall { conditionId: condition_id }).await?;
    let slots: usize = slots.to();
    let position_ids = position_ids(rpc, tokens, (amm.collateralToken, condition_id, slots)).await?;
    let mut market = Market {
        market_id: None,
        condition_id,
        amm: amm.amm,
        collateral: amm.collateralToken,
        creator: amm.creator,
        question: String::new(),
        outcomes: (1..=slots).map(|number| format!("Outcome {number}")).collect(),
        position_ids,
        fee: amm.fee,
        resolution_time: None,
        payouts: None,
    };
    if let Some(announced) = announced {
        market.market_id = Some(announced.marketId);
        market.creator = announced.creator;
        market.question = announced.question;
        market.outcomes = announced.outcomes;
        market.resolution_time = Some(announced.resolutionTime.to());
    }
    Ok(market)
}

async fn position_ids(
    rpc: &Rpc,
    tokens: Address,
    (collateral, condition_id, slots): (Address, B256, usize),
) -> Result<Vec<U256>> {
    let collections: Vec<_> = (0..slots)
        .map(|outcome| {
            let index_set = U256::from(1) << outcome;
            let get = ConditionalTokens::getCollectionIdCall {
                parent: B256::ZERO,
                conditionId: condition_id,
                indexSet: index_set,
            };
            (tokens, get)
        })
        .collect();
    let collections = rpc.views(&collections).await?;
    let positions: Vec<_> = collections
        .into_iter()
        .map(|id| (tokens, ConditionalTokens::getPositionIdCall { collateral, collectionId: id }))
        .collect();
    rpc.views(&positions).await
}

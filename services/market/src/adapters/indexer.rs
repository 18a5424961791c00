//! Events of the indexer → domain events.

use capstan_primitives::{Amount, BlockRef, BlockTime, Hash};
use capstan_proto::{indexer as wire, primitives};
use capstan_runtime::follow;

use super::arguments::{Arguments, unchecked};
use crate::domain::{
    category,
    event::{
        Content, Event, Liquidity, MarketCreated, Origin, PoolCreated, Redemption, SetChange, Step, StepKind,
        Trade, Unusable,
    },
    market::Side,
};

/// The events that the projection is made of, as a filter of the stream.
pub(crate) fn wanted() -> wire::EventFilter {
    wire::EventFilter { kinds: KINDS.map(str::to_owned).to_vec(), ..wire::EventFilter::default() }
}

const KINDS: [&str; 15] = [
    "gnosis.conditional_tokens.ConditionPreparation",
    "gnosis.conditional_tokens.ConditionResolution",
    "gnosis.conditional_tokens.PayoutRedemption",
    "gnosis.conditional_tokens.PositionSplit",
    "gnosis.conditional_tokens.PositionsMerge",
    "gnosis.conditional_tokens.TransferBatch",
    "gnosis.conditional_tokens.TransferSingle",
    "gnosis.fpmm.FPMMBuy",
    "gnosis.fpmm.FPMMFundingAdded",
    "gnosis.fpmm.FPMMFundingRemoved",
    "gnosis.fpmm.FPMMSell",
    "gnosis.fpmm_factory.FixedProductMarketMakerCreation",
    "market.amm_deployed",
    "market.created",
    "market.resolved",
];

/// The last moment that a protobuf timestamp can say: the end of the year 9999.
const LAST_TIMESTAMP: u64 = 253_402_300_799;

/// A message of the indexer that is not as its contract says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message of the indexer is wrong: {field}: {problem}")]
pub(crate) struct Malformed {
    field: &'static str,
    problem: String,
}

impl Malformed {
    fn new(field: &'static str, problem: impl ToString) -> Self {
        Self { field, problem: problem.to_string() }
    }
}

/// Reads a step along the log.
pub(crate) fn step(step: follow::Step) -> Result<Step, Malformed> {
    match step {
        follow::Step::Apply(batch) => {
            let wire::EventBatch { chain_id: _, events, block, block_complete, finalized, cursor } = batch;
            let kind = StepKind::Apply {
                events: events.into_iter().map(event).collect::<Result<Vec<Event>, Malformed>>()?,
                block: required_block("block", block.as_ref())?,
                complete: block_complete,
                finalized: finalized.map(|block| block.number),
            };
            Ok(Step { kind, cursor })
        }
        follow::Step::Undo(undo) => {
            let wire::UndoSignal { last_valid_block, cursor, .. } = undo;
            let last_valid = block("last_valid_block", last_valid_block.as_ref())?;
            Ok(Step { kind: StepKind::Undo { last_valid }, cursor })
        }
        follow::Step::Pass(heartbeat) => {
            let wire::Heartbeat { chain_id: _, block: through, finalized, cursor } = heartbeat;
            let through = block("block", through.as_ref())?;
            let finalized = finalized.map(|block| block.number);
            Ok(Step { kind: StepKind::Pass { block: through, finalized }, cursor })
        }
    }
}

/// Reads an event. What the contract said may be unusable; where it comes from may not.
fn event(event: wire::Event) -> Result<Event, Malformed> {
    let wire::Event {
        chain_id: _, block, transaction_hash, transaction_index: _, log_index, address, ..
    } = &event;
    let origin = Origin {
        position: event.position,
        block: required_block("block", block.as_ref())?,
        transaction: transaction_hash.parse().map_err(|e| Malformed::new("transaction_hash", e))?,
        log_index: *log_index,
        address: unchecked(address).parse().map_err(|e| Malformed::new("address", e))?,
        kind: event.kind.clone(),
    };
    Ok(Event { origin, content: content(&event.kind, Arguments(&event.arguments)) })
}

/// Reads a block that has to be there.
fn required_block(field: &'static str, block: Option<&primitives::BlockRef>) -> Result<BlockRef, Malformed> {
    self::block(field, block)?.ok_or_else(|| Malformed::new(field, "is missing"))
}

/// Reads a block that may be absent.
fn block(field: &'static str, block: Option<&primitives::BlockRef>) -> Result<Option<BlockRef>, Malformed> {
    let Some(primitives::BlockRef { number, hash, time }) = block else { return Ok(None) };
    let hash: Hash = hash.parse().map_err(|error| Malformed::new(field, error))?;
    let seconds = time.as_ref().map_or(0, |time| time.seconds);
    let time = u64::try_from(seconds).map_err(|error| Malformed::new(field, error))?;
    Ok(Some(BlockRef { number: *number, hash, time: BlockTime(time) }))
}

fn content(kind: &str, a: Arguments<'_>) -> Result<Content, Unusable> {
    let (protocol, name) = kind.rsplit_once('.').ok_or(Unusable::Kind)?;
    match (protocol, name) {
        ("gnosis.conditional_tokens", name) => conditional_tokens(name, a),
        ("gnosis.fpmm", name) => pool(name, a),
        ("gnosis.fpmm_factory", "FixedProductMarketMakerCreation") => {
            pool_created(a).map(Content::PoolCreated)
        }
        ("market", "created") => market_created(a).map(Content::MarketCreated),
        ("market", "amm_deployed") => {
            Ok(Content::PoolAnnounced { market_id: a.market_id("marketId")?, pool: a.address("amm")? })
        }
        ("market", "resolved") => Ok(Content::MarketResolved {
            market_id: a.market_id("marketId")?,
            payouts: a.amounts("payouts")?,
        }),
        _ => Err(Unusable::Kind),
    }
}

fn conditional_tokens(name: &str, a: Arguments<'_>) -> Result<Content, Unusable> {
    match name {
        "ConditionPreparation" => Ok(Content::ConditionPrepared {
            condition_id: a.hash("conditionId")?,
            oracle: a.address("oracle")?,
            question_id: a.hash("questionId")?,
            outcome_slot_count: a.small("outcomeSlotCount")?,
        }),
        "ConditionResolution" => Ok(Content::ConditionResolved {
            condition_id: a.hash("conditionId")?,
            payouts: a.amounts("payoutNumerators")?,
        }),
        "PositionSplit" => set_change(a).map(Content::Split),
        "PositionsMerge" => set_change(a).map(Content::Merged),
        "PayoutRedemption" => Ok(Content::Redeemed(Redemption {
            redeemer: a.address("redeemer")?,
            collateral: a.address("collateralToken")?,
            parent: a.hash("parentCollectionId")?,
            condition_id: a.hash("conditionId")?,
            index_sets: a.numbers("indexSets")?,
            payout: a.amount("payout")?,
        })),
        "TransferSingle" => Ok(Content::Transferred {
            from: a.address("from")?,
            to: a.address("to")?,
            items: vec![(a.amount("id")?.0, a.amount("value")?)],
        }),
        "TransferBatch" => {
            let (ids, values) = (a.numbers("ids")?, a.amounts("values")?);
            if ids.len() != values.len() {
                let problem = format!("{} values for {} ids", values.len(), ids.len());
                return Err(Unusable::Malformed { name: "values", problem });
            }
            let items = ids.into_iter().zip(values).collect();
            Ok(Content::Transferred { from: a.address("from")?, to: a.address("to")?, items })
        }
        _ => Err(Unusable::Kind),
    }
}

fn set_change(a: Arguments<'_>) -> Result<SetChange, Unusable> {
    Ok(SetChange {
        stakeholder: a.address("stakeholder")?,
        collateral: a.address("collateralToken")?,
        parent: a.hash("parentCollectionId")?,
        condition_id: a.hash("conditionId")?,
        partition: a.numbers("partition")?,
        amount: a.amount("amount")?,
    })
}

fn pool(name: &str, a: Arguments<'_>) -> Result<Content, Unusable> {
    let trade = |side, [trader, collateral, amount]: [&'static str; 3]| {
        Ok(Content::Traded(Trade {
            trader: a.address(trader)?,
            side,
            outcome_index: a.small("outcomeIndex")?,
            collateral: a.amount(collateral)?,
            fee: a.amount("feeAmount")?,
            amount: a.amount(amount)?,
        }))
    };
    match name {
        "FPMMBuy" => trade(Side::Buy, ["buyer", "investmentAmount", "outcomeTokensBought"]),
        "FPMMSell" => trade(Side::Sell, ["seller", "returnAmount", "outcomeTokensSold"]),
        "FPMMFundingAdded" => Ok(Content::LiquidityAdded(Liquidity {
            funder: a.address("funder")?,
            amounts: a.amounts("amountsAdded")?,
            fees: Amount::ZERO,
            shares: a.amount("sharesMinted")?,
        })),
        "FPMMFundingRemoved" => Ok(Content::LiquidityRemoved(Liquidity {
            funder: a.address("funder")?,
            amounts: a.amounts("amountsRemoved")?,
            fees: a.amount("collateralRemovedFromFeePool")?,
            shares: a.amount("sharesBurnt")?,
        })),
        _ => Err(Unusable::Kind),
    }
}

fn pool_created(a: Arguments<'_>) -> Result<PoolCreated, Unusable> {
    Ok(PoolCreated {
        creator: a.address("creator")?,
        pool: a.address("fixedProductMarketMaker")?,
        conditional_tokens: a.address("conditionalTokens")?,
        collateral: a.address("collateralToken")?,
        condition_ids: a.hashes("conditionIds")?,
        fee: a.amount("fee")?,
    })
}

fn market_created(a: Arguments<'_>) -> Result<MarketCreated, Unusable> {
    let time = a.optional("resolutionTime", Arguments::amount)?;
    let time = time.and_then(|time| u64::try_from(time.0).ok());
    Ok(MarketCreated {
        market_id: a.market_id("marketId")?,
        condition_id: a.hash("conditionId")?,
        creator: a.address("creator")?,
        collateral: a.address("collateralToken")?,
        question_id: a.optional("questionId", Arguments::hash)?,
        question: a.optional("question", Arguments::string)?,
        outcomes: a.optional("outcomes", Arguments::strings)?.unwrap_or_default(),
        resolution_time: time.filter(|seconds| *seconds <= LAST_TIMESTAMP),
        slug: a.if_text("slug"),
        category: a.if_text("category").and_then(|text| category::said(&text)),
    })
}

//! What contracts said, as far as it matters here.

use capstan_primitives::{Address, Amount, BlockRef, Hash, TransactionId, U256};

use super::market::{MarketId, Side};

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) origin: Origin,
    /// What happened, or why that cannot be told.
    pub(crate) content: Result<Content, Unusable>,
}

/// Where an event comes from. Its identity is the chain, the block's hash and the log index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Position in the chain's log.
    pub(crate) position: u64,
    pub(crate) block: BlockRef,
    pub(crate) transaction: TransactionId,
    pub(crate) log_index: u32,
    /// Emitting contract.
    pub(crate) address: Address,
    /// Kind, as the indexer gave it.
    pub(crate) kind: String,
}

/// Why an event has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// An argument is not there.
    #[error("argument {0} is missing")]
    Missing(&'static str),
    /// An argument has a form that its type does not allow.
    #[error("argument {name}: {problem}")]
    Malformed {
        /// Name of the argument.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A kind that nothing here handles.
    #[error("a kind that is not handled")]
    Kind,
    /// The event contradicts what the log said before, or needs something that it never said.
    #[error("{0}")]
    Contradiction(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// `ConditionPreparation`.
    ConditionPrepared { condition_id: Hash, oracle: Address, question_id: Hash, outcome_slot_count: u32 },
    /// `ConditionResolution`: the payout numerators by outcome.
    ConditionResolved { condition_id: Hash, payouts: Vec<Amount> },
    /// `PositionSplit`.
    Split(SetChange),
    /// `PositionsMerge`.
    Merged(SetChange),
    /// `PayoutRedemption`.
    Redeemed(Redemption),
    /// `TransferSingle` or `TransferBatch`: token and amount of every item.
    Transferred { from: Address, to: Address, items: Vec<(U256, Amount)> },
    /// `FixedProductMarketMakerCreation`.
    PoolCreated(PoolCreated),
    /// `FPMMBuy` or `FPMMSell`.
    Traded(Trade),
    /// `FPMMFundingAdded`.
    LiquidityAdded(Liquidity),
    /// `FPMMFundingRemoved`.
    LiquidityRemoved(Liquidity),
    /// `market.created`.
    MarketCreated(MarketCreated),
    /// `market.amm_deployed`.
    PoolAnnounced { market_id: MarketId, pool: Address },
    /// `market.resolved`.
    MarketResolved { market_id: MarketId, payouts: Vec<Amount> },
}

/// A split or a merge of positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetChange {
    pub(crate) stakeholder: Address,
    pub(crate) collateral: Address,
    /// Collection that is split further; zero for collateral itself.
    pub(crate) parent: Hash,
    pub(crate) condition_id: Hash,
    pub(crate) partition: Vec<U256>,
    pub(crate) amount: Amount,
}

/// A redemption of positions: all that the redeemer has of every index set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) redeemer: Address,
    pub(crate) collateral: Address,
    /// Collection below which the positions are; zero for collateral itself.
    pub(crate) parent: Hash,
    pub(crate) condition_id: Hash,
    pub(crate) index_sets: Vec<U256>,
    pub(crate) payout: Amount,
}

/// Liquidity that was added to, or removed from, the emitting pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Liquidity {
    pub(crate) funder: Address,
    /// Outcome tokens that stayed in the pool, or left it.
    pub(crate) amounts: Vec<Amount>,
    /// Collateral that was paid out of the pool's fees.
    pub(crate) fees: Amount,
    /// Shares that were minted or burnt.
    pub(crate) shares: Amount,
}

/// A new pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PoolCreated {
    pub(crate) creator: Address,
    pub(crate) pool: Address,
    pub(crate) conditional_tokens: Address,
    pub(crate) collateral: Address,
    pub(crate) condition_ids: Vec<Hash>,
    /// Share of 10^18.
    pub(crate) fee: Amount,
}

/// A trade with the emitting pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) trader: Address,
    pub(crate) side: Side,
    pub(crate) outcome_index: u32,
    /// Paid by a buyer with the fee, received by a seller without it.
    pub(crate) collateral: Amount,
    pub(crate) fee: Amount,
    /// Outcome tokens.
    pub(crate) amount: Amount,
}

/// A market that a factory announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarketCreated {
    pub(crate) market_id: MarketId,
    pub(crate) condition_id: Hash,
    pub(crate) creator: Address,
    pub(crate) collateral: Address,
    pub(crate) question_id: Option<Hash>,
    pub(crate) question: Option<String>,
    pub(crate) outcomes: Vec<String>,
    /// Seconds since 1970.
    pub(crate) resolution_time: Option<u64>,
    /// A name that the factory gave, good or not.
    pub(crate) slug: Option<String>,
    pub(crate) category: Option<String>,
}

/// One step along the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: StepKind,
    /// Cursor after the step.
    pub(crate) cursor: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// Events to apply.
    Apply {
        events: Vec<Event>,
        /// The newest block that is covered.
        block: BlockRef,
        /// Whether all events of that block are here now.
        complete: bool,
        finalized: Option<u64>,
    },
    /// Blocks to take back.
    Undo { last_valid: Option<BlockRef> },
    /// Nothing matched through this block.
    Pass { block: Option<BlockRef>, finalized: Option<u64> },
}

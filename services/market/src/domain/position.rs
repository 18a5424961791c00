//! Outcome tokens in the hands of users.

use bigdecimal::num_bigint::BigInt;
use capstan_primitives::{Address, Amount, ChainId, Price, U256};

use super::{
    costs::{Costs, integer},
    market::{Market, MarketId},
    state::Holding,
};

/// Tokens of one outcome in the hands of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) chain: ChainId,
    pub(crate) market_id: MarketId,
    pub(crate) outcome_index: u32,
    /// Name of the outcome, when the chain says it.
    pub(crate) outcome: Option<String>,
    /// The ConditionalTokens contract.
    pub(crate) contract: Address,
    /// ERC-1155 id.
    pub(crate) token: U256,
    pub(crate) holder: Address,
    pub(crate) amount: Amount,
    /// Marginal price of the outcome; none while the pool has no liquidity.
    pub(crate) price: Option<Price>,
    pub(crate) status: PositionStatus,
    /// What redeeming it pays; none while that is not known.
    pub(crate) payout: Option<Amount>,
    /// Full sets that the holder has.
    pub(crate) mergeable: Amount,
    /// What it pays now; none while that is not known.
    pub(crate) value: Option<Amount>,
    pub(crate) costs: Costs,
    /// What its tokens of known cost are worth, less that; none while that is not known.
    pub(crate) unrealised: Option<BigInt>,
}

impl Position {
    /// So many tokens, of which nothing more is known yet.
    pub(crate) fn of(
        chain: ChainId,
        (market_id, outcome_index): (MarketId, u32),
        holding: Holding,
        amount: Amount,
    ) -> Self {
        let Holding { contract, token, holder } = holding;
        Self {
            chain,
            market_id,
            outcome_index,
            outcome: None,
            contract,
            token,
            holder,
            amount,
            price: None,
            status: PositionStatus::default(),
            payout: None,
            mergeable: Amount::ZERO,
            value: None,
            costs: Costs::default(),
            unrealised: None,
        }
    }

    /// Whose tokens of what.
    pub(crate) const fn holding(&self) -> Holding {
        Holding { contract: self.contract, token: self.token, holder: self.holder }
    }

    /// Adds what the market says, and what the user paid.
    pub(crate) fn describe(&mut self, market: &Market, prices: Option<&[Price]>, costs: Costs) {
        let index = usize::try_from(self.outcome_index).unwrap_or(usize::MAX);
        self.outcome = market.announcement.outcomes.get(index).cloned();
        self.price = prices.and_then(|prices| prices.get(index)).copied();
        (self.status, self.payout) = market.settled(index, self.amount);
        self.value = market.value(index, self.amount, self.price);
        let worth = costs.known().and_then(|known| market.value(index, known, self.price));
        self.unrealised = worth.map(|worth| integer(worth.0) - &costs.cost);
        self.costs = costs;
        if self.amount.is_zero() {
            self.status = PositionStatus::Closed;
        }
    }
}

/// What can become of a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum PositionStatus {
    #[default]
    Open,
    Redeemable,
    Lost,
    /// The holder has none of it any more.
    Closed,
}

/// Shares of a pool that a user has or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shares {
    pub(crate) chain: ChainId,
    pub(crate) market_id: MarketId,
    pub(crate) pool: Address,
    pub(crate) holder: Address,
    pub(crate) costs: Costs,
}

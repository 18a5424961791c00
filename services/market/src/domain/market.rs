//! Markets, pools and what they are made of.

use std::{fmt, str::FromStr};

use capstan_primitives::{Address, Amount, BlockRef, BlockTime, ChainId, Hash, Price, TransactionId, U256};

use super::{name::Slug, position::PositionStatus};

/// Id of a market.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum MarketId {
    /// Given by a market factory.
    Factory(Hash),
    /// The pool of a market that no factory announced.
    Pool(Address),
}

impl MarketId {
    /// The bytes: 32 of a factory's id, 20 of a pool's address.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Factory(id) => id.as_bytes(),
            Self::Pool(address) => address.as_bytes(),
        }
    }

    /// The id that is written as `bytes`; none when their number is neither 20 nor 32.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            32 => Hash::try_from(bytes).ok().map(Self::Factory),
            20 => Address::try_from(bytes).ok().map(Self::Pool),
            _ => None,
        }
    }

    /// The pool, when the id is that of a pool.
    pub(crate) const fn pool(self) -> Option<Address> {
        match self {
            Self::Factory(_) => None,
            Self::Pool(address) => Some(address),
        }
    }
}

impl FromStr for MarketId {
    type Err = String;

    /// Reads 0x and 64 hex digits, or the address of a pool.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 66 {
            return text
                .parse()
                .map(Self::Factory)
                .map_err(|error: capstan_primitives::InvalidHex| error.to_string());
        }
        let address: Address =
            text.parse().map_err(|error: capstan_primitives::InvalidAddress| error.to_string())?;
        Ok(Self::Pool(address))
    }
}

impl fmt::Display for MarketId {
    /// 0x and lower-case hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factory(id) => id.fmt(f),
            Self::Pool(address) => f.write_str(&address.to_lower_hex()),
        }
    }
}

impl fmt::Debug for MarketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which side of a pool a trade took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// The trader bought outcome tokens.
    Buy,
    /// The trader sold outcome tokens.
    Sell,
}

/// A market as it was announced, by a factory or by the creation of its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) id: MarketId,
    /// Contract that announced it.
    pub(crate) factory: Address,
    pub(crate) creator: Address,
    /// The condition; the first one of a pool that has several.
    pub(crate) condition_id: Hash,
    pub(crate) collateral: Address,
    pub(crate) question_id: Option<Hash>,
    pub(crate) question: Option<String>,
    pub(crate) outcomes: Vec<String>,
    /// Seconds since 1970.
    pub(crate) resolution_time: Option<u64>,
    pub(crate) place: Place,
    pub(crate) time: BlockTime,
    /// As the event gives it, also when an older market has the same; where markets are shown, none then.
    pub(crate) slug: Option<Slug>,
    /// As the event says it; where markets are shown, also what the configuration says.
    pub(crate) category: Option<String>,
}

/// Where in its chain something happened; orders what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) block: u64,
    pub(crate) log_index: u32,
}

/// A prepared condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The ConditionalTokens contract that knows it.
    pub(crate) contract: Address,
    pub(crate) condition_id: Hash,
    pub(crate) oracle: Address,
    pub(crate) question_id: Hash,
    pub(crate) outcome_slot_count: u32,
    pub(crate) place: Place,
}

/// The outcome tokens of a market, by outcome index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// The ConditionalTokens contract that keeps them.
    pub(crate) contract: Address,
    /// ERC-1155 ids.
    pub(crate) ids: Vec<U256>,
}

/// A pool as it was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) address: Address,
    /// Contract that made it.
    pub(crate) factory: Address,
    pub(crate) creator: Address,
    pub(crate) collateral: Address,
    pub(crate) condition_ids: Vec<Hash>,
    /// Share of 10^18.
    pub(crate) fee: Amount,
    pub(crate) tokens: Tokens,
}

/// A pool after a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PoolState {
    /// Balance of every outcome token in the pool.
    pub(crate) balances: Vec<Amount>,
    /// Collateral paid by buyers and received by sellers since the beginning.
    pub(crate) volume: Amount,
    /// Trades since the beginning.
    pub(crate) trades: u64,
}

/// A market at one block, put together from all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Market {
    pub(crate) chain: ChainId,
    /// Time of the block that it is as of.
    pub(crate) time: BlockTime,
    /// What was traded in blocks made less than a day before that.
    pub(crate) volume_of_day: Amount,
    /// The same of a week.
    pub(crate) volume_of_week: Amount,
    pub(crate) announcement: Announcement,
    pub(crate) amm: Option<Address>,
    pub(crate) fee: Option<Amount>,
    /// None while the condition was not seen.
    pub(crate) tokens: Option<Tokens>,
    /// None while there is no pool that we know of.
    pub(crate) pool: Option<PoolState>,
    /// Payout numerators by outcome; none while not resolved.
    pub(crate) payouts: Option<Vec<Amount>>,
    /// None while not resolved.
    pub(crate) settlement: Option<Settlement>,
    /// How many conditions its outcomes combine.
    pub(crate) conditions: usize,
    /// Collateral that those hold; none while the tokens are not known.
    pub(crate) open_interest: Option<Amount>,
    /// How many hold the token of each outcome now; empty while the tokens are not known, or it is another block's view.
    pub(crate) holders: Vec<u64>,
    pub(crate) updated: BlockTime,
}

/// The resolution of the condition of a market that was resolved last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) condition_id: Hash,
    /// Who reported the payouts; none when the preparation of the condition was not seen.
    pub(crate) oracle: Option<Address>,
    pub(crate) block: BlockRef,
    pub(crate) log_index: u32,
    /// None in tables that an earlier version filled.
    pub(crate) transaction: Option<TransactionId>,
}

impl Market {
    /// How many outcomes the market has.
    pub(crate) fn outcome_count(&self) -> usize {
        self.tokens.as_ref().map_or(self.announcement.outcomes.len(), |tokens| tokens.ids.len())
    }

    /// Where the market is in its life.
    pub(crate) fn status(&self) -> MarketStatus {
        match self.announcement.resolution_time {
            _ if self.payouts.is_some() => MarketStatus::Resolved,
            Some(due) if due <= self.time.0 => MarketStatus::Due,
            _ => MarketStatus::Open,
        }
    }

    /// What the tokens in the pool are worth at their marginal prices; none while there is no price.
    pub(crate) fn liquidity(&self) -> Option<Amount> {
        super::price::worth(&self.pool.as_ref()?.balances)
    }

    /// What becomes of so many tokens of an outcome, and what `redeemPositions` pays for them.
    pub(crate) fn settled(&self, outcome: usize, amount: Amount) -> (PositionStatus, Option<Amount>) {
        let Some(payouts) = &self.payouts else { return (PositionStatus::Open, None) };
        match payouts.get(outcome) {
            None => (PositionStatus::Open, None),
            Some(numerator) if numerator.is_zero() => (PositionStatus::Lost, Some(Amount::ZERO)),
            // Of several conditions each is redeemed by itself, and rounded down.
            Some(_) if self.conditions != 1 => (PositionStatus::Redeemable, None),
            Some(numerator) => {
                let sum = payouts.iter().try_fold(U256::ZERO, |sum, payout| sum.checked_add(payout.0));
                let paid = amount.0.checked_mul(numerator.0).zip(sum);
                let paid = paid.and_then(|(scaled, sum)| scaled.checked_div(sum)).map(Amount);
                (PositionStatus::Redeemable, paid)
            }
        }
    }

    /// What so many tokens of an outcome pay now: by their price, and by their payout once the market is resolved.
    pub(crate) fn value(&self, outcome: usize, amount: Amount, price: Option<Price>) -> Option<Amount> {
        match self.settled(outcome, amount) {
            (PositionStatus::Open, _) => price.and_then(|price| price.of(amount)),
            (_, payout) => payout,
        }
    }

    /// Marginal price of every outcome; none while the pool has no liquidity.
    pub(crate) fn prices(&self) -> Option<Vec<Price>> {
        super::price::marginal(&self.pool.as_ref()?.balances)
    }
}

/// Where a market is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MarketStatus {
    Open,
    /// It was to be resolved by now.
    Due,
    Resolved,
}

/// What a user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ActivityKind {
    Trade(Side),
    Split,
    Merge,
    Redeem,
    AddLiquidity,
    RemoveLiquidity,
}

/// One thing that a user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) kind: ActivityKind,
    pub(crate) user: Address,
    /// The pool; none for what was done with ConditionalTokens itself.
    pub(crate) pool: Option<Address>,
    pub(crate) condition_id: Hash,
    pub(crate) collateral: Address,
    /// Outcome of a trade.
    pub(crate) outcome_index: Option<u32>,
    /// Collateral that moved; for liquidity the fees that were paid out.
    pub(crate) collateral_amount: Amount,
    /// Outcome tokens of a trade, shares of liquidity, otherwise zero.
    pub(crate) amount: Amount,
    /// Fee of a trade, otherwise zero.
    pub(crate) fee: Amount,
    pub(crate) block: BlockRef,
    pub(crate) transaction: TransactionId,
    pub(crate) log_index: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(payouts: Option<&[u64]>, conditions: usize) -> Market {
        let announcement = Announcement {
            id: MarketId::Pool(Address::ZERO),
            factory: Address::ZERO,
            creator: Address::ZERO,
            condition_id: Hash::ZERO,
            collateral: Address::ZERO,
            question_id: None,
            question: None,
            outcomes: Vec::new(),
            resolution_time: None,
            place: Place { block: 1, log_index: 0 },
            time: BlockTime(0),
            slug: None,
            category: None,
        };
        let payouts = payouts.map(|payouts| payouts.iter().copied().map(Amount::from).collect());
        let (amm, fee, tokens, pool) = (None, None, None, None);
        Market {
            chain: ChainId(1),
            time: BlockTime(9),
            volume_of_day: Amount::ZERO,
            volume_of_week: Amount::ZERO,
            announcement,
            amm,
            fee,
            tokens,
            pool,
            payouts,
            settlement: None,
            conditions,
            open_interest: None,
            holders: Vec::new(),
            updated: BlockTime(0),
        }
    }

    #[test]
    fn a_market_is_due_from_the_second_that_it_named() {
        let mut market = market(None, 1);
        assert_eq!(market.status(), MarketStatus::Open);
        for (due, status) in [(10, MarketStatus::Open), (9, MarketStatus::Due)] {
            market.announcement.resolution_time = Some(due);
            assert_eq!(market.status(), status);
        }
        market.payouts = Some(vec![Amount::from(1), Amount::ZERO]);
        assert_eq!(market.status(), MarketStatus::Resolved);
    }

    #[test]
    fn a_position_settles_as_the_contract_pays_it() {
        use PositionStatus::{Lost, Open, Redeemable};
        let amount = Amount::from;
        assert_eq!(market(None, 1).settled(0, amount(10)), (Open, None));
        let split = market(Some(&[1, 0, 2]), 1);
        assert_eq!(split.settled(0, amount(10)), (Redeemable, Some(amount(3))));
        assert_eq!(split.settled(1, amount(10)), (Lost, Some(Amount::ZERO)));
        assert_eq!(split.settled(2, amount(10)), (Redeemable, Some(amount(6))));
        let two = market(Some(&[1, 0, 2, 0]), 2);
        assert_eq!((two.settled(2, amount(10)), two.settled(3, amount(1)).0), ((Redeemable, None), Lost));
        // The contract multiplies first, and reverts.
        assert_eq!(split.settled(2, Amount(U256::MAX)), (Redeemable, None));
    }
}

//! What a block did to markets and to the tokens of users.

use std::fmt;

use capstan_primitives::{Address, Amount, AmountError, U256};

use super::market::MarketId;

/// What happened to a market, in the order of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum MarketEvent {
    ConditionPrepared,
    Created,
    PoolDeployed,
    /// One of several conditions; others are not yet.
    ConditionResolved,
    Resolved,
}

/// Tokens that came to a holder, less those that left.
///
/// It is the difference of two balances at any moment of a block, so it never overflows when transfers are added in
/// the order in which they happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Net {
    #[default]
    Nothing,
    More(Amount),
    Less(Amount),
}

impl Net {
    /// After `amount` came.
    pub(crate) fn received(self, amount: Amount) -> Result<Self, AmountError> {
        match self {
            Self::Nothing => Ok(Self::more(amount)),
            Self::More(before) => before.plus(amount).map(Self::more),
            Self::Less(before) if before.0 >= amount.0 => before.minus(amount).map(Self::less),
            Self::Less(before) => amount.minus(before).map(Self::more),
        }
    }

    /// After `amount` left.
    pub(crate) fn sent(self, amount: Amount) -> Result<Self, AmountError> {
        self.reversed().received(amount).map(Self::reversed)
    }

    const fn reversed(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::More(amount) => Self::Less(amount),
            Self::Less(amount) => Self::More(amount),
        }
    }

    fn more(amount: Amount) -> Self {
        if amount.is_zero() { Self::Nothing } else { Self::More(amount) }
    }

    fn less(amount: Amount) -> Self {
        Self::more(amount).reversed()
    }
}

impl fmt::Display for Net {
    /// A decimal integer, with "-" in front when more left than came.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("0"),
            Self::More(amount) => amount.fmt(f),
            Self::Less(amount) => write!(f, "-{amount}"),
        }
    }
}

/// What a block did to the tokens of one outcome that a user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PositionChange {
    pub(crate) market: MarketId,
    pub(crate) outcome_index: u32,
    /// ERC-1155 id.
    pub(crate) token: U256,
    pub(crate) holder: Address,
    pub(crate) change: Net,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_net_is_the_difference_of_the_balances(start: u64, moves in prop::collection::vec(any::<(bool, u64)>(), 0..20)) {
            let (mut balance, mut net) = (i128::from(start), Net::default());
            for (comes, amount) in moves {
                net = if comes { net.received(Amount::from(amount)) } else { net.sent(Amount::from(amount)) }.unwrap();
                balance += if comes { i128::from(amount) } else { -i128::from(amount) };
            }
            prop_assert_eq!(net.to_string(), (balance - i128::from(start)).to_string());
        }
    }

    #[test]
    fn the_largest_balance_may_go_and_come_again() {
        let most = Amount(U256::MAX);
        let net = Net::default().sent(most).unwrap();
        assert_eq!(net, Net::Less(most));
        let net = net.received(most).unwrap().received(most).unwrap();
        assert_eq!(net, Net::More(most));
        assert!(net.received(Amount::from(1)).is_err());
    }
}

//! What users paid for their tokens, by total cost and in whole units: no average is ever stored.
//!
//! Every change is a row of numbers that are added up, so that taking blocks back is subtracting them. What was
//! given away takes its cost along into `unmatched`, and so does the price of what was sold without a known cost:
//! over everything that a user has of one collateral, realised + unmatched − cost is what it received in collateral
//! less what it paid.

mod post;

use bigdecimal::num_bigint::{BigInt, Sign};
use capstan_primitives::{Address, Amount, Price, U256};

pub(crate) use post::post;

use super::{market::Place, state::Holding};

/// The books of one user's tokens of one kind, or a change of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Costs {
    /// Tokens whose cost is known.
    pub(crate) quantity: BigInt,
    /// Tokens that somebody gave: nobody knows what they cost.
    pub(crate) unknown: BigInt,
    /// What `quantity` cost.
    pub(crate) cost: BigInt,
    /// Collateral received for tokens of known cost, less that cost.
    pub(crate) realised: BigInt,
    /// Collateral received for tokens of unknown cost, less the cost of tokens given away.
    pub(crate) unmatched: BigInt,
    /// Everything that was ever paid or given in exchange for these tokens.
    pub(crate) invested: BigInt,
    /// Fees of the trades.
    pub(crate) fees: BigInt,
}

impl Costs {
    /// The numbers by themselves.
    pub(crate) const fn numbers(&self) -> [&BigInt; 7] {
        let Self { quantity, unknown, cost, realised, unmatched, invested, fees } = self;
        [quantity, unknown, cost, realised, unmatched, invested, fees]
    }

    const fn numbers_mut(&mut self) -> [&mut BigInt; 7] {
        let Self { quantity, unknown, cost, realised, unmatched, invested, fees } = self;
        [quantity, unknown, cost, realised, unmatched, invested, fees]
    }

    /// Whether nothing ever happened, or all of it was taken back.
    pub(crate) fn is_nothing(&self) -> bool {
        self.numbers().into_iter().all(|number| *number == BigInt::ZERO)
    }

    /// Makes a change.
    pub(crate) fn add(&mut self, change: &Self) {
        self.numbers_mut().into_iter().zip(change.numbers()).for_each(|(mine, other)| *mine += other);
    }

    /// Takes a change back.
    pub(crate) fn subtract(&mut self, change: &Self) {
        self.numbers_mut().into_iter().zip(change.numbers()).for_each(|(mine, other)| *mine -= other);
    }

    /// What one token of known cost cost, rounded down; none without such tokens.
    pub(crate) fn average(&self) -> Option<Price> {
        Price::ratio(self.cost()?, self.known()?)
    }

    /// Tokens whose cost is known, when 256 bits have room for them.
    pub(crate) fn known(&self) -> Option<Amount> {
        amount(&self.quantity)
    }

    fn cost(&self) -> Option<Amount> {
        amount(&self.cost)
    }

    /// Tokens that the ERC-1155 transfers have and these books do not, below zero the other way round.
    pub(crate) fn difference(&self, balance: Amount) -> BigInt {
        integer(balance.0) - &self.quantity - &self.unknown
    }
}

/// A change of a user's books, where the log says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) place: Place,
    pub(crate) user: Address,
    pub(crate) deal: Deal,
}

/// Tokens of one kind: an ERC-1155 token of a contract, or shares of a pool, which have the pool and zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asset {
    pub(crate) contract: Address,
    pub(crate) token: U256,
}

impl Asset {
    /// Shares of a pool.
    pub(crate) const fn shares(pool: Address) -> Self {
        Self { contract: pool, token: U256::ZERO }
    }

    /// The same in somebody's hands.
    pub(crate) const fn of(self, holder: Address) -> Holding {
        Holding { contract: self.contract, token: self.token, holder }
    }
}

/// What happened to the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deal {
    /// Collateral became tokens. `paid` has the fee in it.
    Bought { asset: Asset, amount: Amount, paid: Amount, fee: Amount },
    /// Tokens became collateral. `received` is without the fee.
    Sold { asset: Asset, amount: Amount, received: Amount, fee: Amount },
    /// Tokens became other tokens, which take their cost over.
    Converted { given: Vec<(Asset, Amount)>, got: Vec<(Asset, Amount)> },
    /// Somebody gave tokens.
    Received { asset: Asset, amount: Amount },
    /// Tokens went to somebody for nothing.
    GivenAway { asset: Asset, amount: Amount },
    /// Tokens brought collateral and stayed.
    Earned { asset: Asset, amount: Amount },
}

impl Deal {
    /// Whose books it changes.
    pub(crate) fn assets(&self) -> impl Iterator<Item = Asset> {
        let (one, given, got) = match self {
            Self::Converted { given, got } => (None, given.as_slice(), got.as_slice()),
            Self::Bought { asset, .. }
            | Self::Sold { asset, .. }
            | Self::Received { asset, .. }
            | Self::GivenAway { asset, .. }
            | Self::Earned { asset, .. } => (Some(*asset), &[][..], &[][..]),
        };
        one.into_iter().chain(given.iter().chain(got).map(|(asset, _)| *asset))
    }
}

/// One row of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    /// Number within its block.
    pub(crate) item: u32,
    pub(crate) holding: Holding,
    pub(crate) change: Costs,
}

/// A number of tokens or of collateral.
pub(crate) fn integer(number: U256) -> BigInt {
    BigInt::from_bytes_be(Sign::Plus, &number.to_be_bytes::<32>())
}

fn amount(number: &BigInt) -> Option<Amount> {
    let (sign, bytes) = number.to_bytes_be();
    (sign != Sign::Minus).then(|| U256::try_from_be_slice(&bytes)).flatten().map(Amount)
}

#[cfg(test)]
mod tests;

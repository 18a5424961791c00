//! What a trade with a fixed product pool moves, in the integers of FixedProductMarketMaker.sol: where the
//! contract reverts, and where its numbers would not fit 256 bits, there is no trade.

use capstan_primitives::{Amount, Price, U256};

use super::{market::Side, price};

/// Fees are fractions of this.
const ONE: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// A pool as a trade meets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool<'a> {
    /// Balance of every outcome token.
    pub(crate) balances: &'a [Amount],
    /// Share of 10^18.
    pub(crate) fee: Amount,
}

/// What is wanted of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To pay this much collateral with the fee, or to get this much without it.
    Collateral(Amount),
    /// To get at least so many tokens for as little as possible, or to give at most so many for as much as
    /// possible.
    Tokens(Amount),
}

/// A trade that a pool would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quote {
    /// Paid by a buyer with the fee, received by a seller without it.
    pub(crate) collateral: Amount,
    /// Outcome tokens.
    pub(crate) tokens: Amount,
    pub(crate) fee: Amount,
    /// Balance of every outcome token after it.
    pub(crate) after: Vec<Amount>,
}

impl Pool<'_> {
    /// The trade that meets a wish; none when the contract would revert.
    pub(crate) fn quote(self, side: Side, outcome: usize, wish: Wish) -> Option<Quote> {
        match (side, wish) {
            (Side::Buy, Wish::Collateral(paid)) => self.buy(paid.0, outcome),
            (Side::Buy, Wish::Tokens(tokens)) => self.buy_at_least(tokens.0, outcome),
            (Side::Sell, Wish::Collateral(received)) => self.sell(received.0, outcome),
            (Side::Sell, Wish::Tokens(tokens)) => self.sell_at_most(tokens.0, outcome),
        }
    }

    /// `calcBuyAmount` and `buy`.
    fn buy(self, paid: U256, outcome: usize) -> Option<Quote> {
        let fee = paid.checked_mul(self.fee.0)? / ONE;
        let set = paid.checked_sub(fee)?;
        let ending = self.ending(outcome, |balance| balance.checked_add(set))?;
        let tokens = self.balance(outcome)?.checked_add(set)?.checked_sub(ending)?;
        let after = |balance: U256| balance.checked_add(set);
        Some(Quote {
            collateral: Amount(paid),
            tokens: Amount(tokens),
            fee: Amount(fee),
            after: self.after(outcome, after, |balance| balance.checked_add(set)?.checked_sub(tokens))?,
        })
    }

    /// `calcSellAmount` and `sell`.
    fn sell(self, received: U256, outcome: usize) -> Option<Quote> {
        let rest = ONE.checked_sub(self.fee.0)?;
        let set = received.checked_mul(ONE)?.checked_div(rest)?;
        let ending = self.ending(outcome, |balance| balance.checked_sub(set))?;
        let tokens = set.checked_add(ending)?.checked_sub(self.balance(outcome)?)?;
        // The contract rounds the fee apart; a set is whole, so that both come to the same.
        let fee = set.checked_sub(received)?;
        let after = |balance: U256| balance.checked_sub(set);
        Some(Quote {
            collateral: Amount(received),
            tokens: Amount(tokens),
            fee: Amount(fee),
            after: self.after(outcome, after, |balance| balance.checked_add(tokens)?.checked_sub(set))?,
        })
    }

    /// The least that buys so many tokens. A full set costs as much and holds more of each.
    fn buy_at_least(self, tokens: U256, outcome: usize) -> Option<Quote> {
        let rest = ONE.checked_sub(self.fee.0)?;
        let enough = tokens.checked_mul(ONE)?.checked_div(rest)?.checked_add(U256::from(2))?;
        let gets = |paid| self.buy(paid, outcome).is_some_and(|quote| quote.tokens.0 >= tokens);
        self.buy(least(enough, gets)?, outcome)
    }

    /// The most that so many tokens sell for. More takes more, until the pool cannot pay it.
    fn sell_at_most(self, tokens: U256, outcome: usize) -> Option<Quote> {
        let all = self.balances.iter().map(|balance| balance.0).min()?;
        let costs = |received| self.sell(received, outcome).is_none_or(|quote| quote.tokens.0 > tokens);
        let first_too_much = least(all.checked_add(U256::from(1))?, costs)?;
        self.sell(first_too_much.checked_sub(U256::from(1))?, outcome)
    }

    /// The balance of `outcome` that keeps the product, when the others become what `other` says.
    fn ending(self, outcome: usize, other: impl Fn(U256) -> Option<U256>) -> Option<U256> {
        let mut ending = self.balance(outcome)?.checked_mul(ONE)?;
        for (_, balance) in self.balances.iter().enumerate().filter(|(index, _)| *index != outcome) {
            ending = divided_up(ending.checked_mul(balance.0)?, other(balance.0)?)?;
        }
        if ending.is_zero() { None } else { divided_up(ending, ONE) }
    }

    fn after(
        self,
        outcome: usize,
        other: impl Fn(U256) -> Option<U256>,
        own: impl Fn(U256) -> Option<U256>,
    ) -> Option<Vec<Amount>> {
        let after = |(index, balance): (usize, &Amount)| {
            let after = if index == outcome { own(balance.0) } else { other(balance.0) };
            after.map(Amount)
        };
        self.balances.iter().enumerate().map(after).collect()
    }

    fn balance(self, outcome: usize) -> Option<U256> {
        self.balances.get(outcome).map(|balance| balance.0)
    }
}

impl Quote {
    /// Collateral for each token, fee included: what the trader pays or gets.
    pub(crate) fn average_price(&self) -> Option<Price> {
        Price::ratio(self.collateral, self.tokens)
    }

    /// How much worse than the marginal price `before` the pool trades, as a share of it and without the
    /// fee.
    pub(crate) fn impact(&self, side: Side, before: Price) -> Option<Price> {
        let without_fee = match side {
            Side::Buy => self.collateral.minus(self.fee).ok()?,
            Side::Sell => self.collateral.plus(self.fee).ok()?,
        };
        let average = Price::ratio(without_fee, self.tokens)?.units();
        let worse = match side {
            Side::Buy => average.saturating_sub(before.units()),
            Side::Sell => before.units().saturating_sub(average),
        };
        Price::ratio(Amount(worse), Amount(before.units()))
    }

    /// Marginal price of every outcome after it.
    pub(crate) fn prices_after(&self) -> Option<Vec<Price>> {
        price::marginal(&self.after)
    }

    /// The worst that the trader accepts, for the contract's guard: tokens that a buyer gets at least, or a
    /// seller gives at most. `slippage` is in hundredths of a percent.
    pub(crate) fn guard(&self, side: Side, slippage: u32) -> Amount {
        const ALL: U256 = U256::from_limbs([10_000, 0, 0, 0]);
        let slippage = U256::from(slippage).min(ALL);
        let share = |rate: U256, up: bool| {
            let scaled = self.tokens.0.checked_mul(rate);
            // Numbers that do not fit are far from any token's supply.
            let scaled = scaled.unwrap_or(U256::MAX);
            if up { scaled.div_ceil(ALL) } else { scaled / ALL }
        };
        Amount(match side {
            Side::Buy => share(ALL.saturating_sub(slippage), false),
            Side::Sell => share(ALL.saturating_add(slippage), true),
        })
    }
}

/// The least number through `most` for which `holds`, which stays true from there on; none when it never does.
fn least(most: U256, holds: impl Fn(U256) -> bool) -> Option<U256> {
    let (mut low, mut high) = (U256::ZERO, most);
    if !holds(high) {
        return None;
    }
    while low < high {
        let middle = low + ((high - low) >> 1);
        if holds(middle) { high = middle } else { low = middle + U256::from(1) }
    }
    Some(low)
}

/// `ceildiv`; none when the divisor is zero.
fn divided_up(number: U256, by: U256) -> Option<U256> {
    if by.is_zero() { None } else { Some(number.div_ceil(by)) }
}

#[cfg(test)]
mod tests;

//! Balancer V2 weighted pools, to the last unit.

mod fixed;
mod power;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use capstan_primitives::{Address, U256};

use self::fixed::{
    ONE, Side, div_down, divided_up, in_given_out, mul_down, mul_up, out_given_in, power_down,
};
use super::{
    change::{BalanceChange, Change, Unusable},
    math::div_up,
    pool::{Pool, Protocol, Refusal, State, Swap, Way},
    rate::Rate,
};

/// Gas of a swap with one pool, the vault's transfers included.
const GAS: u64 = 100_000;
/// The vault keeps balances in so many bits.
const BALANCE_BITS: usize = 112;
/// Digits that pools calculate with.
const DIGITS: u8 = 18;
/// Units of 10^-18 in a millionth.
const MILLIONTH: u64 = 1_000_000_000_000;
const WHOLE_BPS: u64 = 10_000;

/// How a pool raises to powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// By logarithms always: pools of the factories of April 2021.
    Logarithms,
    /// By multiplication when the exponent is 1, 2 or 4: pools of later factories.
    Shortcuts,
}

/// A token of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The token.
    pub token: Address,
    /// Its decimals, 18 at most.
    pub decimals: u8,
    /// Its weight, an integer of 10^-18.
    pub weight: U256,
}

/// A weighted pool.
#[derive(Debug, Clone)]
pub struct Weighted {
    setup: Arc<Setup>,
    /// An integer of 10^-18.
    swap_fee: U256,
    balances: Vec<U256>,
}

/// What never changes.
#[derive(Debug)]
struct Setup {
    arithmetic: Arithmetic,
    tokens: Vec<Address>,
    weights: Vec<U256>,
    /// What a smallest unit is worth with 18 digits.
    factors: Vec<U256>,
}

/// One token's side of a swap.
#[derive(Debug, Clone, Copy)]
struct Scaled {
    raw: U256,
    factor: U256,
    side: Side,
}

impl Weighted {
    /// An empty pool of `parts` in the contract's order, with a fee that is an integer of 10^-18.
    ///
    /// # Errors
    /// When no contract can have them.
    pub fn new(arithmetic: Arithmetic, parts: &[Part], swap_fee: U256) -> Result<Self, Unusable> {
        let factors = parts.iter().map(|part| {
            let missing = DIGITS.checked_sub(part.decimals)?;
            Some(U256::from(10).pow(U256::from(missing)))
        });
        let factors: Option<Vec<U256>> = factors.collect();
        let factors =
            factors.ok_or_else(|| Unusable("a token of a weighted pool has over 18 decimals".to_owned()))?;
        if parts.iter().any(|part| part.weight.is_zero()) || u8::try_from(parts.len()).is_err() {
            return Err(Unusable(
                "a weighted pool has a token without weight, or over 255 of them".to_owned(),
            ));
        }
        let tokens = parts.iter().map(|part| part.token).collect();
        let weights = parts.iter().map(|part| part.weight).collect();
        let setup = Arc::new(Setup { arithmetic, tokens, weights, factors });
        let balances = vec![U256::ZERO; parts.len()];
        Self { setup, swap_fee: U256::ZERO, balances }.with_swap_fee(swap_fee)
    }

    fn with_swap_fee(&self, swap_fee: U256) -> Result<Self, Unusable> {
        if swap_fee >= ONE {
            return Err(Unusable(format!("a swap fee of {swap_fee} is everything")));
        }
        Ok(Self { swap_fee, ..self.clone() })
    }

    fn with_balances(&self, changes: &[BalanceChange]) -> Result<Self, Unusable> {
        let mut changed = self.clone();
        for change in changes {
            let place = self.setup.tokens.iter().position(|token| *token == change.token);
            let balance = place.and_then(|place| changed.balances.get_mut(place));
            let balance =
                balance.ok_or_else(|| Unusable(format!("{} is no token of the pool", change.token)))?;
            let new = balance.checked_add(change.added).and_then(|sum| sum.checked_sub(change.removed));
            *balance =
                new.ok_or_else(|| Unusable(format!("the pool has not so much of {}", change.token)))?;
        }
        Ok(changed)
    }

    fn scaled(&self, place: u8) -> Option<Scaled> {
        let place = usize::from(place);
        let (raw, factor) = (*self.balances.get(place)?, *self.setup.factors.get(place)?);
        let side = Side { balance: raw.checked_mul(factor)?, weight: *self.setup.weights.get(place)? };
        Some(Scaled { raw, factor, side })
    }

    /// The token that is given and the one that is wanted.
    fn sides(&self, way: Way) -> Result<(Scaled, Scaled), Refusal> {
        if way.from == way.to {
            return Err(Refusal::Way);
        }
        let given = self.scaled(way.from).ok_or(Refusal::Way)?;
        let wanted = self.scaled(way.to).ok_or(Refusal::Way)?;
        if given.raw.is_zero() || wanted.raw.is_zero() {
            Err(Refusal::Liquidity)
        } else {
            Ok((given, wanted))
        }
    }

    fn out_for(&self, (given, wanted): (Scaled, Scaled), amount: U256) -> Option<U256> {
        let net = amount.checked_sub(mul_up(amount, self.swap_fee)?)?.checked_mul(given.factor)?;
        out_given_in(self.setup.arithmetic, (given.side, wanted.side), net)?.checked_div(wanted.factor)
    }

    fn in_for(&self, (given, wanted): (Scaled, Scaled), amount: U256) -> Option<U256> {
        let amount = amount.checked_mul(wanted.factor)?;
        let net = in_given_out(self.setup.arithmetic, (given.side, wanted.side), amount)?;
        divided_up(div_up(net, given.factor)?, ONE.checked_sub(self.swap_fee)?)
    }

    /// The largest amount of which no more than `net` is left after the fee.
    fn gross(&self, net: U256) -> Option<U256> {
        let more = net.checked_add(U256::ONE)?.checked_mul(ONE)?.checked_sub(U256::ONE)?;
        more.checked_div(ONE.checked_sub(self.swap_fee)?)
    }

    fn most_in(&self, (given, _): (Scaled, Scaled)) -> Option<U256> {
        let net = given.side.limit()?.checked_div(given.factor)?;
        Some(self.gross(net)?.min(room(given)))
    }

    /// The net amount that moves the price so far. When what is given grows by a factor r, what is wanted shrinks by r to the
    /// power of the weights' ratio, and the price by their product.
    fn net_to_move(&self, (given, wanted): (Scaled, Scaled), bps: u32) -> Option<U256> {
        let left = WHOLE_BPS.checked_sub(bps.into()).filter(|left| *left > 0)?;
        let base = div_down(U256::from(WHOLE_BPS), U256::from(left))?;
        let weights = given.side.weight.checked_add(wanted.side.weight)?;
        let grown = power_down(base, div_down(wanted.side.weight, weights)?)?;
        mul_down(given.raw, grown.saturating_sub(ONE))
    }
}

/// What the vault has still room for.
fn room(given: Scaled) -> U256 {
    U256::ONE.wrapping_shl(BALANCE_BITS).wrapping_sub(U256::ONE).saturating_sub(given.raw)
}

impl Pool for Weighted {
    fn protocol(&self) -> Protocol {
        Protocol::BalancerWeighted
    }

    fn tokens(&self) -> &[Address] {
        &self.setup.tokens
    }

    fn fee_ppm(&self, _way: Way) -> u32 {
        u32::try_from(self.swap_fee / U256::from(MILLIONTH)).unwrap_or(u32::MAX)
    }

    fn quote_exact_in(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        let sides = self.sides(way)?;
        if amount > room(sides.0) {
            return Err(Refusal::Liquidity);
        }
        let amount_out = self.out_for(sides, amount).ok_or(Refusal::Liquidity)?;
        Ok(Swap { way, amount_in: amount, amount_out, end: None })
    }

    fn quote_exact_out(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        let sides = self.sides(way)?;
        let amount_in = self.in_for(sides, amount).filter(|needed| *needed <= room(sides.0));
        Ok(Swap { way, amount_in: amount_in.ok_or(Refusal::Liquidity)?, amount_out: amount, end: None })
    }

    fn after(&self, swap: &Swap) -> Arc<dyn Pool> {
        let mut after = self.clone();
        if let Some(given) = after.balances.get_mut(usize::from(swap.way.from)) {
            *given = given.saturating_add(swap.amount_in);
        }
        if let Some(wanted) = after.balances.get_mut(usize::from(swap.way.to)) {
            *wanted = wanted.saturating_sub(swap.amount_out);
        }
        Arc::new(after)
    }

    fn applied(&self, change: &Change) -> Result<Arc<dyn Pool>, Unusable> {
        match change {
            Change::Balances(changes) => Ok(Arc::new(self.with_balances(changes)?)),
            Change::SwapFee(swap_fee) => Ok(Arc::new(self.with_swap_fee(*swap_fee)?)),
            Change::Whole(State::Reserves { amounts, weights, swap_fee: Some(swap_fee) })
                if *weights == self.setup.weights && amounts.len() == weights.len() =>
            {
                Ok(Arc::new(Self { balances: amounts.clone(), ..self.with_swap_fee(*swap_fee)? }))
            }
            _ => Err(Unusable::kind(change)),
        }
    }

    fn spot_price(&self, way: Way) -> Option<Rate> {
        let (given, wanted) = self.sides(way).ok()?;
        let balances = Rate::ratio(wanted.raw, given.raw)?;
        Some(balances.times(Rate::ratio(given.side.weight, wanted.side.weight)?))
    }

    fn gas(&self, _swap: &Swap) -> u64 {
        GAS
    }

    fn max_in(&self, way: Way) -> U256 {
        self.sides(way).ok().and_then(|sides| self.most_in(sides)).unwrap_or_default()
    }

    fn max_out(&self, way: Way) -> U256 {
        let Ok(sides) = self.sides(way) else { return U256::ZERO };
        let limit =
            sides.1.side.limit().and_then(|limit| limit.checked_div(sides.1.factor)).unwrap_or_default();
        let fits = |amount: U256| self.in_for(sides, amount).is_some_and(|needed| needed <= room(sides.0));
        if fits(limit) {
            return limit;
        }
        // Where the vault has no room for what that costs: as much as it has room for.
        let (mut most, mut too_much) = (U256::ZERO, limit);
        while most.saturating_add(U256::ONE) < too_much {
            let middle = most.saturating_add(too_much.saturating_sub(most).wrapping_shr(1));
            if fits(middle) { most = middle } else { too_much = middle }
        }
        most
    }

    fn moving(&self, way: Way, bps: u32) -> Option<Swap> {
        let sides = self.sides(way).ok()?;
        let gross = self.gross(self.net_to_move(sides, bps)?)?;
        self.quote_exact_in(way, gross.min(self.most_in(sides)?)).ok()
    }

    fn state(&self) -> State {
        State::Reserves {
            amounts: self.balances.clone(),
            weights: self.setup.weights.clone(),
            swap_fee: Some(self.swap_fee),
        }
    }
}

//! ERC-4626 vaults: shares of a pool of one asset, to the last unit.

use std::sync::Arc;

use capstan_primitives::{Address, U256};

use super::{
    change::{Change, Unusable},
    math::{mul_div, mul_div_up},
    pool::{Pool, Protocol, Refusal, State, Swap, Way},
    rate::Rate,
};

/// Gas of a deposit or redemption, its transfers included.
const GAS: u64 = 90_000;

/// How a vault counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shares {
    /// As OpenZeppelin's do since 4.9: one unit of the asset and 10^offset shares are always there.
    Virtual {
        /// How many decimals more shares have than the asset.
        offset: u8,
    },
    /// As solmate's do: the first shares are worth one unit each, and nobody gives for nothing.
    Plain,
}

/// A vault: the asset first, then the share.
#[derive(Debug, Clone)]
pub struct Vault {
    tokens: [Address; 2],
    model: Shares,
    assets: U256,
    shares: U256,
}

impl Vault {
    /// An empty vault.
    #[must_use]
    pub const fn new(asset: Address, share: Address, model: Shares) -> Self {
        Self { tokens: [asset, share], model, assets: U256::ZERO, shares: U256::ZERO }
    }

    /// Assets and shares that are worth the same; `None` for a vault that cannot count.
    fn price(&self) -> Option<(U256, U256)> {
        match self.model {
            Shares::Virtual { offset } => {
                let shares = U256::from(10).checked_pow(U256::from(offset))?;
                Some((self.assets.checked_add(U256::ONE)?, self.shares.checked_add(shares)?))
            }
            Shares::Plain if self.shares.is_zero() => Some((U256::ONE, U256::ONE)),
            Shares::Plain if self.assets.is_zero() => None,
            Shares::Plain => Some((self.assets, self.shares)),
        }
    }

    /// What a unit that is given is worth, as a fraction: worth of how many.
    fn rate(&self, way: Way) -> Result<(U256, U256), Refusal> {
        let (assets, shares) = self.price().ok_or(Refusal::Liquidity)?;
        match way {
            Way::DOWN => Ok((shares, assets)),
            Way::UP => Ok((assets, shares)),
            _ => Err(Refusal::Way),
        }
    }

    /// The most of what is given that there can be, and of what is wanted.
    const fn caps(&self, way: Way) -> (U256, U256) {
        match way {
            Way::DOWN => (U256::MAX.wrapping_sub(self.assets), U256::MAX.wrapping_sub(self.shares)),
            _ => (self.shares, self.assets),
        }
    }

    /// The largest number that the contract multiplies by `factor`: only the virtual model's products may be over 2^256.
    fn largest(&self, factor: U256) -> U256 {
        match self.model {
            Shares::Plain => U256::MAX.checked_div(factor).unwrap_or_default(),
            Shares::Virtual { .. } => U256::MAX,
        }
    }

    fn swap(&self, way: Way, amount_in: U256, amount_out: U256) -> Result<Swap, Refusal> {
        let (most_in, most_out) = self.caps(way);
        let is_for_nothing = self.model == Shares::Plain && amount_out.is_zero();
        if amount_in > most_in || amount_out > most_out || is_for_nothing {
            return Err(Refusal::Liquidity);
        }
        Ok(Swap { way, amount_in, amount_out, end: None })
    }
}

impl Pool for Vault {
    fn protocol(&self) -> Protocol {
        Protocol::Erc4626
    }

    fn tokens(&self) -> &[Address] {
        &self.tokens
    }

    fn fee_ppm(&self, _way: Way) -> u32 {
        0
    }

    fn quote_exact_in(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        let (worth, of) = self.rate(way)?;
        let product = (amount <= self.largest(worth)).then_some(amount);
        let out = product.and_then(|amount| mul_div(amount, worth, of)).ok_or(Refusal::Liquidity)?;
        self.swap(way, amount, out)
    }

    fn quote_exact_out(&self, way: Way, amount: U256) -> Result<Swap, Refusal> {
        let (worth, of) = self.rate(way)?;
        let product = (amount <= self.largest(of)).then_some(amount);
        let needed = product.and_then(|amount| mul_div_up(amount, of, worth)).ok_or(Refusal::Liquidity)?;
        self.swap(way, needed, amount)
    }

    fn after(&self, swap: &Swap) -> Arc<dyn Pool> {
        let (assets, shares) = match swap.way {
            Way::DOWN => {
                (self.assets.saturating_add(swap.amount_in), self.shares.saturating_add(swap.amount_out))
            }
            _ => (self.assets.saturating_sub(swap.amount_out), self.shares.saturating_sub(swap.amount_in)),
        };
        Arc::new(Self { assets, shares, ..self.clone() })
    }

    fn applied(&self, change: &Change) -> Result<Arc<dyn Pool>, Unusable> {
        match *change {
            Change::Totals { assets, shares } => Ok(Arc::new(Self { assets, shares, ..self.clone() })),
            _ => Err(Unusable::kind(change)),
        }
    }

    fn spot_price(&self, way: Way) -> Option<Rate> {
        let (worth, of) = self.rate(way).ok()?;
        Rate::ratio(worth, of)
    }

    fn gas(&self, _swap: &Swap) -> u64 {
        GAS
    }

    fn max_in(&self, way: Way) -> U256 {
        let Ok((worth, of)) = self.rate(way) else { return U256::ZERO };
        let (most_in, most_out) = self.caps(way);
        // The largest amount that is worth no more than there can be.
        let by_worth = match most_out.checked_add(U256::ONE) {
            Some(first_over) => mul_div_up(first_over, of, worth).map(|least| least.wrapping_sub(U256::ONE)),
            None => below_2_256(of, worth),
        };
        let most = most_in.min(by_worth.unwrap_or(U256::MAX)).min(self.largest(worth));
        if self.quote_exact_in(way, most).is_ok() { most } else { U256::ZERO }
    }

    fn max_out(&self, way: Way) -> U256 {
        let Ok((worth, of)) = self.rate(way) else { return U256::ZERO };
        let (most_in, most_out) = self.caps(way);
        let by_cost = mul_div(most_in, worth, of).unwrap_or(U256::MAX);
        most_out.min(by_cost).min(self.largest(of))
    }

    fn moving(&self, _way: Way, _bps: u32) -> Option<Swap> {
        None
    }

    fn state(&self) -> State {
        State::Reserves { amounts: vec![self.assets, self.shares], weights: Vec::new(), swap_fee: None }
    }
}

/// The largest number that times `worth` / `of`, rounded down, is below 2^256.
fn below_2_256(of: U256, worth: U256) -> Option<U256> {
    // 2^256 * of is (2^256 - 1) * of and once more `of`.
    let whole = mul_div(U256::MAX, of, worth)?;
    let rest = U256::MAX.mul_mod(of, worth).checked_add(of)?;
    whole.checked_add(mul_div_up(rest, U256::ONE, worth)?)?.checked_sub(U256::ONE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault(model: Shares, assets: u128, shares: u128) -> Vault {
        let empty = Vault::new(Address::from([1; 20]), Address::from([2; 20]), model);
        Vault { assets: U256::from(assets), shares: U256::from(shares), ..empty }
    }

    fn any_vault() -> impl Strategy<Value = Vault> {
        let model = prop::sample::select(vec![
            Shares::Plain,
            Shares::Virtual { offset: 0 },
            Shares::Virtual { offset: 6 },
        ]);
        let total = || (1_u128.., 0_u32..128).prop_map(|(total, shift)| total >> shift);
        // The first shares of a plain vault are worth all that it holds, given or not: nothing, in these.
        (model, total(), total()).prop_map(|(model, assets, shares)| match (model, shares) {
            (Shares::Plain, 0) => vault(model, 0, 0),
            _ => vault(model, assets, shares),
        })
    }

    fn out(vault: &Vault, way: Way, amount: u64) -> Option<u64> {
        vault.quote_exact_in(way, U256::from(amount)).ok().map(|swap| swap.amount_out.to())
    }

    #[test]
    fn an_empty_vault_gives_one_for_one() {
        assert_eq!(out(&vault(Shares::Plain, 0, 0), Way::DOWN, 7), Some(7));
        assert_eq!(out(&vault(Shares::Virtual { offset: 0 }, 0, 0), Way::DOWN, 7), Some(7));
        assert_eq!(out(&vault(Shares::Virtual { offset: 3 }, 0, 0), Way::DOWN, 7), Some(7_000));
        assert_eq!(out(&vault(Shares::Plain, 0, 0), Way::UP, 7), None);
        assert_eq!(vault(Shares::Plain, 0, 0).max_in(Way::UP), U256::ZERO);
    }

    #[test]
    fn shares_are_rounded_against_the_caller() {
        let vault = vault(Shares::Plain, 1_000, 300);
        assert_eq!(out(&vault, Way::DOWN, 10), Some(3));
        assert_eq!(out(&vault, Way::DOWN, 3), None, "nothing is no share");
        assert_eq!(out(&vault, Way::UP, 3), Some(10));
        assert_eq!(vault.quote_exact_out(Way::DOWN, U256::from(4)).unwrap().amount_in, U256::from(14));
        assert_eq!(vault.quote_exact_out(Way::UP, U256::from(11)).unwrap().amount_in, U256::from(4));
        assert_eq!(out(&vault, Way::UP, 301), None, "no more shares than there are");
    }

    #[test]
    fn a_vault_that_lost_everything_takes_no_more() {
        assert_eq!(out(&vault(Shares::Plain, 0, 300), Way::DOWN, 7), None);
        assert_eq!(out(&vault(Shares::Virtual { offset: 0 }, 0, 300), Way::DOWN, 7), Some(7 * 301));
        assert_eq!(vault(Shares::Plain, 0, 300).spot_price(Way::UP), None);
    }

    #[test]
    fn an_empty_vault_takes_what_makes_the_last_share() {
        let vault = vault(Shares::Virtual { offset: 6 }, 378_045, 0);
        let most = vault.max_in(Way::DOWN);
        assert!(vault.quote_exact_in(Way::DOWN, most).is_ok());
        assert!(vault.quote_exact_in(Way::DOWN, most + U256::ONE).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn nobody_profits_from_there_and_back(vault in any_vault(), amount in any::<u64>(), down in any::<bool>()) {
            let (way, amount) = (if down { Way::DOWN } else { Way::UP }, U256::from(amount));
            let Ok(there) = vault.quote_exact_in(way, amount) else { return Ok(()) };
            let back = vault.after(&there).quote_exact_in(way.back(), there.amount_out);
            prop_assert!(back.map_or(U256::ZERO, |back| back.amount_out) <= amount);
            let needed = vault.quote_exact_out(way, there.amount_out).unwrap();
            prop_assert!(needed.amount_in <= amount);
            prop_assert!(vault.quote_exact_in(way, needed.amount_in).map_or(U256::ZERO, |swap| swap.amount_out) >= there.amount_out);
        }

        #[test]
        fn more_in_gives_no_less_out(vault in any_vault(), amount in any::<u64>(), more in any::<u64>()) {
            for way in [Way::DOWN, Way::UP] {
                let amount = U256::from(amount);
                let less = vault.quote_exact_in(way, amount);
                let more = vault.quote_exact_in(way, (amount + U256::from(more)).min(vault.max_in(way)));
                if let (Ok(less), Ok(more)) = (less, more) {
                    prop_assert!(less.amount_out <= more.amount_out);
                }
            }
        }

        #[test]
        fn limits_are_the_last_that_go(vault in any_vault()) {
            for way in [Way::DOWN, Way::UP] {
                let (most_in, most_out) = (vault.max_in(way), vault.max_out(way));
                if !most_in.is_zero() {
                    prop_assert!(vault.quote_exact_in(way, most_in).is_ok());
                    prop_assert!(most_in.checked_add(U256::ONE).is_none_or(|more| vault.quote_exact_in(way, more).is_err()));
                }
                if !most_out.is_zero() {
                    prop_assert!(vault.quote_exact_out(way, most_out).is_ok());
                    prop_assert!(most_out.checked_add(U256::ONE).is_none_or(|more| vault.quote_exact_out(way, more).is_err()));
                }
            }
        }
    }
}

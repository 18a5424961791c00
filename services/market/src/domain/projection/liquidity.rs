//! Liquidity of pools: who gave it, and what it cost.

use capstan_primitives::{Address, Amount, U256};

use super::{Effect, Projection, costs::Way};
use crate::domain::{
    costs::{Asset, Deal},
    event::{Liquidity, Origin, Unusable},
    market::{Activity, ActivityKind},
};

impl Projection<'_> {
    pub(super) fn liquidity_added(&mut self, origin: &Origin, added: &Liquidity) -> Effect {
        let activity = self.pool_activity(origin, added.funder, ActivityKind::AddLiquidity)?;
        let tokens = self.pool_tokens(origin.address, added)?;
        self.changed_pools.insert(origin.address);
        let Some(user) = self.giver(origin.address, added.funder) else { return Ok(()) };
        self.changes.activities.push(Activity { user, amount: added.shares, ..activity });
        self.provided(origin, user, added, &tokens);
        Ok(())
    }

    /// What is given becomes full sets. Of each the pool sends back what its balances have no room for, which costs
    /// an equal part of a set; the shares cost the rest.
    fn provided(&mut self, origin: &Origin, user: Address, added: &Liquidity, tokens: &[Asset]) {
        let paid = added.amounts.iter().fold(U256::ZERO, |most, amount| most.max(amount.0));
        let Some(count) = u64::try_from(tokens.len()).ok().map(U256::from) else { return };
        let mut left = paid;
        for (asset, stayed) in tokens.iter().zip(&added.amounts) {
            let amount = Amount(paid.saturating_sub(stayed.0));
            if amount.is_zero() {
                continue;
            }
            let cost = amount.0.checked_div(count).unwrap_or_default();
            left = left.saturating_sub(cost);
            self.transaction.explain(Way::FromFactory, asset.of(user), amount);
            self.post(
                origin,
                user,
                Deal::Bought { asset: *asset, amount, paid: Amount(cost), fee: Amount::ZERO },
            );
        }
        let (asset, amount) = (Asset::shares(origin.address), added.shares);
        self.post(origin, user, Deal::Bought { asset, amount, paid: Amount(left), fee: Amount::ZERO });
    }

    pub(super) fn liquidity_removed(&mut self, origin: &Origin, removed: &Liquidity) -> Effect {
        let Liquidity { funder, amounts, fees, shares } = removed;
        let activity = self.pool_activity(origin, *funder, ActivityKind::RemoveLiquidity)?;
        let tokens = self.pool_tokens(origin.address, removed)?;
        self.changed_pools.insert(origin.address);
        self.changes.activities.push(Activity { collateral_amount: *fees, amount: *shares, ..activity });
        let of_pool = Asset::shares(origin.address);
        let got = tokens.into_iter().zip(amounts.iter().copied()).collect();
        self.post(origin, *funder, Deal::Converted { given: vec![(of_pool, *shares)], got });
        self.post(origin, *funder, Deal::Earned { asset: of_pool, amount: *fees });
        Ok(())
    }

    /// The tokens of the pool, one for each amount of the event.
    fn pool_tokens(&self, pool: Address, liquidity: &Liquidity) -> Result<Vec<Asset>, Unusable> {
        let tokens = self.state.pools.get(&pool).map(|known| &known.pool.tokens);
        let (contract, ids) =
            tokens.map_or((Address::ZERO, &[][..]), |tokens| (tokens.contract, tokens.ids.as_slice()));
        if ids.len() != liquidity.amounts.len() {
            let problem = format!("{} amounts for {} outcomes", liquidity.amounts.len(), ids.len());
            return Err(Unusable::Malformed { name: "amounts", problem });
        }
        Ok(ids.iter().map(|token| Asset { contract, token: *token }).collect())
    }

    /// The user behind a `funder`. A pool that is funded while it is made names its factory; the
    /// factory takes the collateral from, and gives the shares to, the pool's creator. When that is
    /// a factory too, the log does not say who paid: nobody is made up.
    fn giver(&self, pool: Address, funder: Address) -> Option<Address> {
        let pool = &self.state.pools.get(&pool)?.pool;
        let giver = if funder == pool.factory { pool.creator } else { funder };
        Some(giver).filter(|giver| !self.state.factories.contains(giver))
    }
}

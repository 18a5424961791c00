//! Liquidity of pools, and who gave it.

use capstan_primitives::{Address, Amount};

use super::{Effect, Projection};
use crate::domain::{
    event::Origin,
    market::{Activity, ActivityKind},
};

impl Projection<'_> {
    pub(super) fn liquidity_added(&mut self, origin: &Origin, funder: Address, shares: Amount) -> Effect {
        let activity = self.pool_activity(origin, funder, ActivityKind::AddLiquidity)?;
        self.changed_pools.insert(origin.address);
        if let Some(user) = self.giver(origin.address, funder) {
            self.changes.activities.push(Activity { user, amount: shares, ..activity });
        }
        Ok(())
    }

    pub(super) fn liquidity_removed(
        &mut self,
        origin: &Origin,
        funder: Address,
        (fees, shares): (Amount, Amount),
    ) -> Effect {
        let activity = self.pool_activity(origin, funder, ActivityKind::RemoveLiquidity)?;
        self.changed_pools.insert(origin.address);
        self.changes.activities.push(Activity { collateral_amount: fees, amount: shares, ..activity });
        Ok(())
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

//! How many hold each token after a batch of events.

use std::collections::HashSet;

use capstan_primitives::Address;

use super::Projection;

impl Projection<'_> {
    /// Compares who held what before the batch with who does after it. What a new pool had before it was one is taken
    /// from its holders.
    pub(super) fn count_holders(&mut self) {
        let created: HashSet<Address> = self.changes.pools.iter().map(|(pool, _)| pool.address).collect();
        for (holding, amount) in &self.changes.balances {
            let is_user = !self.state.pools.contains_key(&holding.holder);
            let was_user = is_user || created.contains(&holding.holder);
            let had = self.held.contains(holding);
            self.changes.holders.note(holding, (was_user && had, is_user && !amount.is_zero()));
        }
        if created.is_empty() {
            return;
        }
        let of_created = self.state.balances.iter().filter(|(holding, _)| created.contains(&holding.holder));
        for (holding, amount) in of_created {
            let is_unchanged = !self.changes.balances.contains_key(holding);
            self.changes.holders.note(holding, (is_unchanged && !amount.is_zero(), false));
        }
    }
}

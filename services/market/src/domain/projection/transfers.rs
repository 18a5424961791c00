//! ERC-1155 transfers: the only source of balances.

use std::collections::BTreeMap;

use capstan_primitives::{Address, Amount, U256};

use super::{Effect, Projection, contradiction};
use crate::domain::{
    event::{Origin, Unusable},
    state::{Holding, Transfer},
};

impl Projection<'_> {
    pub(super) fn transferred(
        &mut self,
        origin: &Origin,
        (from, to): (Address, Address),
        items: &[(U256, Amount)],
    ) -> Effect {
        let balances = self.balances_after(origin.address, (from, to), items)?;
        for (holding, amount) in balances {
            let before = self.state.balances.insert(holding, amount);
            let is_first = self.changes.balances.insert(holding, amount).is_none();
            if is_first && before.is_some_and(|before| !before.is_zero()) {
                self.held.insert(holding);
            }
            self.mark_changed_pool(&holding);
        }
        for (item, (token, value)) in (0u32..).zip(items).filter(|(_, (_, value))| !value.is_zero()) {
            let transfer = Transfer {
                contract: origin.address,
                from,
                to,
                token: *token,
                value: *value,
                place: origin.place(),
                item,
            };
            self.moved(origin, &transfer);
            self.changes.transfers.push(transfer);
        }
        Ok(())
    }

    /// Balances after all items, or why the event is impossible; either all of it counts or nothing.
    fn balances_after(
        &self,
        contract: Address,
        (from, to): (Address, Address),
        items: &[(U256, Amount)],
    ) -> Result<BTreeMap<Holding, Amount>, Unusable> {
        let mut balances = BTreeMap::new();
        let mut change = |holder: Address, token: U256, next: &dyn Fn(Amount) -> Result<Amount, _>| {
            if holder == Address::ZERO {
                return Ok(());
            }
            let holding = Holding { contract, token, holder };
            let before = balances.get(&holding).copied().unwrap_or_else(|| self.state.balance(&holding));
            let after = next(before).map_err(|error: capstan_primitives::AmountError| {
                contradiction(format!(
                    "balance of {holder}: {error}; follow ConditionalTokens from its deployment"
                ))
            })?;
            balances.insert(holding, after);
            Ok(())
        };
        for (token, value) in items.iter().filter(|(_, value)| !value.is_zero()) {
            change(from, *token, &|balance| balance.minus(*value))?;
            change(to, *token, &|balance| balance.plus(*value))?;
        }
        Ok(balances)
    }

    fn mark_changed_pool(&mut self, holding: &Holding) {
        let traded = self.state.pools.get(&holding.holder).is_some_and(|known| {
            known.pool.tokens.contract == holding.contract && known.pool.tokens.ids.contains(&holding.token)
        });
        if traded {
            self.changed_pools.insert(holding.holder);
        }
    }
}

//! How many addresses hold each token. Pools are no holders.

use std::collections::BTreeMap;

use capstan_primitives::{Address, U256};

use super::state::Holding;

/// How many more hold each token, by contract and ERC-1155 id; below zero where they are fewer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HolderChanges(BTreeMap<(Address, U256), i64>);

impl HolderChanges {
    /// Takes note of whether somebody was and is a holder.
    pub(crate) fn note(&mut self, holding: &Holding, (was, is): (bool, bool)) {
        let difference = i64::from(is) - i64::from(was);
        if difference != 0 {
            let change = self.0.entry((holding.contract, holding.token)).or_default();
            *change = change.saturating_add(difference);
        }
    }

    /// The tokens that have more or fewer holders now.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (Address, U256, i64)> {
        let changed = self.0.iter().filter(|(_, change)| **change != 0);
        changed.map(|((contract, token), change)| (*contract, *token, *change))
    }
}

//! Open interest: collateral that ConditionalTokens holds for conditions. Only what is split, merged or redeemed
//! directly below collateral moves it.

use capstan_primitives::{Address, Amount, Hash};

use super::event::{Redemption, SetChange};

/// The key of an open interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Backing {
    /// The ConditionalTokens contract that holds the collateral.
    pub(crate) contract: Address,
    pub(crate) condition_id: Hash,
    pub(crate) collateral: Address,
}

impl Backing {
    /// What a split or a merge by `contract` can change; it does when all outcomes are in its sets.
    pub(crate) fn of_change(contract: Address, change: &SetChange) -> Option<Self> {
        let SetChange { collateral, parent, condition_id, .. } = *change;
        (parent == Hash::ZERO).then_some(Self { contract, condition_id, collateral })
    }

    /// What a redemption by `contract` is paid from.
    pub(crate) fn of_redemption(contract: Address, redemption: &Redemption) -> Option<Self> {
        let Redemption { collateral, parent, condition_id, .. } = *redemption;
        (parent == Hash::ZERO).then_some(Self { contract, condition_id, collateral })
    }
}

/// An open interest after a block that changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) backing: Backing,
    pub(crate) block: u64,
    pub(crate) amount: Amount,
}

//! Outcome tokens that users give and are given.

use capstan_primitives::{Address, Amount, BlockRef, TransactionId};

use super::{costs::Asset, state::Holding};

/// An item of a transfer that is no part of anything else, as one of its sides has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gift {
    pub(crate) side: Side,
    pub(crate) user: Address,
    /// By whom or to whom.
    pub(crate) counterparty: Address,
    pub(crate) asset: Asset,
    /// Less than the transfer where the rest of it was sold.
    pub(crate) amount: Amount,
    pub(crate) block: BlockRef,
    pub(crate) transaction: TransactionId,
    pub(crate) log_index: u32,
    /// Index of the item in its event.
    pub(crate) item: u32,
}

/// Which side of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Received,
    GivenAway,
}

impl Gift {
    /// What the user has more or less of.
    pub(crate) const fn holding(&self) -> Holding {
        self.asset.of(self.user)
    }
}

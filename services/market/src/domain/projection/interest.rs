//! Open interest: the collateral that splits bring, and that merges and redemptions take.

use capstan_primitives::{Amount, BlockRef};

use super::{Effect, Projection, contradiction};
use crate::domain::interest::{Backing, Interest};

/// Where collateral went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    In,
    Out,
}

impl Projection<'_> {
    /// So much collateral came or went; none for what is below no collateral.
    pub(super) fn backed(&mut self, backing: Option<Backing>, flow: Flow, amount: Amount) -> Effect {
        let Some(backing) = backing else { return Ok(()) };
        let before = self.state.open_interest.get(&backing).copied().unwrap_or(Amount::ZERO);
        let after = match flow {
            Flow::In => before.plus(amount),
            Flow::Out => before.minus(amount),
        };
        let after = after.map_err(|error| {
            contradiction(format!(
                "open interest of condition {}: {error}; follow ConditionalTokens from its deployment",
                backing.condition_id
            ))
        })?;
        self.state.open_interest.insert(backing, after);
        self.changed_interest.entry(backing).or_insert(before);
        Ok(())
    }

    /// Takes a picture of what a block changed.
    pub(super) fn close_interest(&mut self, block: BlockRef) {
        for (backing, before) in std::mem::take(&mut self.changed_interest) {
            let amount = self.state.open_interest.get(&backing).copied().unwrap_or(Amount::ZERO);
            if amount != before {
                self.changes.open_interest.push(Interest { backing, block: block.number, amount });
            }
        }
    }
}

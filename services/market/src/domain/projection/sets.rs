//! Splits, merges and redemptions by users. Pools split and merge on every trade: they are no users.

use capstan_primitives::{Address, Amount, Hash, U256};

use super::{Effect, Projection, contradiction};
use crate::domain::{
    event::{Content, Origin, SetChange},
    market::{Activity, ActivityKind},
};

impl Projection<'_> {
    pub(super) fn set_changed(&mut self, origin: &Origin, change: &SetChange, kind: ActivityKind) -> Effect {
        if self.state.pools.contains_key(&change.stakeholder) {
            return Ok(());
        }
        let condition = self.condition(origin.address, change.condition_id).ok_or_else(|| {
            contradiction(format!(
                "the log has no preparation of condition {}; follow ConditionalTokens from its deployment",
                change.condition_id
            ))
        })?;
        let whole = union(&change.partition) == full_set(condition.outcome_slot_count);
        let moves_collateral = whole && change.parent == Hash::ZERO;
        let activity = Activity {
            condition_id: change.condition_id,
            collateral: change.collateral,
            collateral_amount: if moves_collateral { change.amount } else { Amount::ZERO },
            ..self.activity(origin, change.stakeholder, kind)
        };
        self.changes.activities.push(activity);
        Ok(())
    }

    pub(super) fn redeemed(&mut self, origin: &Origin, content: &Content) {
        let Content::Redeemed { redeemer, collateral, parent, condition_id, payout } = content else {
            return;
        };
        if self.is_pool(*redeemer) {
            return;
        }
        // Below another position the payout is that position, not collateral.
        let paid = if *parent == Hash::ZERO { *payout } else { Amount::ZERO };
        let activity = Activity {
            condition_id: *condition_id,
            collateral: *collateral,
            collateral_amount: paid,
            ..self.activity(origin, *redeemer, ActivityKind::Redeem)
        };
        self.changes.activities.push(activity);
    }

    fn is_pool(&self, address: Address) -> bool {
        self.state.pools.contains_key(&address)
    }
}

fn union(partition: &[U256]) -> U256 {
    partition.iter().fold(U256::ZERO, |union, set| union | *set)
}

/// The index set of all outcomes.
fn full_set(outcome_slot_count: u32) -> U256 {
    let unused = 256usize.saturating_sub(usize::try_from(outcome_slot_count).unwrap_or(256));
    U256::MAX >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_set_has_a_bit_for_every_outcome() {
        assert_eq!(full_set(2), U256::from(0b11));
        assert_eq!(full_set(5), U256::from(0b11111));
        assert_eq!(full_set(256), U256::MAX);
    }
}

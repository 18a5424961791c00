//! Splits, merges and redemptions. Pools split and merge on every trade: they are no users, and move collateral as
//! users do.

use capstan_primitives::{Address, Amount, Hash, U256};

use super::{
    Effect, Projection, contradiction,
    costs::{Way, parts},
    interest::Flow,
};
use crate::domain::{
    costs::{Asset, Deal},
    event::{Origin, Redemption, SetChange, Unusable},
    ids::{self, Collections},
    interest::Backing,
    market::{Activity, ActivityKind},
};

/// Which positions: those that a collateral backs in collections of a condition below a parent.
struct Sets {
    contract: Address,
    collateral: Address,
    parent: Hash,
    condition_id: Hash,
}

impl Sets {
    fn asset(&self, collections: &mut Collections, set: U256) -> Result<Asset, Unusable> {
        let collection = collections
            .id(self.parent, self.condition_id, set)
            .map_err(|error| contradiction(error.to_string()))?;
        Ok(self.position(collection))
    }

    fn assets(&self, collections: &mut Collections, sets: &[U256]) -> Result<Vec<Asset>, Unusable> {
        sets.iter().map(|set| self.asset(collections, *set)).collect()
    }

    fn position(&self, collection: Hash) -> Asset {
        Asset { contract: self.contract, token: ids::position_id(self.collateral, collection) }
    }

    fn below_collateral(&self) -> bool {
        self.parent == Hash::ZERO
    }
}

impl Projection<'_> {
    pub(super) fn set_changed(&mut self, origin: &Origin, change: &SetChange, kind: ActivityKind) -> Effect {
        let outcomes = self.outcomes(origin.address, change.condition_id)?;
        let SetChange { stakeholder, collateral, parent, condition_id, partition, amount } = change;
        let union = partition.iter().fold(U256::ZERO, |union, set| union | *set);
        let whole = union == full_set(outcomes);
        let backing = Backing::of_change(origin.address, change).filter(|_| whole);
        let flow = if kind == ActivityKind::Split { Flow::In } else { Flow::Out };
        if self.is_pool(*stakeholder) {
            return self.backed(backing, flow, *amount);
        }
        let (contract, collateral) = (origin.address, *collateral);
        let sets = Sets { contract, collateral, parent: *parent, condition_id: *condition_id };
        let collections = &mut self.state.collections;
        let parts = sets.assets(collections, partition)?;
        let source = match (whole, sets.below_collateral()) {
            (true, true) => None,
            (true, false) => Some(sets.position(*parent)),
            (false, _) => Some(sets.asset(collections, union)?),
        };
        self.backed(backing, flow, *amount)?;
        let moved = if source.is_none() { *amount } else { Amount::ZERO };
        self.changes.activities.push(Activity {
            condition_id: *condition_id,
            collateral,
            collateral_amount: moved,
            ..self.activity(origin, *stakeholder, kind)
        });
        let deals = deals(kind, (source, parts), *amount);
        self.changed_hands(origin, *stakeholder, deals);
        Ok(())
    }

    /// Posts what a user did with sets, whose burnt tokens have a reason then.
    fn changed_hands(&mut self, origin: &Origin, user: Address, deals: Vec<Deal>) {
        for deal in deals {
            let burnt: &[(Asset, Amount)] = match &deal {
                Deal::Sold { asset, amount, .. } => &[(*asset, *amount)],
                Deal::Converted { given, .. } => given,
                _ => &[],
            };
            for (asset, amount) in burnt {
                self.transaction.explain(Way::Burnt, asset.of(user), *amount);
            }
            self.post(origin, user, deal);
        }
    }

    pub(super) fn redeemed(&mut self, origin: &Origin, redemption: &Redemption) -> Effect {
        let Redemption { redeemer, collateral, parent, condition_id, index_sets, payout } = redemption;
        let backing = Backing::of_redemption(origin.address, redemption);
        if self.is_pool(*redeemer) {
            return self.backed(backing, Flow::Out, *payout);
        }
        let (contract, collateral, parent) = (origin.address, *collateral, *parent);
        let sets = Sets { contract, collateral, parent, condition_id: *condition_id };
        let assets = sets.assets(&mut self.state.collections, index_sets)?;
        let redeemed: Vec<(U256, Asset)> = index_sets.iter().copied().zip(assets).collect();
        let deals = self.redemptions(&sets, *redeemer, &redeemed)?;
        let paid = deals.iter().fold(U256::ZERO, |sum, (_, paid)| sum.saturating_add(paid.0));
        if paid != payout.0 {
            return Err(contradiction(format!("the payout should be {paid} by the tokens that were burnt")));
        }
        self.backed(backing, Flow::Out, *payout)?;
        // Below another position the payout is that position, not collateral.
        let received = if sets.below_collateral() { *payout } else { Amount::ZERO };
        self.changes.activities.push(Activity {
            condition_id: *condition_id,
            collateral,
            collateral_amount: received,
            ..self.activity(origin, *redeemer, ActivityKind::Redeem)
        });
        self.changed_hands(origin, *redeemer, deals.into_iter().map(|(deal, _)| deal).collect());
        Ok(())
    }

    /// What every redeemed set paid.
    fn redemptions(
        &self,
        sets: &Sets,
        redeemer: Address,
        redeemed: &[(U256, Asset)],
    ) -> Result<Vec<(Deal, Amount)>, Unusable> {
        let key = (sets.contract, sets.condition_id);
        let numerators = self.state.resolutions.get(&key).ok_or_else(|| {
            contradiction(format!(
                "the log has no resolution of condition {}; follow ConditionalTokens from its deployment",
                sets.condition_id
            ))
        })?;
        let mut deals = Vec::with_capacity(redeemed.len());
        for (at, (set, asset)) in redeemed.iter().enumerate() {
            let asset = *asset;
            let named_before = redeemed.iter().take(at).any(|(before, _)| before == set);
            let amount = self.transaction.unexplained(Way::Burnt, asset.of(redeemer));
            if amount.is_zero() || named_before {
                continue;
            }
            let paid = share(amount, *set, numerators)?;
            let deal = if sets.below_collateral() || paid.is_zero() {
                Deal::Sold { asset, amount, received: paid, fee: Amount::ZERO }
            } else {
                let got = vec![(sets.position(sets.parent), paid)];
                Deal::Converted { given: vec![(asset, amount)], got }
            };
            deals.push((deal, paid));
        }
        Ok(deals)
    }

    fn outcomes(&self, contract: Address, condition_id: Hash) -> Result<u32, Unusable> {
        let condition = self.condition(contract, condition_id).ok_or_else(|| {
            contradiction(format!(
                "the log has no preparation of condition {condition_id}; follow ConditionalTokens from its deployment"
            ))
        })?;
        Ok(condition.outcome_slot_count)
    }
}

/// What a split or a merge of so many of each part does. `source` is what is split; none for collateral, whose
/// amount is shared equally among the parts.
fn deals(kind: ActivityKind, (source, assets): (Option<Asset>, Vec<Asset>), amount: Amount) -> Vec<Deal> {
    let split = kind == ActivityKind::Split;
    let Some(source) = source else {
        let shares = parts(amount, assets.len());
        let deal = |(asset, share): (Asset, Amount)| match split {
            true => Deal::Bought { asset, amount, paid: share, fee: Amount::ZERO },
            false => Deal::Sold { asset, amount, received: share, fee: Amount::ZERO },
        };
        return assets.into_iter().zip(shares).map(deal).collect();
    };
    let parts = assets.into_iter().map(|asset| (asset, amount)).collect();
    let source = vec![(source, amount)];
    let (given, got) = if split { (source, parts) } else { (parts, source) };
    vec![Deal::Converted { given, got }]
}

/// What the contract pays for so many tokens of a set.
fn share(amount: Amount, set: U256, numerators: &[Amount]) -> Result<Amount, Unusable> {
    let of_set = numerators.iter().enumerate().filter(|(outcome, _)| set.bit(*outcome));
    let scaled = sum(of_set.map(|(_, number)| number)).and_then(|numerator| amount.0.checked_mul(numerator));
    let paid = scaled.zip(sum(numerators.iter())).and_then(|(scaled, all)| scaled.checked_div(all));
    paid.map(Amount).ok_or_else(|| contradiction("the contract cannot pay this".into()))
}

fn sum<'a>(mut numbers: impl Iterator<Item = &'a Amount>) -> Option<U256> {
    numbers.try_fold(U256::ZERO, |sum, number| sum.checked_add(number.0))
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

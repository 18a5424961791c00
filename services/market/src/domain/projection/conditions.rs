//! Conditions: prepared and resolved.

use capstan_primitives::{Address, Amount, Hash};

use super::{Effect, Projection, contradiction};
use crate::domain::{
    event::{Origin, Unusable},
    ids,
    market::{Condition, MarketId, Tokens},
    state::{MarketTokens, Resolution},
};

/// Arguments of a `ConditionPreparation`.
pub(super) struct Prepared {
    pub(super) condition_id: Hash,
    pub(super) oracle: Address,
    pub(super) question_id: Hash,
    pub(super) outcome_slot_count: u32,
}

impl Projection<'_> {
    pub(super) fn condition_prepared(&mut self, origin: &Origin, prepared: &Prepared) -> Effect {
        let expected = ids::condition_id(prepared.oracle, prepared.question_id, prepared.outcome_slot_count);
        if expected != prepared.condition_id {
            return Err(contradiction(format!("the condition id should be {expected}")));
        }
        if self.condition(origin.address, prepared.condition_id).is_some() {
            return Err(contradiction("the condition is prepared already".into()));
        }
        let condition = Condition {
            contract: origin.address,
            condition_id: prepared.condition_id,
            oracle: prepared.oracle,
            question_id: prepared.question_id,
            outcome_slot_count: prepared.outcome_slot_count,
            place: origin.place(),
        };
        self.state.conditions.entry(condition.condition_id).or_default().push(condition.clone());
        self.give_tokens_to_waiting_markets(&condition);
        self.changes.conditions.push(condition);
        Ok(())
    }

    pub(super) fn condition_resolved(
        &mut self,
        origin: &Origin,
        condition_id: Hash,
        payouts: &[Amount],
    ) -> Effect {
        let key = (origin.address, condition_id);
        if self.state.resolutions.contains_key(&key) {
            return Err(contradiction("the condition is resolved already".into()));
        }
        self.state.resolutions.insert(key, payouts.to_vec());
        self.changes.resolutions.push(Resolution {
            contract: origin.address,
            condition_id,
            payouts: payouts.to_vec(),
            place: origin.place(),
            transaction: origin.transaction.clone(),
        });
        Ok(())
    }

    /// A condition that `contract` knows.
    pub(super) fn condition(&self, contract: Address, condition_id: Hash) -> Option<&Condition> {
        self.state.conditions.get(&condition_id)?.iter().find(|condition| condition.contract == contract)
    }

    /// The outcome tokens of single outcomes of one condition.
    pub(super) fn tokens_of(condition: &Condition, collateral: Address) -> Result<Tokens, Unusable> {
        let conditions = [(condition.condition_id, condition.outcome_slot_count)];
        let ids = ids::position_ids(collateral, &conditions).map_err(|e| contradiction(e.to_string()))?;
        Ok(Tokens { contract: condition.contract, ids })
    }

    pub(super) fn give_tokens(&mut self, market_id: MarketId, tokens: Tokens, block: u64) {
        if let Some(market) = self.state.markets.get_mut(&market_id) {
            market.tokens = Some(tokens.clone());
        }
        self.changes.tokens.push(MarketTokens { market_id, tokens, block });
    }

    /// Some factories announce a market before its condition is prepared.
    fn give_tokens_to_waiting_markets(&mut self, condition: &Condition) {
        let waiting: Vec<(MarketId, Address)> = self
            .state
            .markets
            .iter()
            .filter(|(_, market)| market.tokens.is_none() && market.condition_id == condition.condition_id)
            .map(|(id, market)| (*id, market.collateral))
            .collect();
        for (market_id, collateral) in waiting {
            if let Ok(tokens) = Self::tokens_of(condition, collateral) {
                self.give_tokens(market_id, tokens, condition.place.block);
            }
        }
    }
}

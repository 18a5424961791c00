//! From events to what they change; pure, so that the same log always gives the same tables.

mod conditions;
mod costs;
mod holders;
mod interest;
mod liquidity;
mod markets;
mod pools;
mod sets;
mod transfers;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use capstan_primitives::{Address, Amount, BlockRef, Hash};

use super::{
    event::{Content, Event, Origin, Unusable},
    interest::Backing,
    market::{Activity, MarketId, Place, PoolState},
    state::{Changes, Holding, Snapshot, State},
};

type Effect = Result<(), Unusable>;

/// Applies whole blocks of events, in log order, to what was known before.
///
/// An event that cannot be used has no effect at all and is listed as quarantined.
pub(crate) fn project(state: &mut State, events: &[Event]) -> Changes {
    let mut projection = Projection::new(state);
    for block in events.chunk_by(|a, b| a.origin.block.hash == b.origin.block.hash) {
        block.iter().for_each(|event| projection.event(event));
        if let Some(last) = block.last() {
            projection.close(last.origin.block, last.origin.position);
        }
    }
    projection.count_holders();
    projection.changes
}

struct Projection<'a> {
    state: &'a mut State,
    changes: Changes,
    /// Pools that the open block changed.
    changed_pools: BTreeSet<Address>,
    /// Open interest that the open block changed, as it was before.
    changed_interest: BTreeMap<Backing, Amount>,
    /// Balances that the batch changed and that were more than nothing before.
    held: HashSet<Holding>,
    /// Announced resolutions of the open block, to be compared when all of it is known: some
    /// factories announce before they report.
    announced_resolutions: Vec<AnnouncedResolution>,
    /// The transaction whose events are read.
    transaction: costs::Transaction,
}

struct AnnouncedResolution {
    origin: Origin,
    market_id: MarketId,
    payouts: Vec<Amount>,
}

impl<'a> Projection<'a> {
    fn new(state: &'a mut State) -> Self {
        Self {
            state,
            changes: Changes::default(),
            changed_pools: BTreeSet::new(),
            changed_interest: BTreeMap::new(),
            held: HashSet::new(),
            announced_resolutions: Vec::new(),
            transaction: costs::Transaction::default(),
        }
    }

    fn event(&mut self, event: &Event) {
        if self.transaction.is_another(&event.origin) {
            self.end_transaction();
            self.transaction = costs::Transaction::of(&event.origin);
        }
        let effect = match &event.content {
            Ok(content) => self.apply(&event.origin, content),
            Err(unusable) => Err(unusable.clone()),
        };
        if let Err(unusable) = effect {
            self.changes.quarantined.push((event.origin.clone(), unusable));
        }
    }

    fn apply(&mut self, origin: &Origin, content: &Content) -> Effect {
        match content {
            Content::ConditionPrepared { condition_id, oracle, question_id, outcome_slot_count } => {
                let condition = conditions::Prepared {
                    condition_id: *condition_id,
                    oracle: *oracle,
                    question_id: *question_id,
                    outcome_slot_count: *outcome_slot_count,
                };
                self.condition_prepared(origin, &condition)
            }
            Content::ConditionResolved { condition_id, payouts } => {
                self.condition_resolved(origin, *condition_id, payouts)
            }
            Content::Split(change) => self.set_changed(origin, change, super::market::ActivityKind::Split),
            Content::Merged(change) => self.set_changed(origin, change, super::market::ActivityKind::Merge),
            Content::Redeemed(redemption) => self.redeemed(origin, redemption),
            Content::Transferred { from, to, items } => self.transferred(origin, (*from, *to), items),
            Content::PoolCreated(created) => self.pool_created(origin, created),
            Content::Traded(trade) => self.traded(origin, trade),
            Content::LiquidityAdded(added) => self.liquidity_added(origin, added),
            Content::LiquidityRemoved(removed) => self.liquidity_removed(origin, removed),
            Content::MarketCreated(created) => self.market_created(origin, created),
            Content::PoolAnnounced { market_id, pool } => self.pool_announced(origin, *market_id, *pool),
            Content::MarketResolved { market_id, payouts } => {
                self.market_resolved(origin, *market_id, payouts);
                Ok(())
            }
        }
    }

    /// Ends a block: compares announced resolutions and takes a picture of every changed pool.
    fn close(&mut self, block: BlockRef, position: u64) {
        self.end_transaction();
        self.compare_announced_resolutions();
        self.close_interest(block);
        for address in std::mem::take(&mut self.changed_pools) {
            let Some(known) = self.state.pools.get(&address) else { continue };
            let balance = |token: &_| {
                self.state.balance(&Holding {
                    contract: known.pool.tokens.contract,
                    token: *token,
                    holder: address,
                })
            };
            let state = PoolState {
                balances: known.pool.tokens.ids.iter().map(balance).collect(),
                volume: known.volume,
                trades: known.trades,
            };
            let known = self.state.pools.get_mut(&address);
            let before = known.and_then(|known| known.before.replace(state.clone()));
            self.changes.snapshots.push(Snapshot { pool: address, block, before, state });
        }
        self.changes.blocks.push((block, position));
    }

    /// Records what a user did, with the amounts still zero.
    fn activity(&self, origin: &Origin, user: Address, kind: super::market::ActivityKind) -> Activity {
        Activity {
            kind,
            user,
            pool: None,
            condition_id: Hash::ZERO,
            collateral: Address::ZERO,
            outcome_index: None,
            collateral_amount: Amount::ZERO,
            amount: Amount::ZERO,
            fee: Amount::ZERO,
            block: origin.block,
            transaction: origin.transaction.clone(),
            log_index: origin.log_index,
        }
    }
}

impl Origin {
    fn place(&self) -> Place {
        Place { block: self.block.number, log_index: self.log_index }
    }
}

fn contradiction(text: String) -> Unusable {
    Unusable::Contradiction(text)
}

#[cfg(test)]
mod tests;

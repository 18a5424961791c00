//! What users paid and received, event by event. Tokens move before the event that says why, so what moved without
//! one is known when its transaction is over.

use std::collections::{BTreeMap, BTreeSet};

use capstan_primitives::{Address, Amount, TransactionId};

use super::Projection;
use crate::domain::{
    costs::{Asset, Deal, Posting},
    event::Origin,
    gift::{Gift, Side},
    market::Place,
    state::{Holding, Transfer},
};

/// What is known of a transaction while its events are read.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    id: Option<TransactionId>,
    /// Block and place of its newest event.
    place: Option<Place>,
    /// Contracts that made a pool in it. They hand on what the pool sends back.
    factories: BTreeSet<Address>,
    /// What moved and is not explained yet.
    moved: BTreeMap<(Way, Holding), Amount>,
    /// The same item by item, as far as it is a gift if nothing explains it.
    maybe_gifts: Vec<(Way, Gift)>,
}

/// Where tokens of a user came from or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    ToPool,
    Burnt,
    FromFactory,
}

impl Transaction {
    /// The transaction of an event.
    pub(super) fn of(origin: &Origin) -> Self {
        Self { id: Some(origin.transaction.clone()), ..Self::default() }
    }

    /// Whether an event is of another transaction.
    pub(super) fn is_another(&self, origin: &Origin) -> bool {
        self.id.as_ref() != Some(&origin.transaction)
    }

    /// Takes note of a contract that made a pool.
    pub(super) fn factory(&mut self, factory: Address) {
        self.factories.insert(factory);
    }

    /// Explains a movement of at most so much.
    pub(super) fn explain(&mut self, way: Way, holding: Holding, amount: Amount) {
        if let Some(moved) = self.moved.get_mut(&(way, holding)) {
            *moved = Amount(moved.0.saturating_sub(amount.0));
        }
        // An event comes after the movement that it explains, and other events' movements before that.
        let of_holding = |(of, gift): &&mut (Way, Gift)| *of == way && gift.holding() == holding;
        let mut left = amount.0;
        for (_, gift) in self.maybe_gifts.iter_mut().rev().filter(of_holding) {
            let part = left.min(gift.amount.0);
            gift.amount = Amount(gift.amount.0.saturating_sub(part));
            left = left.saturating_sub(part);
        }
    }

    /// How much moved and is not explained yet.
    pub(super) fn unexplained(&self, way: Way, holding: Holding) -> Amount {
        self.moved.get(&(way, holding)).copied().unwrap_or(Amount::ZERO)
    }

    fn note(&mut self, way: Way, holding: Holding, amount: Amount) {
        let moved = self.moved.entry((way, holding)).or_insert(Amount::ZERO);
        *moved = Amount(moved.0.saturating_add(amount.0));
    }

    fn note_item(&mut self, way: Way, gift: Gift) {
        self.note(way, gift.holding(), gift.amount);
        self.maybe_gifts.push((way, gift));
    }
}

impl Projection<'_> {
    pub(super) fn post(&mut self, origin: &Origin, user: Address, deal: Deal) {
        self.changes.postings.push(Posting { place: origin.place(), user, deal });
    }

    pub(super) fn is_pool(&self, address: Address) -> bool {
        self.state.pools.contains_key(&address)
    }

    /// Tokens moved from one address to another. Pools and what makes them are no users.
    pub(super) fn moved(&mut self, origin: &Origin, transfer: &Transfer) {
        let Transfer { contract, from, to, token, value: amount, .. } = *transfer;
        let asset = Asset { contract, token };
        self.transaction.place = Some(origin.place());
        let is_factory = |address| self.transaction.factories.contains(address);
        let to_user = to != Address::ZERO && !self.is_pool(to) && !is_factory(&to);
        // Whoever sends to itself has what it had, for what it paid.
        if from == Address::ZERO || from == to || self.is_pool(from) {
            return;
        }
        if is_factory(&from) {
            if to_user {
                self.transaction.note_item(Way::FromFactory, gift(origin, transfer, Side::Received));
            }
            return;
        }
        if to == Address::ZERO {
            self.transaction.note(Way::Burnt, asset.of(from), amount);
        } else if self.is_pool(to) {
            self.transaction.note_item(Way::ToPool, gift(origin, transfer, Side::GivenAway));
        } else {
            self.post(origin, from, Deal::GivenAway { asset, amount });
            self.changes.gifts.push(gift(origin, transfer, Side::GivenAway));
            if to_user {
                self.post(origin, to, Deal::Received { asset, amount });
                self.changes.gifts.push(gift(origin, transfer, Side::Received));
            }
        }
    }

    /// What moved without a reason was given.
    pub(super) fn end_transaction(&mut self) {
        let Transaction { place, moved, maybe_gifts, .. } = std::mem::take(&mut self.transaction);
        let Some(place) = place else { return };
        let gifts = maybe_gifts.into_iter().map(|(_, gift)| gift);
        self.changes.gifts.extend(gifts.filter(|gift| !gift.amount.is_zero()));
        for ((way, holding), amount) in moved.into_iter().filter(|(_, amount)| !amount.is_zero()) {
            let asset = Asset { contract: holding.contract, token: holding.token };
            let deal = match way {
                Way::ToPool => Deal::GivenAway { asset, amount },
                Way::FromFactory => Deal::Received { asset, amount },
                // A burn that nothing explains is left to be seen as a difference.
                Way::Burnt => continue,
            };
            self.changes.postings.push(Posting { place, user: holding.holder, deal });
        }
    }
}

/// A transfer as one side has it.
fn gift(origin: &Origin, transfer: &Transfer, side: Side) -> Gift {
    let Transfer { contract, from, to, token, value, place: _, item } = *transfer;
    let (user, counterparty) = match side {
        Side::Received => (to, from),
        Side::GivenAway => (from, to),
    };
    Gift {
        side,
        user,
        counterparty,
        asset: Asset { contract, token },
        amount: value,
        block: origin.block,
        transaction: origin.transaction.clone(),
        log_index: origin.log_index,
        item,
    }
}

/// So much of an amount in equal parts, the rest in the last one.
pub(super) fn parts(amount: Amount, count: usize) -> Vec<Amount> {
    let Ok(divisor) = u64::try_from(count) else { return Vec::new() };
    let divisor = capstan_primitives::U256::from(divisor);
    let Some((part, rest)) = (!divisor.is_zero()).then(|| amount.0.div_rem(divisor)) else {
        return Vec::new();
    };
    let mut parts = vec![Amount(part); count];
    if let Some(last) = parts.last_mut() {
        *last = Amount(part.saturating_add(rest));
    }
    parts
}

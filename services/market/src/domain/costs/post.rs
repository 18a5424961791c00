//! Postings → changes of the books.

use std::collections::BTreeMap;

use bigdecimal::num_bigint::BigInt;
use capstan_primitives::{Address, Amount};

use super::{Asset, Costs, Deal, Entry, Posting, integer};
use crate::domain::state::Holding;

/// Makes postings, which are in order, in `books`, and says how those change.
pub(crate) fn post(books: &mut BTreeMap<Holding, Costs>, postings: &[Posting]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(postings.len());
    for Posting { place, user, deal } in postings {
        let mut posted = Posted { books, user: *user, changes: Vec::new() };
        posted.deal(deal);
        for (holding, change) in posted.changes {
            let next = entries.last().filter(|last| last.place.block == place.block);
            let item = next.map_or(0, |last| last.item.saturating_add(1));
            entries.push(Entry { place: *place, item, holding, change });
        }
    }
    entries
}

/// What leaves the books with tokens: those of known cost first.
struct Taken {
    known: BigInt,
    cost: BigInt,
}

struct Posted<'a> {
    books: &'a mut BTreeMap<Holding, Costs>,
    user: Address,
    changes: Vec<(Holding, Costs)>,
}

impl Posted<'_> {
    fn deal(&mut self, deal: &Deal) {
        match deal {
            Deal::Bought { asset, amount, paid, fee } => {
                self.put(*asset, integer(amount.0), integer(paid.0), integer(fee.0));
            }
            Deal::Sold { asset, amount, received, fee } => {
                self.sold(*asset, *amount, integer(received.0), integer(fee.0));
            }
            Deal::Converted { given, got } => self.converted(given, got),
            Deal::Received { asset, amount } => {
                self.change(*asset, Costs { unknown: integer(amount.0), ..Costs::default() });
            }
            Deal::GivenAway { asset, amount } => {
                let taken = self.take(*asset, *amount, Costs::default());
                self.change(*asset, Costs { unmatched: -taken.cost, ..Costs::default() });
            }
            Deal::Earned { asset, amount } => {
                self.change(*asset, Costs { realised: integer(amount.0), ..Costs::default() });
            }
        }
    }

    fn change(&mut self, asset: Asset, change: Costs) {
        if change.is_nothing() {
            return;
        }
        let holding = asset.of(self.user);
        self.books.entry(holding).or_default().add(&change);
        match self.changes.iter_mut().find(|(changed, _)| *changed == holding) {
            Some((_, known)) => known.add(&change),
            None => self.changes.push((holding, change)),
        }
    }

    /// Tokens whose cost is known come. Where none came the cost is lost.
    fn put(&mut self, asset: Asset, amount: BigInt, cost: BigInt, fees: BigInt) {
        let nothing = amount == BigInt::ZERO;
        let (kept, realised) = if nothing { (BigInt::ZERO, -&cost) } else { (cost.clone(), BigInt::ZERO) };
        let change =
            Costs { quantity: amount, cost: kept, realised, invested: cost, fees, ..Costs::default() };
        self.change(asset, change);
    }

    /// Tokens go, and `also` with them.
    fn take(&mut self, asset: Asset, amount: Amount, also: Costs) -> Taken {
        let amount = integer(amount.0);
        let (known, cost, unknown) = {
            let books = self.books.entry(asset.of(self.user)).or_default();
            let known = amount.clone().min(books.quantity.clone());
            let cost = share(&books.cost, &known, &books.quantity);
            (known.clone(), cost, (amount - known).min(books.unknown.clone()))
        };
        let mut change = also;
        change.quantity -= &known;
        change.unknown -= unknown;
        change.cost -= &cost;
        self.change(asset, change);
        Taken { known, cost }
    }

    fn sold(&mut self, asset: Asset, amount: Amount, received: BigInt, fees: BigInt) {
        let taken = self.take(asset, amount, Costs { fees, ..Costs::default() });
        let matched = share(&received, &taken.known, &integer(amount.0));
        let unmatched = received - &matched;
        self.change(asset, Costs { realised: matched - taken.cost, unmatched, ..Costs::default() });
    }

    /// As much of what comes has a known cost as of what goes has one.
    fn converted(&mut self, given: &[(Asset, Amount)], got: &[(Asset, Amount)]) {
        let taken: Vec<(Taken, BigInt)> = given
            .iter()
            .map(|(asset, amount)| (self.take(*asset, *amount, Costs::default()), integer(amount.0)))
            .collect();
        let known = |amount: &BigInt| {
            taken.iter().map(|(taken, all)| share(amount, &taken.known, all)).min().unwrap_or_default()
        };
        let cost: BigInt = taken.iter().map(|(taken, _)| &taken.cost).sum();
        let amounts: Vec<BigInt> = got.iter().map(|(_, amount)| integer(amount.0)).collect();
        let knowns: Vec<BigInt> = amounts.iter().map(known).collect();
        let costs = shares(&cost, &knowns);
        let lost = cost - costs.iter().sum::<BigInt>();
        for (((asset, _), amount), (known, cost)) in got.iter().zip(&amounts).zip(knowns.iter().zip(costs)) {
            self.put(*asset, known.clone(), cost, BigInt::ZERO);
            self.change(*asset, Costs { unknown: amount - known, ..Costs::default() });
        }
        if let Some((asset, _)) = given.first() {
            self.change(*asset, Costs { realised: -lost, ..Costs::default() });
        }
    }
}

/// The part of a whole that `part` of `of` has, rounded down; all of it for all.
fn share(whole: &BigInt, part: &BigInt, of: &BigInt) -> BigInt {
    if part == of { whole.clone() } else { whole * part / of }
}

/// A whole in parts as these weights have them, rounded down, and the rest for the last; nothing without weights.
fn shares(whole: &BigInt, weights: &[BigInt]) -> Vec<BigInt> {
    let sum: BigInt = weights.iter().sum();
    let mut parts: Vec<BigInt> = weights
        .iter()
        .map(|weight| if sum == BigInt::ZERO { BigInt::ZERO } else { whole * weight / &sum })
        .collect();
    let rest = whole - parts.iter().sum::<BigInt>();
    let last = weights.iter().rposition(|weight| *weight != BigInt::ZERO);
    if let Some(part) = last.and_then(|last| parts.get_mut(last)) {
        *part += rest;
    }
    parts
}

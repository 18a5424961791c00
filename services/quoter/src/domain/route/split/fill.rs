//! Chunk after chunk to the path that does most with it.

use capstan_primitives::U256;

use super::{Legs, Overlay, Side, Table};
use crate::domain::route::Route;

/// Part of the whole that is not halved any more.
const LEAST: u64 = 2_048;

/// What a path makes of a chunk, as far as is known.
#[derive(Debug, Clone)]
enum Known {
    /// Nothing is.
    Unknown,
    /// It made this before its pools were used the same way: now it makes this at best.
    AtBest(U256),
    /// It makes this.
    Exactly(Route),
    /// It cannot take it.
    Refuses,
}

/// What a path was given, and what it makes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg {
    pub(super) path: usize,
    pub(super) amount: U256,
    pub(super) result: U256,
    pub(super) gas: u64,
}

/// An amount that was shared.
#[derive(Debug)]
pub(super) struct Distribution {
    pub(super) legs: Vec<Leg>,
    /// The last chunk, and what was made of it.
    pub(super) last: (U256, U256),
}

impl Distribution {
    /// What each path was given.
    pub(super) fn shares(&self) -> Legs {
        self.legs.iter().map(|leg| (leg.path, leg.amount)).collect()
    }
}

/// A distribution under way.
struct Filling<'a> {
    table: &'a Table<'a>,
    among: &'a [usize],
    known: Vec<Known>,
    overlay: Overlay,
    legs: Vec<Leg>,
    last: (U256, U256),
}

impl Table<'_> {
    /// Shares the amount among paths in so many chunks.
    pub(super) fn distribute(&self, among: &[usize], chunks: u64) -> Option<Distribution> {
        let whole = self.query.amount;
        if let [only] = among {
            let leg = Leg { path: *only, amount: whole, result: U256::ZERO, gas: 0 };
            return Some(Distribution { legs: vec![leg], last: (whole, U256::ZERO) });
        }
        let mut filling = Filling {
            table: self,
            among,
            known: vec![Known::Unknown; among.len()],
            overlay: Overlay::default(),
            legs: Vec::new(),
            last: (U256::ZERO, U256::ZERO),
        };
        let (size, odd) = whole.div_rem(U256::from(chunks.max(1)));
        let mut rest = whole;
        for number in 0..chunks {
            // The first ones are one unit larger, so that all sum to the whole.
            let chunk = if U256::from(number) < odd { size + U256::ONE } else { size };
            if !chunk.is_zero() && !filling.take(chunk) {
                return filling.squeeze(rest, chunk);
            }
            rest -= chunk;
            if (self.query.is_late)() {
                return None;
            }
        }
        Some(filling.done())
    }

    fn is_better(&self, result: U256, than: U256) -> bool {
        match self.query.side {
            Side::In => result > than,
            Side::Out => result < than,
        }
    }
}

impl Filling<'_> {
    /// Gives a chunk to the path that does most with it; false when none can take it.
    fn take(&mut self, chunk: U256) -> bool {
        if chunk != self.last.0 {
            self.known.fill(Known::Unknown);
        }
        self.last.0 = chunk;
        let Some((path, route)) = self.best(chunk) else { return false };
        let result = self.table.compared(&route);
        self.last.1 = result;
        self.overlay.take(self.table.query, &route);
        self.forget(&route);
        match self.legs.iter_mut().find(|leg| leg.path == path) {
            Some(leg) => {
                leg.amount += chunk;
                leg.result = leg.result.saturating_add(result);
            }
            None => self.legs.push(Leg { path, amount: chunk, result, gas: route.gas }),
        }
        true
    }

    fn done(self) -> Distribution {
        Distribution { legs: self.legs, last: self.last }
    }

    /// The path that does most with a chunk. What a path makes of it only falls while its pools are used the same way, so
    /// that most paths need not be looked at again.
    fn best(&mut self, chunk: U256) -> Option<(usize, Route)> {
        for place in 0..self.known.len() {
            if matches!(self.known.get(place), Some(Known::Unknown)) {
                self.look(place, chunk)?;
            }
        }
        loop {
            let mut best: Option<(usize, U256)> = None;
            for (place, known) in self.known.iter().enumerate() {
                let result = match known {
                    Known::Exactly(route) => self.table.compared(route),
                    Known::AtBest(result) => *result,
                    Known::Unknown | Known::Refuses => continue,
                };
                if best.is_none_or(|(_, best)| self.table.is_better(result, best)) {
                    best = Some((place, result));
                }
            }
            let (place, _) = best?;
            if let Some(Known::Exactly(route)) = self.known.get(place) {
                return Some((*self.among.get(place)?, route.clone()));
            }
            self.look(place, chunk)?;
        }
    }

    fn look(&mut self, place: usize, chunk: U256) -> Option<()> {
        let route = self.table.route(&self.overlay, *self.among.get(place)?, chunk);
        *self.known.get_mut(place)? = route.map_or(Known::Refuses, Known::Exactly);
        Some(())
    }

    /// What is known of paths that share a pool with a route is only a bound now, or nothing where they use it the other
    /// way.
    fn forget(&mut self, route: &Route) {
        for (path, known) in self.among.iter().zip(&mut self.known) {
            for edge in self.table.path(*path) {
                let Some(hop) = route.hops.iter().find(|hop| hop.edge.pool == edge.pool) else { continue };
                match known {
                    _ if hop.edge.way != edge.way => *known = Known::Unknown,
                    Known::Exactly(route) => *known = Known::AtBest(self.table.compared(route)),
                    _ => {}
                }
            }
        }
    }

    /// Fills paths up with ever smaller chunks, when none can take a whole one any more.
    fn squeeze(mut self, mut rest: U256, mut chunk: U256) -> Option<Distribution> {
        let least = self.table.query.amount / U256::from(LEAST);
        while !rest.is_zero() && !(self.table.query.is_late)() {
            let amount = chunk.min(rest);
            self.known.fill(Known::Unknown);
            if self.take(amount) {
                rest -= amount;
            } else if chunk > least {
                chunk /= U256::from(2);
            } else {
                return self.with_rest(rest);
            }
        }
        rest.is_zero().then(|| self.done())
    }

    /// Gives what no path makes anything of to the first leg that can take it: a drained pair takes any amount.
    fn with_rest(mut self, rest: U256) -> Option<Distribution> {
        let shares: Legs = self.legs.iter().map(|leg| (leg.path, leg.amount)).collect();
        let takes = |place: &usize| {
            let mut shares = shares.clone();
            if let Some((_, amount)) = shares.get_mut(*place) {
                *amount += rest;
            }
            self.table.plan(shares).is_ok()
        };
        let place = (0..shares.len()).find(takes)?;
        self.legs.get_mut(place)?.amount += rest;
        Some(self.done())
    }
}

//! The best routes of a graph: from token to token the best few ways to each, hop by hop.

use std::{cmp::Reverse, collections::HashMap};

use capstan_primitives::U256;

use super::{Hop, Query, Route, Score, Side, usable};
use crate::domain::{
    graph::{Edge, Token},
    pool::{Protocol, Way},
    state::Problem,
};

/// Ways to a token that are followed on, of so many hops. In a graph without more, the search is exhaustive.
const WAYS: usize = 24;
/// Routes that are told.
const TOLD: usize = 64;
/// The time is looked at once in so many quotes.
const BETWEEN_LOOKS: u32 = 64;

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The best complete routes, the best first.
    pub routes: Vec<Route>,
    /// Pools that were quoted.
    pub considered: usize,
    /// Pools on the way that are not used, and why.
    pub skipped: Vec<(u32, Problem)>,
    /// Whether no way was left out.
    pub is_exhaustive: bool,
    /// Whether some pools lead there, whatever they can take.
    pub is_connected: bool,
    /// Whether an amount became nothing on some way.
    pub is_dust: bool,
    /// Complete paths that could not take the amount.
    pub refused: Vec<Vec<Edge>>,
}

/// A way from the known amount to a token.
#[derive(Debug, Clone, Copy)]
struct Label {
    hop: Hop,
    /// The label that it continues, by its place; none for a first hop.
    parent: Option<usize>,
    /// The amount that it ends with.
    amount: U256,
    gas: u64,
    /// Where it leads.
    token: Token,
}

/// Searches for the best routes by amount and objective.
#[must_use]
pub fn search(query: &Query<'_>) -> Found {
    let mut search = Search::new(query);
    let mut front: Vec<usize> = Vec::new();
    for hop in 1..=query.max_hops {
        let left = query.max_hops - hop;
        let grown = if hop == 1 { search.extend(None, left) } else { search.extend_all(&front, left) };
        front = grown;
        if search.is_late {
            break;
        }
    }
    search.finish()
}

struct Search<'a> {
    query: &'a Query<'a>,
    /// Where the known amount is, and where the ways are to lead.
    ends: (Token, Token),
    distances: Distances,
    labels: Vec<Label>,
    complete: Vec<usize>,
    /// Pools that were quoted, as often as they were.
    considered: Vec<u32>,
    skipped: HashMap<u32, Problem>,
    refused: Vec<Vec<Edge>>,
    is_late: bool,
    is_exhaustive: bool,
    is_dust: bool,
    is_pure: bool,
    quotes: u32,
}

impl<'a> Search<'a> {
    fn new(query: &'a Query<'a>) -> Self {
        let ends = match query.side {
            Side::In => (query.from, query.to),
            Side::Out => (query.to, query.from),
        };
        Self {
            query,
            ends,
            distances: Distances::to(ends.1, query),
            labels: Vec::new(),
            complete: Vec::new(),
            considered: Vec::new(),
            skipped: HashMap::new(),
            refused: Vec::new(),
            is_late: false,
            is_exhaustive: true,
            is_dust: false,
            is_pure: query.excluded.mixtures(),
            quotes: 0,
        }
    }

    /// Extends the best ways to every token by one hop.
    fn extend_all(&mut self, front: &[usize], left: usize) -> Vec<usize> {
        let scored =
            front.iter().filter_map(|at| Some((self.labels.get(*at)?.token, Reverse(self.score(*at)), *at)));
        let mut ways: Vec<(Token, Reverse<Option<Score>>, usize)> = scored.collect();
        ways.sort_unstable();
        let mut grown = Vec::new();
        for of_token in ways.chunk_by(|(ours, ..), (theirs, ..)| ours == theirs) {
            self.is_exhaustive &= of_token.len() <= WAYS;
            for (.., way) in of_token.iter().take(WAYS) {
                grown.extend(self.extend(Some(*way), left));
            }
        }
        grown
    }

    /// Extends one way by every pool that can lead on, with `left` hops after it.
    fn extend(&mut self, parent: Option<usize>, left: usize) -> Vec<usize> {
        let (token, amount, gas) = match parent.and_then(|at| self.labels.get(at)) {
            Some(label) => (label.token, label.amount, label.gas),
            None => (self.ends.0, self.query.amount, 0),
        };
        let mut grown = Vec::new();
        for edge in self.query.pools.graph().from(token) {
            let is_near = self.distances.from(edge.to).is_some_and(|distance| distance <= left);
            if !is_near || self.is_late || self.passes(parent, edge) || self.mixes(parent, edge) {
                continue;
            }
            let Some((hop, amount, more)) = self.quote(parent, edge, amount) else { continue };
            let label = Label { hop, parent, amount, gas: gas.saturating_add(more), token: edge.to };
            self.labels.push(label);
            let at = self.labels.len() - 1;
            if edge.to == self.ends.1 { self.complete.push(at) } else { grown.push(at) }
        }
        grown
    }

    /// Whether a way has been through the token or the pool of an edge already.
    fn passes(&self, parent: Option<usize>, edge: &Edge) -> bool {
        let goal = self.ends.1;
        edge.to == self.ends.0
            || (edge.to != goal && self.query.excluded.token(edge.to))
            || self.back(parent).any(|label| label.token == edge.to || label.hop.edge.pool == edge.pool)
    }

    /// Whether an edge makes a mixture of a way where those are left out.
    fn mixes(&self, parent: Option<usize>, edge: &Edge) -> bool {
        if !self.is_pure {
            return false;
        }
        let protocol = |pool| self.query.pools.at(pool).map(|entry| entry.pool.protocol());
        let (next, wrap) = (protocol(edge.pool), Some(Protocol::Weth9));
        if next == wrap {
            return parent.is_some() && edge.to != self.ends.1;
        }
        let mut passed = self.back(parent).map(|label| protocol(label.hop.edge.pool));
        passed.any(|passed| passed != next && passed != wrap)
    }

    fn back(&self, from: Option<usize>) -> impl Iterator<Item = &Label> {
        let label = |at: Option<usize>| at.and_then(|at| self.labels.get(at));
        std::iter::successors(label(from), move |last| label(last.parent))
    }

    /// The hop through an edge, the amount after it, and its gas; `None` when its pool is not used or refuses.
    fn quote(&mut self, parent: Option<usize>, edge: &Edge, amount: U256) -> Option<(Hop, U256, u64)> {
        let entry = self.query.pools.at(edge.pool)?;
        if self.query.excluded.pool(entry) {
            return None;
        }
        if let Err(problem) = usable(entry) {
            self.skipped.insert(edge.pool, problem);
            return None;
        }
        self.considered.push(edge.pool);
        self.quotes += 1;
        if self.quotes.is_multiple_of(BETWEEN_LOOKS) && (self.query.is_late)() {
            (self.is_late, self.is_exhaustive) = (true, false);
        }
        // Backwards the edge is taken from its end to its beginning.
        let (way, quoted) = match self.query.side {
            Side::In => (edge.way, entry.pool.quote_exact_in(edge.way, amount)),
            Side::Out => (edge.way.back(), entry.pool.quote_exact_out(edge.way.back(), amount)),
        };
        let Ok(swap) = quoted else {
            self.refuse(parent, edge, way);
            return None;
        };
        let amount = if self.query.side == Side::In { swap.amount_out } else { swap.amount_in };
        let hop = Hop { edge: Edge { way, ..*edge }, swap };
        self.is_dust |= amount.is_zero();
        (!amount.is_zero()).then_some((hop, amount, entry.pool.gas(&swap)))
    }

    /// Remembers a path that is complete but for the amount, so that parts of it can take its way.
    fn refuse(&mut self, parent: Option<usize>, edge: &Edge, way: Way) {
        if edge.to != self.ends.1 || self.refused.len() >= WAYS {
            return;
        }
        let path = self.back(parent).map(|label| label.hop.edge).collect::<Vec<_>>();
        self.refused.push(self.oriented(std::iter::once(Edge { way, ..*edge }).chain(path).collect()));
    }

    /// A path that was followed back from its end, in the order of the swaps.
    fn oriented<T>(&self, mut backwards: Vec<T>) -> Vec<T> {
        if self.query.side == Side::In {
            backwards.reverse();
        }
        backwards
    }

    fn score(&self, at: usize) -> Option<Score> {
        let label = self.labels.get(at)?;
        let objective = super::Objective { gas_cost: None };
        Some(objective.score(self.query.side, label.amount, label.gas))
    }

    fn finish(self) -> Found {
        let query = self.query;
        let scored = self.complete.iter().filter_map(|at| {
            let label = self.labels.get(*at)?;
            let score = query.objective.score(query.side, label.amount, label.gas);
            // Of equals the one with the fewest hops.
            Some((Reverse(score), self.back(Some(*at)).count(), *at))
        });
        let mut ways: Vec<(Reverse<Score>, usize, usize)> = scored.collect();
        ways.sort_unstable();
        let route = |(.., at): (Reverse<Score>, usize, usize)| {
            let hops = self.oriented(self.back(Some(at)).map(|label| label.hop).collect());
            Some(Route { hops: directed(query, hops), gas: self.labels.get(at)?.gas })
        };
        let routes = ways.into_iter().take(TOLD).filter_map(route).collect();
        let refused = self.refused.into_iter().map(|path| directed_path(query, path)).collect();
        let mut considered = self.considered;
        considered.sort_unstable();
        considered.dedup();
        Found {
            is_connected: self.distances.from(self.ends.0).is_some(),
            routes,
            considered: considered.len(),
            skipped: self.skipped.into_iter().collect(),
            is_exhaustive: self.is_exhaustive,
            is_dust: self.is_dust,
            refused,
        }
    }
}

/// Edges of a backward search lead to where they come from; these lead where the swap goes.
fn directed(query: &Query<'_>, hops: Vec<Hop>) -> Vec<Hop> {
    let path = directed_path(query, hops.iter().map(|hop| hop.edge).collect());
    hops.into_iter().zip(path).map(|(hop, edge)| Hop { edge, ..hop }).collect()
}

fn directed_path(query: &Query<'_>, path: Vec<Edge>) -> Vec<Edge> {
    if query.side == Side::In {
        return path;
    }
    let ends = path.iter().skip(1).map(|edge| edge.to).chain([query.to]).collect::<Vec<_>>();
    path.into_iter().zip(ends).map(|(edge, to)| Edge { to, ..edge }).collect()
}

/// Hops from tokens to the goal, where they are at most as many as a route may have.
struct Distances(Vec<u8>);

const FAR: u8 = u8::MAX;

impl Distances {
    fn to(goal: Token, query: &Query<'_>) -> Self {
        let mut distances = Self(vec![FAR; query.pools.graph().tokens()]);
        distances.set(goal, 0);
        let mut front = vec![goal];
        for distance in (1..FAR).take(query.max_hops) {
            let mut next = Vec::new();
            for edge in front.iter().flat_map(|token| query.pools.graph().from(*token)) {
                let is_usable = |entry: &crate::domain::state::Entry| !query.excluded.pool(entry);
                if distances.from(edge.to).is_none() && query.pools.at(edge.pool).is_some_and(is_usable) {
                    distances.set(edge.to, distance);
                    next.push(edge.to);
                }
            }
            front = next;
        }
        distances
    }

    fn from(&self, token: Token) -> Option<usize> {
        self.0.get(token.place()).filter(|distance| **distance != FAR).map(|distance| usize::from(*distance))
    }

    fn set(&mut self, token: Token, distance: u8) {
        if let Some(place) = self.0.get_mut(token.place()) {
            *place = distance;
        }
    }
}

//! All pools of a chain in one block.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use capstan_primitives::Address;

use super::{
    change::{Change, Unusable},
    graph::Graph,
    pages::Pages,
    pool::{Pool, PoolId},
};

/// Why a pool is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// It has hooks that can change amounts.
    Hooks,
    /// One of its tokens takes a fee on transfer.
    FeeOnTransfer,
    /// One of its tokens changes balances by itself.
    Rebasing,
    /// What it holds is not what its contract says.
    Drifted,
    /// Its contract is paused.
    Paused,
    /// It is of a kind, or has settings, that are not known.
    Unsupported,
    /// What no event says of it has not been read yet.
    Incomplete,
}

/// A pool with what is known of it beside its own state.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its identity.
    pub id: PoolId,
    /// Factory, or vault, that it is of.
    pub factory: Option<Address>,
    /// The pool.
    pub pool: Arc<dyn Pool>,
    /// Why it is not used.
    pub problem: Option<(Problem, Arc<str>)>,
}

/// All pools of a chain. Cheap to copy; copies share what is the same.
#[derive(Clone, Default)]
pub struct Pools {
    entries: Pages<Entry>,
    places: Arc<HashMap<PoolId, u32>>,
    graph: Arc<Graph>,
    refused: Arc<HashMap<Address, Problem>>,
    /// Tokens of which everything that is sent arrives; none where nobody looks at that.
    exact: Option<Arc<HashSet<Address>>>,
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").field("pools", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Pools {
    /// The ways between tokens.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// How many pools there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The pool at a place.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)
    }

    /// The pool of an id.
    #[must_use]
    pub fn get(&self, id: &PoolId) -> Option<&Entry> {
        self.at(*self.places.get(id)?)
    }

    /// Where the pool of an id is.
    #[must_use]
    pub fn place(&self, id: &PoolId) -> Option<u32> {
        self.places.get(id).copied()
    }

    /// Every pool, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Tokens whose amounts cannot be known, and why.
    #[must_use]
    pub fn refused(&self) -> &HashMap<Address, Problem> {
        &self.refused
    }

    /// Adds a pool; one that is there already stays. That of a refused token is not used.
    pub fn add(&mut self, mut entry: Entry) {
        if self.places.contains_key(&entry.id) {
            return;
        }
        let (id, tokens) = (entry.id, entry.pool.tokens().to_vec());
        let refused = |token: &Address| Some(refusal(*token, *self.refused.get(token)?));
        entry.problem = tokens.iter().find_map(refused).or(entry.problem);
        let place = self.entries.push(entry);
        Arc::make_mut(&mut self.graph).add(place, &tokens);
        Arc::make_mut(&mut self.places).insert(id, u32::try_from(place).unwrap_or(u32::MAX));
    }

    /// Applies an event to its pool.
    ///
    /// # Errors
    /// When there is no such pool, or it cannot have this change; nothing is changed then.
    pub fn apply(&mut self, id: &PoolId, change: &Change) -> Result<(), Unusable> {
        let entry = self.entry(id).ok_or_else(|| Unusable("no factory announced this pool".to_owned()))?;
        entry.pool = entry.pool.applied(change)?;
        Ok(())
    }

    /// Puts another pool in the place of one, as it was read from its contract.
    pub fn replace(&mut self, id: &PoolId, pool: Arc<dyn Pool>) {
        if let Some(entry) = self.entry(id) {
            entry.pool = pool;
        }
    }

    /// Refuses a token: its pools are not used, neither those that there are nor those that come.
    pub fn refuse(&mut self, token: Address, problem: Problem) {
        Arc::make_mut(&mut self.refused).insert(token, problem);
        let Some(place) = self.graph.token(&token) else { return };
        for edge in self.graph.from(place) {
            if let Some(entry) = self.entries.get_mut(edge.pool as usize) {
                entry.problem = Some(refusal(token, problem));
            }
        }
    }

    /// Tokens of which everything that is sent arrives; none where nobody looks at that.
    #[must_use]
    pub const fn exact(&self) -> Option<&Arc<HashSet<Address>>> {
        self.exact.as_ref()
    }

    /// Says of which tokens everything arrives, and that of no others it is known.
    pub fn know_exact(&mut self, tokens: Arc<HashSet<Address>>) {
        self.exact = Some(tokens);
    }

    /// Says why a pool is not used, or that it is; one of a refused token is not, whatever is said.
    pub fn mark(&mut self, id: &PoolId, problem: Option<(Problem, Arc<str>)>) {
        if let Some(entry) = self.entry(id).filter(|entry| !entry.is_refused()) {
            entry.problem = problem;
        }
    }

    /// Says that a pool's contract is paused, or is so no more; one that is not used for another reason stays so.
    pub fn pause(&mut self, id: &PoolId, is_paused: bool) {
        if let Some(entry) = self.entry(id).filter(|entry| entry.is_followed()) {
            entry.problem = paused(is_paused);
        }
    }

    /// Takes a pool out that is not as its contract says; one that is not used for another reason stays as it is.
    pub fn drifted(&mut self, id: &PoolId, why: &Arc<str>) {
        if let Some(entry) = self.entry(id).filter(|entry| entry.is_followed() || entry.has_drifted()) {
            entry.problem = Some((Problem::Drifted, Arc::clone(why)));
        }
    }

    /// Puts a pool that drifted back, as its contract said.
    pub fn restore(&mut self, id: &PoolId, (pool, is_paused): (Arc<dyn Pool>, bool)) {
        if let Some(entry) = self.entry(id).filter(|entry| entry.has_drifted()) {
            (entry.pool, entry.problem) = (pool, paused(is_paused));
        }
    }

    fn entry(&mut self, id: &PoolId) -> Option<&mut Entry> {
        let place = *self.places.get(id)?;
        self.entries.get_mut(place as usize)
    }
}

impl Entry {
    /// Whether it is followed: it is used, or would be if its contract were not paused.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        matches!(self.problem, None | Some((Problem::Paused, _)))
    }

    /// Whether it is not as its contract says.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        matches!(self.problem, Some((Problem::Drifted, _)))
    }

    fn is_refused(&self) -> bool {
        matches!(self.problem, Some((Problem::FeeOnTransfer | Problem::Rebasing, _)))
    }
}

fn refusal(token: Address, problem: Problem) -> (Problem, Arc<str>) {
    (problem, format!("token {token}").into())
}

fn paused(is_paused: bool) -> Option<(Problem, Arc<str>)> {
    is_paused.then(|| (Problem::Paused, "".into()))
}

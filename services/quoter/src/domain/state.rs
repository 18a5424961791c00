//! All pools of a chain in one block.

use std::{collections::HashMap, fmt, sync::Arc};

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

    /// Adds a pool; one that is there already stays.
    pub fn add(&mut self, entry: Entry) {
        if self.places.contains_key(&entry.id) {
            return;
        }
        let (id, tokens) = (entry.id, entry.pool.tokens().to_vec());
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

    /// Says why a pool is not used, or that it is.
    pub fn mark(&mut self, id: &PoolId, problem: Option<(Problem, Arc<str>)>) {
        if let Some(entry) = self.entry(id) {
            entry.problem = problem;
        }
    }

    fn entry(&mut self, id: &PoolId) -> Option<&mut Entry> {
        let place = *self.places.get(id)?;
        self.entries.get_mut(place as usize)
    }
}

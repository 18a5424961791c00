//! What subscribers at one place are told next, read once for all of them.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use capstan_primitives::{BlockRef, ChainId};
use tokio::sync::OnceCell;

use crate::{
    error::Error,
    store::{BlockChanges, ChainState},
};

/// Most places of a chain whose next changes are kept. Who keeps up is at one of two or three; who reads history reads
/// it for itself.
const PLACES: usize = 8;

/// A place of a stream, as far as it decides what is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Number of the newest reorg that is known there.
    pub(super) undo: u64,
    /// The block that it is in; none before the first.
    pub(super) block: Option<u64>,
    /// Whether all of that block was told.
    pub(super) is_whole: bool,
    /// Whether changes of positions are wanted.
    pub(super) positions: bool,
}

/// What follows a place, as of one moment.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) state: ChainState,
    /// Reorgs come first.
    pub(super) resync: Option<Resynced>,
    /// The next blocks with events, not too many.
    pub(super) blocks: Vec<BlockChanges>,
}

/// Where reorgs leave a stream.
#[derive(Debug)]
pub(super) struct Resynced {
    /// Number of the newest.
    pub(super) undo: u64,
    /// The newest block that is still valid.
    pub(super) last_valid: Option<BlockRef>,
    /// The block that the stream is in after them.
    pub(super) block: Option<BlockRef>,
    /// Whether it was in one that is void.
    pub(super) is_back: bool,
}

/// The next changes of the places that streams are at, until the chain goes on.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<BTreeMap<ChainId, Moment>>);

#[derive(Debug, Default)]
struct Moment {
    /// Committed steps of the projection, at least so many of which were read.
    step: u64,
    places: HashMap<Place, Arc<OnceCell<Arc<Next>>>>,
}

impl Shared {
    /// What follows a place when so many steps were committed: what somebody read since then, or what `read` gives.
    pub(super) async fn next<R: Future<Output = Result<Next, Error>>>(
        &self,
        (chain, step): (ChainId, u64),
        place: Place,
        read: impl FnOnce() -> R,
    ) -> Result<Arc<Next>, Error> {
        let read = async || read().await.map(Arc::new);
        match self.cell(chain, step, place) {
            Some(cell) => cell.get_or_try_init(read).await.cloned(),
            None => read().await,
        }
    }

    fn cell(&self, chain: ChainId, step: u64, place: Place) -> Option<Arc<OnceCell<Arc<Next>>>> {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = chains.entry(chain).or_default();
        if moment.step < step {
            *moment = Moment { step, places: HashMap::new() };
        }
        if moment.places.len() >= PLACES && !moment.places.contains_key(&place) {
            return None;
        }
        Some(Arc::clone(moment.places.entry(place).or_default()))
    }
}

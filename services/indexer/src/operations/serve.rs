//! Serving the log: pages, streams, status.

use std::{collections::BTreeMap, sync::Arc};

use capstan_primitives::{BlockRef, ChainId};
use tokio::sync::watch;

use crate::{
    domain::{ChainProgress, Cursor, Event, EventFilter, LogPage, Position},
    error::Error,
    store::{ListQuery, Store},
};

/// What the indexer is doing with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainState {
    /// Connecting to the node.
    Starting,
    /// Reading history.
    Syncing,
    /// At the head.
    Live,
    /// Retrying.
    Stalled,
    /// Stopped until an operator acts.
    Halted,
}

/// A chain as its worker last saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainView {
    /// What the worker is doing.
    pub state: ChainState,
    /// The node's newest block.
    pub head: Option<BlockRef>,
    /// The chain's cursor.
    pub progress: ChainProgress,
    /// How many contracts are followed.
    pub contracts: u64,
    /// Why the chain is not live.
    pub problem: String,
}

/// A configured chain and what its worker says of it.
#[derive(Debug, Clone)]
pub struct ChainHandle {
    /// Name for people.
    pub name: String,
    /// Changes with every step of the worker.
    pub view: watch::Receiver<ChainView>,
}

/// The log as it is served.
#[derive(Debug, Clone)]
pub struct EventLog {
    store: Store,
    chains: Arc<BTreeMap<ChainId, ChainHandle>>,
}

impl EventLog {
    /// Serves the log in `store` of the given chains.
    #[must_use]
    pub fn new(store: Store, chains: BTreeMap<ChainId, ChainHandle>) -> Self {
        Self { store, chains: Arc::new(chains) }
    }

    /// Every configured chain.
    pub fn chains(&self) -> impl Iterator<Item = (ChainId, &ChainHandle)> {
        self.chains.iter().map(|(id, handle)| (*id, handle))
    }

    /// The chain of a request; 0 names the only one.
    ///
    /// # Errors
    /// When the chain is not configured, or 0 is ambiguous.
    pub fn chain(&self, id: u64) -> Result<ChainId, Error> {
        match (id, self.chains.keys().next()) {
            (0, Some(only)) if self.chains.len() == 1 => Ok(*only),
            (0, _) => Err(Error::ChainNotNamed(self.chains.len())),
            (id, _) if self.chains.contains_key(&ChainId(id)) => Ok(ChainId(id)),
            (id, _) => Err(Error::UnknownChain(id)),
        }
    }

    /// The chains of a stream; none named means all.
    ///
    /// # Errors
    /// When one is not configured.
    pub fn stream_chains(&self, ids: &[u64]) -> Result<Vec<ChainId>, Error> {
        if ids.is_empty() {
            return Ok(self.chains.keys().copied().collect());
        }
        ids.iter().map(|id| self.chain(*id)).collect()
    }

    /// A page of events of one chain.
    ///
    /// # Errors
    /// When the store does not answer, or the chain's log has not begun.
    pub async fn list(&self, query: &ListQuery) -> Result<(ChainProgress, Vec<Event>), Error> {
        self.store.list(query).await?.ok_or(Error::UnknownChain(query.chain_id.0))
    }

    /// The chain's cursor in the store.
    ///
    /// # Errors
    /// When the store does not answer, or the chain's log has not begun.
    pub async fn progress(&self, chain_id: ChainId) -> Result<ChainProgress, Error> {
        self.store.progress(chain_id).await?.ok_or(Error::UnknownChain(chain_id.0))
    }

    /// Checks that a stream can go on from `cursor`, and completes it with the chains that it lacks.
    ///
    /// # Errors
    /// [`Error::CursorOfOtherLog`] when a position is not of the log that is here.
    pub async fn resume(&self, chains: &[ChainId], mut cursor: Cursor) -> Result<Cursor, Error> {
        for chain_id in chains {
            let progress = self.progress(*chain_id).await?;
            let start = Position { log_id: progress.log_id, position: 0 };
            let at = cursor.chains.entry(*chain_id).or_insert(start);
            if at.log_id != progress.log_id || at.position >= progress.next_position {
                return Err(Error::CursorOfOtherLog);
            }
        }
        Ok(cursor)
    }

    /// The entries of a chain after `position`.
    ///
    /// # Errors
    /// When the store does not answer, or the log was replaced meanwhile.
    pub async fn read(
        &self,
        chain_id: ChainId,
        at: Position,
        filter: &EventFilter,
        limit: u64,
    ) -> Result<LogPage, Error> {
        let page = self.store.read_log(chain_id, at.position, filter, limit).await?;
        page.filter(|page| page.progress.log_id == at.log_id).ok_or(Error::CursorOfOtherLog)
    }
}

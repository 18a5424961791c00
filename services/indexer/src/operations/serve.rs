//! Serving the log: pages, streams, status.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use capstan_primitives::{Address, BlockRef, ChainId};
use tokio::sync::{mpsc, watch};

use super::Command;
use crate::{
    adapters::Node,
    domain::{
        ChainProgress, Contracts, Covered, Cursor, Event, EventFilter, LogPage, Position, Rate, Undo, place,
    },
    error::Error,
    store::{Bounds, Store},
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
    /// Serving what another process writes.
    Standby,
}

/// A chain as its worker last saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainView {
    /// What the worker is doing.
    pub state: ChainState,
    /// The node's newest block.
    pub head: Option<BlockRef>,
    /// The newest block that the node calls safe.
    pub safe: Option<BlockRef>,
    /// The chain's cursor.
    pub progress: ChainProgress,
    /// How fast the log grows.
    pub rate: Option<Rate>,
    /// Whether this process writes the log.
    pub writer: bool,
    /// How many contracts are followed.
    pub contracts: u64,
    /// Why the chain is not live, or why blocks do not become final.
    pub problem: String,
    /// Why the history of contracts that came late cannot be read for now.
    pub history_problem: String,
    /// Whether the store is why the chain is not live, which may take no writes although it can be read.
    pub store_fails: bool,
}

/// A configured chain and what its worker says of it.
#[derive(Debug, Clone)]
pub struct ChainHandle {
    /// Name for people.
    pub name: String,
    /// The node behind the chain.
    pub node: Node,
    /// Changes with every step of the worker.
    pub view: watch::Receiver<ChainView>,
    /// The contracts that are followed.
    pub contracts: SharedContracts,
    /// What its worker is asked to do between two steps.
    pub commands: mpsc::Sender<Command>,
}

/// The contracts of a chain, as its worker knows them.
pub type SharedContracts = Arc<RwLock<Contracts>>;

/// Where a stream without a cursor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// With the first block of the log.
    Beginning,
    /// With this block.
    Block(u64),
    /// This many blocks before the newest indexed one; 0: after it.
    BeforeHead(u64),
}

impl StartAt {
    /// # Errors
    /// [`Error::CursorPruned`] when a part of what was asked for is no longer kept.
    fn position(self, progress: &ChainProgress) -> Result<Position, Error> {
        let next = progress.indexed.map_or(0, |block| block.number).saturating_add(1);
        let block = match self {
            Self::Beginning => progress.first_block,
            Self::Block(block) => block.max(progress.first_block),
            Self::BeforeHead(blocks) => next.saturating_sub(blocks).max(progress.first_block),
        };
        if !progress.keeps_from(block) {
            return Err(pruned(progress));
        }
        let place = place::before(block).unwrap_or_default();
        let (fork, history) = (progress.fork, progress.history);
        Ok(Position { fork, place, history, floor: place, ..Position::beginning(progress.log_id) })
    }
}

/// Events that a reorg took back, or some of them.
#[derive(Debug)]
pub struct Reverted {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// Through where there may be more.
    pub rest: Option<u64>,
    /// Block of the oldest log that was looked at.
    pub looked_at: Option<BlockRef>,
}

/// The log as it is served.
#[derive(Debug, Clone)]
pub struct EventLog {
    pub(super) store: Store,
    pub(super) chains: Arc<BTreeMap<ChainId, ChainHandle>>,
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

    /// The chains of a stream, each once; none named means all.
    ///
    /// # Errors
    /// When one is not configured.
    pub fn stream_chains(&self, ids: &[u64]) -> Result<Vec<ChainId>, Error> {
        if ids.is_empty() {
            return Ok(self.chains.keys().copied().collect());
        }
        let chains: BTreeSet<ChainId> = ids.iter().map(|id| self.chain(*id)).collect::<Result<_, _>>()?;
        Ok(chains.into_iter().collect())
    }

    /// The chain's cursor in the store.
    ///
    /// # Errors
    /// When the store does not answer, or the chain's log has not begun.
    pub async fn progress(&self, chain_id: ChainId) -> Result<ChainProgress, Error> {
        self.store.progress(chain_id).await?.ok_or(Error::UnknownChain(chain_id.0))
    }

    /// What its worker says of a chain.
    #[must_use]
    pub fn view(&self, chain_id: ChainId) -> Option<watch::Receiver<ChainView>> {
        self.chains.get(&chain_id).map(|handle| handle.view.clone())
    }

    /// The newest block of a chain that its node calls safe.
    #[must_use]
    pub fn safe(&self, chain_id: ChainId) -> Option<u64> {
        self.chains.get(&chain_id)?.view.borrow().safe.map(|block| block.number)
    }

    /// Checks that a stream can go on from `cursor`, and completes it with the chains that it
    /// lacks, which start at `start`.
    ///
    /// # Errors
    /// [`Error::CursorOfOtherLog`] when a position is not of the log that is here, and
    /// [`Error::CursorPruned`] when a part of what follows a position or the start is no longer kept.
    pub async fn resume(
        &self,
        chains: &[ChainId],
        mut cursor: Cursor,
        start: StartAt,
        filter: &EventFilter,
    ) -> Result<Cursor, Error> {
        for chain_id in chains {
            let progress = self.progress(*chain_id).await?;
            let Some(at) = cursor.chains.get_mut(chain_id) else {
                cursor.chains.insert(*chain_id, start.position(&progress)?);
                continue;
            };
            self.check_position(&progress, *at).await?;
            self.caught_up(&progress).await;
            self.check_history(&progress, *at, filter).await?;
            at.history = progress.history;
        }
        Ok(cursor)
    }

    /// Checks that a position is one in the log that is here, and that what follows it is kept. One of which
    /// nothing was delivered may be above what is indexed.
    pub(super) async fn check_position(&self, progress: &ChainProgress, at: Position) -> Result<(), Error> {
        let is_ahead = at.fork == progress.fork && at.place > end_of(progress) && !at.is_unread();
        if at.log_id != progress.log_id || at.fork > progress.fork || is_ahead {
            return Err(Error::CursorOfOtherLog);
        }
        if !progress.keeps(at) {
            return Err(pruned(progress));
        }
        if !at.is_unread() && !self.store.knows(progress, at).await? {
            return Err(Error::CursorOfOtherLog);
        }
        Ok(())
    }

    /// Checks that no history was added since `at` that a stream with `filter` would have had.
    async fn check_history(
        &self,
        progress: &ChainProgress,
        at: Position,
        filter: &EventFilter,
    ) -> Result<(), Error> {
        if at.history >= progress.history {
            return Ok(());
        }
        let covered = self.store.covered(progress.chain_id).await?;
        match covered.iter().any(|known| known.added > at.history && self.concerns(known, progress, filter)) {
            true => Err(Error::CursorHistoryAdded(progress.chain_id)),
            false => Ok(()),
        }
    }

    /// Whether what came into the log may be wanted by `filter`: of a factory, also what it made; of a
    /// pattern, whatever is of no contract.
    fn concerns(&self, of: &Covered, progress: &ChainProgress, filter: &EventFilter) -> bool {
        if filter.addresses.is_empty() || filter.addresses.contains(&of.address) {
            return true;
        }
        let Some(handle) = self.chains.get(&progress.chain_id) else { return true };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let is_made_by_it =
            |address: &Address| contracts.get(address).is_some_and(|made| made.factory == Some(of.address));
        if filter.addresses.iter().any(is_made_by_it) {
            return true;
        }
        let is_of_contract = |address: &Address| {
            contracts.get(address).is_some_and(|contract| contract.start_block <= of.start_block)
        };
        of.is_of_pattern() && !filter.addresses.iter().all(is_of_contract)
    }

    /// Whether one of `protocols` may be among what was added to a log after its history was `since`; what is
    /// no longer followed may have been.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn added_since(
        &self,
        progress: &ChainProgress,
        since: u64,
        protocols: &[String],
    ) -> Result<bool, Error> {
        self.caught_up(progress).await;
        let covered = self.store.covered(progress.chain_id).await?;
        let Some(handle) = self.chains.get(&progress.chain_id) else { return Ok(true) };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let is_one = |of: &Covered| {
            let contract = contracts.subject(&of.address);
            contract.is_none_or(|contract| protocols.contains(&contract.definition.protocol))
        };
        Ok(covered.iter().any(|of| of.added > since && is_one(of)))
    }

    /// Checks that it is known which events a reorg took back of what was delivered through `cursor`.
    ///
    /// # Errors
    /// [`Error::CursorPruned`] when it is not.
    pub async fn check_undo(&self, chains: &[ChainId], cursor: &Cursor) -> Result<(), Error> {
        for (chain_id, at) in cursor.chains.iter().filter(|(chain_id, _)| chains.contains(chain_id)) {
            let progress = self.progress(*chain_id).await?;
            if self.store.forgot(&progress, *at).await? {
                return Err(pruned(&progress));
            }
        }
        Ok(())
    }

    /// Of the events through `at` that `undo` takes back the newest ones.
    ///
    /// # Errors
    /// When the store does not answer, and [`Error::CursorPruned`] when they are no longer known.
    pub async fn reverted(
        &self,
        chain_id: ChainId,
        at: Position,
        undo: Undo,
        filter: &EventFilter,
    ) -> Result<Reverted, Error> {
        let wanted = self.wanted(chain_id, filter).await?;
        let (raw, rest) = self.store.reverted(chain_id, at, undo, &wanted).await?;
        self.learn(chain_id, &raw).await?;
        let looked_at = raw.last().map(|event| event.block);
        Ok(Reverted { events: self.meanings(chain_id, raw.into_iter(), filter), rest, looked_at })
    }

    /// What follows in the log of a chain after `at`.
    ///
    /// # Errors
    /// When the store does not answer, or the log was replaced or pruned beyond `at` meanwhile.
    pub async fn read(
        &self,
        chain_id: ChainId,
        at: Position,
        filter: &EventFilter,
        bounds: Bounds,
    ) -> Result<LogPage, Error> {
        let mut wanted = self.wanted(chain_id, filter).await?;
        let safe = self.safe(chain_id);
        let bounds = Bounds { safe, ..bounds };
        let page = loop {
            let page = self.store.read_log(chain_id, at, &wanted, bounds).await?;
            if let Some(page) = &page {
                self.caught_up(&page.progress).await;
            }
            // A kind of log that came into the store after `wanted` was made is not in the page.
            let now = self.wanted(chain_id, filter).await?;
            if now.types == wanted.types {
                break page;
            }
            wanted = now;
        };
        let page = page.filter(|page| page.progress.log_id == at.log_id).ok_or(Error::CursorOfOtherLog)?;
        self.check_history(&page.progress, at, filter).await?;
        self.learn(chain_id, &page.events).await?;
        let events = self.meanings(chain_id, page.events.into_iter(), filter);
        Ok(LogPage { progress: page.progress, safe, undo: page.undo, events, coverage: page.coverage })
    }
}

pub(super) const fn pruned(progress: &ChainProgress) -> Error {
    Error::CursorPruned { chain_id: progress.chain_id, earliest: progress.earliest }
}

fn end_of(progress: &ChainProgress) -> u64 {
    progress.indexed.map_or(0, |block| place::end_of(block.number))
}

//! Serving the log: pages, streams, status.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use capstan_primitives::{Address, BlockRef, ChainId, Hash};
use tokio::sync::watch;

use crate::{
    adapters::Node,
    domain::{ChainProgress, Contracts, Cursor, Event, EventFilter, LogPage, Position, Rate, Undo, place},
    error::Error,
    store::{Bounds, RawEvent, Span, Store, Wanted},
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
    /// Why the chain is not live.
    pub problem: String,
    /// Whether that is the store, which may take no writes although it can be read.
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
}

/// The contracts of a chain, as its worker knows them.
pub type SharedContracts = Arc<RwLock<Contracts>>;

/// Where a stream without a cursor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest block that is kept.
    Beginning,
    /// With this block.
    Block(u64),
    /// This many blocks before the newest indexed one; 0: after it.
    BeforeHead(u64),
}

impl StartAt {
    fn position(self, progress: &ChainProgress) -> Position {
        let indexed = progress.indexed.map_or(0, |block| block.number);
        let block = match self {
            Self::Beginning => progress.earliest,
            Self::Block(block) => block.max(progress.earliest),
            Self::BeforeHead(0) => indexed.saturating_add(1),
            Self::BeforeHead(blocks) => indexed.saturating_add(1).saturating_sub(blocks),
        };
        let place = place::before(block).unwrap_or_default();
        let (fork, history) = (progress.fork, progress.history);
        Position { fork, place, history, ..Position::beginning(progress.log_id) }
    }
}

/// A page of events of one chain.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Chain.
    pub chain_id: ChainId,
    /// Which events.
    pub filter: EventFilter,
    /// The last place of the page before.
    pub after: Option<u64>,
    /// Newest first.
    pub newest_first: bool,
    /// Most events.
    pub limit: u64,
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

    /// A page of events of one chain, its cursor, and the place after which there may be more.
    ///
    /// # Errors
    /// When the store does not answer, or the chain's log has not begun.
    pub async fn list(&self, query: &ListQuery) -> Result<(ChainProgress, Vec<Event>, Option<u64>), Error> {
        let ListQuery { chain_id, filter, newest_first, limit, .. } = query;
        let wanted = self.wanted(*chain_id, filter).await?;
        let first = filter.from_block.and_then(place::before);
        let until = filter.to_block.map_or(u64::MAX, place::end_of);
        let mut after = if *newest_first { query.after } else { query.after.max(first) };
        let mut events: Vec<Event> = Vec::new();
        loop {
            let missing = limit.saturating_sub(u64::try_from(events.len()).unwrap_or(u64::MAX));
            let span = Span { after, until, newest_first: *newest_first, limit: missing };
            let page = self.store.list(*chain_id, &wanted, span).await?;
            let (progress, found, more) = page.ok_or(Error::UnknownChain(chain_id.0))?;
            let below = |event: &RawEvent| *newest_first && first.is_some_and(|first| event.place <= first);
            let ended = found.iter().any(below);
            self.learn(*chain_id, &found).await?;
            events.extend(self.meanings(*chain_id, found.into_iter().filter(|event| !below(event)), filter));
            let more = more.filter(|_| !ended);
            if more.is_none() || events.len() >= usize::try_from(*limit).unwrap_or(usize::MAX) {
                return Ok((progress, events, more));
            }
            after = more;
        }
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

    /// Checks that a stream can go on from `cursor`, and completes it with the chains that it
    /// lacks, which start at `start`.
    ///
    /// # Errors
    /// [`Error::CursorOfOtherLog`] when a position is not of the log that is here, and
    /// [`Error::CursorPruned`] when what follows it is no longer kept.
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
                cursor.chains.insert(*chain_id, start.position(&progress));
                continue;
            };
            let ahead = at.fork == progress.fork && at.place > end_of(&progress);
            if at.log_id != progress.log_id || at.fork > progress.fork || ahead {
                return Err(Error::CursorOfOtherLog);
            }
            if !self.store.knows(*chain_id, *at).await? {
                return Err(Error::CursorOfOtherLog);
            }
            self.check_history(&progress, *at, filter).await?;
            if at.place < place::before(progress.earliest).unwrap_or_default() {
                return Err(Error::CursorPruned { chain_id: *chain_id, earliest: progress.earliest });
            }
            at.history = progress.history;
        }
        Ok(cursor)
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
        let concerns = |address| filter.addresses.is_empty() || filter.addresses.contains(address);
        match covered.iter().any(|known| known.added > at.history && concerns(&known.address)) {
            true => Err(Error::CursorHistoryAdded(progress.chain_id)),
            false => Ok(()),
        }
    }

    /// The events through `at` that `undo` takes back, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reverted(
        &self,
        chain_id: ChainId,
        at: Position,
        undo: Undo,
        filter: &EventFilter,
    ) -> Result<Vec<Event>, Error> {
        let wanted = self.wanted(chain_id, filter).await?;
        let raw = self.store.reverted(chain_id, at, undo, &wanted).await?;
        self.learn(chain_id, &raw).await?;
        Ok(self.meanings(chain_id, raw.into_iter(), filter))
    }

    /// What follows in the log of a chain after `at`.
    ///
    /// # Errors
    /// When the store does not answer, or the log was replaced meanwhile.
    pub async fn read(
        &self,
        chain_id: ChainId,
        at: Position,
        filter: &EventFilter,
        bounds: Bounds,
    ) -> Result<LogPage, Error> {
        let mut wanted = self.wanted(chain_id, filter).await?;
        let page = loop {
            let page = self.store.read_log(chain_id, at, &wanted, bounds).await?;
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
        Ok(LogPage { progress: page.progress, undo: page.undo, events, coverage: page.coverage })
    }

    /// Which rows can hold events that `filter` wants.
    async fn wanted(&self, chain_id: ChainId, filter: &EventFilter) -> Result<Wanted, Error> {
        let mut wanted = Wanted {
            addresses: filter.addresses.clone(),
            types: None,
            transaction: filter.transaction.clone(),
        };
        if filter.kinds.is_empty() && filter.protocols.is_empty() {
            return Ok(wanted);
        }
        let types = self.store.all_types().await?;
        let Some(handle) = self.chains.get(&chain_id) else { return Ok(wanted) };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let takes = |protocol: &str, kind: &str| filter.takes(protocol, kind);
        let ids = types.into_iter().filter(|(_, of)| {
            contracts.meanings(&of.source, &of.topic).any(|(protocol, kind)| takes(protocol, &kind))
        });
        let mut ids: Vec<i32> = ids.map(|(id, _)| id).collect();
        ids.sort_unstable();
        wanted.types = Some(ids);
        Ok(wanted)
    }

    /// Makes the contracts known that another process found meanwhile: their events must not be left out.
    async fn learn(&self, chain_id: ChainId, raw: &[RawEvent]) -> Result<(), Error> {
        let Some(handle) = self.chains.get(&chain_id) else { return Ok(()) };
        let unknown: BTreeSet<Address> = {
            let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
            let addresses = raw.iter().map(|event| event.address);
            addresses.filter(|address| contracts.get(address).is_none()).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let found = self.store.found_among(chain_id, unknown).await?;
        let mut contracts = handle.contracts.write().unwrap_or_else(PoisonError::into_inner);
        for found in &found {
            contracts.add(found);
        }
        Ok(())
    }

    /// Reads logs as the events that they are, those that the definitions list and `filter` wants.
    fn meanings(
        &self,
        chain_id: ChainId,
        raw: impl Iterator<Item = RawEvent>,
        filter: &EventFilter,
    ) -> Vec<Event> {
        let Some(handle) = self.chains.get(&chain_id) else { return Vec::new() };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        raw.filter_map(|raw| meaning(raw, &contracts, filter)).collect()
    }
}

fn end_of(progress: &ChainProgress) -> u64 {
    progress.indexed.map_or(0, |block| place::end_of(block.number))
}

fn meaning(raw: RawEvent, contracts: &Contracts, filter: &EventFilter) -> Option<Event> {
    let RawEvent { place, block, of, transaction_index, transaction, address, topics, data } = raw;
    let definition = Arc::clone(&contracts.get(&address)?.definition);
    let id = (of.topic != Hash::ZERO).then_some(of.topic);
    let topics: Vec<Hash> = id.into_iter().chain(topics).collect();
    let kind = definition.kind(definition.abi.check(&topics, &data).ok()?.name());
    let log_index = place::index_of(place);
    let wanted = filter.takes(&definition.protocol, &kind);
    wanted.then_some(Event {
        place,
        block,
        transaction,
        transaction_index,
        log_index,
        address,
        definition,
        kind,
        topics,
        data,
    })
}

//! Liquidity pools, kept from the log of their events, and served as of one block.

use std::{collections::BTreeSet, sync::PoisonError};

use capstan_primitives::{BlockRef, ChainId, Finality};

use super::{EventLog, StartAt};
use crate::{
    domain::{
        Contracts, Cursor, Event, EventFilter, LogPage, Pool, PoolState, PoolVersion, Position, Undo, place,
    },
    error::Error,
    store::{Bounds, PoolChanges, PoolCursor, PoolPage, PoolQuery, Store},
};

/// Events of one step, and more only to complete a block.
const EVENTS: u64 = 2_000;

/// Protocols of what makes pools.
const FACTORIES: [&str; 2] = ["uniswap.v2.factory", "uniswap.v3.factory"];

/// The pools of one chain, kept level with its log.
#[derive(Debug)]
pub struct PoolProjection {
    chain_id: ChainId,
    log: EventLog,
    store: Store,
    filter: EventFilter,
}

/// Where reading begins.
struct Beginning {
    at: Position,
    /// First block that is kept, when the log began before it.
    from: Option<u64>,
}

/// Whether something that makes pools is followed.
#[must_use]
pub fn makes_pools(contracts: &Contracts) -> bool {
    contracts.subjects().any(|(_, contract)| FACTORIES.contains(&contract.definition.protocol.as_str()))
}

impl PoolProjection {
    /// The pools of a chain of `log`.
    #[must_use]
    pub fn new(chain_id: ChainId, log: EventLog, store: Store) -> Self {
        let pools = [PoolVersion::V2, PoolVersion::V3].map(PoolVersion::protocol);
        let protocols = FACTORIES.iter().chain(&pools).map(|&protocol| protocol.to_owned()).collect();
        Self { chain_id, log, store, filter: EventFilter { protocols, ..EventFilter::default() } }
    }

    /// The chain.
    #[must_use]
    pub const fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    /// Forgets what cannot be continued unless the log can be read on from where it was read to.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(&self) -> Result<(), Error> {
        let Some(cursor) = self.store.pool_cursor(self.chain_id).await? else { return Ok(()) };
        let at = Cursor { chains: [(self.chain_id, cursor.at)].into() };
        match self.log.resume(&[self.chain_id], at, StartAt::Beginning, &self.filter).await {
            Err(error) => self.give_way(Some(cursor), error).await,
            Ok(_) => Ok(()),
        }
    }

    /// Does about a log that cannot be read on what can be done.
    async fn give_way(&self, from: Option<PoolCursor>, error: Error) -> Result<(), Error> {
        match (&error, from) {
            (Error::CursorHistoryAdded(_), Some(from)) if self.beginning().await?.from.is_some() => {
                self.go_on(from).await
            }
            (Error::CursorHistoryAdded(_) | Error::CursorOfOtherLog | Error::CursorPruned { .. }, _) => {
                self.forget(error.to_string()).await
            }
            _ => Err(error),
        }
    }

    /// Forgets everything, to read what is kept of the log again. A pool that was made before that
    /// will not be announced again.
    async fn forget(&self, why: String) -> Result<(), Error> {
        let Beginning { from, .. } = self.beginning().await?;
        tracing::warn!(chain = self.chain_id.0, why, from, "reading the pools again");
        self.store.forget_pools(self.chain_id, from).await
    }

    /// Goes on although history was added before `from`, as the beginning of the log is not kept. What was
    /// read stays right; of pools that the history may have announced nothing is known.
    async fn go_on(&self, from: PoolCursor) -> Result<(), Error> {
        let Position { place, history, .. } = from.at;
        let progress = self.log.progress(self.chain_id).await?;
        let has_pools = self.log.added_since(&progress, history, &self.filter.protocols).await?;
        let whole_from = if has_pools { Some(place::number_of(place) + 1) } else { from.whole_from };
        tracing::warn!(chain = self.chain_id.0, whole_from, "history was added that the pools do not read");
        let at = Position { history: progress.history, ..from.at };
        let to = PoolCursor { at, whole_from, ..from };
        self.store.change_pools(self.chain_id, Some(from), to, PoolChanges::default()).await
    }

    /// Reads the next part of the log; whether it was the last one for now.
    ///
    /// # Errors
    /// When the store does not answer, or the log was replaced; nothing is half done then.
    pub async fn step(&self) -> Result<bool, Error> {
        if !self.log.makes_pools(self.chain_id) {
            return Ok(true);
        }
        let from = self.store.pool_cursor(self.chain_id).await?;
        let (at, whole_from) = match from {
            Some(from) => (from.at, from.whole_from),
            None => self.beginning().await.map(|beginning| (beginning.at, beginning.from))?,
        };
        let page = match self.read(at).await {
            Err(error) => return self.give_way(from, error).await.map(|()| false),
            Ok(page) => page,
        };
        if let (Some(undo), Some(from)) = (page.undo, from) {
            self.undo(from, undo, page.progress.fork).await?;
            return Ok(false);
        }
        let Some((page, events)) = self.whole_blocks(at, page).await? else { return Ok(false) };
        let coverage = page.coverage;
        // Only what was read can be asked for as it was a day before.
        let read = page.progress.finalized.into_iter().chain(coverage.block);
        let finalized = page.progress.finalized.and(read.min_by_key(|block| block.number));
        let before = from.map_or(0, |from| from.final_number);
        let lets_go = finalized.filter(|_| !events.is_empty()).map_or(0, |block| block.number);
        let to = PoolCursor {
            at: position(at, page.progress.fork, coverage.through, coverage.block),
            block: coverage.block.or(from.and_then(|from| from.block)),
            final_number: before.max(lets_go),
            whole_from,
        };
        if from == Some(to) {
            return Ok(coverage.complete);
        }
        let changes = PoolChanges { finalized, ..self.changes(&events).await? };
        self.store.change_pools(self.chain_id, from, to, changes).await?;
        Ok(coverage.complete)
    }

    /// Takes back what came from blocks that left the chain. Of what was final only an operator takes
    /// something back: what the pools were then is no longer known.
    async fn undo(&self, from: PoolCursor, undo: Undo, fork: u64) -> Result<(), Error> {
        let last_valid = undo.last_valid;
        if last_valid.number < from.final_number {
            let number = last_valid.number;
            return self.forget(format!("what they were at block {number} is no longer kept")).await;
        }
        let place = place::end_of(last_valid.number);
        let at = position(from.at, fork, place, Some(last_valid));
        let to = PoolCursor { at, block: Some(last_valid), ..from };
        self.store.undo_pools(self.chain_id, from, to, last_valid.number).await
    }

    /// Where the log begins, or what is kept of it.
    async fn beginning(&self) -> Result<Beginning, Error> {
        match self.start(StartAt::Beginning).await {
            Err(Error::CursorPruned { earliest, .. }) => {
                let at = self.start(StartAt::Block(earliest)).await?;
                Ok(Beginning { at, from: Some(earliest) })
            }
            at => Ok(Beginning { at: at?, from: None }),
        }
    }

    async fn start(&self, at: StartAt) -> Result<Position, Error> {
        let cursor = self.log.resume(&[self.chain_id], Cursor::default(), at, &self.filter).await?;
        cursor.chains.get(&self.chain_id).copied().ok_or(Error::UnknownChain(self.chain_id.0))
    }

    async fn read(&self, at: Position) -> Result<LogPage, Error> {
        let bounds = Bounds { limit: EVENTS, finality: Finality::Latest, safe: None, last_block: None };
        self.log.read(self.chain_id, at, &self.filter, bounds).await
    }

    /// The events of a page and of those after it until a block is complete, and the last of these
    /// pages; nothing when a reorg came between.
    async fn whole_blocks(
        &self,
        at: Position,
        mut page: LogPage,
    ) -> Result<Option<(LogPage, Vec<Event>)>, Error> {
        let fork = page.progress.fork;
        let mut events = std::mem::take(&mut page.events);
        while !page.coverage.block_complete {
            page = self.read(Position { fork, place: page.coverage.through, ..at }).await?;
            if page.progress.fork != fork {
                return Ok(None);
            }
            events.append(&mut page.events);
        }
        Ok(Some((page, events)))
    }

    async fn changes(&self, events: &[Event]) -> Result<PoolChanges, Error> {
        let addresses: BTreeSet<_> = events.iter().map(|event| event.address).collect();
        let addresses: Vec<_> = addresses.into_iter().collect();
        let mut states = self.store.pool_states(self.chain_id, &addresses).await?;
        let mut changes = PoolChanges::default();
        for event in events {
            // It was checked on the way here: an event that does not decode is not handed out.
            let Ok(decoded) = event.definition.abi.decode(&event.topics, &event.data) else { continue };
            if FACTORIES.contains(&event.definition.protocol.as_str()) {
                if let Some(pool) = Pool::announced(event.address, &decoded, event.place) {
                    states.insert(pool.address, (pool.version, PoolState::default()));
                    changes.pools.push(pool);
                }
                continue;
            }
            let Some((version, state)) = states.get_mut(&event.address) else { continue };
            if let Some(after) = state.after(*version, &decoded, event.block) {
                *state = after;
                changes.states.insert((event.address, event.block.number), (event.block, after));
            }
        }
        Ok(changes)
    }
}

fn position(at: Position, fork: u64, place: u64, block: Option<BlockRef>) -> Position {
    let of_place = block.filter(|block| block.number == place::number_of(place));
    let mark = of_place.map_or(0, |block| Position::mark_of(&block.hash));
    Position { fork, place, mark, ..at }
}

/// The pools as they are served.
#[derive(Debug, Clone)]
pub struct Pools {
    /// The log that they come from.
    pub log: EventLog,
    /// Where they are.
    pub store: Store,
}

impl EventLog {
    /// Whether something that makes pools is followed on a chain now.
    fn makes_pools(&self, chain_id: ChainId) -> bool {
        self.chains.get(&chain_id).is_some_and(|handle| {
            makes_pools(&handle.contracts.read().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

impl Pools {
    /// A page of pools.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, query: &PoolQuery) -> Result<PoolPage, Error> {
        // What was read while factories were followed says nothing of now.
        match self.log.makes_pools(query.chain_id) {
            true => self.store.pools(query).await,
            false => Ok(PoolPage::default()),
        }
    }
}

//! What changes, from any place on.

use std::collections::BTreeSet;

use capstan_primitives::{Address, BlockRef, ChainId};
use tokio::sync::watch;

use super::{
    Markets,
    shared::{Next, Place, Resynced},
};
use crate::{
    domain::{
        change::{MarketEvent, PositionChange},
        market::{Activity, ActivityKind, Market, MarketId, PoolState},
        name::Name,
    },
    error::Error,
    store::{BlockChanges, ChainState, ChangesFilter, OutcomeOf, Read, TokenChange, Undone},
};

/// Blocks that are read at a time; bounds what a slow subscriber costs.
const BLOCKS: u64 = 32;

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPosition {
    /// The store that it reads, by when that began.
    pub(crate) started_at: i64,
    /// Number of the newest reorg that it knows of.
    pub(crate) undo: u64,
    /// The block that it is in; none before the first.
    pub(crate) block: Option<u64>,
    /// Changes of that block that it has seen; [`StreamPosition::ALL`] when there is nothing left.
    pub(crate) seen: u32,
    /// How many changes its subscriber was told.
    pub(crate) sequence: u64,
}

impl StreamPosition {
    /// All changes of a block.
    pub(crate) const ALL: u32 = u32::MAX;

    /// The history that it is in: higher than every one before, that of a store that was replaced included, since
    /// there is less than one reorg a millisecond.
    pub(crate) fn epoch(self) -> u64 {
        u64::try_from(self.started_at).unwrap_or_default().saturating_add(self.undo)
    }

    fn after(self, block: Option<u64>) -> Self {
        Self { block, seen: Self::ALL, ..self }
    }

    fn counted(self) -> Self {
        Self { sequence: self.sequence.saturating_add(1), ..self }
    }
}

/// One change and where the stream is after it.
#[derive(Debug, Clone)]
pub(crate) struct StreamItem {
    pub(crate) position: StreamPosition,
    pub(crate) chain: ChainId,
    /// The block of the change.
    pub(crate) block: Option<BlockRef>,
    /// Newest finalized block of the chain.
    pub(crate) finalized: Option<u64>,
    pub(crate) change: Change,
}

/// What changed.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Something happened to a market.
    Market(Box<Market>, BTreeSet<MarketEvent>),
    /// Somebody traded.
    Trade(MarketId, Box<Activity>),
    /// Somebody added liquidity to a pool, or removed it.
    Liquidity(MarketId, Box<Activity>),
    /// A pool changed.
    Prices(MarketId, BlockRef, PoolState),
    /// A user has more or less of an outcome.
    Position(Box<PositionChange>, BlockRef),
    /// Blocks above this one are void.
    Resync(Option<BlockRef>),
    /// Nothing.
    Nothing,
}

/// Kinds of changes that a subscriber chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ChangeKind {
    Price,
    Trade,
    Liquidity,
    Position,
    Lifecycle,
}

/// What a subscriber is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted<M = MarketId> {
    pub(crate) kinds: BTreeSet<ChangeKind>,
    /// Ids of markets, or addresses of their pools; empty: of all.
    pub(crate) markets: BTreeSet<M>,
}

impl Wanted {
    fn has(&self, kind: ChangeKind, market: MarketId, pool: Option<Address>) -> bool {
        let named = || {
            let of_pool = pool.is_some_and(|pool| self.markets.contains(&MarketId::Pool(pool)));
            of_pool || self.markets.contains(&market)
        };
        self.kinds.contains(&kind) && (self.markets.is_empty() || named())
    }
}

/// Changes after a place.
#[derive(Debug, Clone)]
pub(crate) struct StreamPage {
    /// The changes, in order.
    pub(crate) items: Vec<StreamItem>,
    /// Where the stream is after them: the end of what there is, unless there is more.
    pub(crate) end: StreamItem,
    /// Whether there is more to read at once.
    pub(crate) more: bool,
}

impl Markets {
    /// The chain of a stream, and what tells that it moved; 0 is the only one.
    pub(crate) fn feed(&self, chain_id: u64) -> Result<(ChainId, watch::Receiver<u64>), Error> {
        let chains = self.chains(chain_id)?;
        let (Some(chain), 1) = (chains.first(), chains.len()) else {
            return Err(Error::field("chain_id", format!("{} chains are followed; name one", chains.len())));
        };
        let changed = self.chains.get(chain).ok_or(Error::ChainNotFollowed(*chain))?;
        Ok((*chain, changed.clone()))
    }

    /// What is wanted, with the ids of markets that were named by their slugs.
    pub(crate) async fn with_ids(&self, chain: ChainId, wanted: Wanted<Name>) -> Result<Wanted, Error> {
        let Wanted { kinds, markets } = wanted;
        let read = self.store.read().await?;
        let names: Vec<Name> = markets.into_iter().collect();
        let mut ids = read.ids_of(chain, &names).await?;
        let id = |name: Name| ids.remove(&name).ok_or(Error::MarketNotFound(name));
        Ok(Wanted { kinds, markets: names.into_iter().map(id).collect::<Result<_, Error>>()? })
    }

    /// Where a stream begins: at `cursor`, or at the newest block.
    pub(crate) async fn begin(
        &self,
        chain: ChainId,
        cursor: Option<StreamPosition>,
    ) -> Result<StreamItem, Error> {
        let read = self.store.read().await?;
        let state = self.state(&read, chain).await?;
        let newest = read.newest_undo(chain).await?;
        let through = state.through.map(|block| block.number);
        let position = match cursor {
            None => StreamPosition {
                started_at: state.started_at,
                undo: newest,
                block: through,
                seen: StreamPosition::ALL,
                sequence: 0,
            },
            Some(cursor) if cursor.started_at != state.started_at || cursor.undo > newest => {
                return Err(Error::Cursor(
                    "of a store that was replaced; start again without a cursor".into(),
                ));
            }
            Some(cursor) => cursor,
        };
        let block = block_of(&read, &state, position.block).await?;
        Ok(item(position, &state, block, Change::Nothing))
    }

    /// The next changes after `position`.
    pub(crate) async fn changes(
        &self,
        chain: ChainId,
        mut position: StreamPosition,
        wanted: &Wanted,
    ) -> Result<StreamPage, Error> {
        let place = Place {
            undo: position.undo,
            block: position.block,
            is_whole: position.seen == StreamPosition::ALL,
            positions: wanted.kinds.contains(&ChangeKind::Position),
        };
        let steps = self.chains.get(&chain).map_or(0, |steps| *steps.borrow());
        let next = self.shared.next((chain, steps), place, || self.read_next(chain, place)).await?;
        let Next { state, resync, blocks } = next.as_ref();
        let mut items = Vec::new();
        if let Some(resync) = resync {
            position = after_resync(position, resync);
            items.push(item(position, state, resync.block, Change::Resync(resync.last_valid)));
        }
        let more = u64::try_from(blocks.len()).is_ok_and(|read| read == BLOCKS);
        let last = blocks.last().map(|changes| changes.block);
        for changes in blocks {
            let skip = if position.block == Some(changes.block.number) { position.seen } else { 0 };
            let at = StreamPosition { block: Some(changes.block.number), ..position };
            let block = Some(changes.block);
            let told =
                (1u32..).zip(told_of(changes.clone(), wanted)).skip(usize::try_from(skip).unwrap_or(0));
            for (seen, change) in told.filter_map(|(seen, change)| Some((seen, change?))) {
                position.sequence = position.counted().sequence;
                let place = StreamPosition { seen, sequence: position.sequence, ..at };
                items.push(item(place, state, block, change));
            }
        }
        let end = if more { last } else { state.through };
        let position = position.after(end.map(|block| block.number).max(position.block));
        Ok(StreamPage { items, end: item(position, state, end, Change::Nothing), more })
    }

    async fn read_next(&self, chain: ChainId, mut place: Place) -> Result<Next, Error> {
        let read = self.store.read().await?;
        let state = self.state(&read, chain).await?;
        let resync = match read.undone_since(chain, place.undo).await? {
            Some(undone) => Some(resynced(&read, &state, &mut place, undone).await?),
            None => None,
        };
        let first = match (place.block, place.is_whole) {
            (None, _) => 0,
            (Some(block), true) => block.saturating_add(1),
            (Some(block), false) => block,
        };
        let filter = ChangesFilter { chain, first, limit: BLOCKS, positions: place.positions };
        Ok(Next { blocks: read.changes_from(filter).await?, state, resync })
    }

    async fn state(&self, read: &Read, chain: ChainId) -> Result<ChainState, Error> {
        let states = read.chains(&[chain]).await?;
        states.into_iter().next().ok_or(Error::ChainNotFollowed(chain))
    }
}

/// The block that a stream is in, or the newest one with events below it.
async fn block_of(read: &Read, state: &ChainState, number: Option<u64>) -> Result<Option<BlockRef>, Error> {
    match number {
        number if number == state.through.map(|block| block.number) => Ok(state.through),
        Some(number) => Ok(read.newest_block(state.chain, number).await?),
        None => Ok(None),
    }
}

/// Where reorgs leave a stream. It is told of all, that an epoch never changes silently, and goes back when it was in
/// a block that is void.
async fn resynced(
    read: &Read,
    state: &ChainState,
    place: &mut Place,
    undone: Undone,
) -> Result<Resynced, Error> {
    let Undone { sequence: undo, last_valid } = undone;
    let valid = last_valid.map(|block| block.number);
    let is_back = place.block > valid;
    if is_back {
        (place.block, place.is_whole) = (valid, true);
        return Ok(Resynced { undo, last_valid, block: last_valid, is_back });
    }
    let block = block_of(read, state, place.block).await?;
    Ok(Resynced { undo, last_valid, block, is_back })
}

fn after_resync(position: StreamPosition, resync: &Resynced) -> StreamPosition {
    let position = StreamPosition { undo: resync.undo, ..position }.counted();
    match resync.is_back {
        true => position.after(resync.last_valid.map(|block| block.number)),
        false => position,
    }
}

fn item(position: StreamPosition, state: &ChainState, block: Option<BlockRef>, change: Change) -> StreamItem {
    StreamItem { position, chain: state.chain, block, finalized: state.finalized, change }
}

/// The changes of a block in a fixed order. Those that are not wanted are none, so that a place means the same
/// whatever is wanted; positions come last, as they are not read for everybody.
fn told_of(changes: BlockChanges, wanted: &Wanted) -> Vec<Option<Change>> {
    use ChangeKind::{Lifecycle, Liquidity, Price, Trade};
    let BlockChanges { block, markets, activities, pools, positions } = changes;
    let markets = markets.into_iter().map(|(market, events)| {
        let is_wanted = wanted.has(Lifecycle, market.announcement.id, market.amm);
        is_wanted.then(|| Change::Market(Box::new(market), events))
    });
    let activities = activities.into_iter().map(|(id, pool, activity)| match activity.kind {
        ActivityKind::Trade(_) => {
            wanted.has(Trade, id, Some(pool)).then(|| Change::Trade(id, Box::new(activity)))
        }
        _ => wanted.has(Liquidity, id, Some(pool)).then(|| Change::Liquidity(id, Box::new(activity))),
    });
    let pools = pools.into_iter().map(|(id, pool, state)| {
        wanted.has(Price, id, Some(pool)).then_some(Change::Prices(id, block, state))
    });
    let positions = positions.iter().flat_map(|change| positions_of(block, change, wanted));
    markets.chain(activities).chain(pools).chain(positions).collect()
}

/// A change for every wanted market of the token; for the oldest one when all are.
fn positions_of(block: BlockRef, change: &TokenChange, wanted: &Wanted) -> Vec<Option<Change>> {
    let TokenChange { holding, change, markets } = change;
    let told = |(at, of): (usize, &OutcomeOf)| {
        let is_wanted = wanted.has(ChangeKind::Position, of.market, of.pool);
        let change = PositionChange {
            market: of.market,
            outcome_index: of.outcome_index,
            token: holding.token,
            holder: holding.holder,
            change: *change,
        };
        (is_wanted && (at == 0 || !wanted.markets.is_empty()))
            .then(|| Change::Position(Box::new(change), block))
    };
    markets.iter().enumerate().map(told).collect()
}

//! What changes, from any place on.

use std::collections::BTreeSet;

use capstan_primitives::{BlockRef, ChainId};
use tokio::sync::watch;

use super::Markets;
use crate::{
    domain::market::{Activity, Market, MarketId, PoolState},
    error::Error,
    store::{BlockChanges, ChainState, Read, Undone},
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
    /// A market was created, got its pool or was resolved.
    Market(Box<Market>),
    /// Somebody traded.
    Trade(MarketId, Box<Activity>),
    /// A pool changed.
    Prices(MarketId, BlockRef, PoolState),
    /// Blocks above this one are void.
    Resync(Option<BlockRef>),
    /// Nothing.
    Nothing,
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
        let block = block_of(&read, &state, position).await?;
        Ok(item(position, &state, block, Change::Nothing))
    }

    /// The next changes after `position` of the markets in `only`; of all when it is empty.
    pub(crate) async fn changes(
        &self,
        chain: ChainId,
        mut position: StreamPosition,
        only: &BTreeSet<MarketId>,
    ) -> Result<StreamPage, Error> {
        let read = self.store.read().await?;
        let state = self.state(&read, chain).await?;
        let mut items = Vec::new();
        if let Some(undone) = read.undone_since(chain, position.undo).await? {
            let resync = resynced(&read, &state, position, undone).await?;
            position = resync.position;
            items.push(resync);
        }
        let first = match (position.block, position.seen) {
            (None, _) => 0,
            (Some(block), StreamPosition::ALL) => block.saturating_add(1),
            (Some(block), _) => block,
        };
        let blocks = read.changes_from(chain, first, BLOCKS).await?;
        let more = u64::try_from(blocks.len()).is_ok_and(|read| read == BLOCKS);
        let last = blocks.last().map(|changes| changes.block);
        for changes in blocks {
            let skip = if position.block == Some(changes.block.number) { position.seen } else { 0 };
            let told = items_of(changes, position, &state, only);
            for mut item in told.skip(usize::try_from(skip).unwrap_or(0)).flatten() {
                item.position.sequence = position.counted().sequence;
                position.sequence = item.position.sequence;
                items.push(item);
            }
        }
        let end = if more { last } else { state.through };
        let position = position.after(end.map(|block| block.number).max(position.block));
        Ok(StreamPage { items, end: item(position, &state, end, Change::Nothing), more })
    }

    async fn state(&self, read: &Read, chain: ChainId) -> Result<ChainState, Error> {
        let states = read.chains(&[chain]).await?;
        states.into_iter().next().ok_or(Error::ChainNotFollowed(chain))
    }
}

/// The block that a stream is in, or the newest one with events below it.
async fn block_of(
    read: &Read,
    state: &ChainState,
    position: StreamPosition,
) -> Result<Option<BlockRef>, Error> {
    match position.block {
        number if number == state.through.map(|block| block.number) => Ok(state.through),
        Some(number) => Ok(read.newest_block(state.chain, number).await?),
        None => Ok(None),
    }
}

/// A stream after it heard of reorgs. It is told of all, that an epoch never changes silently, and goes back when it
/// was in a block that is void.
async fn resynced(
    read: &Read,
    state: &ChainState,
    position: StreamPosition,
    undone: Undone,
) -> Result<StreamItem, Error> {
    let Undone { sequence: undo, last_valid } = undone;
    let valid = last_valid.map(|block| block.number);
    let position = StreamPosition { undo, ..position }.counted();
    if position.block > valid {
        return Ok(item(position.after(valid), state, last_valid, Change::Resync(last_valid)));
    }
    let block = block_of(read, state, position).await?;
    Ok(item(position, state, block, Change::Resync(last_valid)))
}

fn item(position: StreamPosition, state: &ChainState, block: Option<BlockRef>, change: Change) -> StreamItem {
    StreamItem { position, chain: state.chain, block, finalized: state.finalized, change }
}

/// The changes of a block in a fixed order, counted before those of unwanted markets become none, so
/// that a place means the same whatever is wanted.
fn items_of(
    changes: BlockChanges,
    position: StreamPosition,
    state: &ChainState,
    only: &BTreeSet<MarketId>,
) -> impl Iterator<Item = Option<StreamItem>> {
    let BlockChanges { block, markets, trades, pools } = changes;
    let markets =
        markets.into_iter().map(|market| (market.announcement.id, Change::Market(Box::new(market))));
    let trades = trades.into_iter().map(|(id, trade)| (id, Change::Trade(id, Box::new(trade))));
    let pools = pools.into_iter().map(move |(id, state)| (id, Change::Prices(id, block, state)));
    (1u32..).zip(markets.chain(trades).chain(pools)).map(move |(seen, (id, change))| {
        let position = StreamPosition { block: Some(block.number), seen, ..position };
        let wanted = only.is_empty() || only.contains(&id);
        wanted.then(|| item(position, state, Some(block), change))
    })
}

//! What a client asks of `StreamEvents`.

use std::collections::BTreeSet;

use capstan_primitives::{ChainId, Finality};
use capstan_proto::{
    indexer::{Payload, StreamEventsRequest, UndoMode, stream_events_request::Start},
    primitives as wire,
};

use super::{convert, filters};
use crate::{
    domain::{Cursor, EventFilter, LogPage, place},
    error::Error,
    operations::{EventLog, StartAt},
    store::Bounds,
};

const DEFAULT_BATCH: usize = 500;
const MAX_BATCH: usize = 1_000;
const MAX_CHAINS: usize = 100;
/// Logs of one look into the store.
const PAGE: u64 = 4_000;

/// A checked request, with a cursor for every chain.
pub(super) struct StreamRequest {
    pub(super) chains: Vec<ChainId>,
    pub(super) filter: EventFilter,
    /// What the cursors of this stream are bound to.
    pub(super) binding: String,
    pub(super) cursor: Cursor,
    pub(super) bounds: Bounds,
    pub(super) max_batch: usize,
    pub(super) with_reverted: bool,
    pub(super) payloads: Vec<Payload>,
}

impl StreamRequest {
    pub(super) async fn read(log: &EventLog, request: StreamEventsRequest) -> Result<Self, Error> {
        let (undo_mode, finality) = (request.undo_mode(), request.finality());
        let payloads = request.payloads().collect();
        convert::at_most("chain_ids", request.chain_ids.len(), MAX_CHAINS)?;
        let chains = log.stream_chains(&request.chain_ids)?;
        let filter = filters::stream_filter(request.filter)?;
        let finality = match finality {
            wire::Finality::Unspecified | wire::Finality::Latest => Finality::Latest,
            wire::Finality::Safe => Finality::Safe,
            wire::Finality::Finalized => Finality::Finalized,
        };
        let binding =
            format!("StreamEvents {:?} {finality:?} {}", named(&request.chain_ids), filter.binding());
        let committed = match (request.cursor.as_str(), request.consumer_id.as_str()) {
            ("", "") => None,
            ("", consumer) => log.committed(consumer).await?.map(|(cursor, _)| cursor),
            (cursor, _) => Some(cursor.to_owned()),
        };
        let (cursor, from) = match committed {
            Some(text) => (Cursor::decode(&text, &binding).map_err(Error::Cursor)?, StartAt::Beginning),
            None => (Cursor::default(), start(request.start)),
        };
        let cursor = log.resume(&chains, cursor, from, &filter).await?;
        let with_reverted = undo_mode == UndoMode::WithEvents;
        if with_reverted {
            log.check_undo(&chains, &cursor).await?;
        }
        let max_batch = match usize::try_from(request.max_batch_events) {
            Ok(0) => DEFAULT_BATCH,
            Ok(events) => events.min(MAX_BATCH),
            Err(_) => MAX_BATCH,
        };
        Ok(Self {
            chains,
            filter,
            binding,
            cursor,
            bounds: Bounds { limit: PAGE, finality, safe: None, last_block: request.stop_block },
            max_batch,
            with_reverted,
            payloads,
        })
    }

    /// Whether a page is the last one of its chain.
    pub(super) fn ends_at(&self, page: &LogPage) -> bool {
        self.bounds.last_block.is_some_and(|last| page.coverage.through >= place::end_of(last))
    }
}

/// The chains that a cursor is bound to: each once, in whatever order they are named.
fn named(chain_ids: &[u64]) -> Vec<u64> {
    chain_ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

fn start(of: Option<Start>) -> StartAt {
    match of {
        None => StartAt::Beginning,
        Some(Start::FromBlock(block)) => StartAt::Block(block),
        Some(Start::BlocksBeforeHead(blocks)) => StartAt::BeforeHead(blocks),
    }
}

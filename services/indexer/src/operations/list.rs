//! Listing the log page by page.

use capstan_primitives::ChainId;

use super::{EventLog, serve::pruned};
use crate::{
    domain::{ChainProgress, Event, EventFilter, PageStart, Position, place},
    error::Error,
    store::{RawEvent, Span},
};

/// Fewest logs of a look into the store after the first one: where that did not fill the page, few of the
/// logs that the store finds are wanted.
const LOGS: u64 = 4_000;
/// A page ends when its events have so much data, in bytes: gRPC's usual limit is 4 MiB.
const BYTES: usize = 1 << 20;
/// Looks of one call; what is not found by then is for the next page.
const LOOKS: usize = 20;

/// A page of events of one chain.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Chain.
    pub chain_id: ChainId,
    /// Which events.
    pub filter: EventFilter,
    /// Where the page begins; none for the first one.
    pub page: Option<PageStart>,
    /// Newest first.
    pub newest_first: bool,
    /// Most events.
    pub limit: u64,
}

/// What was found for a [`ListQuery`].
#[derive(Debug)]
pub struct Listed {
    /// The chain's cursor in the same snapshot.
    pub progress: ChainProgress,
    /// The events.
    pub events: Vec<Event>,
    /// Where the next page begins; none where there is nothing more.
    pub next: Option<PageStart>,
}

impl EventLog {
    /// A page of events of one chain.
    ///
    /// # Errors
    /// When the store does not answer, or the chain's log has not begun, [`Error::CursorPruned`] when the
    /// page would begin below what is kept, and [`Error::PageReorged`] when what the pages before gave is
    /// not all part of the chain any more.
    pub async fn list(&self, query: &ListQuery) -> Result<Listed, Error> {
        let mut found = Findings::of(query);
        loop {
            let (progress, raw, more) = self.look(query, found.span(query)).await?;
            if found.fork.replace(progress.fork).is_some_and(|fork| fork != progress.fork) {
                // What the looks before found may be void.
                found = Findings::of(query);
                continue;
            }
            self.learn(query.chain_id, &raw).await?;
            let events = self.meanings(query.chain_id, raw.into_iter(), &query.filter);
            if found.add(events, more, query) {
                return Ok(found.end(query, progress));
            }
        }
    }

    /// Looks into the store once, for all kinds of logs that are there then.
    async fn look(
        &self,
        query: &ListQuery,
        span: Span,
    ) -> Result<(ChainProgress, Vec<RawEvent>, Option<u64>), Error> {
        let ListQuery { chain_id, filter, page, newest_first, .. } = query;
        let mut wanted = self.wanted(*chain_id, filter).await?;
        loop {
            let listed = self.store.list(*chain_id, &wanted, span, page.map(|page| page.read)).await?;
            let (progress, found, more) = listed.ok_or(Error::UnknownChain(chain_id.0))?;
            self.caught_up(&progress).await;
            let begins = span.after.filter(|_| !newest_first);
            if !filter.from_block.is_none_or(|block| progress.keeps_from(block))
                || !begins.is_none_or(|after| progress.keeps_after(after))
            {
                return Err(pruned(&progress));
            }
            // A kind of log that came into the store after `wanted` was made is not among what was found.
            let now = self.wanted(*chain_id, filter).await?;
            if now.types == wanted.types {
                return Ok((progress, found, more));
            }
            wanted = now;
        }
    }
}

/// What the looks of one call found.
struct Findings {
    after: Option<u64>,
    events: Vec<Event>,
    bytes: usize,
    looks: usize,
    fork: Option<u64>,
}

impl Findings {
    fn of(query: &ListQuery) -> Self {
        let after = query.page.map(|page| page.after);
        Self { after, events: Vec::new(), bytes: 0, looks: 0, fork: None }
    }

    fn span(&self, query: &ListQuery) -> Span {
        let EventFilter { from_block, to_block, .. } = query.filter;
        let found = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let missing = query.limit.saturating_sub(found);
        Span {
            after: self.after,
            floor: from_block.and_then(place::before),
            until: to_block.map_or(u64::MAX, place::end_of),
            newest_first: query.newest_first,
            limit: if self.looks == 0 { missing } else { missing.max(LOGS) },
        }
    }

    /// Adds what one look found; whether that ends the page.
    fn add(&mut self, events: Vec<Event>, more: Option<u64>, query: &ListQuery) -> bool {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        self.looks += 1;
        self.after = more;
        for event in events {
            if self.events.len() >= limit || self.bytes >= BYTES {
                self.after = self.events.last().map(|last| last.place);
                return true;
            }
            self.bytes += event.data.len();
            self.events.push(event);
        }
        let is_full = self.events.len() >= limit || self.bytes >= BYTES;
        self.after.is_none() || is_full || self.looks >= LOOKS
    }

    fn end(self, query: &ListQuery, progress: ChainProgress) -> Listed {
        let fork = progress.fork;
        let next = self.after.map(|after| {
            let read = Position { fork, ..self.read(after, query, &progress) };
            PageStart { after, read }
        });
        Listed { progress, events: self.events, next }
    }

    /// The highest place that this page and those before reach to.
    fn read(&self, after: u64, query: &ListQuery, progress: &ChainProgress) -> Position {
        let nothing = Position::beginning(progress.log_id);
        let at = |place: u64, event: Option<&Event>| {
            let of_place = event.filter(|event| event.block.number == place::number_of(place));
            let mark = of_place.map_or(0, |event| Position::mark_of(&event.block.hash));
            Position { place, mark, ..nothing }
        };
        if !query.newest_first {
            return at(after, self.events.last());
        }
        let before = query.page.map(|page| page.read).filter(|read| read.place > 0);
        before.unwrap_or_else(|| self.events.first().map_or(nothing, |first| at(first.place, Some(first))))
    }
}

#[cfg(test)]
mod tests;

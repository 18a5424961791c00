//! Fetching ahead of the writer: the next blocks are asked for while earlier ones are written.

use std::collections::VecDeque;

use capstan_chain::Header;
use capstan_runtime::{Tasks, failpoint};
use tokio_util::task::AbortOnDropHandle;

use super::reach::Reach;
use crate::{
    adapters::{Node, Segment},
    domain::Followed,
    error::Error,
};

/// Reversible blocks that are asked for at a time.
const BLOCKS_AHEAD: usize = 8;
/// When so many reversible blocks are missing, they are asked for as a range.
pub(super) const CATCH_UP: u64 = 16;
/// Most of them in one range: each has a header to be asked for.
const MOST_REVERSIBLE: u64 = 500;

/// Blocks of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Final blocks, first and last.
    Range(u64, u64),
    /// Blocks that a reorg can still take back, first and last, when many are missing.
    CatchUp(u64, u64),
    /// One block that a reorg can still take back.
    Block(u64),
}

impl Part {
    /// The first block.
    pub(super) const fn first(self) -> u64 {
        match self {
            Self::Range(number, _) | Self::CatchUp(number, _) | Self::Block(number) => number,
        }
    }

    /// The last block.
    pub(super) const fn last(self) -> u64 {
        match self {
            Self::Range(_, number) | Self::CatchUp(_, number) | Self::Block(number) => number,
        }
    }
}

/// What was asked for, in the order of the chain. Dropping it ends the requests.
#[derive(Debug)]
pub(super) struct Ahead {
    node: Node,
    tasks: Tasks,
    asked: VecDeque<Asked>,
}

#[derive(Debug)]
struct Asked {
    part: Part,
    addresses: usize,
    answer: AbortOnDropHandle<Result<Option<Segment>, Error>>,
}

/// An answer and what it answers.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) part: Part,
    /// How many of the followed addresses were asked for.
    pub(super) addresses: usize,
    /// Nothing when the node does not have the block after all.
    pub(super) segment: Result<Option<Segment>, Error>,
}

/// How far there is to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Horizon {
    pub(super) head: Header,
    /// Number of the newest final block.
    pub(super) last_final: Option<u64>,
    /// Most ranges at a time.
    pub(super) ranges: usize,
    /// How many blocks a range has.
    pub(super) reach: Reach,
}

impl Horizon {
    fn part(&self, next: u64) -> Part {
        let reach = next.saturating_add(self.reach.blocks().saturating_sub(1));
        let head = self.head.block.number;
        match self.last_final.filter(|last| next <= *last) {
            Some(last) => Part::Range(next, last.min(reach)),
            None if head.saturating_sub(next) >= CATCH_UP => {
                Part::CatchUp(next, head.min(reach).min(next.saturating_add(MOST_REVERSIBLE - 1)))
            }
            None => Part::Block(next),
        }
    }
}

impl Ahead {
    /// Nothing was asked for yet.
    pub(super) const fn new(node: Node, tasks: Tasks) -> Self {
        Self { node, tasks, asked: VecDeque::new() }
    }

    /// Forgets what was asked for.
    pub(super) fn clear(&mut self) {
        self.asked.clear();
    }

    /// Asks for blocks from `from` on, as far ahead as is useful, and waits for the first answer.
    pub(super) async fn next(&mut self, from: u64, followed: &Followed, horizon: Horizon) -> Option<Fetched> {
        if self.asked.front().is_some_and(|asked| asked.part.first() != from) {
            self.clear();
        }
        self.fill(from, followed, horizon);
        let Asked { part, addresses, answer } = self.asked.pop_front()?;
        // A request that panicked is a defect, which the task's end reports like any other failure.
        let segment = answer.await.unwrap_or_else(|error| Err(Error::Task(error.to_string())));
        self.fill(part.last().saturating_add(1), followed, horizon);
        Some(Fetched { part, addresses, segment })
    }

    fn fill(&mut self, from: u64, followed: &Followed, horizon: Horizon) {
        let ranges = if horizon.reach.is_measured() { horizon.ranges.max(1) } else { 1 };
        let mut next = self.asked.back().map_or(from, |asked| asked.part.last().saturating_add(1));
        while next <= horizon.head.block.number {
            let part = horizon.part(next);
            let most = if matches!(part, Part::Block(_)) { BLOCKS_AHEAD } else { ranges };
            if self.asked.len() >= most {
                return;
            }
            let fetch = fetch(self.node.clone(), part, followed.clone(), horizon.head);
            let answer = self.tasks.part(async {
                failpoint("fetch.before");
                let segment = fetch.await;
                failpoint("fetch.after");
                segment
            });
            self.asked.push_back(Asked { part, addresses: followed.addresses.len(), answer });
            next = part.last().saturating_add(1);
        }
    }
}

async fn fetch(node: Node, part: Part, followed: Followed, head: Header) -> Result<Option<Segment>, Error> {
    match part {
        Part::Range(from, to) => node.range(from, to, &followed).await.map(Some),
        Part::CatchUp(from, to) => {
            let segment = node.catch_up(from, to, &followed).await?;
            // The answers of one range are of one moment only if its end is the same before and after.
            let after = node.header(to).await?;
            Ok((after.as_ref() == segment.headers.last()).then_some(segment))
        }
        Part::Block(number) => {
            let header = match head.block.number == number {
                true => Some(head),
                false => node.header(number).await?,
            };
            match header {
                Some(header) => node.block(header, &followed).await.map(Some),
                None => Ok(None),
            }
        }
    }
}

//! Following one chain: the next blocks, or the way back to where the chain still is.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use capstan_chain::Header;
use capstan_primitives::{Address, BlockRef, Clock};
use capstan_runtime::Tasks;

use super::{
    ChainPlan, SharedContracts,
    ahead::{Ahead, Fetched, Horizon, Part},
    reach::Reach,
};
use crate::{
    adapters::{Node, Segment},
    domain::{Batch, ChainProgress, Contracts, Found, Undo, sort_out},
    error::Error,
    metrics,
    store::{Append, Store},
};

/// While history is read, the head is looked at this seldom.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// A node that did not say which block is safe may never do so; it is asked this seldom.
const SAFE_UNKNOWN: Duration = Duration::from_secs(600);

/// The log of one chain, kept level with its node.
#[derive(Debug)]
pub struct Ingest {
    pub(super) store: Store,
    pub(super) node: Node,
    pub(super) plan: ChainPlan,
    pub(super) tasks: Tasks,
    contracts: SharedContracts,
    /// What is said of the contracts in the store that are known.
    pub(super) contracts_mark: (i64, Option<i64>),
    /// Their addresses, in the order in which they became known.
    followed: Vec<Address>,
    pub(super) progress: ChainProgress,
    reach: Reach,
    pub(super) ahead: Ahead,
    pub(super) seen: Option<Seen>,
    safe: Option<BlockRef>,
    /// When to ask for the safe block again.
    safe_due: Instant,
    pub(super) clock: Clock,
}

/// What one step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The node's newest block.
    pub head: BlockRef,
    /// Whether the log moved, so that the next step should follow at once.
    pub moved: bool,
}

/// The chain as the node showed it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    head: Header,
    finalized: Option<BlockRef>,
    at: Instant,
}

impl Ingest {
    /// Opens the log of the plan's chain, beginning it when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(
        store: Store,
        node: Node,
        plan: ChainPlan,
        tasks: Tasks,
        clock: Clock,
    ) -> Result<Self, Error> {
        let progress = store.open_log(plan.id, rand::random(), plan.start_block).await?;
        let reach = Reach::new(plan.first_range, plan.batch_blocks, plan.batch_bytes);
        let (contracts, followed) = (SharedContracts::default(), Vec::new());
        let ahead = Ahead::new(node.clone(), tasks.clone());
        let (seen, safe, safe_due) = (None, None, Instant::now());
        let mut ingest = Self {
            store,
            node,
            plan,
            tasks,
            contracts,
            contracts_mark: (0, None),
            followed,
            progress,
            reach,
            ahead,
            seen,
            safe,
            safe_due,
            clock,
        };
        ingest.reload_contracts().await?;
        Ok(ingest)
    }

    /// The chain's cursor.
    #[must_use]
    pub const fn progress(&self) -> &ChainProgress {
        &self.progress
    }

    /// The chain's name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// The contracts that are followed.
    #[must_use]
    pub fn contracts(&self) -> SharedContracts {
        Arc::clone(&self.contracts)
    }

    /// How many contracts are followed.
    #[must_use]
    pub fn followed(&self) -> u64 {
        u64::try_from(self.followed.len()).unwrap_or_default()
    }

    /// The node behind the chain.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// The newest block that the node calls safe.
    #[must_use]
    pub fn safe(&self) -> Option<BlockRef> {
        self.safe.filter(|safe| self.progress.finalized.is_none_or(|last| last.number <= safe.number))
    }

    /// Takes one step toward the node's head.
    ///
    /// # Errors
    /// When store or node do not answer; nothing is half done then, and a later step starts over.
    pub async fn step(&mut self) -> Result<Tick, Error> {
        let stepped = self.try_step().await;
        if stepped.is_err() {
            self.seen = None;
            self.ahead.clear();
        }
        stepped
    }

    async fn try_step(&mut self) -> Result<Tick, Error> {
        let seen = self.look().await?;
        let head = seen.head;
        let finalized = newer(self.progress.finalized, seen.finalized);
        let indexed = self.progress.indexed;
        metrics::head(self.plan.id, head.block.number, indexed.map(|block| block.number));
        let moved = match indexed {
            Some(indexed) if head.block.number <= indexed.number => {
                self.compare(indexed, head, finalized).await?
            }
            _ => self.extend(head, finalized).await?,
        };
        Ok(Tick { head: head.block, moved })
    }

    /// Looks at the node's chain, or remembers it while there is history to read below what is final.
    async fn look(&mut self) -> Result<Seen, Error> {
        let next = self.next_number();
        let lasts = |seen: &Seen| {
            seen.at.elapsed() < LOOK_AGAIN && seen.finalized.is_some_and(|last| next <= last.number)
        };
        if let Some(seen) = self.seen.filter(lasts) {
            return Ok(seen);
        }
        let newest = self.node.newest(&self.plan.finality, self.progress.finalized);
        let (head, finalized) = if self.safe_due <= Instant::now() {
            let (newest, safe) = futures::join!(newest, self.node.safe());
            let wait = if safe.is_ok() { self.plan.poll_interval } else { SAFE_UNKNOWN };
            (self.safe, self.safe_due) = (safe.unwrap_or(self.safe), Instant::now() + wait);
            newest?
        } else {
            newest.await?
        };
        let seen = Seen { head, finalized, at: Instant::now() };
        self.seen = Some(seen);
        Ok(seen)
    }

    fn next_number(&self) -> u64 {
        self.progress.indexed.map_or(self.plan.start_block, |indexed| indexed.number.saturating_add(1))
    }

    /// The node is not ahead: it may be level, behind, or on another fork.
    async fn compare(
        &mut self,
        indexed: BlockRef,
        head: Header,
        finalized: Option<BlockRef>,
    ) -> Result<bool, Error> {
        let known = self.store.block_at_or_below(self.plan.id, head.block.number).await?;
        let level = indexed.hash == head.block.hash;
        // A known block as head means that the node lags; that is no reorg. Nor is a head so old
        // that its block was pruned: the parent-hash check decides when the node has caught up.
        let same_chain =
            known.is_none_or(|known| known.number < head.block.number || known.hash == head.block.hash);
        if !level && !same_chain {
            return self.roll_back(indexed, head).await;
        }
        if let Some(finalized) = finalized.filter(|finalized| Some(*finalized) != self.progress.finalized) {
            self.progress = self.store.finalize(&self.progress, finalized).await?;
        }
        Ok(false)
    }

    async fn extend(&mut self, head: Header, finalized: Option<BlockRef>) -> Result<bool, Error> {
        let from = self.next_number();
        let last_final = finalized.map(|block| block.number.min(head.block.number));
        let horizon = Horizon { head, last_final, ranges: self.plan.prefetch, reach: self.reach };
        let fetched = self.ahead.next(from, &self.followed, horizon).await;
        let Some(Fetched { part, addresses, segment }) = fetched else { return Ok(false) };
        let segment = match (segment, part) {
            (Err(Error::Chain(error)), Part::Range(first, last))
                if error.smaller_range_may_help() && first < last =>
            {
                let blocks = last.saturating_sub(first).saturating_add(1);
                self.reach.refused(first, blocks, &error);
                tracing::debug!(chain = self.plan.id.0, %error, blocks, next = self.reach.blocks(), "smaller range");
                self.ahead.clear();
                return Ok(true);
            }
            (segment, _) => segment?,
        };
        // The node had announced the block and does not have it: it lags, or went back.
        let Some(segment) = segment else { return Ok(false) };
        if let Part::Range(first, last) = part {
            self.reach.answered(last.saturating_sub(first).saturating_add(1), segment.bytes);
        }
        let (indexed, first) = (self.progress.indexed, segment.headers.first());
        match (indexed, first) {
            (Some(indexed), Some(first)) if indexed.hash != first.parent_hash => {
                self.roll_back(indexed, head).await
            }
            _ => self.append(part, segment, addresses, finalized).await.map(|()| true),
        }
    }

    async fn append(
        &mut self,
        part: Part,
        segment: Segment,
        addresses: usize,
        finalized: Option<BlockRef>,
    ) -> Result<(), Error> {
        metrics::answered(self.plan.id, segment.bytes);
        let (headers, batch) = self.complete(part, segment, addresses).await?;
        let (Some(first), Some(last)) = (headers.first(), headers.last().copied()) else { return Ok(()) };
        let blocks = last.block.number.saturating_sub(first.block.number).saturating_add(1);
        let events = batch.events.len();
        let rows = rows_of(&headers, &batch);
        batch.quarantined.iter().for_each(|entry| metrics::quarantined(self.plan.id, entry));
        let now = self.clock.now().timestamp_millis();
        let append = Append { headers, finalized, batch, now, window: self.plan.window };
        match self.store.append(&self.progress, append).await {
            Ok(progress) => self.progress = progress,
            Err(error) => {
                self.reload_contracts().await?;
                return Err(error);
            }
        }
        metrics::indexed(self.plan.id, last.block, metrics::Appended { blocks, events, rows });
        Ok(())
    }

    /// What happened in the blocks of a segment, those contracts included that were not known when
    /// it was asked for or that it makes known itself. They are followed from here on: a reader must
    /// not meet their events before it can meet them.
    async fn complete(
        &mut self,
        part: Part,
        segment: Segment,
        mut asked: usize,
    ) -> Result<(Vec<Header>, Batch), Error> {
        let Segment { headers, mut logs, .. } = segment;
        loop {
            let missing = self.followed.get(asked..).unwrap_or_default();
            if !missing.is_empty() {
                let more = match (part, headers.last()) {
                    (Part::Block(_), Some(header)) => self.node.block(*header, missing).await?,
                    _ => {
                        let number = |header: Option<&Header>| header.map_or(0, |header| header.block.number);
                        self.node.range(number(headers.first()), number(headers.last()), missing).await?
                    }
                };
                if more.headers != headers {
                    let reason = "the ends of a range changed between two answers".to_owned();
                    return Err(capstan_chain::ChainError::Inconsistent { reason }.into());
                }
                logs.extend(more.logs);
                logs.sort_by_key(|log| (log.block_number, log.log_index));
            }
            asked = self.followed.len();
            let batch = {
                let mut contracts = self.contracts.write().unwrap_or_else(PoisonError::into_inner);
                let new = found_in(&logs, &contracts);
                let added = new.iter().filter(|found| contracts.add(found)).map(|found| found.address);
                self.followed.extend(added);
                (self.followed.len() == asked).then(|| sort_out(std::mem::take(&mut logs), &contracts))
            };
            if let Some(batch) = batch {
                return Ok((headers, batch));
            }
        }
    }

    /// Goes back to the newest block that the node still has.
    async fn roll_back(&mut self, indexed: BlockRef, head: Header) -> Result<bool, Error> {
        let floor =
            self.progress.finalized.map_or(self.plan.start_block, |block| block.number).min(indexed.number);
        let junction = self.junction(indexed, indexed.number.min(head.block.number), floor).await?;
        let junction = junction.ok_or(Error::ReorgTooDeep { chain_id: self.plan.id, indexed, floor })?;
        self.take_back(junction).await?;
        Ok(true)
    }

    /// Takes back what stands above `junction`, a block that is known.
    pub(super) async fn take_back(&mut self, junction: BlockRef) -> Result<Undo, Error> {
        let now = self.clock.now().timestamp_millis();
        let (progress, undo) = self.store.roll_back(&self.progress, junction, now).await?;
        self.progress = progress;
        self.seen = None;
        self.reload_contracts().await?;
        metrics::reorg(self.plan.id, &undo);
        Ok(undo)
    }

    async fn junction(&self, indexed: BlockRef, from: u64, floor: u64) -> Result<Option<BlockRef>, Error> {
        let mut number = from;
        while let Some(known) = self.store.block_at_or_below(self.plan.id, number).await? {
            if known.number < floor || !self.plan.window.reaches(known, indexed) {
                return Ok(None);
            }
            let theirs = self.node.header(known.number).await?;
            if theirs.is_some_and(|header| header.block.hash == known.hash) {
                return Ok(Some(known));
            }
            let Some(below) = known.number.checked_sub(1) else { return Ok(None) };
            number = below;
        }
        Ok(None)
    }

    pub(super) async fn reload_contracts(&mut self) -> Result<(), Error> {
        let mark = self.store.contracts_mark(self.plan.id).await?;
        let found = self.store.found_contracts(self.plan.id).await?;
        let mut contracts = self.plan.contracts.clone();
        for found in &found {
            contracts.add(found);
        }
        self.followed = contracts.addresses();
        self.contracts_mark = mark;
        *self.contracts.write().unwrap_or_else(PoisonError::into_inner) = contracts;
        self.ahead.clear();
        Ok(())
    }
}

/// How many rows the blocks take in the store: their own, their logs, and what these made known.
fn rows_of(headers: &[Header], batch: &Batch) -> usize {
    let mut blocks: Vec<u64> = headers.iter().map(|header| header.block.number).collect();
    blocks.extend(batch.events.iter().map(|event| event.log.block_number));
    blocks.sort_unstable();
    blocks.dedup();
    blocks.len() + batch.events.len() + batch.found.len() + batch.quarantined.len()
}

/// What the factories among `contracts` made.
fn found_in(logs: &[capstan_chain::Log], contracts: &Contracts) -> Vec<Found> {
    let made = |log: &capstan_chain::Log| {
        contracts.get(&log.address).and_then(|factory| Contracts::made_by(factory, log))
    };
    logs.iter().filter_map(made).collect()
}

fn newer(known: Option<BlockRef>, now: Option<BlockRef>) -> Option<BlockRef> {
    known.into_iter().chain(now).max_by_key(|block| block.number)
}

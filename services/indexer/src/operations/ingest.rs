//! Following one chain: the next blocks, or the way back to where the chain still is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use capstan_chain::Header;
use capstan_primitives::{BlockRef, Clock};
use capstan_runtime::{Tasks, failpoint};

use super::{
    ChainPlan, SharedContracts,
    ahead::{Ahead, CATCH_UP, Fetched, Horizon, Part},
    audit::Audit,
    complete::rows_of,
    history::Pending,
    reach::Reach,
};
use crate::{
    adapters::{Node, Segment},
    domain::{Batch, ChainProgress, Contracts, Followed},
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
    pub(super) contracts: SharedContracts,
    /// Those that are configured, or that operators added.
    pub(super) roots: Contracts,
    /// Whether those are to be looked at anew.
    pub(super) roots_changed: bool,
    /// Whether the store says more of contracts than is known.
    pub(super) contracts_changed: bool,
    /// What is said of the contracts in the store that are known.
    pub(super) contracts_mark: (i64, Option<i64>),
    /// What the node is asked about.
    pub(super) followed: Followed,
    pub(super) progress: ChainProgress,
    pub(super) reach: Reach,
    pub(super) ahead: Ahead,
    pub(super) audit: Audit,
    /// Why the chain's final block does not become the log's.
    pub(super) dispute: String,
    /// Contracts that are not read from yet.
    pub(super) pending: Pending,
    /// Whether the last step reached the head, so that the audit may go on.
    is_level: bool,
    pub(super) seen: Option<Seen>,
    pub(super) safe: Option<BlockRef>,
    /// When to ask for the safe block again.
    pub(super) safe_due: Instant,
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
        let progress =
            store.open_log(plan.id, rand::random(), plan.start_block, plan.partition_blocks).await?;
        let reach = Reach::new(plan.first_range, plan.batch_blocks, plan.batch_bytes);
        let (contracts, followed) = (SharedContracts::default(), Followed::default());
        let ahead = Ahead::new(node.clone(), tasks.clone());
        let (seen, safe, safe_due) = (None, None, Instant::now());
        let audit = Audit::default();
        let mut ingest = Self {
            store,
            node,
            plan,
            tasks,
            contracts,
            roots: Contracts::default(),
            roots_changed: false,
            contracts_changed: false,
            contracts_mark: (0, None),
            followed,
            progress,
            reach,
            ahead,
            audit,
            dispute: String::new(),
            pending: Pending::default(),
            is_level: false,
            seen,
            safe,
            safe_due,
            clock,
        };
        ingest.reload_contracts().await?;
        Ok(ingest)
    }

    /// Goes on from where the log is, as its writer.
    pub(super) async fn take_over(&mut self) -> Result<(), Error> {
        (self.seen, self.audit) = (None, Audit::default());
        self.learn_tokens().await?;
        self.look_at_roots().await?;
        // What another process left reversible is looked at again.
        self.audit_reversible();
        Ok(())
    }

    fn audit_reversible(&mut self) {
        let ChainProgress { indexed, finalized, first_block, earliest, .. } = self.progress;
        if let Some(indexed) = indexed {
            let first = finalized.map_or(first_block.max(earliest), |last| last.number.saturating_add(1));
            self.audit.add(first, indexed.number);
        }
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
        u64::try_from(self.followed.addresses.len()).unwrap_or_default()
    }

    /// The node behind the chain.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// How often what is no longer to be kept is let go.
    #[must_use]
    pub const fn retention_interval(&self) -> Duration {
        self.plan.retention_interval
    }

    /// Why blocks do not become final that could be; empty when nothing is wrong.
    #[must_use]
    pub fn doubt(&self) -> &str {
        if self.dispute.is_empty() { self.audit.problem() } else { &self.dispute }
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
        // On the heap, here and below: what a step may come to nests deep.
        let stepped = Box::pin(self.try_step()).await;
        if stepped.is_err() {
            self.seen = None;
            self.ahead.clear();
        }
        stepped
    }

    async fn try_step(&mut self) -> Result<Tick, Error> {
        if self.roots_changed {
            Box::pin(self.look_at_roots()).await?;
        } else if self.contracts_changed {
            self.reload_contracts().await?;
        }
        // New blocks come first: the audit goes on between reaching the head and looking for another one.
        if std::mem::take(&mut self.is_level)
            && let Some(Seen { head, .. }) = self.seen.filter(|_| self.is_audit_due())
        {
            Box::pin(self.look_again()).await?;
            return Ok(Tick { head: head.block, moved: true });
        }
        let seen = self.look().await?;
        let head = seen.head;
        if !self.node.verifies_blocks() {
            self.audit = Audit::default();
        }
        if self.audit.proves_more(self.node.verification()) {
            self.audit_reversible();
        }
        let indexed = self.progress.indexed;
        metrics::head(self.plan.id, head.block.number, indexed.map(|block| block.number));
        let moved = match indexed {
            Some(indexed) if head.block.number <= indexed.number => {
                Box::pin(self.compare(indexed, head)).await?
            }
            _ => Box::pin(self.extend(head)).await?,
        };
        self.is_level = !moved && self.seen.is_some();
        metrics::unaudited(self.plan.id, self.audit.blocks());
        Ok(Tick { head: head.block, moved: moved || self.is_level && self.is_audit_due() })
    }

    /// While history that comes late is half added to reversible blocks, nothing can be said of them.
    fn is_audit_due(&self) -> bool {
        self.audit.is_due() && !self.pending.reaches_above(self.progress.finalized)
    }

    /// Looks at the node's chain, or remembers it while there is much to read below its head.
    async fn look(&mut self) -> Result<Seen, Error> {
        let next = self.next_number();
        let lasts = |seen: &Seen| {
            let is_far = seen.head.block.number.saturating_sub(next) >= CATCH_UP;
            seen.at.elapsed() < LOOK_AGAIN
                && (is_far || seen.finalized.is_some_and(|last| next <= last.number))
        };
        if let Some(seen) = self.seen.filter(lasts) {
            return Ok(seen);
        }
        let newest = self.node.newest(&self.plan.finality, self.progress.finalized);
        // What is safe matters to who is at the head.
        let is_near = self.seen.is_some_and(|seen| next >= seen.head.block.number);
        let (head, finalized) = if is_near && self.safe_due <= Instant::now() {
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

    /// The newest block that the node calls final.
    pub(super) fn told_final(&self) -> Option<BlockRef> {
        self.seen.and_then(|seen| seen.finalized)
    }

    /// The node is not ahead: it may be level, behind, or on another fork.
    async fn compare(&mut self, indexed: BlockRef, head: Header) -> Result<bool, Error> {
        let known = self.store.block_at_or_below(self.plan.id, head.block.number).await?;
        let level = indexed.hash == head.block.hash;
        // A known block as head means that the node lags; that is no reorg. Nor is a head so old
        // that its block was pruned: the parent-hash check decides when the node has caught up.
        let same_chain =
            known.is_none_or(|known| known.number < head.block.number || known.hash == head.block.hash);
        if !level && !same_chain {
            return self.roll_back(indexed, head).await;
        }
        let finalized = self.finalized(None, &[]).await?;
        if let Some(finalized) = finalized.filter(|finalized| Some(*finalized) != self.progress.finalized) {
            self.progress = self.store.finalize(&self.progress, finalized).await?;
        }
        Ok(false)
    }

    async fn extend(&mut self, head: Header) -> Result<bool, Error> {
        let from = self.next_number();
        let last_final = newer(self.progress.finalized, self.told_final());
        let last_final = last_final.map(|block| block.number.min(head.block.number));
        let horizon = Horizon { head, last_final, ranges: self.plan.prefetch, reach: self.reach };
        let fetched = self.ahead.next(from, &self.followed, horizon).await;
        let Some(Fetched { part, addresses, segment }) = fetched else { return Ok(false) };
        let segment = match (segment, part) {
            (Err(Error::Chain(error)), Part::Range(first, last) | Part::CatchUp(first, last))
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
        let Some(segment) = segment else {
            self.seen = None;
            return Ok(false);
        };
        if let Part::Range(first, last) | Part::CatchUp(first, last) = part {
            self.reach.answered(last.saturating_sub(first).saturating_add(1), segment.bytes);
        }
        let (indexed, first) = (self.progress.indexed, segment.headers.first());
        match (indexed, first) {
            (Some(indexed), Some(first)) if indexed.hash != first.parent_hash => {
                self.roll_back(indexed, head).await
            }
            _ => {
                self.append(part, segment, addresses).await?;
                // A head that came meanwhile is announced, or polled for.
                Ok(part.last() < head.block.number)
            }
        }
    }

    async fn append(&mut self, part: Part, segment: Segment, addresses: usize) -> Result<(), Error> {
        metrics::answered(self.plan.id, segment.bytes);
        let (headers, batch) = self.complete(part, segment, addresses).await?;
        failpoint("decode.after");
        let written = self.write(part, headers, batch).await;
        if written.is_err() {
            self.reload_contracts().await?;
        }
        written
    }

    async fn write(&mut self, part: Part, mut headers: Vec<Header>, batch: Batch) -> Result<(), Error> {
        let is_catch_up = matches!(part, Part::CatchUp(..));
        if is_catch_up {
            let told = batch.events.iter().map(|event| (event.log.block_number, event.log.block_hash));
            headers = self.node.link(headers, told).await?;
        }
        let (Some(first), Some(last)) = (headers.first(), headers.last().copied()) else { return Ok(()) };
        let blocks = last.block.number.saturating_sub(first.block.number).saturating_add(1);
        let events = batch.events.len();
        let rows = rows_of(&headers, &batch);
        let finalized = self.finalized(Some(part), &headers).await?;
        batch.quarantined.iter().for_each(|entry| metrics::quarantined(self.plan.id, entry));
        let now = self.clock.now().timestamp_millis();
        let append = Append { headers, finalized, batch, now, window: self.plan.window };
        self.progress = self.store.append(&self.progress, append).await?;
        if is_catch_up && self.node.verifies_blocks() {
            self.audit.add(part.first(), part.last());
        }
        metrics::indexed(self.plan.id, last.block, metrics::Appended { blocks, events, rows });
        Ok(())
    }
}

fn newer(known: Option<BlockRef>, now: Option<BlockRef>) -> Option<BlockRef> {
    known.into_iter().chain(now).max_by_key(|block| block.number)
}

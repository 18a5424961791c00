//! Following one chain: the next blocks, or the way back to where the chain still is.

use capstan_chain::Header;
use capstan_primitives::{BlockRef, Clock};

use super::ChainPlan;
use crate::{
    adapters::Node,
    domain::{ChainProgress, Contracts, Found},
    error::Error,
    metrics,
    store::{Append, Store},
};

/// The log of one chain, kept level with its node.
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    node: Node,
    plan: ChainPlan,
    contracts: Contracts,
    progress: ChainProgress,
    batch_blocks: u64,
    clock: Clock,
}

/// What one step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The node's newest block.
    pub head: BlockRef,
    /// Whether the log moved, so that the next step should follow at once.
    pub moved: bool,
}

impl Ingest {
    /// Opens the log of the plan's chain, beginning it under `log_id` when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(
        store: Store,
        node: Node,
        plan: ChainPlan,
        log_id: u64,
        clock: Clock,
    ) -> Result<Self, Error> {
        let progress = store.open_log(plan.id, log_id).await?;
        let found = store.found_contracts(plan.id).await?;
        let contracts = with_found(&plan.contracts, &found);
        let batch_blocks = plan.batch_blocks;
        Ok(Self { store, node, plan, contracts, progress, batch_blocks, clock })
    }

    /// The chain's cursor.
    #[must_use]
    pub const fn progress(&self) -> &ChainProgress {
        &self.progress
    }

    /// How many contracts are followed.
    #[must_use]
    pub fn contracts(&self) -> u64 {
        u64::try_from(self.contracts.len()).unwrap_or_default()
    }

    /// The node behind the chain.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Takes one step toward the node's head.
    ///
    /// # Errors
    /// When store or node do not answer; nothing is half done then, and a later step starts over.
    pub async fn step(&mut self) -> Result<Tick, Error> {
        let head = self.node.head().await?;
        let finalized = self.node.finalized(&self.plan.finality, head).await?.map(|header| header.block);
        let finalized = newer(self.progress.finalized, finalized);
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
        let indexed = self.progress.indexed;
        let from = indexed.map_or(self.plan.start_block, |indexed| indexed.number.saturating_add(1));
        if from > head.block.number {
            return Ok(false);
        }
        let last_final =
            finalized.map(|block| block.number.min(head.block.number)).filter(|last| *last >= from);
        let first_parent = match last_final {
            Some(last) => self.extend_by_range(from, last, finalized).await?,
            None => self.extend_by_block(from, finalized).await?,
        };
        match (first_parent, indexed) {
            (Extended::OffChain, Some(indexed)) => self.roll_back(indexed, head).await,
            _ => Ok(true),
        }
    }

    /// Final blocks, many at a time.
    async fn extend_by_range(
        &mut self,
        from: u64,
        last: u64,
        finalized: Option<BlockRef>,
    ) -> Result<Extended, Error> {
        let to = last.min(from.saturating_add(self.batch_blocks.saturating_sub(1)));
        let (headers, batch) = match self.node.range(from, to, &self.contracts).await {
            Err(Error::Chain(error)) if error.smaller_range_may_help() && from < to => {
                self.batch_blocks = to.saturating_sub(from).div_ceil(2).max(1);
                return Ok(Extended::Yes);
            }
            answer => answer?,
        };
        self.batch_blocks = self.batch_blocks.saturating_mul(2).min(self.plan.batch_blocks);
        self.append(headers, batch, finalized).await
    }

    /// One block that a reorg can still take back.
    async fn extend_by_block(&mut self, number: u64, finalized: Option<BlockRef>) -> Result<Extended, Error> {
        let Some(header) = self.node.header(number).await? else { return Ok(Extended::Yes) };
        let batch = self.node.block(header, &self.contracts).await?;
        self.append(vec![header], batch, finalized).await
    }

    async fn append(
        &mut self,
        headers: Vec<Header>,
        batch: crate::domain::Batch,
        finalized: Option<BlockRef>,
    ) -> Result<Extended, Error> {
        let (Some(first), Some(last)) = (headers.first(), headers.last().copied()) else {
            return Ok(Extended::Yes);
        };
        if self.progress.indexed.is_some_and(|indexed| indexed.hash != first.parent_hash) {
            return Ok(Extended::OffChain);
        }
        let blocks = last.block.number.saturating_sub(first.block.number).saturating_add(1);
        let (events, found, quarantined) =
            (batch.events.len(), batch.found.clone(), batch.quarantined.clone());
        let now = self.clock.now().timestamp_millis();
        let append = Append { headers, finalized, batch, now, window: self.plan.reorg_window };
        self.progress = self.store.append(&self.progress, append).await?;
        for found in &found {
            self.contracts.add(found);
        }
        quarantined.iter().for_each(|entry| metrics::quarantined(self.plan.id, entry));
        metrics::indexed(self.plan.id, last.block, blocks, events);
        Ok(Extended::Yes)
    }

    /// Goes back to the newest block that the node still has.
    async fn roll_back(&mut self, indexed: BlockRef, head: Header) -> Result<bool, Error> {
        let floor =
            self.progress.finalized.map_or(self.plan.start_block, |block| block.number).min(indexed.number);
        let floor = floor.max(indexed.number.saturating_sub(self.plan.reorg_window));
        let junction = self.junction(indexed.number.min(head.block.number), floor).await?;
        let junction = junction.ok_or(Error::ReorgTooDeep { chain_id: self.plan.id, indexed, floor })?;
        let now = self.clock.now().timestamp_millis();
        let (progress, undo) = self.store.roll_back(&self.progress, junction, now).await?;
        self.progress = progress;
        let found = self.store.found_contracts(self.plan.id).await?;
        self.contracts = with_found(&self.plan.contracts, &found);
        metrics::reorg(self.plan.id, &undo);
        Ok(true)
    }

    async fn junction(&self, from: u64, floor: u64) -> Result<Option<BlockRef>, Error> {
        let mut number = from;
        while let Some(known) = self.store.block_at_or_below(self.plan.id, number).await? {
            if known.number < floor {
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
}

enum Extended {
    Yes,
    /// The next block's parent is not the last indexed block.
    OffChain,
}

fn with_found(configured: &Contracts, found: &[Found]) -> Contracts {
    let mut contracts = configured.clone();
    for found in found {
        contracts.add(found);
    }
    contracts
}

fn newer(known: Option<BlockRef>, now: Option<BlockRef>) -> Option<BlockRef> {
    known.into_iter().chain(now).max_by_key(|block| block.number)
}

//! The state of a chain: one writer that follows the log, and readers that never wait for it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwapOption;
use capstan_primitives::{BlockRef, ChainId, Finality};
use tokio::sync::watch;

use crate::{
    domain::{
        history::{Deed, Event, History},
        repair::Repairs,
        state::{Entry, Pools},
        step::{Step, StepKind},
    },
    metrics,
};

/// All pools of a chain at the end of a block.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Grows from snapshot to snapshot of a process, over all chains.
    pub(crate) sequence: u64,
    pub(crate) chain: ChainId,
    pub(crate) block: BlockRef,
    pub(crate) finalized: Option<u64>,
    pub(crate) pools: Pools,
    /// Time between blocks, in milliseconds, as of the last ones.
    pub(crate) spacing_ms: u64,
}

impl Snapshot {
    pub(crate) fn finality(&self) -> Finality {
        Finality::of(self.block.number, self.finalized)
    }
}

/// What readers see of a chain.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) chain: ChainId,
    current: ArcSwapOption<Snapshot>,
    /// The sequence of the current snapshot.
    changed: watch::Sender<u64>,
    pub(crate) checks: Checks,
}

/// What came of holding pools against their contracts, since the start.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Pools that were compared.
    pub(crate) compared: AtomicU64,
    /// Pools that were not as their contract said.
    pub(crate) drifted: AtomicU64,
    /// Pools that could not be compared.
    pub(crate) failed: AtomicU64,
}

static SEQUENCE: AtomicU64 = AtomicU64::new(0);

impl Live {
    pub(crate) fn new(chain: ChainId) -> Self {
        let (current, changed) = (ArcSwapOption::empty(), watch::Sender::new(0));
        Self { chain, current, changed, checks: Checks::default() }
    }

    /// The current snapshot; none before the log was read through once.
    pub(crate) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full()
    }

    /// Says when there is another one.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn publish(&self, snapshot: Snapshot) {
        let sequence = snapshot.sequence;
        self.current.store(Some(Arc::new(snapshot)));
        self.changed.send_replace(sequence);
    }

    /// Shows the pools of the current snapshot otherwise.
    pub(super) fn amend(&self, amend: impl Fn(&mut Pools, BlockRef)) {
        let Some(current) = self.snapshot() else { return };
        let mut pools = current.pools.clone();
        amend(&mut pools, current.block);
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed) + 1;
        let Snapshot { chain, block, finalized, spacing_ms, .. } = *current;
        self.publish(Snapshot { sequence, chain, block, finalized, pools, spacing_ms });
    }

    fn withdraw(&self) {
        self.current.store(None);
        self.changed.send_replace(SEQUENCE.fetch_add(1, Ordering::Relaxed));
    }
}

/// The writer of a chain's state.
#[derive(Debug)]
pub(crate) struct Projector {
    pub(super) live: Arc<Live>,
    pub(super) history: History,
    pub(super) repairs: Repairs,
    pub(super) beginning: Pools,
    undo_blocks: usize,
    cursor: String,
    block: Option<BlockRef>,
    finalized: Option<u64>,
    spacing_ms: u64,
    /// Whether the log was read through once.
    is_ready: bool,
}

/// Blocks are taken to come so often until some have been seen.
const USUAL_SPACING_MS: u64 = 12_000;

impl Projector {
    /// One that keeps the last `undo_blocks` blocks; `beginning`: what no event announces.
    pub(crate) fn new(live: Arc<Live>, beginning: Pools, undo_blocks: usize) -> Self {
        Self {
            live,
            history: History::new(beginning.clone(), undo_blocks),
            repairs: Repairs::default(),
            beginning,
            undo_blocks,
            cursor: String::new(),
            block: None,
            finalized: None,
            spacing_ms: USUAL_SPACING_MS,
            is_ready: false,
        }
    }

    /// The cursor of what is in the state.
    pub(crate) fn cursor(&self) -> String {
        self.cursor.clone()
    }

    /// The block at whose end readers see the state after a step, if they do: once the log was read through, which is
    /// told by a block that is not final, or by silence.
    pub(crate) fn shows(&self, step: &Step) -> Option<BlockRef> {
        let finalized = |newer: &Option<u64>| newer.or(self.finalized);
        let is_through = match &step.kind {
            StepKind::Apply { block, finalized: newer, .. } => {
                finalized(newer).is_some_and(|finalized| block.number > finalized)
            }
            StepKind::Undo { .. } => false,
            StepKind::Pass { block, .. } => block.is_some(),
        };
        step.ends_at().filter(|_| self.is_ready || is_through)
    }

    /// Puts what was read from contracts in; readers see it with the next step.
    pub(crate) fn amend(&mut self, amend: impl Fn(&mut Pools)) {
        self.history.amend(amend);
    }

    /// Takes a step; readers see a block whole or not at all.
    pub(crate) fn take(&mut self, step: Step) {
        self.is_ready |= self.shows(&step).is_some();
        let Step { kind, cursor } = step;
        self.cursor = cursor;
        match kind {
            StepKind::Apply { events, block, complete, finalized } => {
                let count = events.len();
                events.into_iter().for_each(|event| self.apply(event));
                self.finalized = finalized.or(self.finalized);
                metrics::applied(self.live.chain, block, count);
                self.reached(block, complete);
            }
            StepKind::Undo { last_valid } => self.undo(last_valid),
            StepKind::Pass { block, finalized } => {
                self.finalized = finalized.or(self.finalized);
                if let Some(block) = block {
                    self.reached(block, true);
                }
            }
        }
    }

    fn apply(&mut self, event: Event) {
        self.repairs.note(&event);
        let (address, at, index) = (event.address, event.block, event.log_index);
        let changed = event.deed.as_ref().ok().and_then(Deed::pool);
        let followed = changed.filter(|id| self.history.pools().get(id).is_some_and(Entry::is_followed));
        if let Err(why) = self.history.apply(event) {
            metrics::unusable(self.live.chain, (at, index), address, &why);
            if let Some(id) = followed {
                self.take_out(id, at, &why.0);
            }
        }
    }

    fn undo(&mut self, last_valid: Option<BlockRef>) {
        metrics::undone(self.live.chain, last_valid);
        self.repairs.undo(last_valid.map(|block| block.number));
        match self.history.undo(last_valid.map(|block| block.number)) {
            Ok(()) => match last_valid {
                Some(block) => self.reached(block, true),
                None => self.reset(),
            },
            Err(error) => {
                tracing::warn!(chain = self.live.chain.0, %error, "reading the whole log again");
                self.reset();
            }
        }
    }

    /// Forgets everything; the log is read from its beginning.
    pub(crate) fn reset(&mut self) {
        metrics::reset(self.live.chain);
        self.live.withdraw();
        let (live, beginning) = (Arc::clone(&self.live), self.beginning.clone());
        let mut repairs = std::mem::take(&mut self.repairs);
        repairs.restart();
        *self = Self { repairs, ..Self::new(live, beginning, self.undo_blocks) };
    }

    fn reached(&mut self, block: BlockRef, is_whole: bool) {
        if let Some(before) = self.block.filter(|before| before.number < block.number) {
            let blocks = block.number.abs_diff(before.number);
            let millis = block.time.0.saturating_sub(before.time.0).saturating_mul(1_000);
            self.spacing_ms = millis.checked_div(blocks).unwrap_or(self.spacing_ms);
        }
        self.block = Some(block);
        if !is_whole || !self.is_ready {
            return;
        }
        if self.live.snapshot().is_none() {
            self.distrust();
        }
        self.live.publish(Snapshot {
            sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed) + 1,
            chain: self.live.chain,
            block,
            finalized: self.finalized,
            pools: self.history.pools().clone(),
            spacing_ms: self.spacing_ms,
        });
    }
}

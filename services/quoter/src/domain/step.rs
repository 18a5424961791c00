//! Steps along the event log.

use capstan_primitives::BlockRef;

use super::history::Event;

/// A step, with the cursor of the place after it.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is.
    pub kind: StepKind,
    /// The cursor.
    pub cursor: String,
}

impl Step {
    /// The block at whose end the state is after the step; none in the middle of one, and where it stays.
    #[must_use]
    pub fn ends_at(&self) -> Option<BlockRef> {
        match &self.kind {
            StepKind::Apply { block, complete, .. } => complete.then_some(*block),
            StepKind::Undo { last_valid } => *last_valid,
            StepKind::Pass { block, .. } => *block,
        }
    }
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Events to apply.
    Apply {
        /// The events in order.
        events: Vec<Event>,
        /// The newest block that they cover.
        block: BlockRef,
        /// Whether every event of that block has come.
        complete: bool,
        /// The newest final block, where it is known.
        finalized: Option<u64>,
    },
    /// Blocks to take back.
    Undo {
        /// The newest block that stays.
        last_valid: Option<BlockRef>,
    },
    /// Time passed.
    Pass {
        /// The newest block that was looked through.
        block: Option<BlockRef>,
        /// The newest final block, where it is known.
        finalized: Option<u64>,
    },
}

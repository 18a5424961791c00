//! Following the log into the tables of one chain.

use std::time::Instant;

use capstan_primitives::ChainId;
use tokio::sync::watch;

use crate::{
    domain::{
        event::{Event, Step, StepKind},
        projection::project,
        state::Touched,
    },
    metrics,
    store::{CursorMove, Error, Memory, Progress, Store, Write},
};

/// Projects one chain.
#[derive(Debug)]
pub(crate) struct Projector {
    store: Store,
    chain: ChainId,
    cursor: String,
    /// Whether another version filled the tables. They are left as they are until the log is there to fill them.
    anew: bool,
    /// Events of a block that is not complete yet. Nothing of it is stored before it is.
    open_block: Vec<Event>,
    memory: Memory,
    changed: watch::Sender<u64>,
}

impl Projector {
    /// Adds the chain to the store when it is new; `changed` counts the committed steps.
    pub(crate) async fn new(
        store: Store,
        chain: ChainId,
        started_at: i64,
        changed: watch::Sender<u64>,
    ) -> Result<Self, Error> {
        store.add_chain(chain, started_at).await?;
        let (cursor, memory) = (String::new(), Memory::default());
        Ok(Self { store, chain, cursor, anew: false, open_block: Vec::new(), memory, changed })
    }

    /// Goes back to what is stored, and says where in the log to go on: at the beginning when another version
    /// filled the tables, because numbers that it did not keep are only in the log.
    pub(crate) async fn cursor(&mut self) -> Result<String, Error> {
        self.open_block.clear();
        self.memory = Memory::default();
        let states = self.store.read().await?.chains(&[self.chain]).await?;
        let state = states.into_iter().next();
        self.anew = state.as_ref().is_some_and(|state| !state.of_this_version);
        self.cursor = state.map(|state| state.cursor).unwrap_or_default();
        Ok(if self.anew { String::new() } else { self.cursor.clone() })
    }

    /// Takes one step along the log; it and the cursor are stored together or not at all.
    pub(crate) async fn take(&mut self, step: Step) -> Result<(), Error> {
        if self.anew {
            tracing::info!(chain = %self.chain, "the tables are of another version and are filled anew");
            self.reset().await?;
        }
        let Step { kind, cursor } = step;
        match kind {
            StepKind::Apply { mut events, block, complete, finalized } => {
                let mut all = std::mem::take(&mut self.open_block);
                all.append(&mut events);
                if complete {
                    return self.apply(all, Progress { through: Some(block), finalized }, cursor).await;
                }
                self.open_block = split_off_block(&mut all, block.number);
                let Some(last) = all.last().map(|event| event.origin.block) else { return Ok(()) };
                // The cursor is already behind the open block's first events: it stays where it was, and
                // what is applied now is skipped by its position when it comes again.
                let unmoved = self.cursor.clone();
                self.apply(all, Progress { through: Some(last), finalized }, unmoved).await
            }
            StepKind::Pass { block, finalized } => {
                let events = std::mem::take(&mut self.open_block);
                self.apply(events, Progress { through: block, finalized }, cursor).await
            }
            StepKind::Undo { last_valid } => {
                let mut valid = std::mem::take(&mut self.open_block);
                valid.retain(|event| last_valid.is_some_and(|last| event.origin.block.number <= last.number));
                let mut write = self.begin(&cursor).await?;
                // What is remembered of what is taken back is wrong then.
                let mut memory = std::mem::take(&mut self.memory);
                self.apply_in(&mut write, valid, &mut memory).await?;
                let undone = write.undo(last_valid).await?;
                write.commit(Progress { through: None, finalized: None }).await?;
                if undone {
                    metrics::undone(self.chain, last_valid);
                }
                self.committed(cursor);
                Ok(())
            }
        }
    }

    /// Forgets everything: the log is another one.
    pub(crate) async fn reset(&mut self) -> Result<(), Error> {
        self.cursor().await?;
        let mut write = self.begin("").await?;
        write.reset().await?;
        write.commit(Progress { through: None, finalized: None }).await?;
        metrics::reset(self.chain);
        self.anew = false;
        self.committed(String::new());
        Ok(())
    }

    async fn apply(&mut self, events: Vec<Event>, progress: Progress, cursor: String) -> Result<(), Error> {
        let started = Instant::now();
        let mut write = self.begin(&cursor).await?;
        // Only what is stored may be remembered.
        let mut memory = std::mem::take(&mut self.memory);
        let applied = self.apply_in(&mut write, events, &mut memory).await?;
        write.commit(progress).await?;
        self.memory = memory;
        if let Some(block) = progress.through {
            match applied {
                0 => metrics::through(self.chain, block),
                events => metrics::applied(self.chain, block, events, started.elapsed()),
            }
        }
        self.committed(cursor);
        Ok(())
    }

    /// Applies those of `events` that were not applied before, and says how many they were.
    async fn apply_in(
        &self,
        write: &mut Write,
        mut events: Vec<Event>,
        memory: &mut Memory,
    ) -> Result<usize, Error> {
        events.retain(|event| event.origin.position > write.position());
        if events.is_empty() {
            return Ok(0);
        }
        write.load(&Touched::by(&events), memory).await?;
        let changes = project(&mut memory.state, &events);
        for (origin, why) in &changes.quarantined {
            metrics::quarantined(self.chain, origin, why);
        }
        write.save(changes, memory).await?;
        Ok(events.len())
    }

    async fn begin(&self, cursor: &str) -> Result<Write, Error> {
        self.store.write(self.chain, CursorMove { from: &self.cursor, to: cursor }).await
    }

    fn committed(&mut self, cursor: String) {
        self.cursor = cursor;
        self.changed.send_modify(|steps| *steps = steps.wrapping_add(1));
    }
}

/// Takes the events of block `number` and later ones off the end of `events`.
fn split_off_block(events: &mut Vec<Event>, number: u64) -> Vec<Event> {
    let before = events.partition_point(|event| event.origin.block.number < number);
    events.split_off(before)
}

#[cfg(test)]
mod tests;

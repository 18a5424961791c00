//! Lets go what is no longer to be kept, now and then and in small parts.

use std::time::{Duration, Instant};

use crate::{error::Error, metrics, operations::Ingest};

/// So long indexing waits for what is removed.
const TURN: Duration = Duration::from_millis(100);

/// When to let go something.
#[derive(Debug)]
pub(super) struct Retain {
    due: Instant,
    /// Whether the last turn left something.
    more: bool,
}

impl Retain {
    /// The first time is at once: an earlier process may have left something.
    pub(super) fn begin() -> Self {
        Self { due: Instant::now(), more: false }
    }

    /// Takes a turn when it is time; whether another one should follow at once. A failure is no reason
    /// not to index.
    ///
    /// # Errors
    /// [`Error::OtherWriter`].
    pub(super) async fn step(&mut self, ingest: &mut Ingest) -> Result<bool, Error> {
        if !self.more && Instant::now() < self.due {
            return Ok(false);
        }
        match self.turn(ingest).await {
            Err(error @ Error::OtherWriter(_)) => return Err(error),
            Err(error) => {
                self.more = false;
                metrics::retention_failed(ingest.progress().chain_id, &error);
            }
            Ok(()) => {}
        }
        if !self.more {
            self.due = Instant::now() + ingest.retention_interval();
        }
        Ok(self.more)
    }

    async fn turn(&mut self, ingest: &mut Ingest) -> Result<(), Error> {
        let begun = Instant::now();
        self.more = ingest.retain(!self.more).await?;
        while self.more && begun.elapsed() < TURN {
            self.more = ingest.retain(false).await?;
        }
        Ok(())
    }
}

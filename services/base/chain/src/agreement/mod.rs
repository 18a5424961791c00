//! History that is believed because two endpoints tell it alike, or because it is proved.

mod details;
mod digest;
mod settle;
mod values;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tracing::{debug, info, warn};

use crate::{
    ChainError, ErrorClass, Evm, Header, Log, LogFilter, RangeLogs, Verification, answers, history::Told,
    pool::Said, rpc::Rpc,
};
use digest::Digest;

/// What makes the history of a chain believable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Two endpoints tell it alike. What they tell differently, or only one can tell, is proved; where the
    /// chain's formats do not allow that, a third endpoint decides, or nobody is believed.
    Agreed,
    /// One endpoint tells it, and it passes these checks.
    Checked(Verification),
}

/// How often endpoints did not confirm each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disputes {
    /// Questions of which two endpoints told different things.
    pub disagreements: u64,
    /// Questions that only one endpoint could answer.
    pub unwitnessed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    disagreements: AtomicU64,
    unwitnessed: AtomicU64,
    is_alone: AtomicBool,
}

/// What the second endpoint said of a range: as much as it takes to compare it.
struct Witness {
    ends: (Header, Header),
    logs: Digest,
}

impl Witness {
    fn of(told: &Told) -> Self {
        Self { ends: (told.range.first, told.range.last), logs: Digest::of(&told.range.logs) }
    }

    /// The blocks of which the two say different things, in order.
    fn differing(&self, other: &Self) -> Vec<u64> {
        let mut differing = self.logs.differing(&other.logs);
        for (one, two) in [(self.ends.0, other.ends.0), (self.ends.1, other.ends.1)] {
            differing.extend((one != two).then_some(one.block.number));
        }
        differing.sort_unstable();
        differing.dedup();
        differing
    }
}

impl Evm {
    /// The logs of blocks `from` to `to`, both included, as two endpoints tell them alike, in all but the
    /// time of a log where only one tells it. What they tell differently is settled block by block, and
    /// what only one can tell is proved, both by receipts. Where receipts prove nothing, a third endpoint
    /// decides between two.
    ///
    /// # Errors
    /// As [`Evm::headers_and_logs`]; [`ChainError::Disagreement`] when it is not known which of two
    /// endpoints is right, [`ChainError::NoWitness`] when only one answered and nothing proves it right.
    pub async fn agreed_range(
        &self,
        from: u64,
        to: u64,
        filter: &LogFilter,
    ) -> Result<RangeLogs, ChainError> {
        if from > to {
            return Err(ChainError::EmptyRange { from, to });
        }
        self.learn_headers().await;
        let told = async |rpc: Arc<Rpc>| self.told_range(&rpc, from, to, filter).await;
        let witnessed = async |rpc: Arc<Rpc>| self.witnessed_range(&rpc, from, to, filter).await;
        let (told, witness) = match self.pool.ask_two("eth_getLogs", told, witnessed).await {
            Ok(both) => both,
            Err(error) if from < to && is_of_size(&error) => return Err(error),
            Err(error) => return Box::pin(self.proved_range(from, to, filter, error)).await,
        };
        self.is_witnessed();
        let both = [Arc::clone(&told.rpc), Arc::clone(&witness.rpc)];
        let mut told = Box::pin(self.settled(told, witness, filter)).await?;
        let edges = std::mem::take(&mut told.edges);
        let against = self.against(&edges, filter, Verification::Off, &mut told.range);
        match Box::pin(against).await? {
            None => Ok(told.range),
            Some(reason) => {
                both.iter().for_each(|rpc| self.pool.lied(rpc));
                Err(ChainError::Inconsistent { reason })
            }
        }
    }

    /// How many endpoints there are to confirm each other; one that is configured twice counts once.
    #[must_use]
    pub fn witnesses(&self) -> usize {
        self.pool.size()
    }

    /// How often endpoints did not confirm each other so far.
    #[must_use]
    pub fn disputes(&self) -> Disputes {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Disputes { disagreements: of(&self.counts.disagreements), unwitnessed: of(&self.counts.unwitnessed) }
    }

    async fn witnessed_range(
        &self,
        rpc: &Rpc,
        from: u64,
        to: u64,
        filter: &LogFilter,
    ) -> Result<Witness, ChainError> {
        let (first, last, answer) = self.asked_range(rpc, from, to, filter).await?;
        for edge in first.iter().chain([&last]) {
            self.formats.proves(edge)?;
        }
        let mut logs = Digest::default();
        answers::each_log(&answer, |log: Log| logs.add(&log))?;
        logs.close();
        if logs.is_out_of_order() {
            logs = Digest::of(&answers::logs(&answer)?);
        }
        Ok(Witness { ends: (first.as_ref().unwrap_or(&last).header, last.header), logs })
    }

    /// The logs of a range that one endpoint can tell alone, since `why`: proved, or not at all.
    async fn proved_range(
        &self,
        from: u64,
        to: u64,
        filter: &LogFilter,
        why: ChainError,
    ) -> Result<RangeLogs, ChainError> {
        self.is_alone(&why);
        let proved = self.range_by_receipts(from, to, filter).await?;
        proved.ok_or_else(|| ChainError::NoWitness { from, to, why: Box::new(why) })
    }

    /// Takes note that two endpoints say different things of a block.
    fn disagree<T, U>(&self, one: &Said<T>, other: &Said<U>, block: u64) {
        self.counts.disagreements.fetch_add(1, Ordering::Relaxed);
        let (one, other) = (self.pool.url_of(&one.rpc), self.pool.url_of(&other.rpc));
        warn!(chain = self.chain_id().0, one, other, block, "endpoints disagree");
    }

    /// Takes note that a question was answered by at most one endpoint, since `why`.
    fn is_alone(&self, why: &ChainError) {
        self.counts.unwitnessed.fetch_add(1, Ordering::Relaxed);
        if !self.counts.is_alone.swap(true, Ordering::Relaxed) {
            warn!(chain = self.chain_id().0, %why, "no second endpoint confirms history; it has to be proved");
        }
        debug!(chain = self.chain_id().0, %why, "not confirmed");
    }

    fn is_witnessed(&self) {
        if self.counts.is_alone.swap(false, Ordering::Relaxed) {
            info!(chain = self.chain_id().0, "a second endpoint confirms history again");
        }
    }
}

/// Whether the question was too large for an endpoint, rather than the endpoint unable to answer any such.
fn is_of_size(error: &ChainError) -> bool {
    error.smaller_range_may_help() && error.class() != ErrorClass::Misconfigured
}

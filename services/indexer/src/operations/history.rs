//! History of contracts that are configured after blocks of theirs were indexed: it is fetched
//! beside the live blocks and put in its places, and the contract is read from when it is whole.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    time::{Duration, Instant},
};

use capstan_primitives::{Address, BlockRef};
use capstan_runtime::failpoint;

use super::{
    ahead::Part,
    complete::{fetch_missing, found_in},
    ingest::Ingest,
    reach::Reach,
};
use crate::{
    domain::{Contract, Contracts, Covered, Followed, sort_out},
    error::Error,
    metrics,
    store::Coverings,
};

/// Wait after a first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Contracts whose history is on its way into the log.
#[derive(Debug, Default)]
pub(super) struct Pending {
    splices: VecDeque<Splice>,
}

/// One contract with what it made.
#[derive(Debug)]
struct Splice {
    of: Covered,
    contracts: Contracts,
    followed: Followed,
    reach: Reach,
    failed: Option<Failed>,
}

/// The last attempt to read more of it.
#[derive(Debug)]
struct Failed {
    /// When to try again.
    due: Instant,
    wait: Duration,
    problem: String,
}

impl Splice {
    fn is_due(&self, now: Instant) -> bool {
        self.failed.as_ref().is_none_or(|failed| failed.due <= now)
    }

    /// Waits longer with every failure, so that a node that will never have it is hardly asked.
    fn fail(&mut self, error: &Error) -> Duration {
        let wait = self.failed.as_ref().map_or(FIRST_WAIT, |failed| failed.wait.saturating_mul(2));
        let wait = wait.min(error.longest_wait());
        self.failed = Some(Failed { due: Instant::now() + wait, wait, problem: error.to_string() });
        wait
    }
}

impl Pending {
    /// Whether there is any.
    pub(super) fn is_any(&self) -> bool {
        !self.splices.is_empty()
    }

    /// The next one that can be worked on.
    fn take(&mut self, now: Instant) -> Option<Splice> {
        let place = self.splices.iter().position(|splice| splice.is_due(now))?;
        self.splices.remove(place)
    }

    /// Whether the history of the contract at `address` is not whole yet.
    pub(super) fn has(&self, address: &Address) -> bool {
        self.splices.iter().any(|splice| splice.of.address == *address)
    }

    /// Whether some of it is in the log above `finalized`, where nothing can be said of the log until it is whole.
    pub(super) fn reaches_above(&self, finalized: Option<BlockRef>) -> bool {
        let next = self.splices.iter().filter_map(|splice| splice.of.next_block).max();
        next.is_some_and(|next| next > finalized.map_or(0, |last| last.number.saturating_add(1)))
    }

    /// Blocks above `last` are no more.
    pub(super) fn cut(&mut self, last: u64) {
        for splice in &mut self.splices {
            splice.of.next_block = splice.of.next_block.map(|next| next.min(last.saturating_add(1)));
        }
    }
}

impl Ingest {
    /// Compares the contracts that are to be followed with those whose history is in the log.
    pub(super) async fn look_at_roots(&mut self) -> Result<(), Error> {
        self.roots_changed = true;
        self.pending = Pending::default();
        self.roots = self.read_roots().await?;
        self.look_at_history().await?;
        self.reload_contracts().await?;
        self.roots_changed = false;
        Ok(())
    }

    async fn look_at_history(&mut self) -> Result<(), Error> {
        let known = self.store.covered(self.plan.id).await?;
        let (mut change, mut behind) = (Coverings::default(), Vec::new());
        let roots = self.roots.clone();
        for (address, contract) in roots.subjects() {
            let before = known.iter().find(|known| known.address == address).copied();
            let mut now = self.covering(address, contract, before);
            let is_other = before.is_none_or(|before| before.definition != now.definition);
            if is_other && !now.is_of_pattern() && self.progress.indexed.is_some() {
                // What the contract is found to have made brings its history.
                let first = self.reread(contract, before, address).await?;
                now.next_block = now.next_block.into_iter().chain(first).min();
            }
            change.is_new |= now.added > self.progress.history;
            if before != Some(now) {
                change.known.push(now);
            }
            behind.extend(now.next_block.map(|_| now));
        }
        let is_gone = |known: &&Covered| self.roots.subject(&known.address).is_none();
        change.gone = known.iter().filter(is_gone).map(|known| known.address).collect();
        if !change.known.is_empty() || !change.gone.is_empty() {
            // Whoever reads waits until its contracts are those of the newest history.
            change.is_new |= !change.gone.is_empty();
            failpoint("cover.before");
            self.progress = self.store.cover(&self.progress, change).await?;
            failpoint("cover.after");
        }
        for of in behind {
            let splice = self.splice(of, self.roots.only(&of.address)).await?;
            self.pending.splices.push_back(splice);
        }
        // What an earlier process had begun to add to reversible blocks is made whole first.
        self.pending.splices.make_contiguous().sort_by_key(|splice| Reverse(splice.of.next_block));
        Ok(())
    }

    /// How much of the history of a contract is in the log, by how much was.
    fn covering(&self, address: Address, contract: &Contract, before: Option<Covered>) -> Covered {
        let (definition, start_block) = (contract.definition.fingerprint(), contract.start_block);
        let is_behind = self.progress.indexed.is_some_and(|indexed| start_block <= indexed.number);
        // What is not kept is not fetched.
        let next_block = is_behind.then_some(start_block.max(self.progress.earliest));
        match before {
            Some(before) if before.start_block <= start_block => {
                let is_other = before.definition != definition;
                let added = if is_other { self.progress.history.saturating_add(1) } else { before.added };
                Covered { definition, added, ..before }
            }
            _ => Covered { address, definition, start_block, next_block, added: self.progress.history },
        }
    }

    async fn splice(&self, of: Covered, mut contracts: Contracts) -> Result<Splice, Error> {
        let found = self.store.found_contracts(self.plan.id).await?;
        for found in found.iter().filter(|found| found.factory == of.address) {
            contracts.add(found);
        }
        let reach = Reach::new(self.plan.first_range, self.plan.batch_blocks, self.plan.batch_bytes);
        tracing::info!(
            chain = self.plan.id.0, contract = %of.address, from = of.next_block, "fetching the history of a contract"
        );
        Ok(Splice { of, followed: contracts.followed(), contracts, reach, failed: None })
    }

    /// Fetches the next part of the history of a contract that came late, if there is one; whether another
    /// should follow at once. A node that does not give it is no reason not to follow the head: it is asked
    /// again later, and other contracts come first.
    ///
    /// # Errors
    /// When the store does not answer; nothing is half done then, and a later step starts over.
    pub async fn add_history(&mut self) -> Result<bool, Error> {
        let Some(mut splice) = self.pending.take(Instant::now()) else { return Ok(false) };
        match Box::pin(self.advance(&mut splice)).await {
            Ok(true) => {
                self.reload_contracts().await?;
                Ok(true)
            }
            Ok(false) => {
                splice.failed = None;
                self.pending.splices.push_front(splice);
                Ok(true)
            }
            Err(error @ (Error::Chain(_) | Error::OtherBlock(_))) => {
                let wait = splice.fail(&error);
                metrics::history_failed(self.plan.id, splice.of.address, &error, wait.as_millis());
                self.pending.splices.push_back(splice);
                Ok(false)
            }
            Err(error) => {
                self.pending.splices.push_front(splice);
                Err(error)
            }
        }
    }

    /// Why the history of contracts cannot be read for now; empty when it can.
    #[must_use]
    pub fn history_problem(&self) -> String {
        let problem =
            |splice: &Splice| Some(format!("{}: {}", splice.of.address, splice.failed.as_ref()?.problem));
        let problems: Vec<_> = self.pending.splices.iter().filter_map(problem).collect();
        problems.join("; ")
    }

    /// One range of a contract's history; says whether it was the last.
    async fn advance(&mut self, splice: &mut Splice) -> Result<bool, Error> {
        let (Some(from), Some(indexed)) = (splice.of.next_block, self.progress.indexed) else {
            return Ok(true);
        };
        let from = from.max(self.progress.earliest);
        let to = indexed.number.min(from.saturating_add(splice.reach.blocks().saturating_sub(1)));
        let mut batch = crate::domain::Batch::default();
        if from <= to {
            let segment = match self.node.range(from, to, &splice.followed).await {
                Err(Error::Chain(error)) if error.smaller_range_may_help() && from < to => {
                    splice.reach.refused(from, to - from + 1, &error);
                    return Ok(false);
                }
                segment => segment?,
            };
            splice.reach.answered(to - from + 1, segment.bytes);
            let (headers, mut logs) = (segment.headers, segment.logs);
            if to == indexed.number && headers.last().is_some_and(|last| last.block.hash != indexed.hash) {
                return Err(Error::OtherBlock(to));
            }
            let mut asked = splice.followed.addresses.len();
            loop {
                let found = found_in(&logs, &splice.contracts);
                let new = found.iter().filter(|found| splice.contracts.add(found)).map(|found| found.address);
                splice.followed.addresses.extend(new);
                let missing = splice.followed.addresses.get(asked..).unwrap_or_default();
                if missing.is_empty() {
                    break;
                }
                logs = fetch_missing(&self.node, Part::Range(from, to), &headers, logs, missing).await?;
                asked = splice.followed.addresses.len();
            }
            batch = sort_out(logs, &splice.contracts);
        }
        let of = Covered { next_block: (to < indexed.number).then_some(to.saturating_add(1)), ..splice.of };
        let events = batch.events.len();
        // Ranges of history are believed as they are told, which is not enough where blocks are not final.
        let last_final = self.progress.finalized.map(|block| block.number);
        self.audit.add(from.max(last_final.map_or(0, |last| last.saturating_add(1))), to);
        failpoint("history.before");
        self.progress = self.store.splice(&self.progress, of, batch).await?;
        failpoint("history.after");
        splice.of = of;
        metrics::history(self.plan.id, of.address, to, events);
        Ok(of.next_block.is_none())
    }
}

//! Looking again at reversible blocks that were taken from a range, or by an earlier process: each
//! is compared with what its hash proves, before it may become final.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use capstan_chain::{ChainError, Header, Log, Verification};
use capstan_primitives::ChainId;
use futures::future::join_all;

use super::{Ingest, SharedContracts};
use crate::{
    adapters::Node,
    domain::{Batch, Followed, place, sort_out},
    error::Error,
    metrics,
    store::{KnownBlock, RawEvent, Span, Store, Wanted},
};

/// Blocks of one step.
const BLOCKS_A_STEP: u64 = 8;
/// So long the first blocks wait: proofs cost a node the most, and new blocks go first after a range.
const CALM: Duration = Duration::from_millis(500);
/// So long a node is left alone that could not say.
const REST: Duration = Duration::from_secs(2);

/// Blocks that are still to be looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Audit {
    left: Option<(u64, u64)>,
    /// How far blocks could be verified so far.
    proves: Option<Verification>,
    /// When to go on.
    due: Option<Instant>,
    problem: String,
}

/// The log and the chain that are compared.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) store: &'a Store,
    pub(super) node: &'a Node,
    pub(super) contracts: &'a SharedContracts,
    pub(super) followed: &'a Followed,
    pub(super) chain_id: ChainId,
}

impl Audit {
    /// Blocks `first` to `last` are to be looked at too.
    pub(super) fn add(&mut self, first: u64, last: u64) {
        if first <= last {
            if self.left.is_none() {
                self.due = Some(Instant::now() + CALM);
            }
            let (low, high) = self.left.unwrap_or((first, last));
            self.left = Some((low.min(first), high.max(last)));
        }
    }

    /// Blocks can be verified so far from now on; whether that is further than before, so that those which
    /// were read until now are to be looked at.
    pub(super) fn proves_more(&mut self, now: Verification) -> bool {
        self.proves.replace(now).is_some_and(|before| before < now)
    }

    /// Blocks above `last` are no more.
    pub(super) fn cut(&mut self, last: u64) {
        self.left = self.left.map(|(low, high)| (low, high.min(last))).filter(|(low, high)| low <= high);
    }

    /// The first of them: only blocks below it may be final.
    pub(super) fn first(&self) -> Option<u64> {
        self.left.map(|(low, _)| low)
    }

    /// Whether there is something to look at now.
    pub(super) fn is_due(&self) -> bool {
        self.left.is_some() && self.due.is_none_or(|due| due <= Instant::now())
    }

    /// How many blocks are to be looked at.
    pub(super) fn blocks(&self) -> u64 {
        self.left.map_or(0, |(low, high)| high.saturating_sub(low).saturating_add(1))
    }

    /// Why it does not go on; empty when nothing is wrong.
    pub(super) fn problem(&self) -> &str {
        if self.left.is_some() { &self.problem } else { "" }
    }

    /// Waits a while after a failure.
    pub(super) fn rest(&mut self, error: &ChainError) {
        self.due = Some(Instant::now() + REST);
        let first = self.first().unwrap_or_default();
        self.problem = format!("block {first} cannot be final before it is proved: {error}");
    }

    /// Looks at the next blocks, and names the first one in which the log has something else than the chain.
    ///
    /// # Errors
    /// When store or node do not answer.
    pub(super) async fn step(&mut self, subject: Subject<'_>) -> Result<Option<u64>, Error> {
        let Some((low, high)) = self.left else { return Ok(None) };
        let last = high.min(low.saturating_add(BLOCKS_A_STEP - 1));
        let headers = subject.headers(low, last).await?;
        let looks = join_all(headers.iter().map(|header| subject.is_right(*header))).await;
        for (header, is_right) in headers.iter().zip(looks) {
            let number = header.block.number;
            if !is_right? {
                return Ok(Some(number));
            }
            let left = (number < high).then_some((number.saturating_add(1), high));
            *self = Self { left, proves: self.proves, ..Self::default() };
        }
        Ok(None)
    }
}

impl Ingest {
    /// Compares some blocks of the log with the chain; what is wrong is taken back. A node that cannot say
    /// holds up what becomes final, and nothing else.
    pub(super) async fn look_again(&mut self) -> Result<(), Error> {
        let Self { store, node, contracts, followed, .. } = &*self;
        let subject = Subject { store, node, contracts, followed, chain_id: self.plan.id };
        let mut audit = self.audit.clone();
        let finding = audit.step(subject).await;
        self.audit = audit;
        match finding {
            Ok(None) => Ok(()),
            Ok(Some(number)) => {
                metrics::wrong_block(self.plan.id, number);
                let junction = match self.known_at_or_below(number.saturating_sub(1)).await? {
                    None => self.before_the_first().await?,
                    known => known,
                };
                let junction = junction.ok_or_else(|| Error::Row(format!("no block below {number}")))?;
                self.take_back(junction).await.map(drop)
            }
            Err(Error::Chain(error)) => {
                metrics::audit_failed(self.plan.id, &error);
                self.audit.rest(&error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Subject<'_> {
    /// The blocks of the log, or of the node where the log does not know one: they must join each other, and
    /// what the log has below and above them.
    async fn headers(self, first: u64, last: u64) -> Result<Vec<Header>, Error> {
        let (below, above) = (first.saturating_sub(1), last.saturating_add(1));
        let known = self.store.known_blocks(self.chain_id, below, above).await?;
        let hash_of = |number| known.get(&number).map(|known| known.block.hash);
        let header_of = |number| known.get(&number).and_then(KnownBlock::header);
        let unknown: Vec<u64> = (first..=last).filter(|number| header_of(*number).is_none()).collect();
        let mut asked = self.node.headers(&unknown).await?.into_iter();
        let mut headers: Vec<Header> = Vec::new();
        for number in first..=last {
            let header = header_of(number).or_else(|| asked.next());
            let header = header.ok_or(ChainError::BehindRequest { number })?;
            let parent =
                headers.last().map(|parent| parent.block.hash).or_else(|| hash_of(number.checked_sub(1)?));
            let is_ours = hash_of(number).is_none_or(|hash| hash == header.block.hash);
            if !is_ours || parent.is_some_and(|parent| parent != header.parent_hash) {
                return Err(apart(number));
            }
            headers.push(header);
        }
        let next = known.get(&above).and_then(|known| known.parent_hash);
        let joins = next.is_none_or(|parent| headers.last().is_none_or(|last| last.block.hash == parent));
        if joins { Ok(headers) } else { Err(apart(above)) }
    }

    /// Whether the log has of a block what its hash proves, as far as that is followed now.
    async fn is_right(self, header: Header) -> Result<bool, Error> {
        let number = header.block.number;
        let segment = self.node.block(header, self.followed).await?;
        let span = Span {
            after: place::before(number),
            floor: None,
            until: place::end_of(number),
            newest_first: false,
            limit: u64::from(u32::MAX),
        };
        let stored = self.store.list(self.chain_id, &Wanted::default(), span, None).await?;
        let stored = stored.map(|(_, events, _)| events).unwrap_or_default();
        let (stored, proved) = {
            let contracts = self.contracts.read().unwrap_or_else(PoisonError::into_inner);
            let stored = stored.into_iter().filter_map(RawEvent::into_log).map(|(log, _)| log).collect();
            (logs(sort_out(stored, &contracts)), logs(sort_out(segment.logs, &contracts)))
        };
        if stored == proved {
            return Ok(true);
        }
        // What did not decode when it was read may do so now.
        let apart =
            self.store.quarantined(self.chain_id, None, place::before(number), u64::from(u32::MAX)).await?;
        let is_apart = |log: &Log| apart.iter().any(|other| other.log == *log);
        Ok(stored.iter().eq(proved.iter().filter(|log| !is_apart(log))))
    }
}

fn apart(number: u64) -> Error {
    let reason = format!("block {number} of the log does not stand on the block below it");
    ChainError::Inconsistent { reason }.into()
}

fn logs(batch: Batch) -> Vec<Log> {
    batch.events.into_iter().map(|event| event.log).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_looked_at_grows_and_is_cut() {
        let mut audit = Audit::default();
        assert_eq!((audit.first(), audit.blocks()), (None, 0));
        audit.add(5, 20);
        audit.add(21, 30);
        assert_eq!((audit.first(), audit.blocks()), (Some(5), 26));
        audit.cut(9);
        assert_eq!((audit.first(), audit.blocks()), (Some(5), 5));
        audit.cut(4);
        audit.add(7, 6);
        assert_eq!((audit.first(), audit.blocks()), (None, 0));
    }

    #[test]
    fn it_begins_in_a_moment_and_more_blocks_do_not_hold_it_up() {
        let mut audit = Audit::default();
        audit.add(5, 20);
        let due = audit.due;
        assert!(!audit.is_due() && due.is_some());
        audit.add(21, 40);
        assert_eq!(audit.due, due);
    }

    #[test]
    fn after_a_failure_it_rests_and_says_why() {
        let mut audit = Audit::default();
        audit.add(5, 20);
        assert!(audit.problem().is_empty());
        audit.rest(&ChainError::BehindRequest { number: 6 });
        assert!(!audit.is_due() && audit.problem().contains("block 5"));
    }
}

//! Following the registered transactions of one chain: who is due is looked for at the node, and what
//! that shows is held against the log.

use std::{sync::Arc, time::Duration};

use capstan_chain::{Receipt, Transaction};
use capstan_primitives::{BlockRef, ChainId, Clock, Hash};
use futures::{StreamExt, stream};
use tokio::sync::{Notify, watch};

use crate::{
    adapters::Node,
    domain::{ChainProgress, Fate, Inclusion, Moment, Sight, Signed, WatchedTransaction},
    error::Error,
    metrics,
    store::Store,
};

/// Transactions of one step, and so of one block.
const BATCH: u64 = 64;
/// Of these at a time.
const AT_A_TIME: usize = 8;
/// Blocks that are searched for the transaction that used a nonce.
const SEARCHED_BLOCKS: u64 = 32;
/// Longest pause between two steps, as another process may have registered something; also the one after a
/// step that left something to do.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What is due is looked at no more often than the clock ticks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// How those who register, follow and watch transactions of one chain tell each other.
#[derive(Debug, Clone, Default)]
pub struct TransactionSignals {
    registered: Arc<Notify>,
    changed: watch::Sender<u64>,
}

impl TransactionSignals {
    /// Wakes who follows.
    pub fn registered(&self) {
        self.registered.notify_one();
    }

    /// Waits until something is registered.
    pub async fn wait_registered(&self) {
        self.registered.notified().await;
    }

    /// Changes whenever a transaction does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn changed(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The registered transactions of one chain.
#[derive(Debug)]
pub struct Tracker {
    /// Chain.
    pub chain_id: ChainId,
    /// Where they are registered.
    pub store: Store,
    /// Where they are looked for.
    pub node: Node,
    /// Wall time.
    pub clock: Clock,
    /// Who waits for changes, and who waits for work.
    pub signals: TransactionSignals,
    /// How long no node may have one until it counts as dropped.
    pub dropped_after: Duration,
}

/// When to take the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// With the next block, because something can still change.
    pub is_open: bool,
    /// After this time at the latest.
    pub pause: Duration,
}

impl Tracker {
    /// Looks at what is due, as the log is at `progress`.
    ///
    /// # Errors
    /// When store or node do not answer. What was seen is kept; the rest is due again, last.
    pub async fn step(&self, progress: &ChainProgress) -> Result<Outlook, Error> {
        let now = self.now(progress);
        let due = self.store.due_transactions(progress, now, BATCH).await?;
        let is_full = u64::try_from(due.len()).is_ok_and(|due| due >= BATCH);
        let looks = due.into_iter().map(async |transaction| {
            let seen = self.look(&transaction, progress).await;
            (transaction, seen)
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_A_TIME);
        let (mut failure, mut has_changed) = (None, false);
        while let Some((from, seen)) = looks.next().await {
            let to = match seen {
                Ok((sight, signed)) => from.after(sight, signed, now, self.dropped_after_ms()),
                Err(error) => {
                    failure = Some(error);
                    from.postponed(now)
                }
            };
            if self.store.move_transaction(&from, &to).await? && from.fate != to.fate {
                metrics::transaction(&from, &to);
                has_changed = true;
            }
        }
        if has_changed {
            self.signals.changed();
        }
        let open = self.store.open_transactions(self.chain_id).await?;
        metrics::open_transactions(self.chain_id, &open.states);
        failure.map_or(Ok(outlook(open.due_at, !open.states.is_empty(), is_full, now)), Err)
    }

    fn now(&self, progress: &ChainProgress) -> Moment {
        let block = progress.indexed.map_or(0, |block| block.number);
        Moment { at: self.clock.now().timestamp_millis(), block, fork: progress.fork }
    }

    fn dropped_after_ms(&self) -> i64 {
        i64::try_from(self.dropped_after.as_millis()).unwrap_or(i64::MAX)
    }

    async fn look(
        &self,
        of: &WatchedTransaction,
        progress: &ChainProgress,
    ) -> Result<(Sight, Option<Signed>), Error> {
        if let Some(receipt) = self.node.receipt(&of.id).await? {
            let signed = match of.signed {
                None => self.node.transaction(&of.id).await?.as_ref().map(signed),
                known => known,
            };
            return Ok((self.mined(receipt, progress).await?, signed));
        }
        if let Some(found) = self.node.transaction(&of.id).await? {
            // Mined between the two questions: the next look says where.
            let sight = if found.place.is_some() { Sight::Unsettled } else { Sight::Waiting };
            return Ok((sight, Some(signed(&found))));
        }
        let sight = match of.signed {
            Some(signed) => self.missing(of, signed, progress).await?,
            None => Sight::Absent,
        };
        Ok((sight, None))
    }

    async fn mined(&self, receipt: Receipt, progress: &ChainProgress) -> Result<Sight, Error> {
        let Receipt { place, is_success, gas_used, effective_gas_price, .. } = receipt;
        let standing = self.standing(place.block_number, place.block_hash, progress).await?;
        let Some((block, is_final)) = standing else { return Ok(Sight::Unsettled) };
        let inclusion = Inclusion {
            block,
            index: place.transaction_index,
            success: is_success,
            gas_used,
            gas_price: effective_gas_price,
        };
        Ok(Sight::Mined { inclusion, is_final })
    }

    /// A transaction that no node has, though its sender and nonce are known.
    async fn missing(
        &self,
        of: &WatchedTransaction,
        signed: Signed,
        progress: &ChainProgress,
    ) -> Result<Sight, Error> {
        if !self.node.is_spent(signed).await? {
            return Ok(Sight::Absent);
        }
        if self.node.receipt(&of.id).await?.is_some() {
            return Ok(Sight::Unsettled);
        }
        if let Fate::Replaced { by, block, .. } = &of.fate {
            let place = match by {
                Some(by) => self.node.receipt(by).await?.map(|receipt| receipt.place),
                None => None,
            };
            let (number, hash) =
                place.map_or((block.number, block.hash), |at| (at.block_number, at.block_hash));
            if let Some((block, is_final)) = self.standing(number, hash, progress).await? {
                return Ok(Sight::Spent { by: by.clone(), block, is_final });
            }
        }
        self.rival(of, signed, progress).await
    }

    /// Who used the nonce: looked for in the blocks since the transaction was last seen.
    async fn rival(
        &self,
        of: &WatchedTransaction,
        signed: Signed,
        progress: &ChainProgress,
    ) -> Result<Sight, Error> {
        let head = self.node.head().await?.block;
        let lowest = head.number.saturating_add(1).saturating_sub(SEARCHED_BLOCKS);
        // A reorg may have put it below where the transaction was seen.
        let seen = if of.looked.fork == progress.fork { of.seen.block.saturating_add(1) } else { 0 };
        let mut found = (None, head);
        for number in seen.max(lowest)..=head.number {
            let Some(header) = self.node.header(number).await? else { break };
            if let Some(by) = self.node.spender(header.block, signed).await? {
                found = (Some(by), header.block);
                break;
            }
        }
        let (by, block) = found;
        if by.as_ref() == Some(&of.id) {
            return Ok(Sight::Unsettled);
        }
        let standing = self.standing(block.number, block.hash, progress).await?;
        let spent = |(block, is_final)| Sight::Spent { by, block, is_final };
        Ok(standing.map_or(Sight::Unsettled, spent))
    }

    /// A block of the chain and whether it is final in the log; nothing when log or node has another
    /// one at its height, or none.
    async fn standing(
        &self,
        number: u64,
        hash: Hash,
        progress: &ChainProgress,
    ) -> Result<Option<(BlockRef, bool)>, Error> {
        let logged = self.store.block_at(self.chain_id, number).await?;
        let block = match logged {
            Some(block) => Some(block),
            None => self.node.header(number).await?.map(|header| header.block),
        };
        let Some(block) = block.filter(|block| block.hash == hash) else { return Ok(None) };
        let is_final = match progress.finalized.filter(|last| number <= last.number) {
            None => false,
            Some(_) if logged.is_some() => true,
            // The log remembers no block at this height: the node speaks for it if both have the same
            // final block above.
            Some(last) => {
                self.node.header(last.number).await?.is_some_and(|theirs| theirs.block.hash == last.hash)
            }
        };
        Ok(Some((block, is_final)))
    }
}

fn signed(of: &Transaction) -> Signed {
    Signed { by: of.from, nonce: of.nonce }
}

fn outlook(due_at: Option<i64>, is_open: bool, is_full: bool, now: Moment) -> Outlook {
    let until_due = |at: i64| u64::try_from(at.saturating_sub(now.at)).unwrap_or_default();
    let due = due_at.filter(|_| !is_full).map(|at| Duration::from_millis(until_due(at)));
    Outlook { is_open, pause: due.unwrap_or(LONGEST_PAUSE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_step_is_not_followed_at_once() {
        let now = Moment { at: 1_000, block: 0, fork: 0 };
        let pause = |due_at, is_full| outlook(due_at, true, is_full, now).pause.as_millis();
        assert_eq!(pause(Some(500), true), 1_000);
        assert_eq!(pause(Some(500), false), 1);
        assert_eq!(pause(Some(1_700), false), 700);
        assert_eq!(pause(Some(i64::MAX), false), 1_000);
        assert_eq!(pause(None, false), 1_000);
    }
}

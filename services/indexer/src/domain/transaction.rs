//! Transactions that somebody waits for: what can become of them, and when to look again.

use capstan_primitives::{Address, Amount, BlockRef, ChainId, TransactionId};

/// First wait before an unknown or dropped transaction is looked for again; doubles with every try.
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 600_000;
/// Longest wait between two looks at a waiting transaction while no block comes.
const POOL_WAIT_MS: i64 = 15_000;

/// A registered transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedTransaction {
    /// Chain.
    pub chain_id: ChainId,
    /// Its hash.
    pub id: TransactionId,
    /// What whoever registered it wrote.
    pub label: String,
    /// What has become of it.
    pub fate: Fate,
    /// Who signed it and with which nonce, once a node showed it.
    pub signed: Option<Signed>,
    /// When it was registered, milliseconds since 1970.
    pub registered_at: i64,
    /// When its fate changed last, milliseconds since 1970.
    pub changed_at: i64,
    /// When a node last had it.
    pub seen: Moment,
    /// When it was looked at last.
    pub looked: Moment,
    /// When to look again at the latest, milliseconds since 1970; never by itself when absent.
    pub due_at: Option<i64>,
    /// Looks in a row that found nothing.
    pub tries: u32,
    /// Grows with every write.
    pub revision: u64,
}

/// Who signed a transaction, and with which nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// Sender.
    pub by: Address,
    /// How many of its transactions came before.
    pub nonce: u64,
}

/// A moment by the wall clock and by the chain's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Newest indexed block.
    pub block: u64,
    /// Reorgs of the log.
    pub fork: u64,
}

/// What has become of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// No node was ever seen to have it.
    Unknown,
    /// It waits, or did a short time ago.
    Pending,
    /// It is in a block.
    Mined {
        /// Where and how.
        inclusion: Inclusion,
        /// Whether the block is final.
        is_final: bool,
    },
    /// Its nonce was used by another transaction.
    Replaced {
        /// The other one, when it was found.
        by: Option<TransactionId>,
        /// The other one's block; the newest block when it was not found.
        block: BlockRef,
        /// Whether the block is final.
        is_final: bool,
    },
    /// No node has had it for long, and its nonce is not used.
    Dropped,
}

/// [`Fate`] without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransactionState {
    /// [`Fate::Unknown`].
    Unknown,
    /// [`Fate::Pending`].
    Pending,
    /// [`Fate::Mined`], not final.
    Mined,
    /// [`Fate::Mined`], final.
    Final,
    /// [`Fate::Replaced`].
    Replaced,
    /// [`Fate::Dropped`].
    Dropped,
}

/// Where and how a transaction was mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inclusion {
    /// Block.
    pub block: BlockRef,
    /// Index of the transaction in the block.
    pub index: u32,
    /// Whether it took effect; absent where receipts do not say.
    pub success: Option<bool>,
    /// Gas that it used.
    pub gas_used: u64,
    /// Price of one unit of gas, in the smallest unit of the coin.
    pub gas_price: Option<Amount>,
}

impl Inclusion {
    /// Gas times its price; absent when the price is, or when the product is over 2^256 - 1.
    #[must_use]
    pub fn fee(&self) -> Option<Amount> {
        self.gas_price?.0.checked_mul(Amount::from(self.gas_used).0).map(Amount)
    }
}

/// What the node shows of a transaction at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// In a block of the chain.
    Mined {
        /// Where and how.
        inclusion: Inclusion,
        /// Whether the block is final in the log.
        is_final: bool,
    },
    /// In a block of which log and node do not say the same: one of them has not seen a reorg yet.
    Unsettled,
    /// In the pool.
    Waiting,
    /// Nowhere, and its nonce is used.
    Spent {
        /// By this one, when it was found.
        by: Option<TransactionId>,
        /// In this block, or before it.
        block: BlockRef,
        /// Whether the block is final in the log.
        is_final: bool,
    },
    /// Nowhere, and nothing says why.
    Absent,
}

impl Fate {
    /// The fate's name.
    #[must_use]
    pub const fn state(&self) -> TransactionState {
        match self {
            Self::Unknown => TransactionState::Unknown,
            Self::Pending => TransactionState::Pending,
            Self::Mined { is_final: false, .. } => TransactionState::Mined,
            Self::Mined { is_final: true, .. } => TransactionState::Final,
            Self::Replaced { .. } => TransactionState::Replaced,
            Self::Dropped => TransactionState::Dropped,
        }
    }

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Mined { is_final: true, .. } | Self::Replaced { is_final: true, .. })
    }
}

impl WatchedTransaction {
    /// A transaction that nobody looked for yet; due at once.
    #[must_use]
    pub fn new(chain_id: ChainId, id: TransactionId, label: String, now: Moment) -> Self {
        Self {
            chain_id,
            id,
            label,
            fate: Fate::Unknown,
            signed: None,
            registered_at: now.at,
            changed_at: now.at,
            seen: now,
            looked: now,
            due_at: Some(now.at),
            tries: 0,
            revision: 0,
        }
    }

    /// The transaction after a look at `now`. One that no node has counts as dropped `dropped_after_ms`
    /// after it was last seen.
    #[must_use]
    pub fn after(&self, sight: Sight, signed: Option<Signed>, now: Moment, dropped_after_ms: i64) -> Self {
        let is_seen = !matches!(sight, Sight::Absent);
        // What left its block, or whose rival did, was on the chain until just now.
        let was_decided = matches!(self.fate, Fate::Mined { .. } | Fate::Replaced { .. });
        let seen = if is_seen || was_decided { now } else { self.seen };
        let is_missing_long = now.at.saturating_sub(seen.at) >= dropped_after_ms;
        let fate = match (sight, &self.fate) {
            (Sight::Mined { inclusion, is_final }, _) => Fate::Mined { inclusion, is_final },
            (Sight::Spent { by, block, is_final }, _) => Fate::Replaced { by, block, is_final },
            (Sight::Waiting | Sight::Unsettled, _) => Fate::Pending,
            (Sight::Absent, Fate::Unknown) => Fate::Unknown,
            (Sight::Absent, Fate::Dropped) => Fate::Dropped,
            (Sight::Absent, Fate::Pending) if is_missing_long => Fate::Dropped,
            (Sight::Absent, _) => Fate::Pending,
        };
        let tries = if fate.state() == self.fate.state() { self.tries.saturating_add(1) } else { 0 };
        let wait = match fate {
            Fate::Unknown | Fate::Dropped => Some(backoff(tries)),
            Fate::Pending => Some(POOL_WAIT_MS.min(dropped_after_ms.max(FIRST_WAIT_MS))),
            // The log says when to look: at a reorg, and when the block becomes final.
            Fate::Mined { .. } | Fate::Replaced { .. } => None,
        };
        Self {
            changed_at: if fate == self.fate { self.changed_at } else { now.at },
            fate,
            signed: signed.or(self.signed),
            seen,
            looked: now,
            due_at: wait.map(|wait| now.at.saturating_add(wait)),
            tries,
            revision: self.revision.saturating_add(1),
            id: self.id.clone(),
            label: self.label.clone(),
            ..*self
        }
    }

    /// The transaction after a look that failed: as it was, behind those that were not looked at.
    #[must_use]
    pub fn postponed(&self, now: Moment) -> Self {
        let looked = Moment { at: now.at, ..self.looked };
        Self { looked, revision: self.revision.saturating_add(1), ..self.clone() }
    }
}

fn backoff(tries: u32) -> i64 {
    FIRST_WAIT_MS.saturating_mul(1_i64.checked_shl(tries.min(20)).unwrap_or(i64::MAX)).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{BlockTime, Hash};

    use super::*;

    const DROPPED_AFTER_MS: i64 = 60_000;

    fn moment(at: i64) -> Moment {
        Moment { at, block: 7, fork: 0 }
    }

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: Hash::ZERO, time: BlockTime(0) }
    }

    fn mined(number: u64, is_final: bool) -> Sight {
        let gas_price = Some(Amount::from(3));
        let inclusion =
            Inclusion { block: block(number), index: 0, success: Some(true), gas_used: 5, gas_price };
        Sight::Mined { inclusion, is_final }
    }

    fn spent(is_final: bool) -> Sight {
        Sight::Spent { by: None, block: block(9), is_final }
    }

    /// The states that a new transaction goes through when it is looked at every ten seconds.
    fn states(sights: impl IntoIterator<Item = Sight>) -> Vec<TransactionState> {
        let id = TransactionId::try_from([1; 32].as_slice()).unwrap();
        let mut transaction = WatchedTransaction::new(ChainId(1), id, String::new(), moment(0));
        let sights = sights.into_iter().zip(1..);
        let looks = sights.map(|(sight, turn)| {
            transaction = transaction.after(sight, None, moment(turn * 10_000), DROPPED_AFTER_MS);
            transaction.fate.state()
        });
        looks.collect()
    }

    #[test]
    fn what_was_sent_is_pending_then_mined_then_final() {
        use TransactionState::{Final, Mined, Pending, Unknown};
        let seen = [Sight::Absent, Sight::Waiting, mined(8, false), mined(8, true)];
        assert_eq!(states(seen), [Unknown, Pending, Mined, Final]);
    }

    #[test]
    fn a_reorg_leads_back() {
        use TransactionState::{Mined, Pending, Replaced};
        let seen = [mined(8, false), Sight::Absent, mined(9, false), Sight::Unsettled, spent(false)];
        assert_eq!(states(seen), [Mined, Pending, Mined, Pending, Replaced]);
        assert_eq!(states([spent(false), Sight::Absent, Sight::Waiting]), [Replaced, Pending, Pending]);
    }

    #[test]
    fn only_long_absence_is_a_drop_and_never_before_it_was_seen() {
        use TransactionState::{Dropped, Pending, Unknown};
        let mut seen = vec![Sight::Waiting];
        seen.extend(vec![Sight::Absent; 7]);
        seen.push(Sight::Waiting);
        let (mut expected, back) = (vec![Pending; 6], [Dropped, Dropped, Pending]);
        expected.extend(back);
        assert_eq!(states(seen), expected);
        assert_eq!(states(vec![Sight::Absent; 20]), [Unknown; 20]);
    }

    #[test]
    fn only_what_is_final_is_settled() {
        let fate = |is_final| Fate::Replaced { by: None, block: block(1), is_final };
        assert!(fate(true).is_settled() && !fate(false).is_settled());
        assert!(!Fate::Dropped.is_settled());
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let waits = [0, 1, 2, 9, 10, 40].map(backoff);
        assert_eq!(waits, [1_000, 2_000, 4_000, 512_000, 600_000, 600_000]);
    }

    #[test]
    fn a_fee_is_gas_times_price() {
        let Sight::Mined { inclusion, .. } = mined(1, false) else { unreachable!() };
        assert_eq!(inclusion.fee(), Some(Amount::from(15)));
        assert_eq!(Inclusion { gas_price: None, ..inclusion }.fee(), None);
    }
}

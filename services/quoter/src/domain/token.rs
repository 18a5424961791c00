//! Whether everything that is sent of a token arrives, and when that is looked at again.

use std::collections::HashMap;

use capstan_primitives::{Address, U256};

use super::state::Pools;

/// What came of trying a token out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything arrives.
    Exact,
    /// Something is missing, or there is more.
    TakesFee,
    /// It cannot be told, for a reason.
    Unknown(String),
}

impl Verdict {
    /// A label.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::TakesFee => "fee",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// What an account has before and after it receives.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// What it was sent.
    pub sent: U256,
    /// What it had before.
    pub before: U256,
    /// What it had afterwards.
    pub after: U256,
}

impl Receipt {
    /// Whether exactly what was sent arrived.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.before.checked_add(self.sent) == Some(self.after)
    }
}

/// How much of what somebody holds is sent to try a token out: enough that a small fee is over nothing, and not so much
/// that a limit is met. None of too little.
#[must_use]
pub fn sample(held: U256) -> Option<U256> {
    const LEAST: u64 = 10_000;
    let part = held.wrapping_div(U256::from(100));
    let least = U256::from(LEAST);
    Some(part.max(held.min(least))).filter(|part| *part >= least)
}

/// A token is looked at again after about a day of a slow chain, and sooner when nothing could be told.
const AGAIN: u64 = 7_200;
const AGAIN_UNKNOWN: u64 = 100;

/// When which token is looked at.
#[derive(Debug, Default)]
pub struct Turns {
    after: HashMap<Address, u64>,
}

impl Turns {
    /// Some tokens whose turn it is in a block; those that are refused never are, nor is `coin`.
    #[must_use]
    pub fn next(&self, pools: &Pools, (block, most): (u64, usize), coin: Address) -> Vec<Address> {
        let graph = pools.graph();
        let tokens = graph.all().map(|token| graph.address(token));
        let is_due = |token: &Address| self.after.get(token).is_none_or(|after| block >= *after);
        let can_be = |token: &Address| *token != coin && !pools.refused().contains_key(token);
        tokens.filter(|token| can_be(token) && is_due(token)).take(most).collect()
    }

    /// Remembers what came of it.
    pub fn done(&mut self, token: Address, block: u64, verdict: &Verdict) {
        let wait = if matches!(verdict, Verdict::Unknown(_)) { AGAIN_UNKNOWN } else { AGAIN };
        self.after.insert(token, block.saturating_add(wait));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{
        pool::PoolId,
        state::{Entry, Problem},
        v2::Pair,
    };

    fn receipt(sent: u64, before: u64, after: u64) -> Receipt {
        let [sent, before, after] = [sent, before, after].map(U256::from);
        Receipt { sent, before, after }
    }

    #[test]
    fn only_what_arrives_whole_is_exact() {
        assert!(receipt(10, 5, 15).is_exact());
        assert!(!receipt(10, 5, 14).is_exact());
        assert!(!receipt(10, 5, 16).is_exact());
        assert!(!receipt(10, 5, 4).is_exact());
    }

    #[test]
    fn a_sample_is_a_part_that_a_small_fee_shows_in() {
        let sample = |held: u64| super::sample(U256::from(held)).map(|part| part.to::<u64>());
        assert_eq!(sample(9_999), None);
        assert_eq!(sample(10_000), Some(10_000));
        assert_eq!(sample(500_000), Some(10_000));
        assert_eq!(sample(500_000_000), Some(5_000_000));
    }

    #[test]
    fn every_token_has_its_turn_and_comes_again() {
        let mut pools = Pools::default();
        let token = |number: u8| Address::from([number; 20]);
        for number in [1, 3] {
            let pool = Arc::new(Pair::new([token(number), token(number + 1)], 3_000));
            let id = PoolId::Contract(token(100 + number));
            pools.add(Entry { id, factory: None, pool, problem: None });
        }
        pools.refuse(token(3), Problem::FeeOnTransfer);
        let mut turns = Turns::default();
        assert_eq!(turns.next(&pools, (5, 9), token(4)), [token(1), token(2)]);
        assert_eq!(turns.next(&pools, (5, 1), token(4)), [token(1)]);
        turns.done(token(1), 5, &Verdict::Exact);
        turns.done(token(2), 5, &Verdict::Unknown(String::new()));
        assert!(turns.next(&pools, (104, 9), token(4)).is_empty());
        assert_eq!(turns.next(&pools, (105, 9), token(4)), [token(2)]);
        assert_eq!(turns.next(&pools, (7_205, 9), token(4)), [token(1), token(2)]);
    }
}

//! What stands for the logs of a range when two answers are compared, so that only one has to be kept.

use alloy::primitives::{B256, Keccak256};
use capstan_primitives::BlockTime;

use crate::Log;

/// A digest of the logs of each block that has some, in the order of the chain.
#[derive(Default)]
pub(super) struct Digest {
    blocks: Vec<BlockDigest>,
    open: Option<Open>,
    is_out_of_order: bool,
}

/// The logs of one block. Their time stands beside them, since not every node tells it.
struct BlockDigest {
    number: u64,
    hash: B256,
    time: Option<BlockTime>,
}

/// The block whose logs are being read.
struct Open {
    number: u64,
    last_index: u32,
    hasher: Keccak256,
    time: Option<BlockTime>,
}

impl Digest {
    /// The digest of logs in order.
    pub(super) fn of(logs: &[Log]) -> Self {
        let mut digest = Self::default();
        logs.iter().for_each(|log| digest.add(log));
        digest.close();
        digest
    }

    /// Adds the next log.
    pub(super) fn add(&mut self, log: &Log) {
        let place = (log.block_number, log.log_index);
        let follows = self.open.as_ref().is_none_or(|open| (open.number, open.last_index) <= place);
        self.is_out_of_order |= !follows;
        if self.open.as_ref().is_some_and(|open| open.number != log.block_number) {
            self.close();
        }
        let number = log.block_number;
        let new =
            || Open { number, last_index: log.log_index, hasher: Keccak256::new(), time: log.block_time };
        let open = self.open.get_or_insert_with(new);
        open.last_index = log.log_index;
        feed(&mut open.hasher, log);
        match (open.time, log.block_time) {
            (Some(before), Some(time)) if before != time => open.hasher.update(time.0.to_le_bytes()), // no block has two
            (before, time) => open.time = before.or(time),
        }
    }

    /// Ends the last block.
    pub(super) fn close(&mut self) {
        let closed = self.open.take().map(|open| {
            let Open { number, hasher, time, .. } = open;
            BlockDigest { number, hash: hasher.finalize(), time }
        });
        self.blocks.extend(closed);
    }

    /// Whether logs came that belong before others: the digest is then worth nothing.
    pub(super) const fn is_out_of_order(&self) -> bool {
        self.is_out_of_order
    }

    /// The blocks of which the two say different things, in order.
    pub(super) fn differing(&self, other: &Self) -> Vec<u64> {
        let (mut ours, mut theirs) = (self.blocks.iter().peekable(), other.blocks.iter().peekable());
        let mut differing = Vec::new();
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (Some(one), Some(two)) => one.number.min(two.number),
                (Some(one), None) => one.number,
                (None, Some(two)) => two.number,
                (None, None) => return differing,
            };
            let one = ours.next_if(|block| block.number == next);
            let two = theirs.next_if(|block| block.number == next);
            if !one.zip(two).is_some_and(|(one, two)| one.is_same(two)) {
                differing.push(next);
            }
        }
    }
}

impl BlockDigest {
    fn is_same(&self, other: &Self) -> bool {
        let differs = self.time.zip(other.time).is_some_and(|(one, two)| one != two);
        self.hash == other.hash && !differs
    }
}

/// Writes all of a log but its time, so that no two logs are written alike.
fn feed(hasher: &mut Keccak256, log: &Log) {
    let length = |bytes: &[u8]| (bytes.len() as u64).to_le_bytes();
    let Log { block_number, block_hash, block_time: _, transaction, .. } = log;
    let Log { transaction_index, log_index, address, topics, data, .. } = log;
    hasher.update(block_number.to_le_bytes());
    hasher.update(block_hash.as_bytes());
    for bytes in [transaction.as_bytes(), address.as_bytes(), data.as_slice()] {
        hasher.update(length(bytes));
        hasher.update(bytes);
    }
    hasher.update(transaction_index.to_le_bytes());
    hasher.update(log_index.to_le_bytes());
    hasher.update((topics.len() as u64).to_le_bytes());
    topics.iter().for_each(|topic| hasher.update(topic.as_bytes()));
}

#[cfg(test)]
mod tests {
    use std::slice;

    use capstan_primitives::{Address, Hash, Topics, TransactionId};

    use super::*;

    fn log(block_number: u64, log_index: u32) -> Log {
        Log {
            block_number,
            block_hash: Hash::ZERO,
            block_time: None,
            transaction: TransactionId::try_from([7_u8; 32].as_slice()).unwrap(),
            transaction_index: 1,
            log_index,
            address: Address::ZERO,
            topics: Topics::of([Hash::ZERO]).unwrap(),
            data: vec![1, 2],
        }
    }

    const NONE: [u64; 0] = [];

    fn differing(one: &[Log], two: &[Log]) -> Vec<u64> {
        let there = Digest::of(one).differing(&Digest::of(two));
        assert_eq!(there, Digest::of(two).differing(&Digest::of(one)));
        there
    }

    #[test]
    fn every_part_of_a_log_counts() {
        let right = log(5, 3);
        let others = [
            Log { block_hash: Hash::from([1; 32]), ..right.clone() },
            Log { transaction: TransactionId::try_from([8_u8; 32].as_slice()).unwrap(), ..right.clone() },
            Log { transaction_index: 2, ..right.clone() },
            Log { log_index: 4, ..right.clone() },
            Log { address: Address::from([1; 20]), ..right.clone() },
            Log { topics: Topics::default(), ..right.clone() },
            Log { topics: Topics::of([Hash::ZERO; 2]).unwrap(), ..right.clone() },
            Log { data: vec![1, 3], ..right.clone() },
            Log { data: vec![1, 2, 0], ..right.clone() },
        ];
        assert_eq!(differing(slice::from_ref(&right), slice::from_ref(&right)), NONE);
        for other in others {
            assert_eq!(differing(slice::from_ref(&right), &[other]), [5]);
        }
    }

    #[test]
    fn the_blocks_that_differ_are_named() {
        let right = [log(2, 0), log(2, 1), log(3, 0), log(5, 0), log(7, 0)];
        let wrong = [log(2, 0), log(3, 0), log(4, 0), log(5, 0)];
        assert_eq!(differing(&right, &wrong), [2, 4, 7]);
        assert_eq!(differing(&right, &[]), [2, 3, 5, 7]);
        assert_eq!(differing(&[], &[]), NONE);
    }

    #[test]
    fn times_count_where_both_tell_them() {
        let at = |time| Log { block_time: Some(BlockTime(time)), ..log(2, 0) };
        assert_eq!(differing(&[at(5)], &[at(6)]), [2]);
        assert_eq!(differing(&[at(5)], &[log(2, 0)]), NONE);
        assert_eq!(differing(&[at(5)], &[at(5)]), NONE);
        let later = Log { log_index: 1, ..at(6) };
        assert_eq!(differing(&[at(5), later.clone()], &[log(2, 0), log(2, 1)]), [2], "one block, two times");
        assert_eq!(differing(&[log(2, 0), later], &[log(2, 0), log(2, 1)]), NONE);
    }

    #[test]
    fn logs_out_of_order_are_noticed() {
        let digest = |logs: &[Log]| Digest::of(logs).is_out_of_order();
        assert!(!digest(&[log(2, 0), log(2, 1), log(3, 0)]));
        assert!(digest(&[log(2, 1), log(2, 0)]));
        assert!(digest(&[log(3, 0), log(2, 0)]));
    }
}

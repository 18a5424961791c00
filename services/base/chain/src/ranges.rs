//! Logs of a range of blocks together with the headers at its ends, and what must hold between them.

use capstan_primitives::{Hash, TransactionId};

use crate::{ChainError, Header, Log};

/// The logs of a range of blocks, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeLogs {
    /// Header of the first block.
    pub first: Header,
    /// Header of the last block; equal to `first` for a range of one block.
    pub last: Header,
    /// The logs, by block number and log index.
    pub logs: Vec<Log>,
    /// Size of the logs as the node wrote them, in bytes of JSON: a measure for the next range.
    pub bytes: usize,
}

impl RangeLogs {
    /// Checks that headers and logs tell one story, and gives the logs of the end blocks their time.
    pub(crate) fn checked(mut self) -> Result<Self, ChainError> {
        self.check_ends()?;
        for log in &self.logs {
            if log.block_number < self.first.block.number || log.block_number > self.last.block.number {
                return Err(outside(log, &self));
            }
        }
        for end in [self.first, self.last] {
            give_time(&mut self.logs, end)?;
        }
        check_order(&self.logs)?;
        Ok(self)
    }

    fn check_ends(&self) -> Result<(), ChainError> {
        let (first, last) = (self.first, self.last);
        let joined = match last.block.number.checked_sub(first.block.number) {
            Some(0) => first.block.hash == last.block.hash,
            Some(1) => last.parent_hash == first.block.hash,
            Some(_) => true,
            None => false,
        };
        if joined {
            return Ok(());
        }
        Err(inconsistent(format!("{} is not on top of {}", last.block.hash, first.block.hash)))
    }
}

/// The logs of one block, checked to carry its hash and given its time.
pub(crate) fn logs_of_block(header: Header, mut logs: Vec<Log>) -> Result<Vec<Log>, ChainError> {
    if let Some(log) = logs.iter().find(|log| log.block_hash != header.block.hash) {
        return Err(other_hash(log, header.block.hash));
    }
    if let Some(log) = logs.iter().find(|log| log.block_number != header.block.number) {
        return Err(inconsistent(format!(
            "a log of block {} says {}",
            header.block.number, log.block_number
        )));
    }
    give_time(&mut logs, header)?;
    check_order(&logs)?;
    Ok(logs)
}

/// Gives the logs of one block, among those of a range in order, its time.
pub(crate) fn give_time(logs: &mut [Log], header: Header) -> Result<(), ChainError> {
    let start = logs.partition_point(|log| log.block_number < header.block.number);
    let of_block = logs.iter_mut().skip(start).take_while(|log| log.block_number == header.block.number);
    for log in of_block {
        if log.block_hash != header.block.hash {
            return Err(other_hash(log, header.block.hash));
        }
        log.block_time = Some(header.block.time);
    }
    Ok(())
}

/// Two versions of a block, or one log twice, are signs of answers from different moments.
pub(crate) fn check_order(logs: &[Log]) -> Result<(), ChainError> {
    for (log, next) in logs.iter().zip(logs.iter().skip(1)) {
        if log.block_number != next.block_number {
            continue;
        }
        if log.block_hash != next.block_hash {
            return Err(other_hash(next, log.block_hash));
        }
        if log.log_index == next.log_index {
            return Err(twice(log.log_index, &log.transaction));
        }
    }
    Ok(())
}

fn outside(log: &Log, range: &RangeLogs) -> ChainError {
    let (first, last) = (range.first.block.number, range.last.block.number);
    inconsistent(format!("a log of block {} in the answer for {first} to {last}", log.block_number))
}

fn other_hash(log: &Log, expected: Hash) -> ChainError {
    inconsistent(format!("a log of block {} carries {}, not {expected}", log.block_number, log.block_hash))
}

fn twice(index: u32, transaction: &TransactionId) -> ChainError {
    inconsistent(format!("log {index} of transaction {transaction} is there twice"))
}

fn inconsistent(reason: String) -> ChainError {
    ChainError::Inconsistent { reason }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::{Address, BlockRef, BlockTime, Topics};

    use super::*;

    fn header(number: u64) -> Header {
        let hash = |number: u64| Hash::from([u8::try_from(number).unwrap(); 32]);
        let block = BlockRef { number, hash: hash(number), time: BlockTime(number * 10) };
        Header { block, parent_hash: hash(number - 1) }
    }

    fn log(block: u64, log_index: u32) -> Log {
        Log {
            block_number: block,
            block_hash: header(block).block.hash,
            block_time: None,
            transaction: TransactionId::try_from([7_u8; 32].as_slice()).unwrap(),
            transaction_index: 0,
            log_index,
            address: Address::ZERO,
            topics: Topics::default(),
            data: Vec::new(),
        }
    }

    fn range(first: u64, last: u64, logs: Vec<Log>) -> Result<RangeLogs, ChainError> {
        RangeLogs { first: header(first), last: header(last), logs, bytes: 0 }.checked()
    }

    #[test]
    fn logs_of_the_end_blocks_learn_their_time_from_the_headers() {
        let range = range(3, 5, vec![log(3, 0), log(4, 0), log(5, 0)]).unwrap();
        let times: Vec<_> = range.logs.iter().map(|log| log.block_time).collect();
        assert_eq!(times, [Some(BlockTime(30)), None, Some(BlockTime(50))]);
    }

    #[test]
    fn a_log_outside_of_the_range_is_inconsistent() {
        assert!(matches!(range(3, 5, vec![log(6, 0)]), Err(ChainError::Inconsistent { .. })));
        assert!(matches!(range(3, 5, vec![log(2, 0)]), Err(ChainError::Inconsistent { .. })));
    }

    #[test]
    fn a_log_of_another_block_of_the_same_height_is_inconsistent() {
        for block in [3, 5] {
            let other = Log { block_hash: Hash::ZERO, ..log(block, 0) };
            assert!(matches!(range(3, 5, vec![other]), Err(ChainError::Inconsistent { .. })), "{block}");
        }
        let inside = vec![log(4, 0), Log { block_hash: Hash::ZERO, ..log(4, 1) }];
        assert!(matches!(range(3, 5, inside), Err(ChainError::Inconsistent { .. })));
    }

    #[test]
    fn a_log_that_is_there_twice_is_inconsistent() {
        assert!(matches!(range(3, 5, vec![log(4, 1), log(4, 1)]), Err(ChainError::Inconsistent { .. })));
        assert!(range(3, 5, vec![log(4, 1), log(4, 2)]).is_ok());
    }

    #[test]
    fn ends_that_do_not_join_are_inconsistent() {
        let broken = Header { parent_hash: Hash::ZERO, ..header(4) };
        let range = RangeLogs { first: header(3), last: broken, logs: Vec::new(), bytes: 0 };
        assert!(matches!(range.checked(), Err(ChainError::Inconsistent { .. })));
    }

    #[test]
    fn a_log_of_one_block_must_carry_its_hash() {
        assert!(logs_of_block(header(3), vec![log(3, 0)]).is_ok());
        assert!(matches!(logs_of_block(header(3), vec![log(4, 0)]), Err(ChainError::Inconsistent { .. })));
        let renumbered = Log { block_number: 4, ..log(3, 0) };
        assert!(matches!(logs_of_block(header(3), vec![renumbered]), Err(ChainError::Inconsistent { .. })));
    }
}

//! Blocks of a range that a reorg can still take back: all of them, each the parent of the next.

use capstan_chain::{ChainError, Header, Log};

use super::{Node, Segment};
use crate::error::Error;

impl Node {
    /// The segment with the headers of all its blocks, so that each can be compared with the chain later.
    ///
    /// # Errors
    /// When the node does not answer, or other blocks lie between the ends.
    pub async fn link(&self, segment: Segment) -> Result<Segment, Error> {
        let (Some(first), Some(last)) = (segment.headers.first(), segment.headers.last()) else {
            return Ok(segment);
        };
        let headers = self.evm.headers_between(*first, *last).await?;
        check_hashes(&headers, &segment.logs)?;
        Ok(Segment { headers, ..segment })
    }
}

/// Whether logs are of these consecutive blocks.
///
/// # Errors
/// [`ChainError::Inconsistent`] when one is not.
pub fn check_hashes(headers: &[Header], logs: &[Log]) -> Result<(), ChainError> {
    let first = headers.first().map_or(0, |header| header.block.number);
    let block_of = |log: &Log| {
        let index = usize::try_from(log.block_number.checked_sub(first)?).ok()?;
        Some(headers.get(index)?.block)
    };
    match logs.iter().find(|log| block_of(log).is_none_or(|block| block.hash != log.block_hash)) {
        None => Ok(()),
        Some(log) => {
            let reason = format!("a log of block {} carries {}", log.block_number, log.block_hash);
            Err(ChainError::Inconsistent { reason })
        }
    }
}

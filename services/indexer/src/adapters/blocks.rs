//! The blocks that are followed. They are no logs, so that a node is asked for their headers.

use capstan_chain::{Header, History, Log};

use super::Node;
use crate::{
    domain::{
        Followed, Pattern,
        native::{self, Native},
    },
    error::Error,
};

impl Node {
    /// The log that stands for a block, when the block is followed.
    pub(super) async fn of_block(&self, header: Header, followed: &Followed) -> Result<Option<Log>, Error> {
        if !wants(followed, header.block.number) {
            return Ok(None);
        }
        Ok(native::log_of(&self.evm.block_details(header.block.hash).await?))
    }

    /// The same for the blocks from the first to the second of `ends`, with the size of the answers.
    pub(super) async fn of_blocks_between(
        &self,
        ends: (Header, Header),
        followed: &Followed,
        history: History,
    ) -> Result<(Vec<Log>, u64), Error> {
        let all = ends.0.block.number..=ends.1.block.number;
        let wanted: Vec<u64> = all.filter(|number| wants(followed, *number)).collect();
        if wanted.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let range = self.evm.details_between(ends, &wanted, history).await?;
        let logs = range.blocks.iter().filter_map(native::log_of).collect();
        Ok((logs, u64::try_from(range.bytes).unwrap_or(u64::MAX)))
    }
}

/// Whether the block at a height is followed.
fn wants(followed: &Followed, number: u64) -> bool {
    let is_of_blocks = |pattern: &&Pattern| matches!(pattern.native, Some(Native::Blocks(_)));
    followed.patterns.iter().filter(is_of_blocks).any(|pattern| pattern.takes_block(number))
}

//! Blocks of a range that a reorg can still take back: each of them is to be known.

use std::collections::BTreeMap;

use capstan_chain::{ChainError, Header};
use capstan_primitives::Hash;

use super::Node;
use crate::error::Error;

impl Node {
    /// The headers at the ends of a range, with those of the blocks in between that no log tells of, so that
    /// every block can be compared with the chain later; `told` are heights and hashes of the others.
    ///
    /// # Errors
    /// When the node does not answer, or has other blocks by now.
    pub async fn link(
        &self,
        ends: Vec<Header>,
        told: impl IntoIterator<Item = (u64, Hash)>,
    ) -> Result<Vec<Header>, Error> {
        let (Some(first), Some(last)) = (ends.first(), ends.last()) else { return Ok(ends) };
        let mut hashes: BTreeMap<u64, Hash> = told.into_iter().collect();
        hashes.extend(ends.iter().map(in_order));
        let between = first.block.number..=last.block.number;
        let silent: Vec<u64> = between.filter(|number| !hashes.contains_key(number)).collect();
        let mut headers = self.evm.headers_at(&silent).await?;
        hashes.extend(headers.iter().map(in_order));
        headers.extend(ends);
        headers.sort_unstable_by_key(|header| header.block.number);
        check_links(&headers, &hashes)?;
        Ok(headers)
    }
}

const fn in_order(header: &Header) -> (u64, Hash) {
    (header.block.number, header.block.hash)
}

fn check_links(headers: &[Header], hashes: &BTreeMap<u64, Hash>) -> Result<(), ChainError> {
    let below = |header: &Header| hashes.get(&header.block.number.checked_sub(1)?);
    let stands = |header: &&Header| below(header).is_none_or(|parent| *parent == header.parent_hash);
    match headers.iter().find(|header| !stands(header)) {
        None => Ok(()),
        Some(Header { block, parent_hash }) => {
            let reason =
                format!("block {} stands on {parent_hash}, which an answer before lacks", block.number);
            Err(ChainError::Inconsistent { reason })
        }
    }
}

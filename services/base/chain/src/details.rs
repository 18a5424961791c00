//! What the headers of blocks say of who made them and of their gas.

use std::sync::Arc;

use capstan_primitives::Hash;

use crate::{
    BlockDetails, ChainError, Evm, Header, History, Verification, answers,
    calls::{at_height, by_hash, by_number, inconsistent, of_hash, quantity},
    evidence::FullHeader,
    refusals,
    rpc::{Answer, Rpc},
    wire::{WireDetails, WireHeader},
};

/// Headers that are asked for in one request.
pub(crate) const HEADERS: usize = 100;

/// The details of some blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeDetails {
    /// In the order of the chain.
    pub blocks: Vec<BlockDetails>,
    /// Size of the answers in bytes of JSON.
    pub bytes: usize,
}

/// The details of the blocks of one answer.
pub(crate) struct LinkedDetails {
    pub(crate) range: RangeDetails,
    /// What comes after the last.
    pub(crate) next: Link,
}

/// What the block at a height must stand on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    number: u64,
    parent: Hash,
}

impl Link {
    pub(crate) const fn of(first: &Header) -> Self {
        Self { number: first.block.number, parent: first.parent_hash }
    }
}

impl RangeDetails {
    pub(crate) fn add(&mut self, more: Self) {
        self.blocks.extend(more.blocks);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    /// Whether the last block is the one at the end of the range, where it is there.
    pub(crate) fn ended(self, last: Header) -> Result<Self, ChainError> {
        let end = last.block;
        let found = self.blocks.last().map(|details| details.header.block);
        if found.is_some_and(|found| found.number == end.number && found.hash != end.hash) {
            return Err(inconsistent(format!("block {} changed between two answers", end.number)));
        }
        Ok(self)
    }
}

impl Evm {
    /// The details of the block of this hash, which proves them where the chain's format is known.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when the node does not know the block, as after a reorg, and
    /// [`ChainError::Inconsistent`] when the header is not that of the hash.
    pub async fn block_details(&self, hash: Hash) -> Result<BlockDetails, ChainError> {
        self.learn_headers().await;
        let question = async |rpc: Arc<Rpc>| {
            let found = self.details(rpc.call(by_hash(hash)).await)?;
            let (details, _) = found.ok_or(ChainError::UnknownBlock { hash })?;
            of_hash(details.header, hash).map(|_| details)
        };
        self.pool.ask("eth_getBlockByHash", question).await
    }

    /// The details of the blocks at `numbers`, in order, which lie from the first to the second of `ends`.
    /// With [`History::Agreed`] two endpoints tell them alike, or headers prove them: their hashes, and
    /// that they join from one end to the other, for which those in between are asked for as well. With
    /// checks they are proved in the same way, as far as the chain's format allows; without, neighbours
    /// must join.
    ///
    /// # Errors
    /// [`ChainError::BehindRequest`] when a block is missing, [`ChainError::Inconsistent`] when the blocks
    /// do not join, and as [`Evm::agreed_range`].
    pub async fn details_between(
        &self,
        ends: (Header, Header),
        numbers: &[u64],
        history: History,
    ) -> Result<RangeDetails, ChainError> {
        self.learn_headers().await;
        match history {
            History::Agreed => Box::pin(self.agreed_details(ends, numbers)).await,
            History::Checked(check) if check.min(self.verification()) != Verification::Off => {
                self.proved_details(ends, numbers).await
            }
            History::Checked(_) => self.joining_details(ends, numbers).await,
        }
    }

    /// The details of some blocks of a range, proved by the headers of all.
    pub(crate) async fn proved_details(
        &self,
        ends: (Header, Header),
        numbers: &[u64],
    ) -> Result<RangeDetails, ChainError> {
        let all: Vec<u64> = (ends.0.block.number..=ends.1.block.number).collect();
        let mut range = self.joining_details(ends, &all).await?;
        range.blocks.retain(|details| numbers.binary_search(&details.header.block.number).is_ok());
        Ok(range)
    }

    async fn joining_details(
        &self,
        ends: (Header, Header),
        numbers: &[u64],
    ) -> Result<RangeDetails, ChainError> {
        let (mut range, mut link) = (RangeDetails::default(), Link::of(&ends.0));
        for some in numbers.chunks(HEADERS) {
            let question = async |rpc: Arc<Rpc>| self.told_details(&rpc, some, link).await;
            let told = self.pool.ask("eth_getBlockByNumber", question).await?;
            range.add(told.range);
            link = told.next;
        }
        range.ended(ends.1)
    }

    /// The details of blocks, the first perhaps on top of `link`, as one endpoint tells them.
    pub(crate) async fn told_details(
        &self,
        rpc: &Rpc,
        numbers: &[u64],
        mut link: Link,
    ) -> Result<LinkedDetails, ChainError> {
        let calls = numbers.iter().map(|number| by_number(quantity(*number))).collect();
        let mut range = RangeDetails::default();
        for (answer, number) in rpc.batch_of(calls).await?.into_iter().zip(numbers.iter().copied()) {
            let (details, bytes) = self.details(answer)?.ok_or(ChainError::BehindRequest { number })?;
            let Header { block, parent_hash } = at_height(details.header, number)?;
            if number == link.number && parent_hash != link.parent {
                return Err(inconsistent(format!("block {number} is not on top of {}", link.parent)));
            }
            link = Link { number: number.saturating_add(1), parent: block.hash };
            range.add(RangeDetails { blocks: vec![details], bytes });
        }
        Ok(LinkedDetails { range, next: link })
    }

    /// Reads a header with its details, and the size of the answer; absent when the node has no such block.
    pub(crate) fn details(
        &self,
        answer: Result<Answer, ChainError>,
    ) -> Result<Option<(BlockDetails, usize)>, ChainError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if refusals::is_block_not_seen(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(header) = answers::read::<Option<WireHeader>>(&answer)? else { return Ok(None) };
        let header = FullHeader::of(header, &answer);
        self.formats.proves(&header)?;
        let details = answers::read::<WireDetails>(&answer)?.of(header.header);
        Ok(Some((details, answer.json.as_str().len())))
    }
}

//! Blocks and their logs from a node.

use std::collections::{BTreeMap, BTreeSet};

use capstan_chain::{
    ChainError, Disputes, EndpointStatus, Evm, Header, History, Log, LogFilter, RangeLogs, Tag, Verification,
    merge_logs,
};
use capstan_primitives::{Address, BlockRef, BlockTime, Hash};
use capstan_runtime::platform::{FinalityRule, FinalityTag};
use futures::Stream;

use crate::{domain::Followed, error::Error};

/// Nodes refuse filters of many addresses; more are asked for in turn.
const ADDRESSES_A_REQUEST: usize = 500;

/// One for each request about blocks through `last`.
fn filters(followed: &Followed, last: u64) -> Vec<LogFilter> {
    let of_addresses = |some: &[Address]| LogFilter { addresses: some.to_vec(), topics: Vec::new() };
    let of_logs = followed.patterns.iter().filter(|pattern| pattern.native.is_none());
    let begun = of_logs.filter(|pattern| pattern.contract.start_block <= last);
    let of_patterns = begun.flat_map(|pattern| pattern.filters.iter().cloned());
    followed.addresses.chunks(ADDRESSES_A_REQUEST).map(of_addresses).chain(of_patterns).collect()
}

/// One chain through its endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    pub(super) evm: Evm,
    pub(super) checks: Checks,
}

/// How far the logs of a node are checked against the hashes of their blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// In blocks that a reorg can still take back.
    pub blocks: Verification,
    /// In the final blocks of history.
    pub history: History,
}

impl Checks {
    /// In ranges of blocks that a reorg can still take back: each block is looked at again by itself.
    const fn of_catch_up(self) -> Verification {
        match self.history {
            History::Agreed => Verification::Off,
            History::Checked(verification) => verification,
        }
    }
}

/// Consecutive blocks and what was asked for of them.
#[derive(Debug)]
pub struct Segment {
    /// First and last header, or the only one.
    pub headers: Vec<Header>,
    /// Logs in the order of the chain, all with their time.
    pub logs: Vec<Log>,
    /// Size of the answers in bytes.
    pub bytes: u64,
}

impl Node {
    /// The chain behind `evm`.
    #[must_use]
    pub const fn new(evm: Evm, checks: Checks) -> Self {
        Self { evm, checks }
    }

    /// Whether [`Node::block`] proves more than [`Node::catch_up`], as far as it is known of the chain.
    #[must_use]
    pub fn verifies_blocks(&self) -> bool {
        self.checks.blocks.min(self.evm.verification()) > self.checks.of_catch_up()
    }

    /// How often endpoints did not confirm each other so far.
    #[must_use]
    pub fn disputes(&self) -> Disputes {
        self.evm.disputes()
    }

    /// How far logs can be verified, as far as it is known by now.
    #[must_use]
    pub fn verification(&self) -> Verification {
        self.evm.verification()
    }

    /// The endpoints that serve requests, as of now.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.evm.endpoints()
    }

    /// The newest block that the node calls safe, when it calls one so.
    ///
    /// # Errors
    /// When the node does not answer, or does not know the word.
    pub async fn safe(&self) -> Result<Option<BlockRef>, Error> {
        Ok(self.evm.tagged(Tag::Safe).await?.map(|header| header.block))
    }

    /// The newest block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn head(&self) -> Result<Header, Error> {
        Ok(self.evm.head().await?)
    }

    /// The block at a height of the node's chain, when it has one.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn header(&self, number: u64) -> Result<Option<Header>, Error> {
        Ok(self.evm.header(number).await?)
    }

    /// The blocks at some heights, in their order.
    ///
    /// # Errors
    /// When the node does not answer, or has not seen one.
    pub async fn headers(&self, numbers: &[u64]) -> Result<Vec<Header>, Error> {
        Ok(self.evm.headers_at(numbers).await?)
    }

    /// The newest block and the newest final one under `rule`, when there is one; `known` was final
    /// before.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn newest(
        &self,
        rule: &FinalityRule,
        known: Option<BlockRef>,
    ) -> Result<(Header, Option<BlockRef>), Error> {
        let tagged = async |tag| {
            let (head, tagged) = futures::try_join!(self.evm.head(), self.evm.tagged(tag))?;
            Ok((head, tagged.map(|header| header.block)))
        };
        match rule {
            FinalityRule::Tag(FinalityTag::Finalized) => tagged(Tag::Finalized).await,
            FinalityRule::Tag(FinalityTag::Safe) => tagged(Tag::Safe).await,
            FinalityRule::Blocks(0) => {
                let head = self.head().await?;
                Ok((head, Some(head.block)))
            }
            FinalityRule::Blocks(blocks) => {
                let head = self.head().await?;
                let number = head.block.number.checked_sub(*blocks);
                let last = match number {
                    Some(number) => self.header(number).await?,
                    None => None,
                };
                Ok((head, last.map(|header| header.block)))
            }
            FinalityRule::Seconds(seconds) => {
                let head = self.head().await?;
                let until = head.block.time.0.saturating_sub(*seconds);
                Ok((head, self.newest_at(until, known, head.block).await?))
            }
        }
    }

    /// The newest block whose time is at most `until`, by bisection between `known` and `head`.
    async fn newest_at(
        &self,
        until: u64,
        known: Option<BlockRef>,
        head: BlockRef,
    ) -> Result<Option<BlockRef>, Error> {
        if head.time.0 <= until {
            return Ok(Some(head));
        }
        let mut found = known.filter(|known| known.time.0 <= until);
        let (mut low, mut high) = (found.map_or(0, |found| found.number.saturating_add(1)), head.number);
        while low < high {
            let middle = low.midpoint(high);
            match self.header(middle).await? {
                Some(header) if header.block.time.0 <= until => {
                    found = Some(header.block);
                    low = middle.saturating_add(1);
                }
                _ => high = middle,
            }
        }
        Ok(found)
    }

    /// Whether there is a contract at `address`.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn has_code(&self, address: Address) -> Result<bool, Error> {
        Ok(self.evm.has_code(address).await?)
    }

    /// Wakes whoever waits for a new block; carries no data.
    pub fn heads(&self) -> impl Stream<Item = capstan_chain::HeadSignal> + Send + use<> {
        self.evm.heads()
    }

    /// The logs of what is followed in one block, asked for by its hash, so that a reorg in between is an
    /// error.
    ///
    /// # Errors
    /// When the node does not answer, or no longer knows the block.
    pub async fn block(&self, header: Header, followed: &Followed) -> Result<Segment, Error> {
        let filters = filters(followed, header.block.number);
        let logs = self.block_logs(header.block.hash, &filters);
        let (of_accounts, of_block) = (self.of_accounts(header, followed), self.of_block(header, followed));
        let (mut logs, of_accounts, of_block) = futures::try_join!(logs, of_accounts, of_block)?;
        logs.iter_mut().for_each(|log| log.block_time = Some(header.block.time));
        logs.extend(of_accounts.into_iter().chain(of_block)); // above all logs, and in this order
        Ok(Segment { headers: vec![header], logs, bytes: 0 })
    }

    /// Receipts have all logs of a block: the node is asked once, however much is followed.
    async fn block_logs(&self, hash: Hash, filters: &[LogFilter]) -> Result<Vec<Log>, Error> {
        if self.checks.blocks == Verification::Receipts
            && !filters.is_empty()
            && let Some(logs) = self.evm.receipt_logs(hash, filters).await?
        {
            return Ok(logs);
        }
        let mut logs = Vec::new();
        for filter in filters {
            match self.evm.block_logs(hash, filter, self.checks.blocks).await {
                Err(error) if error.smaller_range_may_help() => {
                    return Ok(self.evm.receipt_logs(hash, filters).await?.ok_or(error)?);
                }
                told => logs.extend(told?),
            }
        }
        Ok(merge_logs(logs)?)
    }

    /// The logs of what is followed in the final blocks `from` to `to`, with the headers of both.
    ///
    /// # Errors
    /// When the node does not answer, has not seen `to`, or contradicts itself or others.
    pub async fn range(&self, from: u64, to: u64, followed: &Followed) -> Result<Segment, Error> {
        Box::pin(self.segment(from, to, followed, self.checks.history)).await
    }

    /// The same of blocks that a reorg can still take back, and that are looked at again one by one: what
    /// nobody confirms is taken for now.
    ///
    /// # Errors
    /// As [`Node::range`].
    pub async fn catch_up(&self, from: u64, to: u64, followed: &Followed) -> Result<Segment, Error> {
        match self.range(from, to, followed).await {
            Err(Error::Chain(ChainError::NoWitness { .. })) => {
                let history = History::Checked(self.checks.of_catch_up());
                Box::pin(self.segment(from, to, followed, history)).await
            }
            told => told,
        }
    }

    /// A single block whose logs are refused is read from its receipts.
    async fn segment(
        &self,
        from: u64,
        to: u64,
        followed: &Followed,
        history: History,
    ) -> Result<Segment, Error> {
        let is_proved = || history != History::Agreed || self.evm.verification() == Verification::Receipts;
        match Box::pin(self.told_segment(from, to, followed, history)).await {
            Err(Error::Chain(error)) if from == to && error.smaller_range_may_help() && is_proved() => {
                let header = self.evm.header(from).await?.ok_or(error)?;
                Box::pin(self.block(header, followed)).await
            }
            told => told,
        }
    }

    async fn told_segment(
        &self,
        from: u64,
        to: u64,
        followed: &Followed,
        history: History,
    ) -> Result<Segment, Error> {
        let mut ends = None;
        let (mut logs, mut bytes) = (Vec::new(), 0);
        let filters = filters(followed, to);
        for filter in &filters {
            let range = self.logs(from, to, filter, history).await?;
            let found = (range.first, range.last);
            if *ends.get_or_insert(found) != found {
                let reason = format!("blocks {from} and {to} changed between two answers");
                return Err(ChainError::Inconsistent { reason }.into());
            }
            bytes += u64::try_from(range.bytes).unwrap_or(u64::MAX);
            logs.extend(range.logs);
        }
        let (first, last) = match ends {
            Some(ends) => ends,
            None => self.edges(from, to, history).await?,
        };
        let headers = if from == to { vec![first] } else { vec![first, last] };
        let mut logs = self.with_times(logs).await?;
        let ends = (first, last);
        let (mut native, of_bodies) = Box::pin(self.of_accounts_between(ends, followed, history)).await?;
        let (of_blocks, of_headers) = Box::pin(self.of_blocks_between(ends, followed, history)).await?;
        native.extend(of_blocks);
        if filters.len() > 1 || !native.is_empty() {
            logs.extend(native);
            logs = merge_logs(logs)?;
        }
        let bytes = bytes.saturating_add(of_bodies).saturating_add(of_headers);
        Ok(Segment { headers, logs, bytes })
    }

    async fn logs(
        &self,
        from: u64,
        to: u64,
        filter: &LogFilter,
        history: History,
    ) -> Result<RangeLogs, ChainError> {
        match history {
            History::Agreed => Box::pin(self.evm.agreed_range(from, to, filter)).await,
            History::Checked(verification) => {
                Box::pin(self.evm.verified_range(from, to, filter, verification)).await
            }
        }
    }

    async fn edges(&self, from: u64, to: u64, history: History) -> Result<(Header, Header), Error> {
        if history == History::Agreed {
            return Ok(Box::pin(self.evm.agreed_ends(from, to)).await?);
        }
        let edge = async |number| self.evm.header(number).await?.ok_or(ChainError::BehindRequest { number });
        let (first, last) = futures::try_join!(edge(from), edge(to))?;
        Ok((first, last))
    }

    /// Asks for the headers of logs that carry no time.
    async fn with_times(&self, mut logs: Vec<Log>) -> Result<Vec<Log>, ChainError> {
        let without = logs.iter().filter(|log| log.block_time.is_none()).map(|log| log.block_hash);
        let blocks: Vec<Hash> = without.collect::<BTreeSet<_>>().into_iter().collect();
        let headers = self.evm.headers_by_hash(&blocks).await?;
        let times: BTreeMap<Hash, BlockTime> =
            headers.into_iter().map(|header| (header.block.hash, header.block.time)).collect();
        for log in logs.iter_mut().filter(|log| log.block_time.is_none()) {
            log.block_time = times.get(&log.block_hash).copied();
        }
        Ok(logs)
    }
}

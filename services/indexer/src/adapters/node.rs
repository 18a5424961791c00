//! Blocks and their logs from a node, with the contracts that factories make on the way.

use std::{borrow::Cow, collections::HashMap, future::Future};

use capstan_chain::{ChainError, Evm, Header, Log, LogFilter, Tag};
use capstan_primitives::{Address, BlockTime, Hash};
use capstan_runtime::platform::{FinalityRule, FinalityTag};
use futures::Stream;

use crate::{
    domain::{Batch, Contracts, Found, decode},
    error::Error,
};

/// Nodes refuse filters of many addresses; more are asked for in turn.
const ADDRESSES_A_REQUEST: usize = 500;

/// One chain through its endpoints.
#[derive(Debug)]
pub struct Node {
    evm: Evm,
}

impl Node {
    /// The chain behind `evm`.
    #[must_use]
    pub const fn new(evm: Evm) -> Self {
        Self { evm }
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

    /// The newest final block under `rule`, when there is one.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn finalized(&self, rule: &FinalityRule, head: Header) -> Result<Option<Header>, Error> {
        match rule {
            FinalityRule::Tag(FinalityTag::Finalized) => Ok(self.evm.tagged(Tag::Finalized).await?),
            FinalityRule::Tag(FinalityTag::Safe) => Ok(self.evm.tagged(Tag::Safe).await?),
            FinalityRule::Blocks(blocks) => match head.block.number.checked_sub(*blocks) {
                Some(number) => self.header(number).await,
                None => Ok(None),
            },
        }
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

    /// What happened in one block, by its hash, so that a reorg in between is an error.
    ///
    /// # Errors
    /// When the node does not answer, or no longer knows the block.
    pub async fn block(&self, header: Header, contracts: &Contracts) -> Result<Batch, Error> {
        let batch = with_factories(contracts, async |filter| {
            let mut logs = self.evm.header_and_logs(header.block.hash, &filter).await?;
            logs.iter_mut().for_each(|log| log.block_time = Some(header.block.time));
            Ok(logs)
        });
        batch.await
    }

    /// What happened in the blocks `from` to `to`, with the headers of both.
    ///
    /// # Errors
    /// When the node does not answer, has not seen `to`, or contradicts itself.
    pub async fn range(
        &self,
        from: u64,
        to: u64,
        contracts: &Contracts,
    ) -> Result<(Vec<Header>, Batch), Error> {
        let (first, last) = self.edges(from, to).await?;
        let batch = with_factories(contracts, async |filter| {
            let range = self.evm.headers_and_logs(from, to, &filter).await?;
            if (range.first, range.last) != (first, last) {
                let reason = format!("blocks {from} and {to} changed between two answers");
                return Err(ChainError::Inconsistent { reason });
            }
            self.with_times(range.logs).await
        });
        let batch = batch.await?;
        let headers = if from == to { vec![first] } else { vec![first, last] };
        Ok((headers, batch))
    }

    async fn edges(&self, from: u64, to: u64) -> Result<(Header, Header), Error> {
        let edge = async |number| self.evm.header(number).await?.ok_or(ChainError::BehindRequest { number });
        let (first, last) = futures::try_join!(edge(from), edge(to))?;
        Ok((first, last))
    }

    /// Asks for the headers of logs that carry no time.
    async fn with_times(&self, mut logs: Vec<Log>) -> Result<Vec<Log>, ChainError> {
        let mut times: HashMap<Hash, BlockTime> = HashMap::new();
        for log in &mut logs {
            if log.block_time.is_some() {
                continue;
            }
            let time = match times.get(&log.block_hash) {
                Some(time) => *time,
                None => {
                    let header = self.evm.header_by_hash(log.block_hash).await?;
                    header.ok_or(ChainError::UnknownBlock { hash: log.block_hash })?.block.time
                }
            };
            times.insert(log.block_hash, time);
            log.block_time = Some(time);
        }
        Ok(logs)
    }
}

/// Fetches the logs of all contracts and, as long as factories among them made new ones, of those.
async fn with_factories<F: Future<Output = Result<Vec<Log>, ChainError>>>(
    contracts: &Contracts,
    fetch: impl Fn(LogFilter) -> F,
) -> Result<Batch, Error> {
    let mut contracts = Cow::Borrowed(contracts);
    let mut addresses = contracts.addresses();
    let mut logs = Vec::new();
    loop {
        for addresses in addresses.chunks(ADDRESSES_A_REQUEST) {
            logs.extend(fetch(LogFilter { addresses: addresses.to_vec(), topics: Vec::new() }).await?);
        }
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        let batch = decode(&logs, &contracts);
        let new: Vec<Found> =
            batch.found.iter().filter(|found| contracts.get(&found.address).is_none()).copied().collect();
        if new.is_empty() {
            return Ok(batch);
        }
        let contracts = contracts.to_mut();
        addresses = new.iter().filter(|found| contracts.add(found)).map(|found| found.address).collect();
    }
}

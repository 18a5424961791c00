//! The logs of ranges of blocks, with what the headers in them say about the logs.

use std::{ops::RangeInclusive, sync::Arc};

use capstan_primitives::Hash;
use futures::future::try_join_all;
use serde_json::json;

use crate::{
    ChainError, Evm, Log, LogFilter, RangeLogs, Verification, answers,
    calls::{at_height, by_number, get_logs, inconsistent, quantity},
    evidence::FullHeader,
    ranges::give_time,
    refusals,
    rpc::{Answer, Rpc},
};

/// Headers that are asked for in one request.
const HEADERS: usize = 100;
/// Blocks whose receipts are asked for at a time.
const BLOCKS_AT_A_TIME: usize = 8;
/// Wrong answers after which a range is given up; a liar is ejected after three.
const ATTEMPTS: usize = 5;

/// Logs of a range as one endpoint told them, with the headers that can be checked.
struct Told {
    range: RangeLogs,
    edges: Vec<FullHeader>,
}

impl Evm {
    /// The logs of blocks `from` to `to`, both included, with the headers of both ends, asked for
    /// in one batch: a node that has not seen `to` is an error, never an empty answer.
    ///
    /// Logs of the end blocks must fit the bloom of their header, and silence about what it may
    /// hold is confirmed by receipts, where the chain's formats allow it; [`Evm::verified_range`]
    /// checks every block.
    ///
    /// # Errors
    /// [`ChainError::BehindRequest`] when an end is missing, [`ChainError::RangeTooLarge`] or
    /// [`ChainError::TooLarge`] when the answer has to be cut up, [`ChainError::Inconsistent`] when a
    /// log lies outside of the range or does not fit its end block, [`ChainError::EmptyRange`].
    pub async fn headers_and_logs(
        &self,
        from: u64,
        to: u64,
        filter: &LogFilter,
    ) -> Result<RangeLogs, ChainError> {
        self.verified_range(from, to, filter, Verification::Off).await
    }

    /// [`Evm::headers_and_logs`] with every block of the range checked: headers are asked for, each
    /// must be the parent of the next, and the logs must fit them. With [`Verification::Bloom`] only
    /// silence about what a bloom may hold is confirmed by receipts; with [`Verification::Receipts`]
    /// all logs of a block that may hold some are compared with them. All logs have their time.
    ///
    /// This proves the logs of the blocks from `first` to `last`, not that these are blocks of the
    /// chain, since anyone can make a header: compare their hashes, or the parent of `first`, with
    /// what is known.
    ///
    /// # Errors
    /// As [`Evm::headers_and_logs`], and [`ChainError::Inconsistent`] when no endpoint tells the truth.
    pub async fn verified_range(
        &self,
        from: u64,
        to: u64,
        filter: &LogFilter,
        verification: Verification,
    ) -> Result<RangeLogs, ChainError> {
        if from > to {
            return Err(ChainError::EmptyRange { from, to });
        }
        self.learn_headers().await;
        let mut lie = None;
        for _ in 0..ATTEMPTS {
            let question = async |rpc: Arc<Rpc>| Ok((self.told_range(&rpc, from, to, filter).await?, rpc));
            let (mut told, rpc) = self.pool.ask("eth_getLogs", question).await?;
            let headers = match verification.min(self.verification()) {
                Verification::Off => told.edges,
                _ => self.headers(&told.range).await?,
            };
            match self.against(&headers, filter, verification, &mut told.range).await? {
                None => return Ok(told.range),
                Some(reason) => {
                    self.pool.lied(&rpc);
                    lie = Some(reason);
                }
            }
        }
        Err(inconsistent(lie.unwrap_or_default()))
    }

    async fn told_range(
        &self,
        rpc: &Rpc,
        from: u64,
        to: u64,
        filter: &LogFilter,
    ) -> Result<Told, ChainError> {
        let range = json!({ "fromBlock": quantity(from), "toBlock": quantity(to) });
        let (last, logs) = (by_number(quantity(to)), get_logs(range, filter));
        let (first, last, logs) = if from == to {
            let [last, logs] = rpc.batch([last, logs]).await?;
            (None, last, logs)
        } else {
            let [first, last, logs] = rpc.batch([by_number(quantity(from)), last, logs]).await?;
            (Some(first), last, logs)
        };
        let last = header_at(last, to)?;
        let first = first.map(|first| header_at(first, from)).transpose()?;
        let behind = ChainError::BehindRequest { number: to };
        let answer =
            logs.map_err(|error| if refusals::is_block_not_seen(&error) { behind } else { error })?;
        let logs = answers::logs(&answer)?;
        let bytes = answer.json.as_str().len();
        let ends = (first.as_ref().unwrap_or(&last).header, last.header);
        let range = RangeLogs { first: ends.0, last: ends.1, logs, bytes }.checked()?;
        let edges: Vec<_> = first.into_iter().chain([last]).collect();
        for edge in &edges {
            self.doubts(edge, filter, of_block(&range.logs, edge))?;
        }
        Ok(Told { range, edges })
    }

    /// The headers of all blocks of a range, each the parent of the next, up to its last block.
    pub(crate) async fn headers(&self, range: &RangeLogs) -> Result<Vec<FullHeader>, ChainError> {
        let (from, to) = (range.first.block.number, range.last.block.number);
        let mut headers: Vec<FullHeader> = Vec::new();
        let mut parent = range.first.parent_hash;
        for first in (from..=to).step_by(HEADERS) {
            let last = to.min(first.saturating_add(HEADERS as u64).saturating_sub(1));
            let question = async |rpc: Arc<Rpc>| self.linked_headers(&rpc, first..=last, parent).await;
            headers.extend(self.pool.ask("eth_getBlockByNumber", question).await?);
            parent = headers.last().map_or(parent, |header| header.header.block.hash);
        }
        if parent == range.last.block.hash {
            return Ok(headers);
        }
        Err(inconsistent(format!("block {to} changed between two answers")))
    }

    async fn linked_headers(
        &self,
        rpc: &Rpc,
        numbers: RangeInclusive<u64>,
        mut parent: Hash,
    ) -> Result<Vec<FullHeader>, ChainError> {
        let calls = numbers.clone().map(|number| by_number(quantity(number))).collect();
        let mut headers = Vec::new();
        for (answer, number) in rpc.batch_of(calls).await?.into_iter().zip(numbers) {
            let mut header = header_at(answer, number)?;
            self.formats.proves(&header)?;
            if header.header.parent_hash != parent {
                return Err(inconsistent(format!("block {number} is not on top of {parent}")));
            }
            parent = header.header.block.hash;
            header.transactions = Vec::new(); // many, and of no use here
            headers.push(header);
        }
        Ok(headers)
    }

    /// Why the logs of a range cannot be true, if so: compares them with the headers of its blocks,
    /// or of its edges, and gives them their time.
    async fn against(
        &self,
        headers: &[FullHeader],
        filter: &LogFilter,
        verification: Verification,
        range: &mut RangeLogs,
    ) -> Result<Option<String>, ChainError> {
        for header in headers {
            if let Err(ChainError::Inconsistent { reason }) = give_time(&mut range.logs, header.header) {
                return Ok(Some(reason));
            }
        }
        let mut suspects = Vec::new();
        for header in headers {
            let logs = of_block(&range.logs, header);
            let is_doubtful = match self.doubts(header, filter, logs) {
                Ok(is_doubtful) => is_doubtful,
                Err(ChainError::Inconsistent { reason }) => return Ok(Some(reason)),
                Err(error) => return Err(error),
            };
            let confirm = match verification.min(self.verification()) {
                Verification::Off => is_doubtful && logs.is_empty(),
                Verification::Bloom => is_doubtful,
                Verification::Receipts => header.may_hold(filter),
            };
            if confirm {
                suspects.push((header.header.block.hash, logs));
            }
        }
        for some in suspects.chunks(BLOCKS_AT_A_TIME) {
            let compared = some.iter().map(|(hash, logs)| self.compared(*hash, filter, logs));
            if let Some(lie) = try_join_all(compared).await?.into_iter().flatten().next() {
                return Ok(Some(lie));
            }
        }
        Ok(None)
    }

    async fn compared(
        &self,
        hash: Hash,
        filter: &LogFilter,
        logs: &[Log],
    ) -> Result<Option<String>, ChainError> {
        let confirmed = self.confirmed(hash, filter, logs).await?;
        Ok((confirmed != logs).then(|| format!("block {hash} holds other logs")))
    }
}

fn header_at(answer: Result<Answer, ChainError>, number: u64) -> Result<FullHeader, ChainError> {
    let header = FullHeader::read(answer)?.ok_or(ChainError::BehindRequest { number })?;
    at_height(header.header, number)?;
    Ok(header)
}

/// The logs of one block among those of a range in order.
fn of_block<'a>(logs: &'a [Log], header: &FullHeader) -> &'a [Log] {
    let number = header.header.block.number;
    let start = logs.partition_point(|log| log.block_number < number);
    let end = logs.partition_point(|log| log.block_number <= number);
    logs.get(start..end).unwrap_or_default()
}

//! Which of two endpoints is right about the logs of a range.

use std::{slice, sync::Arc};

use capstan_primitives::Hash;
use futures::future::try_join_all;

use super::{Digest, Witness};
use crate::{
    ChainError, Evm, Log, LogFilter, RangeLogs, Verification,
    calls::{by_number, quantity},
    evidence::FullHeader,
    history::{BLOCKS_AT_A_TIME, Told, header_at},
    pool::Said,
    rpc::Rpc,
};

impl Evm {
    /// What is right of what two endpoints told; who told something else has lied.
    pub(super) async fn settled(
        &self,
        told: Said<Told>,
        witness: Said<Witness>,
        filter: &LogFilter,
    ) -> Result<Told, ChainError> {
        let own = Witness::of(&told.what);
        let differing = own.differing(&witness.what);
        let Some(block) = differing.first() else { return Ok(told.what) };
        self.disagree(&told, &witness, *block);
        if own.ends != witness.what.ends {
            return self.outvoted(told, witness, *block, filter).await;
        }
        let differs = |header: &FullHeader| differing.binary_search(&header.header.block.number).is_ok();
        let Some(proved) = self.logs_by_receipts(&told.what.range, differs, filter).await? else {
            return self.outvoted(told, witness, *block, filter).await;
        };
        let truth = Digest::of(&proved);
        let lied = |said: &Digest| {
            said.differing(&truth).iter().any(|number| differing.binary_search(number).is_ok())
        };
        for (said, rpc) in [(&own.logs, &told.rpc), (&witness.what.logs, &witness.rpc)] {
            if lied(said) {
                self.pool.lied(rpc);
            }
        }
        Ok(corrected(told.what, &differing, proved))
    }

    /// A range with the logs that its blocks hold by their receipts; nothing when those of this chain cannot
    /// be checked. As in [`Evm::verified_range`], that its blocks are of the chain is not proved.
    pub(super) async fn range_by_receipts(
        &self,
        from: u64,
        to: u64,
        filter: &LogFilter,
    ) -> Result<Option<RangeLogs>, ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let [first, last] = rpc.batch([from, to].map(|number| by_number(quantity(number)))).await?;
            Ok((header_at(first, from)?, header_at(last, to)?))
        };
        let (first, last) = self.pool.ask("eth_getBlockByNumber", question).await?;
        let mut range = RangeLogs { first: first.header, last: last.header, logs: Vec::new(), bytes: 0 };
        let may_hold = |header: &FullHeader| header.may_hold(filter);
        let Some(logs) = self.logs_by_receipts(&range, may_hold, filter).await? else { return Ok(None) };
        range.bytes = logs.iter().map(size).sum();
        range.logs = logs;
        Ok(Some(range))
    }

    /// The logs that those blocks of a range hold by their receipts that are `wanted`, in order; nothing when
    /// receipts of this chain cannot be checked.
    async fn logs_by_receipts(
        &self,
        range: &RangeLogs,
        wanted: impl Fn(&FullHeader) -> bool,
        filter: &LogFilter,
    ) -> Result<Option<Vec<Log>>, ChainError> {
        if self.verification() != Verification::Receipts {
            return Ok(None);
        }
        let headers = self.headers(range).await?;
        if !headers.iter().all(FullHeader::self_verifies) {
            return Ok(None); // what is known of the chain changed meanwhile
        }
        let hashes = headers.iter().filter(|header| wanted(header)).map(|header| header.header.block.hash);
        let hashes: Vec<Hash> = hashes.collect();
        let mut logs = Vec::new();
        for some in hashes.chunks(BLOCKS_AT_A_TIME) {
            let proved = some.iter().map(|hash| self.receipt_logs(*hash, slice::from_ref(filter)));
            for logs_of_block in try_join_all(proved).await? {
                let Some(logs_of_block) = logs_of_block else { return Ok(None) };
                logs.extend(logs_of_block);
            }
        }
        Ok(Some(logs))
    }

    /// What two of three endpoints say; who says something else has lied.
    async fn outvoted(
        &self,
        told: Said<Told>,
        witness: Said<Witness>,
        block: u64,
        filter: &LogFilter,
    ) -> Result<Told, ChainError> {
        let (from, to) = (told.what.range.first.block.number, told.what.range.last.block.number);
        let question = async |rpc: Arc<Rpc>| self.told_range(&rpc, from, to, filter).await;
        let third = self.pool.ask_third([&told.rpc, &witness.rpc], "eth_getLogs", question).await;
        let Some(third) = third else { return Err(self.undecided(&told, &witness, block)) };
        let vote = Witness::of(&third.what);
        if vote.differing(&witness.what).is_empty() {
            self.pool.lied(&told.rpc);
            return Ok(third.what);
        }
        if vote.differing(&Witness::of(&told.what)).is_empty() {
            self.pool.lied(&witness.rpc);
            return Ok(told.what);
        }
        Err(self.undecided(&told, &witness, block))
    }

    pub(super) fn undecided<T, U>(&self, one: &Said<T>, other: &Said<U>, block: u64) -> ChainError {
        let url_of = |rpc| self.pool.url_of(rpc).to_owned();
        let (one, other) = (url_of(&one.rpc), url_of(&other.rpc));
        ChainError::Disagreement { one, other, block }
    }
}

/// About how many bytes of JSON a node would write for a log.
fn size(log: &Log) -> usize {
    const WITHOUT_DATA: usize = 640;
    log.data.len().saturating_mul(2).saturating_add(WITHOUT_DATA)
}

/// The range with what these blocks really hold.
fn corrected(mut told: Told, numbers: &[u64], proved: Vec<Log>) -> Told {
    told.range.logs.retain(|log| numbers.binary_search(&log.block_number).is_err());
    told.range.logs.extend(proved);
    told.range.logs.sort_by_key(|log| (log.block_number, log.log_index));
    told
}

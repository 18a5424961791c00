//! The contracts on the way: those that factories make are followed from the block that made them.

use std::sync::PoisonError;

use capstan_chain::{ChainError, Header, Log, merge_logs};
use capstan_primitives::Address;

use super::{ahead::Part, ingest::Ingest};
use crate::{
    adapters::{Node, Segment},
    domain::{Batch, Contracts, Followed, Found, sort_out},
    error::Error,
};

impl Ingest {
    /// What happened in the blocks of a segment, those contracts included that were not known when
    /// it was asked for or that it makes known itself. They are followed from here on: a reader must
    /// not meet their events before it can meet them.
    pub(super) async fn complete(
        &mut self,
        part: Part,
        segment: Segment,
        mut asked: usize,
    ) -> Result<(Vec<Header>, Batch), Error> {
        let Segment { headers, mut logs, .. } = segment;
        loop {
            let missing = self.followed.addresses.get(asked..).unwrap_or_default();
            if !missing.is_empty() {
                logs = fetch_missing(&self.node, part, &headers, logs, missing).await?;
            }
            asked = self.followed.addresses.len();
            let batch = {
                let mut contracts = self.contracts.write().unwrap_or_else(PoisonError::into_inner);
                let new = found_in(&logs, &contracts);
                let added = new.iter().filter(|found| contracts.add(found)).map(|found| found.address);
                self.followed.addresses.extend(added);
                (self.followed.addresses.len() == asked)
                    .then(|| sort_out(std::mem::take(&mut logs), &contracts))
            };
            if let Some(batch) = batch {
                return Ok((headers, batch));
            }
        }
    }

    /// Makes known which contracts the store has. What fails is to be done again: until then an address can
    /// have the start block of a contract that has left the chain.
    pub(super) async fn reload_contracts(&mut self) -> Result<(), Error> {
        self.contracts_changed = true;
        let mark = self.store.contracts_mark(self.plan.id).await?;
        let found = self.store.found_contracts(self.plan.id).await?;
        self.roots = self.read_roots().await?;
        let is_pending = |address: &Address| self.pending.has(address);
        let mut contracts = self.roots.clone().without(is_pending);
        for found in found.iter().filter(|found| !is_pending(&found.factory)) {
            contracts.add(found);
        }
        contracts.history = self.progress.history;
        self.followed = contracts.followed();
        self.contracts_mark = mark;
        *self.contracts.write().unwrap_or_else(PoisonError::into_inner) = contracts;
        self.ahead.clear();
        self.contracts_changed = false;
        Ok(())
    }
}

/// How many rows the blocks take in the store: their own, their logs, and what these made known.
pub(super) fn rows_of(headers: &[Header], batch: &Batch) -> usize {
    let mut blocks: Vec<u64> = headers.iter().map(|header| header.block.number).collect();
    blocks.extend(batch.events.iter().map(|event| event.log.block_number));
    blocks.sort_unstable();
    blocks.dedup();
    blocks.len() + batch.events.len() + batch.found.len() + batch.quarantined.len()
}

/// Adds the logs of `missing` contracts to those of some blocks.
pub(super) async fn fetch_missing(
    node: &Node,
    part: Part,
    headers: &[Header],
    mut logs: Vec<Log>,
    missing: &[Address],
) -> Result<Vec<Log>, Error> {
    let missing = &Followed::contracts(missing);
    let more = match (part, headers.last()) {
        (Part::Block(_), Some(header)) => node.block(*header, missing).await?,
        (Part::CatchUp(first, last), _) => node.catch_up(first, last, missing).await?,
        _ => node.range(part.first(), part.last(), missing).await?,
    };
    if (more.headers.first(), more.headers.last()) != (headers.first(), headers.last()) {
        let reason = "the ends of a range changed between two answers".to_owned();
        return Err(ChainError::Inconsistent { reason }.into());
    }
    logs.extend(more.logs);
    Ok(merge_logs(logs)?) // a pattern may have had some of them already
}

/// What the factories among `contracts` made.
pub(super) fn found_in(logs: &[Log], contracts: &Contracts) -> Vec<Found> {
    let made = |log: &Log| contracts.get(&log.address).and_then(|factory| Contracts::made_by(factory, log));
    logs.iter().filter_map(made).collect()
}

//! What another definition makes of the logs that are stored of a contract; no node is asked.

use std::collections::{BTreeMap, BTreeSet};

use capstan_chain::Log;
use capstan_primitives::Address;

use super::Ingest;
use crate::{
    domain::{Contract, EventType, Found, Reread, place},
    error::Error,
    metrics,
    store::{RawEvent, Span, Wanted},
};

/// Logs of one look.
const PAGE: u64 = 2_000;

impl Ingest {
    /// Adds to `reread` what `contract` makes of the logs that are stored of `address`; gives the first
    /// block of those that made contracts which nobody knew.
    pub(super) async fn reread(
        &self,
        address: Address,
        contract: &Contract,
        reread: &mut Reread,
    ) -> Result<Option<u64>, Error> {
        let mut of_contract = Reread::default();
        let entries = self.store.quarantined_of(self.plan.id, address, self.progress.earliest).await?;
        for entry in entries {
            of_contract.quarantined(entry.log, contract);
        }
        self.look_at(address, None, |log, of| of_contract.logged(log, &of, contract)).await?;
        let first = self.first_new(&of_contract.moved.found).await?;
        metrics::reread(self.plan.id, address, &of_contract);
        reread.append(of_contract);
        Ok(first)
    }

    /// Reads from the log which tokens contracts trade that were found before that was kept.
    pub(super) async fn learn_tokens(&self) -> Result<(), Error> {
        let found = self.store.found_contracts(self.plan.id).await?;
        let is_known = |found: &Found| found.tokens.iter().any(Option::is_some);
        let is_kept = |found: &Found| found.created_block >= self.progress.earliest;
        let unknown = found.iter().filter(|found| !is_known(found) && is_kept(found));
        let mut first_of: BTreeMap<Address, u64> = BTreeMap::new();
        for found in unknown {
            let first = first_of.entry(found.factory).or_insert(found.created_block);
            *first = found.created_block.min(*first);
        }
        for (factory, first) in first_of {
            let Some(contract) = self.roots.get(&factory) else { continue };
            let mut reread = Reread::default();
            self.look_at(factory, place::before(first), |log, of| reread.logged(log, &of, contract)).await?;
            let found = reread.moved.found;
            tracing::info!(chain = self.plan.id.0, %factory, contracts = found.len(), "learning their tokens");
            self.store.keep_tokens(self.plan.id, &found).await?;
        }
        Ok(())
    }

    /// Every log that is stored of a contract after a place.
    async fn look_at(
        &self,
        address: Address,
        after: Option<u64>,
        mut look: impl FnMut(Log, EventType),
    ) -> Result<(), Error> {
        let wanted = Wanted { addresses: vec![address], ..Wanted::default() };
        let until = i64::MAX.unsigned_abs();
        let mut span = Span { after, floor: None, until, newest_first: false, limit: PAGE };
        while let Some((_, events, more)) = self.store.list(self.plan.id, &wanted, span, None).await? {
            events.into_iter().filter_map(RawEvent::into_log).for_each(|(log, of)| look(log, of));
            let Some(through) = more else { break };
            span.after = Some(through);
        }
        Ok(())
    }

    /// The first block that made one of these contracts, of those that nobody knew.
    async fn first_new(&self, found: &[Found]) -> Result<Option<u64>, Error> {
        let addresses: Vec<Address> = found.iter().map(|found| found.address).collect();
        let mut known = BTreeSet::new();
        for addresses in addresses.chunks(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
            let stored = self.store.found_among(self.plan.id, addresses.iter().copied()).await?;
            known.extend(stored.iter().map(|found| found.address));
        }
        let is_new =
            |found: &&Found| !known.contains(&found.address) && self.roots.get(&found.address).is_none();
        Ok(found.iter().filter(is_new).map(|found| found.created_block).min())
    }
}

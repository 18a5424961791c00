//! What another definition makes of the logs that are stored of a contract; no node is asked.

use std::collections::BTreeSet;

use capstan_primitives::Address;

use super::Ingest;
use crate::{
    domain::{Contract, Found, Reread},
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
        let wanted = Wanted { addresses: vec![address], ..Wanted::default() };
        let until = i64::MAX.unsigned_abs();
        let mut span = Span { after: None, floor: None, until, newest_first: false, limit: PAGE };
        while let Some((_, events, more)) = self.store.list(self.plan.id, &wanted, span, None).await? {
            for (log, of) in events.into_iter().filter_map(RawEvent::into_log) {
                of_contract.logged(log, &of, contract);
            }
            let Some(through) = more else { break };
            span.after = Some(through);
        }
        let first = self.first_new(&of_contract.moved.found).await?;
        metrics::reread(self.plan.id, address, &of_contract);
        reread.append(of_contract);
        Ok(first)
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

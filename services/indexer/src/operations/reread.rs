//! What another definition makes of the logs that are stored of a contract; no node is asked.

use std::collections::{BTreeMap, BTreeSet};

use capstan_chain::Log;
use capstan_primitives::Address;
use capstan_runtime::failpoint;

use super::Ingest;
use crate::{
    domain::{Contract, Covered, EventType, Found, Quarantined, Reread, place},
    error::Error,
    metrics,
    store::{RawEvent, Span, Wanted},
};

/// Logs of one look.
const PAGE: u64 = 2_000;

impl Ingest {
    /// Moves and files anew what is stored of a contract, as `contract` reads it; gives the first block of
    /// those that made contracts which nobody knew. Each page is a transaction: what ends in between goes on
    /// with the next start, as the definition is not noted before. Nobody reads what no longer decodes, and
    /// who has read past what decodes now is told with the definition.
    pub(super) async fn reread(
        &mut self,
        contract: &Contract,
        before: Option<Covered>,
        address: Address,
    ) -> Result<Option<u64>, Error> {
        let (mut first, mut after) = (None, place::before(self.progress.earliest));
        loop {
            let entries = self.store.quarantined(self.plan.id, Some(address), after, PAGE).await?;
            let Some(Quarantined { log, .. }) = entries.last() else { break };
            after = place::place(log.block_number, log.log_index);
            let mut page = Reread::default();
            entries.into_iter().for_each(|entry| page.quarantined(entry.log, contract));
            self.put_in_place(address, page, before, &mut first).await?;
        }
        let mut span = whole(None);
        loop {
            let (mut page, more) = (Reread::default(), self.look_at(address, &mut span).await?);
            more.logs.iter().for_each(|(log, of)| page.logged(log.clone(), of, contract));
            self.put_in_place(address, page, before, &mut first).await?;
            if more.is_last {
                return Ok(first);
            }
        }
    }

    async fn put_in_place(
        &mut self,
        address: Address,
        page: Reread,
        before: Option<Covered>,
        first: &mut Option<u64>,
    ) -> Result<(), Error> {
        if page.is_empty() {
            return Ok(());
        }
        let found = self.first_new(&page.moved.found).await?;
        *first = [*first, found].into_iter().flatten().min();
        let behind = before.zip(*first).map(|(before, first)| {
            let next_block = before.next_block.into_iter().chain([first]).min();
            Covered { next_block, ..before }
        });
        metrics::reread(self.plan.id, address, &page);
        failpoint("reread.before");
        self.progress = self.store.reread(&self.progress, address, page, behind).await?;
        failpoint("reread.after");
        Ok(())
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
            // Of some factories the events do not tell: reading them again at every start would change nothing.
            if contract.definition.creates.iter().all(|creates| creates.tokens.is_empty()) {
                continue;
            }
            let (mut reread, mut span) = (Reread::default(), whole(place::before(first)));
            loop {
                let page = self.look_at(factory, &mut span).await?;
                page.logs.iter().for_each(|(log, of)| reread.logged(log.clone(), of, contract));
                if page.is_last {
                    break;
                }
            }
            let found = reread.moved.found;
            tracing::info!(chain = self.plan.id.0, %factory, contracts = found.len(), "learning their tokens");
            self.store.keep_tokens(self.plan.id, &found).await?;
        }
        Ok(())
    }

    /// The next logs that are stored of a contract in a span, which begins after them then.
    async fn look_at(&self, address: Address, span: &mut Span) -> Result<Page, Error> {
        let wanted = Wanted { addresses: vec![address], ..Wanted::default() };
        let found = self.store.list(self.plan.id, &wanted, *span, None).await?;
        let Some((_, events, more)) = found else { return Ok(Page { logs: Vec::new(), is_last: true }) };
        span.after = more;
        let logs = events.into_iter().filter_map(RawEvent::into_log).collect();
        Ok(Page { logs, is_last: more.is_none() })
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

/// Logs with what they are filed under.
struct Page {
    logs: Vec<(Log, EventType)>,
    is_last: bool,
}

fn whole(after: Option<u64>) -> Span {
    Span { after, floor: None, until: i64::MAX.unsigned_abs(), newest_first: false, limit: PAGE }
}

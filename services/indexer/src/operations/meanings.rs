//! From stored logs to events, by the contracts that are followed.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use capstan_primitives::{Address, ChainId, Hash, Topics};

use super::EventLog;
use crate::{
    domain::{ChainProgress, Contracts, Event, EventFilter, Source, place},
    error::Error,
    store::{RawEvent, Wanted},
};

impl EventLog {
    /// Waits until the contracts are known whose history is in the log: the worker learns of them a moment
    /// after the store has it, and their events must not be left out.
    pub(super) async fn caught_up(&self, progress: &ChainProgress) {
        let Some(handle) = self.chains.get(&progress.chain_id) else { return };
        let known = || handle.contracts.read().unwrap_or_else(PoisonError::into_inner).history;
        // The worker ends only when everything stops.
        drop(handle.view.clone().wait_for(|_| known() >= progress.history).await);
    }

    /// Which rows can hold events that `filter` wants.
    pub(super) async fn wanted(&self, chain_id: ChainId, filter: &EventFilter) -> Result<Wanted, Error> {
        let mut wanted = Wanted {
            addresses: filter.addresses.clone(),
            types: None,
            transaction: filter.transaction.clone(),
            void: None,
        };
        if filter.kinds.is_empty() && filter.protocols.is_empty() {
            return Ok(wanted);
        }
        let types = self.store.all_types().await?;
        let Some(handle) = self.chains.get(&chain_id) else { return Ok(wanted) };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let takes = |protocol: &str, kind: &str| filter.takes(protocol, kind);
        let ids = types.into_iter().filter(|(_, of)| {
            contracts.meanings(&of.source, &of.topic).any(|(protocol, kind)| takes(protocol, &kind))
        });
        let mut ids: Vec<i32> = ids.map(|(id, _)| id).collect();
        ids.sort_unstable();
        wanted.types = Some(ids);
        Ok(wanted)
    }

    /// Makes the contracts known that another process found meanwhile: their events must not be left out.
    pub(super) async fn learn(&self, chain_id: ChainId, raw: &[RawEvent]) -> Result<(), Error> {
        let Some(handle) = self.chains.get(&chain_id) else { return Ok(()) };
        let unknown: BTreeSet<Address> = {
            let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
            let addresses = raw.iter().map(|event| event.address);
            addresses.filter(|address| contracts.get(address).is_none()).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let found = self.store.found_among(chain_id, unknown).await?;
        let mut contracts = handle.contracts.write().unwrap_or_else(PoisonError::into_inner);
        for found in &found {
            contracts.add(found);
        }
        Ok(())
    }

    /// Reads logs as the events that they are, those that the definitions list and `filter` wants.
    pub(super) fn meanings(
        &self,
        chain_id: ChainId,
        raw: impl Iterator<Item = RawEvent>,
        filter: &EventFilter,
    ) -> Vec<Event> {
        let Some(handle) = self.chains.get(&chain_id) else { return Vec::new() };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        raw.filter_map(|raw| meaning(raw, &contracts, filter)).collect()
    }
}

fn meaning(raw: RawEvent, contracts: &Contracts, filter: &EventFilter) -> Option<Event> {
    let RawEvent { place, block, of, transaction_index, transaction, address, topics, data } = raw;
    let id = (of.topic != Hash::ZERO).then_some(of.topic);
    let topics = Topics::of(id.into_iter().chain(topics.iter().copied())).ok()?;
    let source = match contracts.of(&address, block.number, &topics) {
        Some(Source::Contract(contract) | Source::Pattern(contract)) => contract,
        None => contracts.get(&address)?, // from before its start block was set higher
    };
    let definition = Arc::clone(&source.definition);
    let kind = definition.kind(definition.abi.check(&topics, &data).ok()?.name());
    let log_index = place::index_of(place);
    let wanted = filter.takes(&definition.protocol, &kind);
    wanted.then_some(Event {
        place,
        block,
        transaction,
        transaction_index,
        log_index,
        address,
        definition,
        kind,
        topics,
        data,
    })
}

//! From stored logs to events, by the contracts that are followed.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use capstan_chain::EventShape;
use capstan_primitives::{Address, ChainId, Hash, Topics};

use super::EventLog;
use crate::{
    domain::{ArgumentTopics, ChainProgress, Contracts, Event, EventFilter, Source, place},
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
        if filter.kinds.is_empty() && filter.protocols.is_empty() && filter.arguments.is_empty() {
            return Ok(wanted);
        }
        let types = self.store.all_types().await?;
        let Some(handle) = self.chains.get(&chain_id) else { return Ok(wanted) };
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let has_all = |event: &EventShape| {
            filter.arguments.iter().all(|argument| event.topic_place(&argument.name).is_some())
        };
        let ids = types.into_iter().filter(|(_, of)| {
            let mut meanings = contracts.meanings(&of.source, &of.topic);
            meanings.any(|(protocol, kind, event)| filter.takes(protocol, &kind) && has_all(event))
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
        let mut arguments = ArgumentTopics::of(&filter.arguments);
        raw.filter_map(|raw| meaning(raw, &contracts, filter, &mut arguments)).collect()
    }
}

fn meaning<'a>(
    raw: RawEvent,
    contracts: &'a Contracts,
    filter: &EventFilter,
    arguments: &mut ArgumentTopics<'a>,
) -> Option<Event> {
    let RawEvent { place, block, of, transaction_index, transaction, address, topics, data } = raw;
    let id = (of.topic != Hash::ZERO).then_some(of.topic);
    let topics = Topics::of(id.into_iter().chain(topics.iter().copied())).ok()?;
    let source = match contracts.of(&address, block.number, &topics) {
        Some(Source::Contract(contract) | Source::Pattern(contract)) => contract,
        None => contracts.get(&address)?, // from before its start block was set higher
    };
    let definition = &source.definition;
    // Most are not wanted where arguments decide: that is seen before the data is looked at.
    if !definition.abi.find(&topics).is_none_or(|event| arguments.takes(event, &topics)) {
        return None;
    }
    let event = definition.abi.check(&topics, &data).ok()?;
    if !arguments.takes(event, &topics) {
        return None;
    }
    let kind = definition.kind(event.name());
    let (definition, tokens) = (Arc::clone(definition), Arc::clone(&source.tokens));
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
        tokens,
        kind,
        topics,
        data,
    })
}

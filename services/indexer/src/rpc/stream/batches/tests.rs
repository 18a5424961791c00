//! Where batches end.

use std::{collections::BTreeMap, sync::Arc};

use capstan_primitives::{Address, BlockRef, BlockTime, Hash, Topics};

use super::*;
use crate::domain::Definition;

fn event(number: u64) -> Event {
    let protocol = capstan_chain::protocol("erc20").unwrap();
    Event {
        place: number,
        block: BlockRef { number, hash: Hash::ZERO, time: BlockTime(number) },
        transaction: Hash::ZERO.as_bytes().as_slice().try_into().unwrap(),
        transaction_index: 0,
        log_index: 0,
        address: Address::ZERO,
        definition: Arc::new(Definition::of(protocol, &BTreeMap::new())),
        tokens: Arc::default(),
        kind: Arc::from("erc20.Transfer"),
        topics: Topics::default(),
        data: Vec::new(),
    }
}

/// The sizes of the batches of events of these sizes, by number of events and bytes.
fn batches(sizes: &[usize], most: usize) -> Vec<(usize, usize)> {
    let events: Vec<Event> = (0..sizes.len()).map(|number| event(u64::try_from(number).unwrap())).collect();
    let (mut batch, mut found) = (Batch::default(), Vec::new());
    for (event, size) in events.iter().zip(sizes) {
        // A key and a length of up to four bytes.
        let write = |wire: &mut Wire, _: &Event| wire.one_of_bytes(2, &vec![0; *size]);
        let full = batch.add(event, most, write);
        found.extend(full.map(|full| (full.count, full.wire.len())));
    }
    found.push((batch.count, batch.wire.len()));
    found
}

#[test]
fn a_batch_ends_before_it_is_too_large_and_an_event_that_is_goes_alone() {
    let third = MAX_EVENT_BYTES / 3;
    let huge = 2 * MAX_EVENT_BYTES;
    let found = batches(&[third, third, third, 10, huge, 10, 10], 100);
    let counts: Vec<usize> = found.iter().map(|(count, _)| *count).collect();
    assert_eq!(counts, [2, 2, 1, 2], "{found:?}");
    assert!(found.iter().all(|(count, bytes)| *count == 1 || *bytes <= MAX_EVENT_BYTES), "{found:?}");
}

#[test]
fn a_batch_has_no_more_events_than_are_asked_for() {
    let counts: Vec<usize> = batches(&[10; 7], 3).into_iter().map(|(count, _)| count).collect();
    assert_eq!(counts, [3, 3, 1]);
}

//! How far one call looks, and where its page ends.

use std::{collections::BTreeMap, sync::Arc};

use capstan_primitives::{Address, BlockRef, BlockTime, Hash, Topics};

use super::*;
use crate::domain::Definition;

fn query(limit: u64, newest_first: bool) -> ListQuery {
    ListQuery { chain_id: ChainId(1), filter: EventFilter::default(), page: None, newest_first, limit }
}

fn event(number: u64) -> Event {
    let protocol = capstan_chain::protocol("erc20").unwrap();
    let hash = Hash::from([u8::try_from(number).unwrap(); 32]);
    Event {
        place: place::place(number, 0).unwrap(),
        block: BlockRef { number, hash, time: BlockTime(number) },
        transaction: hash.as_bytes().as_slice().try_into().unwrap(),
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

fn progress() -> ChainProgress {
    ChainProgress {
        chain_id: ChainId(1),
        log_id: 9,
        fork: 3,
        history: 0,
        writer: 0,
        indexed: None,
        finalized: None,
        first_block: 0,
        earliest: 0,
        earliest_fork: 0,
        forgotten_fork: 0,
        partition_blocks: 1,
        indexed_at: 0,
        events: 0,
        decode_failures: 0,
    }
}

#[test]
fn where_few_of_the_stored_logs_are_wanted_many_are_read_at_a_time_and_not_without_end() {
    let query = query(5, false);
    let mut found = Findings::of(&query);
    assert_eq!(found.span(&query).limit, 5);
    for look in 1..LOOKS {
        assert!(!found.add(Vec::new(), Some(u64::try_from(look).unwrap()), &query));
        assert_eq!(found.span(&query).limit, LOGS);
    }
    assert!(found.add(Vec::new(), Some(77), &query), "the page ends, empty");
    let next = found.end(&query, progress()).next.unwrap();
    assert_eq!((next.after, next.read.place, next.read.log_id, next.read.fork), (77, 77, 9, 3));
}

#[test]
fn a_page_that_got_too_many_ends_with_the_last_that_it_takes() {
    let query = query(2, false);
    let mut found = Findings::of(&query);
    assert!(!found.add(vec![event(1)], Some(50), &query));
    assert!(found.add(vec![event(2), event(3)], None, &query));
    let listed = found.end(&query, progress());
    assert_eq!(listed.events.len(), 2);
    let (next, last) = (listed.next.unwrap(), event(2));
    assert_eq!((next.after, next.read.mark), (last.place, Position::mark_of(&last.block.hash)));
}

#[test]
fn a_page_of_large_events_is_short() {
    let query = query(1_000, false);
    let mut found = Findings::of(&query);
    let large = |number| Event { data: vec![0; BYTES / 2], ..event(number) };
    assert!(found.add(vec![large(1), large(2), large(3)], None, &query));
    let listed = found.end(&query, progress());
    assert_eq!((listed.events.len(), listed.next.unwrap().after), (2, event(2).place));
}

#[test]
fn newest_first_what_was_given_reaches_up_to_the_first_event_of_the_first_page() {
    let first = query(2, true);
    let mut found = Findings::of(&first);
    assert!(found.add(vec![event(9), event(8)], Some(event(8).place), &first));
    let next = found.end(&first, progress()).next.unwrap();
    let mark = Position::mark_of(&event(9).block.hash);
    assert_eq!((next.after, next.read.place, next.read.mark), (event(8).place, event(9).place, mark));

    let second = ListQuery { page: Some(next), ..first };
    let mut found = Findings::of(&second);
    assert_eq!(found.span(&second).after, Some(event(8).place));
    assert!(found.add(vec![event(7), event(6)], Some(event(6).place), &second));
    let next = found.end(&second, progress()).next.unwrap();
    assert_eq!((next.after, next.read.place, next.read.mark), (event(6).place, event(9).place, mark));
}

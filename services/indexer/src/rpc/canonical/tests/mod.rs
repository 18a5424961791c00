//! Logs as the contracts write them, and what they mean.

mod markets;
mod pools;
mod tokens;

use capstan_chain::{known_protocols, protocol};
use capstan_primitives::{Address, Hash, U256, keccak256};
use capstan_proto::indexer::{Transfer, canonical_event::Event};

use super::{ADAPTERS, Fields};

/// The contract that emits; its address is `text(0xee)`.
const EMITTER: u8 = 0xee;

type Word = [u8; 32];

fn word(number: u64) -> Word {
    U256::from(number).to_be_bytes()
}

fn minus(number: u64) -> Word {
    U256::from(number).wrapping_neg().to_be_bytes()
}

fn account(last: u8) -> Address {
    let mut bytes = [0; 20];
    bytes[19] = last;
    Address::from(bytes)
}

fn text(last: u8) -> String {
    account(last).to_string()
}

/// An id that begins with `first`.
fn id(first: u8) -> Word {
    let mut id = [0; 32];
    id[0] = first;
    id
}

fn hex(word: Word) -> String {
    Hash::from(word).to_string()
}

fn strings(numbers: &[&str]) -> Vec<String> {
    numbers.iter().map(|number| (*number).to_owned()).collect()
}

/// What a log means: the event of this signature with these indexed arguments and this data.
fn meanings(of: &str, signature: &str, indexed: &[Word], data: &[Word]) -> Vec<Event> {
    meanings_with(&[], of, signature, indexed, data)
}

/// The same of a contract that trades these tokens.
fn meanings_with(
    tokens: &[Address],
    protocol_name: &str,
    signature: &str,
    indexed: &[Word],
    data: &[Word],
) -> Vec<Event> {
    let topics = [&[*keccak256(&[signature.as_bytes()]).as_bytes()], indexed].concat();
    let data = data.concat();
    let decoded = protocol(protocol_name).unwrap().abi.decode(&topics, &data).unwrap();
    let of = Fields { protocol: protocol_name, event: &decoded, emitter: &account(EMITTER), tokens };
    super::read(&of).into_iter().map(|one| one.event.unwrap()).collect()
}

fn transfer(from: u8, to: u8, amount: &str, token_id: &str) -> Event {
    Event::Transfer(Transfer {
        token: text(EMITTER),
        from: text(from),
        to: text(to),
        amount: amount.into(),
        token_id: token_id.into(),
    })
}

#[test]
fn every_adapter_is_of_a_known_protocol_and_names_its_events() {
    for (name, events) in ADAPTERS {
        let abi = &protocol(name).unwrap().abi;
        for (event, _) in *events {
            assert!(abi.event_names().contains(event), "{name} {event}");
        }
    }
    let adapted: Vec<_> = ADAPTERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(adapted, known_protocols().collect::<Vec<_>>());
}

#[test]
fn what_has_no_meaning_here_says_nothing() {
    let sync = meanings("uniswap.v2.pair", "Sync(uint112,uint112)", &[], &[word(1), word(2)]);
    assert_eq!(sync, []);
    let topics = [*keccak256(&[b"Transfer(address,address,uint256)"]).as_bytes(), word(1), word(2)];
    let data = word(3);
    let decoded = protocol("erc20").unwrap().abi.decode(&topics, &data).unwrap();
    let of = Fields { protocol: "abi", event: &decoded, emitter: &account(EMITTER), tokens: &[] };
    assert_eq!(super::read(&of), []);
}

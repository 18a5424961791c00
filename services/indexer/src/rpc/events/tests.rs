//! What is written field by field against prost's own writing of structs.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{
    dyn_abi::DynSolValue,
    primitives::{self, I256, U256},
};
use capstan_chain::{Abi, protocol};
use capstan_primitives::{Address, BlockTime, Hash, Topics, TransactionId};
use capstan_proto::{
    encoded,
    indexer::{
        EventBatch, Heartbeat, StreamEventsResponse, StreamSession, UndoSignal, stream_events_response,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};
use prost_types::{ListValue, value::Kind};

use super::*;
use crate::domain::Definition;

/// The same event as a struct.
fn expected(chain_id: ChainId, payloads: &[Payload], how: Finality, event: &Event) -> wire::Event {
    let some = |payload| payloads.contains(&payload);
    let alone = !some(Payload::Canonical) && !some(Payload::Raw);
    let with_arguments = alone || some(Payload::Arguments) || some(Payload::Unspecified);
    let decoded = event.definition.abi.decode(&event.topics, &event.data).ok();
    let arguments = decoded.iter().flat_map(|decoded| &decoded.arguments).filter(|_| with_arguments);
    let canonical = decoded.as_ref().filter(|_| some(Payload::Canonical));
    let canonical = canonical.map(|decoded| canonical::of(decoded, event));
    let topics = event.topics.iter().filter(|_| some(Payload::Raw));
    wire::Event {
        chain_id: chain_id.0,
        block: Some(convert::block(event.block)),
        transaction_hash: event.transaction.to_string(),
        transaction_index: event.transaction_index,
        log_index: event.log_index,
        address: event.address.to_string(),
        protocol: event.definition.protocol.clone(),
        kind: event.kind.to_string(),
        name: decoded.as_ref().map(|decoded| decoded.name.to_owned()).unwrap_or_default(),
        arguments: arguments.map(argument).collect(),
        position: event.place,
        finality: convert::finality(how).into(),
        canonical: canonical.unwrap_or_default(),
        topics: topics.map(|topic| Bytes::copy_from_slice(topic.as_bytes())).collect(),
        data: if some(Payload::Raw) { event.data.clone().into() } else { Bytes::new() },
    }
}

fn argument(of: &Argument<'_>) -> wire::Argument {
    wire::Argument { name: of.name.to_owned(), r#type: of.type_.to_owned(), value: Some(value(&of.value)) }
}

fn value(of: &Value<'_>) -> prost_types::Value {
    let kind = match of {
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::List(values) => Kind::ListValue(ListValue { values: values.iter().map(value).collect() }),
        other => Kind::StringValue(other.to_string()),
    };
    prost_types::Value { kind: Some(kind) }
}

fn any_value() -> impl Strategy<Value = DynSolValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(DynSolValue::Bool),
        any::<u64>().prop_map(|number| DynSolValue::Uint(U256::from(number), 64)),
        any::<[u8; 32]>().prop_map(|bytes| DynSolValue::Uint(U256::from_be_bytes(bytes), 256)),
        any::<i64>().prop_map(|number| DynSolValue::Int(I256::try_from(number).unwrap(), 64)),
        any::<[u8; 20]>().prop_map(|bytes| DynSolValue::Address(primitives::Address::from(bytes))),
        any::<[u8; 32]>().prop_map(|bytes| DynSolValue::FixedBytes(bytes.into(), 32)),
        vec(any::<u8>(), 0..300).prop_map(DynSolValue::Bytes),
        "\\PC{0,60}".prop_map(DynSolValue::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(DynSolValue::Tuple),
            (inner.clone(), 1_usize..4).prop_map(|(one, n)| DynSolValue::FixedArray(vec![one; n])),
            (inner, 1_usize..4).prop_map(|(one, n)| DynSolValue::Array(vec![one; n])),
        ]
    })
}

/// A definition with the topics and the data of one of its logs.
type Sample = (Arc<Definition>, Vec<Hash>, Vec<u8>);

fn any_sample() -> impl Strategy<Value = Sample> {
    let own = vec(any_value(), 0..5).prop_map(|values| {
        let of = DynSolValue::Tuple(values);
        // alloy writes a tuple of one part as Rust does.
        let signature = format!("A{}", of.sol_type_name().unwrap().replace(",)", ")"));
        let abi = Abi::parse_signatures(&[&signature]).unwrap();
        let (topics, data) = (abi.topics(), of.abi_encode_sequence().unwrap());
        (Arc::new(Definition::of_abi("a", abi, &BTreeMap::new())), topics, data)
    });
    let known = |name: &'static str, event: usize, indexed: usize| {
        let words = (vec(any::<[u8; 20]>(), indexed), vec(any::<u128>(), 0..7));
        words.prop_map(move |(indexed, numbers)| {
            let protocol = protocol(name).unwrap();
            let id = protocol.abi.topics()[event];
            let indexed = indexed.into_iter().map(|bytes| {
                Hash::from(primitives::B256::from(primitives::Address::from(bytes).into_word()).0)
            });
            let data = numbers.iter().flat_map(|number| U256::from(*number).to_be_bytes::<32>()).collect();
            let topics = std::iter::once(id).chain(indexed).collect();
            (Arc::new(Definition::of(protocol, &BTreeMap::new())), topics, data)
        })
    };
    // Some of these decode, and mean something; the others do not.
    prop_oneof![own, known("erc20", 0, 2), known("erc20", 0, 1), known("weth9", 0, 2)]
}

fn any_event() -> impl Strategy<Value = Event> {
    let number = any::<u64>().prop_flat_map(|number| prop_oneof![Just(0), Just(number >> 20), Just(number)]);
    let at = (number.clone(), number, any::<[u8; 32]>(), any::<u32>(), any::<u32>());
    let by = (prop_oneof![vec(any::<u8>(), 32), vec(any::<u8>(), 64)], any::<[u8; 20]>());
    (at, by, any_sample()).prop_map(|(at, (transaction, address), (definition, topics, data))| {
        let (place, number, hash, transaction_index, log_index) = at;
        let name = definition.abi.find(&topics).map(|event| event.name().to_owned()).unwrap_or_default();
        Event {
            place,
            block: BlockRef { number, hash: Hash::from(hash), time: BlockTime(place) },
            transaction: TransactionId::try_from(transaction.as_slice()).unwrap(),
            transaction_index,
            log_index,
            address: Address::from(address),
            kind: definition.kind(&name),
            definition,
            tokens: [Address::ZERO].into(),
            topics: Topics::of(topics).unwrap(),
            data,
        }
    })
}

fn any_payloads() -> impl Strategy<Value = Vec<Payload>> {
    subsequence(vec![Payload::Unspecified, Payload::Arguments, Payload::Canonical, Payload::Raw], 0..=4)
}

fn any_finality() -> impl Strategy<Value = Finality> {
    prop_oneof![Just(Finality::Latest), Just(Finality::Safe), Just(Finality::Finalized)]
}

proptest! {
    #[test]
    fn events_are_written_byte_by_byte_as_their_structs(
        events in vec((any_event(), any_finality()), 1..6),
        payloads in any_payloads(),
        chain in any::<u32>(),
    ) {
        let chain_id = ChainId(chain.into());
        let mut writer = EventWriter::new(chain_id, &payloads);
        let structs: Vec<_> =
            events.iter().map(|(event, how)| expected(chain_id, &payloads, *how, event)).collect();
        let mut wire = Wire::default();
        events.iter().for_each(|(event, how)| writer.write(&mut wire, 2, *how, event));
        let batch = EventBatch { events: structs.clone(), ..EventBatch::default() };
        prop_assert_eq!(wire.into_bytes(), batch.encode_to_vec());
        for ((event, how), expected) in events.iter().zip(structs) {
            prop_assert_eq!(writer.message(*how, event).unwrap(), expected);
        }
    }

    #[test]
    fn a_batch_may_have_its_events_first(
        event in any_event(),
        cursor in "[a-z]{0,200}",
        finalized in option::of(any::<u64>()),
    ) {
        let mut wire = Wire::default();
        EventWriter::new(ChainId(1), &[]).write(&mut wire, 2, Finality::Safe, &event);
        let finalized = finalized.map(|number| convert::block(BlockRef { number, ..event.block }));
        let rest = EventBatch { chain_id: 1, block_complete: true, finalized, cursor, ..EventBatch::default() };
        wire.append(&rest);
        let events = vec![expected(ChainId(1), &[], Finality::Safe, &event)];
        prop_assert_eq!(read::<EventBatch>(wire.into_bytes().into()).unwrap(), EventBatch { events, ..rest });
    }
}

#[test]
fn an_encoded_response_is_the_response_of_the_contract() {
    use encoded::Message as Encoded;
    use stream_events_response::Message as Plain;

    let batch = EventBatch { chain_id: 7, cursor: "c".into(), ..EventBatch::default() };
    let session = StreamSession { cursor: "s".into(), ..StreamSession::default() };
    let undo = UndoSignal { depth: 3, ..UndoSignal::default() };
    let heartbeat = Heartbeat { chain_id: 9, ..Heartbeat::default() };
    let pairs = [
        (Encoded::Session(session.clone()), Plain::Session(session)),
        (Encoded::Events(batch.encode_to_vec().into()), Plain::Events(batch)),
        (Encoded::Events(Bytes::new()), Plain::Events(EventBatch::default())),
        (Encoded::Undo(undo.clone()), Plain::Undo(undo)),
        (Encoded::Heartbeat(heartbeat.clone()), Plain::Heartbeat(heartbeat)),
    ];
    for (encoded, plain) in pairs {
        let encoded = encoded::StreamEventsResponse { message: Some(encoded) };
        let plain = StreamEventsResponse { message: Some(plain) };
        assert_eq!(encoded.encode_to_vec(), plain.encode_to_vec());
        assert_eq!(encoded::StreamEventsResponse::decode(plain.encode_to_vec().as_slice()), Ok(encoded));
    }
}

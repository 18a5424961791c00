//! Against alloy's encoder, and against damage of what it encodes.

use alloy::{
    dyn_abi::DynSolValue,
    primitives::{self, I256, U256},
};
use capstan_primitives::{Address, Hash};
use proptest::{collection::vec, prelude::*};

use super::super::{Abi, DecodeError, Value, known_protocols, protocol};
use super::{integer, values};

fn any_value() -> impl Strategy<Value = DynSolValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(DynSolValue::Bool),
        any::<u64>().prop_map(|number| DynSolValue::Uint(U256::from(number), 64)),
        any::<i64>().prop_map(|number| DynSolValue::Int(I256::try_from(number).unwrap(), 64)),
        any::<[u8; 32]>().prop_map(|bytes| DynSolValue::Int(I256::from_be_bytes(bytes), 256)),
        any::<[u8; 20]>().prop_map(|bytes| DynSolValue::Address(primitives::Address::from(bytes))),
        any::<[u8; 32]>().prop_map(|bytes| DynSolValue::FixedBytes(bytes.into(), 32)),
        vec(any::<u8>(), 0..70).prop_map(DynSolValue::Bytes),
        "[a-z]{0,40}".prop_map(DynSolValue::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(DynSolValue::Tuple),
            (inner.clone(), 1_usize..4).prop_map(|(one, n)| DynSolValue::FixedArray(vec![one; n])),
            (inner, 1_usize..4).prop_map(|(one, n)| DynSolValue::Array(vec![one; n])),
        ]
    })
}

fn ours(value: &DynSolValue) -> Value<'_> {
    match value {
        DynSolValue::Bool(value) => Value::Bool(*value),
        DynSolValue::Uint(value, _) => integer(&value.to_string()),
        DynSolValue::Int(value, _) => integer(&value.to_string()),
        DynSolValue::Address(value) => Value::Address(Address::from(value.into_array())),
        DynSolValue::FixedBytes(value, size) => Value::Bytes(&value[..*size]),
        DynSolValue::Bytes(value) => Value::Bytes(value),
        DynSolValue::String(value) => Value::Text(value),
        DynSolValue::Tuple(values) | DynSolValue::Array(values) | DynSolValue::FixedArray(values) => {
            Value::List(values.iter().map(ours).collect())
        }
        other => panic!("not made here: {other:?}"),
    }
}

/// The signature of an event with the parts of a tuple as its arguments. alloy writes a tuple of one
/// part as Rust does.
fn signature_of(tuple: &DynSolValue) -> String {
    format!("A{}", tuple.sol_type_name().unwrap().replace(",)", ")"))
}

fn event_of(tuple: &DynSolValue) -> Abi {
    Abi::parse_signatures(&[&signature_of(tuple)]).unwrap()
}

/// What is decoded; `check` has to agree.
fn read<'a>(abi: &'a Abi, topics: &'a [Hash], data: &'a [u8]) -> Result<Value<'a>, DecodeError> {
    let decoded = abi.decode(topics, data);
    assert_eq!(abi.check(topics, data).err().as_ref(), decoded.as_ref().err());
    decoded.map(|decoded| Value::List(values(decoded)))
}

proptest! {
    #[test]
    fn what_alloy_encodes_is_decoded_exactly(value in vec(any_value(), 1..4).prop_map(DynSolValue::Tuple)) {
        let (abi, data) = (event_of(&value), value.abi_encode_sequence().unwrap());
        prop_assert_eq!(abi.events[0].signature(), signature_of(&value));
        let topics = abi.topics();
        prop_assert_eq!(read(&abi, &topics, &data), Ok(ours(&value)));
    }

    #[test]
    fn any_bytes_are_safe_to_decode(mut topics in vec(any::<[u8; 32]>(), 0..5), data in vec(any::<u8>(), 0..400)) {
        for name in known_protocols() {
            let abi = &protocol(name).unwrap().abi;
            for id in abi.topics() {
                if let Some(first) = topics.first_mut() {
                    *first = *id.as_bytes();
                }
                let _ = abi.decode(&topics, &data);
            }
        }
    }

    #[test]
    fn an_encoding_that_was_cut_off_is_never_read_as_another_value(
        value in vec(any_value(), 1..4).prop_map(DynSolValue::Tuple),
        cut in any::<prop::sample::Index>(),
    ) {
        let (abi, mut data) = (event_of(&value), value.abi_encode_sequence().unwrap());
        data.truncate(cut.index(data.len()));
        let topics = abi.topics();
        if let Ok(read) = read(&abi, &topics, &data) {
            prop_assert_eq!(read, ours(&value)); // only padding was lost
        }
    }
}

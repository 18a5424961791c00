//! A million damaged logs: no panic, no memory that the log does not account for, and `check` says
//! the same as `decode`.

use alloy::{
    dyn_abi::{DynSolType, DynSolValue},
    primitives::{I256, U256},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::super::{Abi, Value};
use crate::damage::damage_bytes;

const LOGS_OF_A_SHAPE: u32 = 250_000;

/// An event, and the types of its arguments that are not indexed.
type Shape = (&'static str, &'static str);

const STATIC: Shape = (
    "A(address indexed a, int24 indexed b, uint112 c, bool d, bytes4 e, uint8[3] f)",
    "(uint112,bool,bytes4,uint8[3])",
);
const DYNAMIC: Shape = ("A(string indexed a, bytes b, string c, uint256[] d)", "(bytes,string,uint256[])");
const ARRAYS: Shape = ("A(uint16[][] a, string[2] b, address[2][] c)", "(uint16[][],string[2],address[2][])");
const TUPLES: Shape = (
    "A(bytes32 indexed a, (uint64,bytes)[] b, (bool,(int8,string)[])[2] c)",
    "((uint64,bytes)[],(bool,(int8,string)[])[2])",
);

#[test]
fn damaged_words_are_safe() {
    damage(STATIC, 1);
}

#[test]
fn damaged_texts_and_lists_are_safe() {
    damage(DYNAMIC, 2);
}

#[test]
fn damaged_arrays_of_arrays_are_safe() {
    damage(ARRAYS, 3);
}

#[test]
fn damaged_tuples_in_arrays_in_tuples_are_safe() {
    damage(TUPLES, 4);
}

fn damage((event, plain): Shape, seed: u64) {
    // The anonymous twin takes what the damage of the id lets through.
    let abi = Abi::parse_signatures(&[event, "B(bytes32 indexed a, uint8[] b) anonymous"]).unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let intact = example(&DynSolType::parse(plain).unwrap()).abi_encode_sequence().unwrap();
    let mut topics = [[0; 32]; 5];
    topics[0] = *abi.topics()[0].as_bytes();
    let count = 1 + abi.events[0].indexed;
    assert!(abi.check(&topics[..count], &intact).is_ok(), "{event}");

    let mut decoded = 0;
    let mut data = Vec::new();
    for _ in 0..LOGS_OF_A_SHAPE {
        data.clear();
        data.extend_from_slice(&intact);
        let mut topics = topics;
        let mut count = count;
        for _ in 0..random.random_range(1..4) {
            damage_once(&mut random, &mut data, &mut topics, &mut count);
        }
        decoded += usize::from(is_decoded(&abi, &topics[..count], &data));
    }
    // Damage of padding that nobody reads, or to another value of the type, is none.
    assert!((1_000..200_000).contains(&decoded), "{event}: {decoded} decoded");
}

/// A value with two elements in every list and no word that is zero.
fn example(kind: &DynSolType) -> DynSolValue {
    let two = |part: &DynSolType| vec![example(part), example(part)];
    match kind {
        DynSolType::Bool => true.into(),
        DynSolType::Address => DynSolValue::Address([7; 20].into()),
        DynSolType::Uint(bits) => DynSolValue::Uint(U256::from(7), *bits),
        DynSolType::Int(bits) => DynSolValue::Int(I256::MINUS_ONE, *bits),
        DynSolType::FixedBytes(size) => {
            DynSolValue::FixedBytes(U256::MAX.wrapping_shl(256 - 8 * size).into(), *size)
        }
        DynSolType::Bytes => DynSolValue::Bytes(vec![7; 40]),
        DynSolType::String => DynSolValue::String("seven".into()),
        DynSolType::Array(part) => DynSolValue::Array(two(part)),
        DynSolType::FixedArray(part, count) => DynSolValue::FixedArray(vec![example(part); *count]),
        DynSolType::Tuple(parts) => DynSolValue::Tuple(parts.iter().map(example).collect()),
        other => panic!("not used here: {other:?}"),
    }
}

fn damage_once(random: &mut StdRng, data: &mut Vec<u8>, topics: &mut [[u8; 32]; 5], count: &mut usize) {
    match random.random_range(0..16_u8) {
        0 => *count = random.random_range(0..=5),
        1 => topics[random.random_range(0..5)][random.random_range(0..32)] ^= 1 << random.random_range(0..8),
        2..8 => damage_bytes(random, data),
        kind => {
            let Some(word) = random.random_range(0..=data.len() / 32).checked_sub(1) else { return };
            let word = &mut data[32 * word..][..32];
            match kind {
                8..10 => word[31] = random.random(), // another short length
                10..12 => word[30..].fill_with(|| random.random_range(0..4)), // an offset that may lie inside
                12 => word.fill(0xff),
                13 => word[24..].fill(0xff),
                14 => word[28..].copy_from_slice(&i32::MAX.to_be_bytes()),
                _ => word.fill(0),
            }
        }
    }
}

/// Decodes and checks one log, and compares what both say and what it takes to hold the values.
fn is_decoded(abi: &Abi, topics: &[[u8; 32]], data: &[u8]) -> bool {
    let checked = abi.check(topics, data);
    match abi.decode(topics, data) {
        Ok(decoded) => {
            assert_eq!(checked.map(|event| event.name()), Ok(decoded.name));
            let held: usize = decoded.arguments.iter().map(|argument| held(&argument.value)).sum();
            assert!(held <= data.len() + 32 * topics.len(), "{held} of {}", data.len());
            true
        }
        Err(error) => {
            assert_eq!(checked.unwrap_err(), error);
            false
        }
    }
}

/// Bytes of the log that account for a value.
fn held(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(values) => values.iter().map(held).sum::<usize>().max(values.capacity() * 32),
        Value::Bool(_) | Value::Integer(_) | Value::Address(_) => 32,
    }
}

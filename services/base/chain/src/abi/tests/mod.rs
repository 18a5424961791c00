//! Decoding and reading of definitions.

mod damage;
mod decode;
mod encoded;
mod parse;

use capstan_primitives::{Hash, U256};

use super::{Decoded, Integer, Value};

fn word(last: u8) -> [u8; 32] {
    let mut word = [0; 32];
    word[31] = last;
    word
}

fn hash(last: u8) -> Hash {
    Hash::from(word(last))
}

fn integer(value: &str) -> Value<'static> {
    let magnitude: Integer = value.trim_start_matches('-').parse::<U256>().unwrap().into();
    Value::Integer(if value.starts_with('-') { -magnitude } else { magnitude })
}

fn values(decoded: Decoded<'_>) -> Vec<Value<'_>> {
    decoded.arguments.into_iter().map(|argument| argument.value).collect()
}

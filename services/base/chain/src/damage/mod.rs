//! Seeded damage for tests: to bytes, and to the structure of a node's answer.

mod answers;

use std::{collections::BTreeMap, ops::Range};

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::value::RawValue;

/// Cuts bytes off, adds some, or turns one bit.
pub(crate) fn damage_bytes(random: &mut StdRng, bytes: &mut Vec<u8>) {
    match random.random_range(0..6_u8) {
        0 => bytes.truncate(random.random_range(0..=bytes.len())),
        1 => bytes.extend_from_slice(&[0xff; 33]), // no UTF-8
        _ => {
            let Some(place) = random.random_range(0..=bytes.len()).checked_sub(1) else { return };
            bytes[place] ^= 1 << random.random_range(0..8);
        }
    }
}

/// What stands in the place of a value.
const VALUES: [&str; 26] = [
    "null",
    "true",
    "0",
    "1",
    "-1",
    "1.5",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    r#""""#,
    r#""0x""#,
    r#""0x0""#,
    r#""0x01""#,
    r#""0X1""#,
    r#""0x+1""#,
    r#""-0x1""#,
    r#""0xzz""#,
    r#""0xffffffffffffffff""#,
    r#""0x10000000000000000""#,
    r#""0x1111111111111111111111111111111111111111""#,
    r#""0x2222222222222222222222222222222222222222222222222222222222222222""#,
    r#""\ud800""#,
    r#""\u0000""#,
    "[]",
    "{}",
];

/// JSON as a node wrote it, and where its values are.
pub(crate) struct Intact {
    body: String,
    spots: Vec<Spot>,
}

/// A value, and the member of an object of which it is a part.
#[derive(Clone)]
struct Spot {
    value: Range<usize>,
    member: Option<Range<usize>>,
}

impl Intact {
    pub(crate) fn new(body: String) -> Self {
        let mut spots = Vec::new();
        find_spots(&body, serde_json::from_str(&body).unwrap(), None, &mut spots);
        Self { body, spots }
    }

    /// Damages a copy once to three times.
    pub(crate) fn damaged(&self, random: &mut StdRng) -> Vec<u8> {
        let is_restructured = random.random();
        let mut damaged = if is_restructured { self.restructured(random) } else { self.body.clone() }.into();
        for _ in 0..random.random_range(if is_restructured { 0..2 } else { 1..4 }) {
            match random.random_range(0..4_u8) {
                0 => damage_bytes(random, &mut damaged),
                _ => change_digit(random, &mut damaged),
            }
        }
        damaged
    }

    fn restructured(&self, random: &mut StdRng) -> String {
        let spot = self.spots.choose(random).unwrap();
        let other = self.spots.choose(random).unwrap();
        let intact = &self.body[spot.value.clone()];
        match (random.random_range(0..8_u8), spot.member.clone()) {
            (0, Some(member)) => self.without(member),
            (1, Some(member)) => self.with(member.start..member.start, &self.twin(&member, intact)),
            (2, Some(member)) => {
                self.with(member.start..member.start, &self.twin(&member, VALUES.choose(random).unwrap()))
            }
            (0..=2, None) => self.without(spot.value.clone()),
            (3, _) => self.with(spot.value.clone(), &self.body[other.value.clone()]),
            (4, _) => self.with(spot.value.clone(), &nested(random, intact)),
            (5, _) => self.with(spot.value.clone(), &of_another_length(random, intact)),
            _ => self.with(spot.value.clone(), VALUES.choose(random).unwrap()),
        }
    }

    fn with(&self, place: Range<usize>, text: &str) -> String {
        [&self.body[..place.start], text, &self.body[place.end..]].concat()
    }

    /// Takes the comma after it, too, or else the one before.
    fn without(&self, place: Range<usize>) -> String {
        let (before, after) = (&self.body[..place.start], &self.body[place.end..]);
        match after.strip_prefix(',') {
            Some(after) => [before, after].concat(),
            None => [before.strip_suffix(',').unwrap_or(before), after].concat(),
        }
    }

    /// A member of the same key.
    fn twin(&self, member: &Range<usize>, value: &str) -> String {
        let (key, _) = self.body[member.clone()].split_once(':').unwrap();
        format!("{key}:{value},")
    }
}

fn find_spots(body: &str, value: &RawValue, member: Option<usize>, spots: &mut Vec<Spot>) {
    let place = |text: &str| text.as_ptr() as usize - body.as_ptr() as usize;
    let text = value.get();
    let end = place(text) + text.len();
    spots.push(Spot { value: place(text)..end, member: member.map(|start| start..end) });
    if let Ok(members) = serde_json::from_str::<BTreeMap<&str, &RawValue>>(text) {
        members.into_iter().for_each(|(key, value)| find_spots(body, value, Some(place(key) - 1), spots));
    } else if let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(text) {
        values.into_iter().for_each(|value| find_spots(body, value, None, spots));
    }
}

/// Within lists or objects, deeper than any parser goes now and then.
fn nested(random: &mut StdRng, value: &str) -> String {
    let depth = if random.random_ratio(1, 500) { 20_000 } else { random.random_range(1..200) };
    let (open, close) = *[("[", "]"), (r#"{"number":"#, "}"), ("[{},", "]")].choose(random).unwrap();
    [&open.repeat(depth), value, &close.repeat(depth)].concat()
}

/// With digits more or less at the end of a text.
fn of_another_length(random: &mut StdRng, value: &str) -> String {
    let inner = value.trim_end_matches('"');
    let digits = random.random_range(1..70);
    let kept = match random.random() {
        true => format!("{inner}{}", "7".repeat(digits)),
        false => inner.chars().take(inner.len().saturating_sub(digits)).collect(),
    };
    kept + &value[inner.len()..]
}

/// Most of what damages a letter or digit leaves JSON.
fn change_digit(random: &mut StdRng, bytes: &mut [u8]) {
    let Some(place) = random.random_range(0..=bytes.len()).checked_sub(1) else { return };
    if bytes[place].is_ascii_alphanumeric() {
        bytes[place] = *b"0123456789abcdefx".choose(random).unwrap();
    }
}

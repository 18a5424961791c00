//! How long FastLZ makes some bytes, as the OP stack counts them (level 1, by Solady's `flzCompress`).

/// Places that are remembered by the hash of the three bytes there.
const PLACES: usize = 1 << 13;
/// Farthest that a match reaches back.
const FARTHEST: usize = (1 << 13) - 1;
/// Bytes at the end in which no match begins.
const TAIL: usize = 13;
/// Bytes at the end that no match takes in.
const LAST: usize = 4;
/// Longest run of bytes that are kept as they are; it takes one byte more.
const LONGEST_RUN: usize = 32;
/// Longest match but two.
const LONGEST_MATCH: usize = 262;
/// Shortest match, but two, that takes three bytes instead of two.
const LONG_MATCH: usize = 7;

/// Length of the compressed `bytes`.
#[must_use]
pub fn compressed_length(bytes: &[u8]) -> u64 {
    let mut places = Places([0; PLACES]);
    let (mut length, mut kept_from, mut at) = (0_usize, 0, 2);
    while let Some((found, earlier)) = next_match(bytes, &mut places, at) {
        length += kept(found - kept_from);
        let matched = match_length(bytes, earlier + 3, found + 3);
        length += of_match(matched);
        at = found + matched;
        for _ in 0..2 {
            places.replace(three_at(bytes, at), at);
            at += 1;
        }
        kept_from = at;
    }
    length += kept(bytes.len() - kept_from);
    length as u64
}

/// Where the hash of three bytes was seen last; at the beginning when it was not.
struct Places([usize; PLACES]);

impl Places {
    /// Remembers a new place and returns the one before.
    fn replace(&mut self, three: u32, at: usize) -> usize {
        // The upper bits of the product with 2^32 divided by the golden ratio.
        let hash = (three.wrapping_mul(2_654_435_769) >> 19) as usize % PLACES;
        self.0.get_mut(hash).map_or(0, |place| std::mem::replace(place, at))
    }
}

/// The next place, from `at` on, whose three bytes stood at an earlier one that is not too far away.
fn next_match(bytes: &[u8], places: &mut Places, at: usize) -> Option<(usize, usize)> {
    let end = bytes.len().saturating_sub(TAIL + 1);
    (at..end).find_map(|at| {
        let three = three_at(bytes, at);
        let earlier = places.replace(three, at);
        (at - earlier <= FARTHEST && three == three_at(bytes, earlier)).then_some((at, earlier))
    })
}

/// How many bytes after the first three are alike, and one, as far as matches may go.
fn match_length(bytes: &[u8], earlier: usize, at: usize) -> usize {
    let most = bytes.len() - LAST - at;
    let pair = |from: usize| bytes.iter().skip(from);
    let alike = pair(earlier).zip(pair(at)).take(most).take_while(|(one, other)| one == other).count();
    (alike + 1).min(most)
}

/// Length of a run of bytes that are kept.
const fn kept(run: usize) -> usize {
    run + run.div_ceil(LONGEST_RUN)
}

/// Length of the instructions for a match.
const fn of_match(matched: usize) -> usize {
    let before_last = matched.saturating_sub(1);
    let last = before_last % LONGEST_MATCH + 1;
    3 * (before_last / LONGEST_MATCH) + if last >= LONG_MATCH { 3 } else { 2 }
}

fn three_at(bytes: &[u8], at: usize) -> u32 {
    let three = bytes.get(at..).and_then(|rest| rest.first_chunk::<3>());
    three.map_or(0, |[first, second, third]| u32::from_le_bytes([*first, *second, *third, 0]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_repeats_itself_is_short_and_what_does_not_is_kept() {
        assert_eq!(compressed_length(&[]), 0);
        // Too short for any match: an instruction byte before every 32 bytes.
        assert_eq!(compressed_length(&[7; 12]), 13);
        let different: Vec<u8> = (0..=255).collect();
        assert_eq!(compressed_length(&different), 256 + 8);
        // Two bytes are kept, the first match reaches to the last four, and takes 3 times 3 and 3 bytes; the rest is kept.
        assert_eq!(compressed_length(&[0; 1000]), 21);
        assert_eq!(compressed_length(&[1; 1000]), 21);
    }

    #[test]
    fn a_transaction_is_as_long_as_optimism_says() {
        // Lengths as in the tests of op-geth; the second is transaction
        // 0x8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594 of OP Mainnet.
        let empty = "dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080";
        let swap = concat!(
            "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd",
            "12adb8e41ef24f3f000000000000000000000000000000000000000000000000000000000000006e0000000000",
            "00000000000000af88d065e77c8cc2239327c5edb3a432268e5831000000000000000000000000000000000000",
            "000000000000000000000003c1e500000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000a0000000000000000000000000",
            "00000000000000000000000000000000000000148c89ed219d02f1a5be012c689b4f5b731827bebe0000000000",
            "00000000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf",
            "65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e",
        );
        for (transaction, expected) in [(empty, 31), (swap, 202)] {
            assert_eq!(compressed_length(&bytes(transaction)), expected);
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn nothing_grows_by_more_than_the_instructions_of_runs(
            some in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let most = some.len() + some.len().div_ceil(LONGEST_RUN);
            prop_assert!(compressed_length(&some) <= most as u64);
        }

        #[test]
        fn words_of_few_bits_shrink(some in proptest::collection::vec(0_u8..2, 100..2000)) {
            prop_assert!(compressed_length(&some) < some.len() as u64);
        }
    }
}

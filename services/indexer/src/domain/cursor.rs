//! Stream cursors: a position in the log of every chain of the stream, opaque to clients.

use std::collections::BTreeMap;

use capstan_primitives::{BlockRef, ChainId, Hash, PageToken, PageTokenError};

use super::place;

const NUMBERS: usize = 7;
const ENTRY_BYTES: usize = 8 * NUMBERS;
/// Begins the key of a cursor; an older one, without floors, begins with a chain id, whose first byte is 0.
const FORMAT: u8 = 2;
const OLD_ENTRY_BYTES: usize = 8 * (NUMBERS - 1);

/// A position in the log of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The log that the position belongs to.
    pub log_id: u64,
    /// Reorgs that were delivered, or did not concern what was.
    pub fork: u64,
    /// Everything through this place was delivered, as the chain is after those reorgs.
    pub place: u64,
    /// First bytes of the hash of the block that `place` is in; zero when it is not known.
    pub mark: u64,
    /// Additions to history that were in the log when the stream began.
    pub history: u64,
    /// The place that the stream began after: nothing through it was delivered, nor ever is.
    pub floor: u64,
}

impl Position {
    /// The beginning of a log.
    #[must_use]
    pub const fn beginning(log_id: u64) -> Self {
        Self { log_id, fork: 0, place: 0, mark: 0, history: 0, floor: 0 }
    }

    /// Whether nothing was delivered yet, so that no reorg can void anything of it.
    #[must_use]
    pub const fn is_unread(&self) -> bool {
        self.place <= self.floor
    }

    /// The place to go on after when everything above `last_valid` is taken back.
    #[must_use]
    pub fn place_after(&self, last_valid: &BlockRef) -> u64 {
        place::end_of(last_valid.number).max(self.floor)
    }

    /// What [`Position::mark`] says of a block.
    #[must_use]
    pub fn mark_of(hash: &Hash) -> u64 {
        hash.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// A position for every chain of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// By chain; a chain that is missing starts at the beginning.
    pub chains: BTreeMap<ChainId, Position>,
}

impl Cursor {
    /// The text form, bound to the stream's chains and filter.
    #[must_use]
    pub fn encode(&self, binding: &str) -> String {
        let bytes = |(chain, at): (&ChainId, &Position)| {
            let Position { log_id, fork, place, mark, history, floor } = *at;
            [chain.0, log_id, fork, place, mark, history, floor].map(u64::to_be_bytes).concat()
        };
        let key = std::iter::once(FORMAT).chain(self.chains.iter().flat_map(bytes)).collect();
        PageToken { key }.encode(binding)
    }

    /// Reads a cursor of a stream with the same chains and filter.
    ///
    /// # Errors
    /// When the text is no cursor of ours, or one of another stream.
    pub fn decode(text: &str, binding: &str) -> Result<Self, PageTokenError> {
        Self::of(&PageToken::decode(text, binding)?)
    }

    /// Reads a cursor of any stream.
    ///
    /// # Errors
    /// When the text is no cursor of ours.
    pub fn decode_any(text: &str) -> Result<Self, PageTokenError> {
        Self::of(&PageToken::decode_any(text)?)
    }

    fn of(token: &PageToken) -> Result<Self, PageTokenError> {
        let (key, length) = match token.key.split_first() {
            Some((&FORMAT, key)) => (key, ENTRY_BYTES),
            _ => (token.key.as_slice(), OLD_ENTRY_BYTES),
        };
        let entries = key.chunks_exact(length);
        if !entries.remainder().is_empty() {
            return Err(PageTokenError::Malformed);
        }
        Ok(Self { chains: entries.map(entry).collect() })
    }
}

/// The numbers of a chain; those that an older cursor lacks are zero.
fn entry(bytes: &[u8]) -> (ChainId, Position) {
    let mut numbers = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
    let mut next = || numbers.next().unwrap_or_default();
    let chain = ChainId(next());
    let (log_id, fork, place, mark, history, floor) = (next(), next(), next(), next(), next(), next());
    (chain, Position { log_id, fork, place, mark, history, floor })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_what_it_writes(positions: Vec<(u64, [u64; 6])>) {
            let chains = positions
                .into_iter()
                .map(|(chain, [log_id, fork, place, mark, history, floor])| {
                    (ChainId(chain), Position { log_id, fork, place, mark, history, floor })
                })
                .collect();
            let cursor = Cursor { chains };
            prop_assert_eq!(Cursor::decode(&cursor.encode("all"), "all"), Ok(cursor));
        }

        #[test]
        fn a_cursor_from_before_there_were_floors_is_read(numbers: [u64; 5], chain in 0..u64::MAX >> 8) {
            let [log_id, fork, place, mark, history] = numbers;
            let key = [chain, log_id, fork, place, mark, history].map(u64::to_be_bytes).concat();
            let at = Position { log_id, fork, place, mark, history, floor: 0 };
            let cursor = Cursor { chains: [(ChainId(chain), at)].into() };
            prop_assert_eq!(Cursor::decode(&PageToken { key }.encode("all"), "all"), Ok(cursor));
        }

        #[test]
        fn any_text_is_refused_without_panic(text: String) {
            prop_assert!(Cursor::decode(&text, "all").is_err());
        }
    }
}

//! Stream cursors: a position in the log of every chain of the stream, opaque to clients.

use std::collections::BTreeMap;

use capstan_primitives::{ChainId, Hash, PageToken, PageTokenError};

const NUMBERS: usize = 6;
const ENTRY_BYTES: usize = 8 * NUMBERS;

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
}

impl Position {
    /// The beginning of a log.
    #[must_use]
    pub const fn beginning(log_id: u64) -> Self {
        Self { log_id, fork: 0, place: 0, mark: 0, history: 0 }
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
            [chain.0, at.log_id, at.fork, at.place, at.mark, at.history].map(u64::to_be_bytes).concat()
        };
        PageToken { key: self.chains.iter().flat_map(bytes).collect() }.encode(binding)
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
        let (entries, rest) = token.key.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(PageTokenError::Malformed);
        }
        Ok(Self { chains: entries.iter().map(entry).collect() })
    }
}

fn entry(bytes: &[u8; ENTRY_BYTES]) -> (ChainId, Position) {
    let mut numbers = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
    let mut next = || numbers.next().unwrap_or_default();
    (ChainId(next()), Position { log_id: next(), fork: next(), place: next(), mark: next(), history: next() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_what_it_writes(positions: Vec<(u64, [u64; 5])>) {
            let chains = positions
                .into_iter()
                .map(|(chain, [log_id, fork, place, mark, history])| (ChainId(chain), Position { log_id, fork, place, mark, history }))
                .collect();
            let cursor = Cursor { chains };
            prop_assert_eq!(Cursor::decode(&cursor.encode("all"), "all"), Ok(cursor));
        }

        #[test]
        fn any_text_is_refused_without_panic(text: String) {
            prop_assert!(Cursor::decode(&text, "all").is_err());
        }
    }
}

//! Stream cursors: a position in the log of every chain of the stream, opaque to clients.

use std::collections::BTreeMap;

use capstan_primitives::{ChainId, PageToken, PageTokenError};

const ENTRY_BYTES: usize = 24;

/// A position in the log of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The log that the position belongs to.
    pub log_id: u64,
    /// Everything through this position was delivered.
    pub position: u64,
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
            [chain.0.to_be_bytes(), at.log_id.to_be_bytes(), at.position.to_be_bytes()].concat()
        };
        PageToken { key: self.chains.iter().flat_map(bytes).collect() }.encode(binding)
    }

    /// Reads a cursor of a stream with the same chains and filter.
    ///
    /// # Errors
    /// When the text is no cursor of ours, or one of another stream.
    pub fn decode(text: &str, binding: &str) -> Result<Self, PageTokenError> {
        let key = PageToken::decode(text, binding)?.key;
        let (entries, rest) = key.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(PageTokenError::Malformed);
        }
        let chains = entries.iter().map(entry).collect();
        Ok(Self { chains })
    }
}

fn entry(bytes: &[u8; ENTRY_BYTES]) -> (ChainId, Position) {
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let (chain, rest) = bytes.split_at(8);
    let (log_id, position) = rest.split_at(8);
    (ChainId(number(chain)), Position { log_id: number(log_id), position: number(position) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_what_it_writes(positions: Vec<(u64, u64, u64)>) {
            let chains = positions
                .into_iter()
                .map(|(chain, log_id, position)| (ChainId(chain), Position { log_id, position }))
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

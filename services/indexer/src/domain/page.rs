//! Page tokens of lists in the order of a chain: where a page ended, and which chain it was of.

use capstan_primitives::{PageToken, PageTokenError};

use super::Position;

const NUMBERS: usize = 5;

/// Where the next page of a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageStart {
    /// Only what is after this place; before it, newest first.
    pub after: u64,
    /// The highest place that the pages before reach to, as the chain was then.
    pub read: Position,
}

impl PageStart {
    /// The text form, bound to the list and its filters.
    #[must_use]
    pub fn encode(&self, binding: &str) -> String {
        let Position { log_id, fork, place, mark, .. } = self.read;
        PageToken { key: [self.after, log_id, fork, place, mark].map(u64::to_be_bytes).concat() }
            .encode(binding)
    }

    /// Reads a token of a list with the same filters; none is in an empty text.
    ///
    /// # Errors
    /// When the text is no token of ours, or one of another list.
    pub fn decode(text: &str, binding: &str) -> Result<Option<Self>, PageTokenError> {
        if text.is_empty() {
            return Ok(None);
        }
        let key = PageToken::decode(text, binding)?.key;
        let (numbers, rest) = key.as_chunks::<8>();
        let [after, log_id, fork, place, mark] =
            <[[u8; 8]; NUMBERS]>::try_from(numbers).map_err(|_| PageTokenError::Malformed)?;
        if !rest.is_empty() {
            return Err(PageTokenError::Malformed);
        }
        let [after, log_id, fork, place, mark] = [after, log_id, fork, place, mark].map(u64::from_be_bytes);
        Ok(Some(Self { after, read: Position { fork, place, mark, ..Position::beginning(log_id) } }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_reads_what_it_writes(after: u64, log_id: u64, fork: u64, place: u64, mark: u64) {
            let start = PageStart { after, read: Position { fork, place, mark, ..Position::beginning(log_id) } };
            prop_assert_eq!(PageStart::decode(&start.encode("all"), "all"), Ok(Some(start)));
        }

        #[test]
        fn any_key_is_refused_without_panic(key: Vec<u8>) {
            prop_assume!(key.len() != 8 * NUMBERS);
            let token = PageToken { key }.encode("all");
            prop_assert!(PageStart::decode(&token, "all").is_err());
        }
    }
}

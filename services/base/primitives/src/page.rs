//! Page tokens: opaque positions in a list, bound to the list and its filters.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::keccak256;

const VERSION: u8 = 1;
const BINDING_LENGTH: usize = 8;

/// The key of the last item of a page, in the form that the next request hands back.
///
/// The token carries a hash of the endpoint and the filters, so a token of another list, or of the
/// same list with other filters, is refused instead of giving a wrong page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// Key of the last item, in the form that the endpoint chose.
    pub key: Vec<u8>,
}

/// Why a page token cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// Not a token that this server made.
    #[error("not a page token of this server; use next_page_token of an earlier answer unchanged")]
    Malformed,
    /// A token of another endpoint, or of the same one with other filters.
    #[error("a page token of another request; repeat the request that gave it, or start without a token")]
    OtherRequest,
}

impl PageToken {
    /// Writes the token of `binding`: the endpoint's name and every filter, in a stable text form.
    #[must_use]
    pub fn encode(&self, binding: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(hash_of(binding));
        bytes.extend(&self.key);
        bytes.extend(checksum(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that was made for the same `binding`.
    ///
    /// # Errors
    /// When the text is no token of ours or belongs to another request.
    pub fn decode(text: &str, binding: &str) -> Result<Self, PageTokenError> {
        let (bound, token) = Self::parse(text)?;
        if bound == hash_of(binding) { Ok(token) } else { Err(PageTokenError::OtherRequest) }
    }

    /// Reads a token whatever it was made for.
    ///
    /// # Errors
    /// When the text is no token of ours.
    pub fn decode_any(text: &str) -> Result<Self, PageTokenError> {
        Self::parse(text).map(|(_, token)| token)
    }

    fn parse(text: &str) -> Result<([u8; BINDING_LENGTH], Self), PageTokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PageTokenError::Malformed)?;
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(PageTokenError::Malformed)?;
        let (version, rest) = body.split_first().ok_or(PageTokenError::Malformed)?;
        let (bound, key) = rest.split_first_chunk::<BINDING_LENGTH>().ok_or(PageTokenError::Malformed)?;
        if *version != VERSION || checksum(body) != *sum {
            return Err(PageTokenError::Malformed);
        }
        Ok((*bound, Self { key: key.to_vec() }))
    }
}

fn hash_of(binding: &str) -> [u8; BINDING_LENGTH] {
    first_bytes(binding.as_bytes())
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    first_bytes(bytes)
}

fn first_bytes<const N: usize>(bytes: &[u8]) -> [u8; N] {
    keccak256(&[bytes]).as_bytes().first_chunk::<N>().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_of_another_request_is_refused() {
        let token = PageToken { key: vec![1, 2] }.encode("ListMarkets resolved=true");
        assert_eq!(
            PageToken::decode(&token, "ListMarkets resolved=false"),
            Err(PageTokenError::OtherRequest)
        );
        assert_eq!(PageToken::decode("nonsense", "x"), Err(PageTokenError::Malformed));
    }

    proptest! {
        #[test]
        fn a_token_reads_what_it_writes(key: Vec<u8>, binding: String) {
            let token = PageToken { key };
            prop_assert_eq!(PageToken::decode(&token.encode(&binding), &binding), Ok(token));
        }

        #[test]
        fn a_changed_token_is_refused(key: Vec<u8>, flip in any::<prop::sample::Index>()) {
            let text = PageToken { key }.encode("binding");
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
            let at = flip.index(bytes.len());
            bytes[at] ^= 1;
            prop_assert!(PageToken::decode(&URL_SAFE_NO_PAD.encode(bytes), "binding").is_err());
        }
    }
}

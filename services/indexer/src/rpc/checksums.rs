//! The texts of addresses; their checksums cost more than all else of an event.

use capstan_primitives::{Address, AddressText};

/// Places for addresses, a power of two.
const PLACES: usize = 1 << 11;

/// Remembers the texts of addresses: of those that fall on one place, the one that came last.
#[derive(Default)]
pub(super) struct Checksums(Vec<Option<(Address, AddressText)>>);

impl Checksums {
    /// The text of an address.
    pub(super) fn text(&mut self, of: Address) -> AddressText {
        if self.0.is_empty() {
            self.0 = vec![None; PLACES];
        }
        let Some(place) = self.0.get_mut(place(&of)) else { return of.text() };
        match place {
            Some((known, text)) if *known == of => *text,
            _ => {
                let text = of.text();
                *place = Some((of, text));
                text
            }
        }
    }
}

/// Addresses are hashes, so that any of their bits do; a chosen few that share a place cost their checksums.
fn place(of: &Address) -> usize {
    let bytes = of.as_bytes().last_chunk::<8>().copied().unwrap_or_default();
    usize::try_from(u64::from_be_bytes(bytes)).unwrap_or_default() & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_share_a_place_keep_their_own_texts() {
        let mut checksums = Checksums::default();
        let addresses = [1_u8, 2, 3].map(|first| {
            let mut bytes = [9; 20];
            bytes[0] = first;
            Address::from(bytes)
        });
        assert!(addresses.iter().all(|address| place(address) == place(&addresses[0])));
        for address in [addresses, addresses].concat() {
            assert_eq!(checksums.text(address).as_str(), address.to_string());
        }
    }
}

//! What markets are about.

use std::{collections::BTreeMap, sync::Arc};

use capstan_primitives::{Address, ChainId};

/// Longest category, in bytes.
pub(crate) const LONGEST: usize = 100;

/// The category that an announcement says. One that is too long is none: cut, it would be another one.
pub(crate) fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (1..=LONGEST).contains(&text.len()).then(|| text.to_owned())
}

/// Categories of markets that say none, by the contract that announced them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Categories(pub(crate) Arc<BTreeMap<(ChainId, Address), String>>);

impl Categories {
    /// The category of what a contract announces.
    pub(crate) fn of(&self, chain: ChainId, factory: Address) -> Option<&str> {
        self.0.get(&(chain, factory)).map(String::as_str)
    }

    /// The contracts that a category is given to.
    pub(crate) fn factories(&self, category: &str) -> impl Iterator<Item = (ChainId, Address)> {
        self.0.iter().filter(move |(_, name)| name.as_str() == category).map(|(factory, _)| *factory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_what_is_between_the_spaces_and_neither_empty_nor_too_long() {
        assert_eq!(said(" Sports\n").as_deref(), Some("Sports"));
        assert_eq!((said(""), said("\t ")), (None, None));
        assert_eq!(said(&"ä".repeat(50)), Some("ä".repeat(50)));
        assert_eq!(said(&"a".repeat(101)), None);
    }
}

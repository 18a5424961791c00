//! Events that are followed wherever they are emitted: by what their logs have in common.

use std::sync::Arc;

use capstan_chain::LogFilter;
use capstan_primitives::{Address, Hash, keccak256};

use super::{Contract, Definition, native::Native};

/// Most alternatives for a topic in one request; nodes refuse more.
const VALUES_A_REQUEST: usize = 500;

/// Events of any contract.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// What its history is noted under: 32 bytes, which no address of an EVM chain has. It changes with
    /// what is followed, so that the history of what was not is fetched.
    pub key: Address,
    /// How the logs are read, and from which block on.
    pub contract: Contract,
    /// Which logs they are: those that satisfy one of these.
    pub filters: Vec<LogFilter>,
    /// What is told as logs without being some; none for logs of the chain.
    pub native: Option<Native>,
}

/// What a node is asked about.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// Contracts, in the order in which they became known.
    pub addresses: Vec<Address>,
    /// Events of any contract.
    pub patterns: Arc<[Pattern]>,
}

impl Followed {
    /// Contracts only.
    #[must_use]
    pub fn contracts(addresses: &[Address]) -> Self {
        Self { addresses: addresses.to_vec(), ..Self::default() }
    }
}

impl Pattern {
    /// Events that are listed by a definition and satisfy one of `filters`, from a block on.
    #[must_use]
    pub fn new(definition: Definition, start_block: u64, filters: Vec<LogFilter>) -> Self {
        let key = key(&definition, &filters);
        let filters = filters.into_iter().flat_map(small).collect();
        let contract =
            Contract { definition: Arc::new(definition), start_block, factory: None, tokens: Arc::default() };
        Self { key, contract, filters, native: None }
    }

    /// Whether something of block `number` may be one of these events.
    #[must_use]
    pub fn takes_block(&self, number: u64) -> bool {
        number >= self.contract.start_block && self.native.as_ref().is_none_or(|native| native.takes(number))
    }

    /// Whether a log in block `number` is one of these events. One of another event with the same id, such
    /// as the `Transfer` of an ERC-721 beside that of an ERC-20, has another number of topics, and is not.
    #[must_use]
    pub fn takes(&self, address: &Address, number: u64, topics: &[Hash]) -> bool {
        self.takes_block(number)
            && self.contract.definition.abi.find(topics).is_some()
            && self.filters.iter().any(|filter| filter.takes(address, topics))
    }
}

fn key(definition: &Definition, filters: &[LogFilter]) -> Address {
    let mut text = String::new();
    for event in definition.abi.events() {
        text += &format!("{} {}\n", event.signature(), event.topic_count());
    }
    for filter in filters {
        let addresses: Vec<_> = filter.addresses.iter().map(Address::to_string).collect();
        let written = |topics: &Vec<Hash>| topics.iter().map(Hash::to_string).collect::<Vec<_>>().join(",");
        let topics = filter.topics.iter().map(written);
        text += &format!("{} {}\n", addresses.join(","), topics.collect::<Vec<_>>().join(" "));
    }
    Address::from(*keccak256(&[text.as_bytes()]).as_bytes())
}

/// The same filter as several of no more alternatives than nodes take.
fn small(filter: LogFilter) -> Vec<LogFilter> {
    let LogFilter { addresses, topics } = filter;
    let mut filters = vec![LogFilter { addresses, topics: Vec::new() }];
    for values in topics {
        let chunks: Vec<_> = match values.is_empty() {
            true => vec![values],
            false => values.chunks(VALUES_A_REQUEST).map(<[_]>::to_vec).collect(),
        };
        let with = |filter: LogFilter| {
            let extended = move |chunk: &Vec<Hash>| {
                let mut filter = filter.clone();
                filter.topics.push(chunk.clone());
                filter
            };
            chunks.iter().map(extended).collect::<Vec<_>>()
        };
        filters = filters.into_iter().flat_map(with).collect();
    }
    filters
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn topic(byte: u8) -> Hash {
        Hash::from([byte; 32])
    }

    fn transfers(topics: Vec<Vec<Hash>>, start_block: u64) -> Pattern {
        let definition = Definition::of(capstan_chain::protocol("erc20").unwrap(), &BTreeMap::new());
        Pattern::new(definition, start_block, vec![LogFilter { addresses: Vec::new(), topics }])
    }

    fn transfer() -> Hash {
        capstan_chain::protocol("erc20").unwrap().abi.topics()[0]
    }

    #[test]
    fn only_logs_of_the_event_with_the_wanted_arguments_match() {
        let pattern = transfers(vec![vec![transfer()], Vec::new(), vec![topic(1), topic(2)]], 5);
        let takes = |number, topics: &[Hash]| pattern.takes(&Address::ZERO, number, topics);
        assert!(takes(5, &[transfer(), topic(9), topic(2)]));
        assert!(!takes(4, &[transfer(), topic(9), topic(2)]), "before it starts");
        assert!(!takes(5, &[transfer(), topic(2), topic(9)]), "another argument");
        assert!(!takes(5, &[transfer(), topic(9), topic(2), topic(3)]), "a non-fungible token's");
        assert!(!takes(5, &[topic(7), topic(9), topic(2)]), "another event");
    }

    #[test]
    fn a_long_list_is_asked_for_in_parts_and_what_is_followed_has_a_name() {
        let many: Vec<_> = (0..1_100_u32).map(|n| keccak256(&[&n.to_be_bytes()])).collect();
        let pattern = transfers(vec![vec![transfer()], many.clone(), Vec::new()], 0);
        let lengths: Vec<_> = pattern.filters.iter().map(|filter| filter.topics[1].len()).collect();
        assert_eq!(lengths, [500, 500, 100]);
        assert!(pattern.filters.iter().all(|filter| filter.topics[2].is_empty()));
        assert_eq!(pattern.key, transfers(vec![vec![transfer()], many.clone(), Vec::new()], 3).key);
        assert_ne!(pattern.key, transfers(vec![vec![transfer()], many[1..].to_vec(), Vec::new()], 3).key);
    }
}

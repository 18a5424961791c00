//! Which values of indexed arguments are wanted.

use std::collections::{HashMap, HashSet};

use capstan_chain::EventShape;
use capstan_primitives::Hash;

/// Events that have an indexed argument of a name, with one of some values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentFilter {
    /// Name in the ABI.
    pub name: String,
    /// Values as they are written.
    pub values: Vec<String>,
}

impl ArgumentFilter {
    /// A text that is the same for filters that mean the same.
    #[must_use]
    pub fn binding(&self) -> String {
        let mut values: Vec<String> = self.values.iter().map(|value| value.to_ascii_lowercase()).collect();
        values.sort();
        values.dedup();
        format!("{:?}={values:?}", self.name)
    }

    /// What is wanted of an event; none when it has no such argument. What is not of the argument's type it
    /// cannot be.
    fn topics(&self, event: &EventShape) -> Option<Wanted> {
        let place = event.topic_place(&self.name)?;
        let topics = self.values.iter().filter_map(|value| event.topic(&self.name, value).ok());
        Some((place, topics.collect()))
    }
}

/// Conditions on indexed arguments, as topics of the events that were met.
#[derive(Debug)]
pub struct ArgumentTopics<'a> {
    filters: &'a [ArgumentFilter],
    /// By the address of the event's shape, which outlives this; none for events that do not match.
    known: HashMap<usize, Option<Vec<Wanted>>>,
}

/// Where an argument stands among the topics, and what it may be.
type Wanted = (usize, HashSet<Hash>);

impl<'a> ArgumentTopics<'a> {
    /// For events that satisfy all of `filters`.
    #[must_use]
    pub fn of(filters: &'a [ArgumentFilter]) -> Self {
        Self { filters, known: HashMap::new() }
    }

    /// Whether a log with these topics, which is of `event`, is wanted.
    pub fn takes(&mut self, event: &'a EventShape, topics: &[Hash]) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let filters = self.filters;
        let wanted = self.known.entry(std::ptr::from_ref(event).addr());
        let wanted = wanted.or_insert_with(|| filters.iter().map(|filter| filter.topics(event)).collect());
        let is_it = |(place, wanted): &Wanted| topics.get(*place).is_some_and(|topic| wanted.contains(topic));
        wanted.as_ref().is_some_and(|wanted| wanted.iter().all(is_it))
    }
}

#[cfg(test)]
mod tests {
    use capstan_chain::{Abi, address_topic};
    use capstan_primitives::Address;

    use super::*;

    const WHO: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

    fn filter(name: &str, values: &[&str]) -> ArgumentFilter {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        ArgumentFilter { name: name.to_owned(), values }
    }

    #[test]
    fn an_event_matches_by_its_indexed_arguments_and_not_without_them() {
        let abi = Abi::parse_signatures(&[
            "event Sent(address indexed to, uint256 indexed kind, uint256 amount)",
            "event Told(string indexed to, uint256 amount)",
            "event Kept(address to)",
        ])
        .unwrap();
        let [sent, told, kept] = abi.events().collect::<Vec<_>>()[..] else { panic!("three events") };
        let who = address_topic(&WHO.parse::<Address>().unwrap()).unwrap();
        let kind = |number: u8| {
            let mut word = [0; 32];
            word[31] = number;
            Hash::from(word)
        };
        let topics = [sent.id().unwrap(), who, kind(7)];
        let takes = |filters: &[ArgumentFilter]| ArgumentTopics::of(filters).takes(sent, &topics);
        assert!(takes(&[]) && takes(&[filter("to", &[&Address::ZERO.to_string(), &WHO.to_lowercase()])]));
        assert!(takes(&[filter("to", &[WHO]), filter("kind", &["9", "0x07"])]));
        assert!(!takes(&[filter("to", &[WHO]), filter("kind", &["9"])]));
        assert!(!takes(&[filter("to", &["12"])]), "what is no address is no address");
        assert!(!takes(&[filter("amount", &["1"])]) && !takes(&[filter("from", &[WHO])]));

        let filters = [filter("to", &[WHO, &who.to_string()])];
        let mut any = ArgumentTopics::of(&filters);
        assert!(any.takes(sent, &topics));
        assert!(any.takes(told, &[told.id().unwrap(), who]), "the hash of a text");
        assert!(!any.takes(kept, &[kept.id().unwrap()]));
    }

    #[test]
    fn what_means_the_same_is_bound_to_the_same() {
        let same = [filter("to", &["0xAB", "0xcd", "0xab"]), filter("to", &["0xCD", "0xab"])];
        assert_eq!(same[0].binding(), same[1].binding());
        assert_ne!(same[0].binding(), filter("to", &["0xab"]).binding());
        assert_ne!(filter("a", &["1\", \"2"]).binding(), filter("a", &["1", "2"]).binding());
    }
}

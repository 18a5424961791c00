//! What a header's bloom says about logs: what it does not hold is not in the block.

use alloy::primitives::{Bloom, BloomInput};
use capstan_primitives::{Address, Hash};

use super::FullHeader;
use crate::{ChainError, Log, LogFilter, calls::inconsistent};

/// Filters of more addresses, or of more alternatives for a topic, match nearly every bloom, so that
/// their silence raises no doubt.
const MOST_VALUES: usize = 32;

impl FullHeader {
    /// Refuses logs that the bloom rules out.
    pub(crate) fn check_bloom(&self, logs: &[Log]) -> Result<(), ChainError> {
        let bloom = self.logs_bloom();
        match logs.iter().find(|log| !holds(&bloom, log)) {
            None => Ok(()),
            Some(log) => Err(inconsistent(format!(
                "log {} of block {} is not in the block's bloom",
                log.log_index, log.block_number
            ))),
        }
    }

    /// Whether the block may hold logs that `filter` asks for.
    pub(crate) fn may_hold(&self, filter: &LogFilter) -> bool {
        let bloom = self.logs_bloom();
        let any = |empty, mut found: &mut dyn Iterator<Item = bool>| empty || (&mut found).any(|held| held);
        let addresses = &mut filter.addresses.iter().map(|address| has_address(&bloom, address));
        let has_one = |topics: &Vec<Hash>| {
            any(topics.is_empty(), &mut topics.iter().map(|topic| has_topic(&bloom, topic)))
        };
        bloom != Bloom::ZERO
            && any(filter.addresses.is_empty(), addresses)
            && filter.topics.iter().all(has_one)
    }

    /// Whether the bloom suggests that `logs`, which answer `filter`, are not all.
    pub(crate) fn doubts(&self, filter: &LogFilter, logs: &[Log]) -> bool {
        if !self.may_hold(filter) || filter.addresses.len() > MOST_VALUES {
            return false;
        }
        let bloom = self.logs_bloom();
        if filter.addresses.is_empty() {
            return logs.is_empty() || misses_topic(&bloom, filter, logs);
        }
        let silent = |address: &&Address| !logs.iter().any(|log| log.address == **address);
        filter.addresses.iter().filter(silent).any(|address| has_address(&bloom, address))
    }
}

/// Whether the bloom holds a topic that is asked for and that none of the logs has in its place.
fn misses_topic(bloom: &Bloom, filter: &LogFilter, logs: &[Log]) -> bool {
    let few = filter.topics.iter().enumerate().filter(|(_, topics)| topics.len() <= MOST_VALUES);
    few.flat_map(|(place, topics)| topics.iter().map(move |topic| (place, topic)))
        .filter(|(place, topic)| !logs.iter().any(|log| log.topics.get(*place) == Some(topic)))
        .any(|(_, topic)| has_topic(bloom, topic))
}

fn holds(bloom: &Bloom, log: &Log) -> bool {
    has_address(bloom, &log.address) && log.topics.iter().all(|topic| has_topic(bloom, topic))
}

fn has_address(bloom: &Bloom, address: &Address) -> bool {
    bloom.contains_input(BloomInput::Raw(address.as_bytes()))
}

fn has_topic(bloom: &Bloom, topic: &Hash) -> bool {
    bloom.contains_input(BloomInput::Raw(topic.as_bytes()))
}

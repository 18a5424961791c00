//! The topics of a log.

use std::ops::Deref;

use crate::Hash;

/// Most topics that the EVM gives a log.
const MOST: usize = 4;

/// The topics of a log, at most four; read as a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Topics {
    count: u8,
    /// Zeros behind the last one.
    words: [Hash; MOST],
}

/// More topics than a log can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log has at most {MOST} topics")]
pub struct TooManyTopics;

impl Topics {
    /// Adds one behind the others.
    ///
    /// # Errors
    /// When there are four.
    pub fn push(&mut self, topic: Hash) -> Result<(), TooManyTopics> {
        *self.words.get_mut(usize::from(self.count)).ok_or(TooManyTopics)? = topic;
        self.count += 1;
        Ok(())
    }

    /// Topics in their order.
    ///
    /// # Errors
    /// When they are more than four.
    pub fn of(topics: impl IntoIterator<Item = Hash>) -> Result<Self, TooManyTopics> {
        let mut all = Self::default();
        topics.into_iter().try_for_each(|topic| all.push(topic))?;
        Ok(all)
    }
}

impl Deref for Topics {
    type Target = [Hash];

    fn deref(&self) -> &[Hash] {
        self.words.get(..usize::from(self.count)).unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Topics {
    type Item = &'a Hash;
    type IntoIter = std::slice::Iter<'a, Hash>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_topics_are_kept_in_order_and_a_fifth_is_refused() {
        let hashes = [1, 2, 3, 4, 5].map(|byte| Hash::from([byte; 32]));
        let topics = Topics::of(hashes.into_iter().take(4)).unwrap();
        assert_eq!(&*topics, &hashes[..4]);
        assert_eq!(Topics::of(hashes), Err(TooManyTopics));
        assert!(Topics::default().is_empty());
    }
}

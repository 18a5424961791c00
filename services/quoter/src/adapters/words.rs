//! Reading topics and data of logs whose arguments have fixed places.

use capstan_primitives::{Address, Hash, U256};

use crate::domain::change::Unusable;

/// A log: its topics, the event's id first, and its data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) topics: &'a [bytes::Bytes],
    pub(super) data: &'a [u8],
}

impl Words<'_> {
    /// A word of the topics after the event's id.
    pub(super) fn topic(&self, place: usize) -> Result<Word, Unusable> {
        let topic = self.topics.get(place + 1).and_then(|topic| topic.first_chunk::<32>());
        topic
            .map(|word| Word(*word))
            .ok_or_else(|| Unusable(format!("the log has no indexed argument {place}")))
    }

    /// A word of the data.
    pub(super) fn word(&self, place: usize) -> Result<Word, Unusable> {
        let word = self.data.get(place.saturating_mul(32)..).and_then(|rest| rest.first_chunk::<32>());
        word.map(|word| Word(*word)).ok_or_else(|| Unusable(format!("the log's data has no word {place}")))
    }

    /// A list of words, whose place the word at `place` says.
    pub(super) fn list(&self, place: usize) -> Result<Vec<Word>, Unusable> {
        let begin: usize = self.word(place)?.small()?;
        let length: usize = self.word(begin / 32)?.small()?;
        (1..=length).map(|item| self.word((begin / 32).saturating_add(item))).collect()
    }
}

/// 32 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word([u8; 32]);

impl Word {
    pub(super) const fn number(self) -> U256 {
        U256::from_be_bytes(self.0)
    }

    pub(super) fn hash(self) -> Hash {
        Hash::from(self.0)
    }

    pub(super) fn address(self) -> Address {
        let [_, _, _, _, _, _, _, _, _, _, _, _, address @ ..] = self.0;
        Address::from(address)
    }

    /// An unsigned number that fits.
    pub(super) fn small<T: TryFrom<U256>>(self) -> Result<T, Unusable> {
        T::try_from(self.number()).map_err(|_| Unusable(format!("{} is too large", self.number())))
    }

    /// A signed number.
    pub(super) fn signed(self) -> Result<i128, Unusable> {
        let [high @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.0;
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, low @ ..] = self.0;
        let value = i128::from_be_bytes(low);
        let sign = if value < 0 { [0xff; 16] } else { [0; 16] };
        if high == sign { Ok(value) } else { Err(Unusable("a signed number is too large".to_owned())) }
    }

    /// A tick.
    pub(super) fn tick(self) -> Result<i32, Unusable> {
        i32::try_from(self.signed()?).map_err(|_| Unusable("a tick is too large".to_owned()))
    }

    /// The absolute value of a signed number, and whether it is below zero.
    pub(super) fn magnitude(self) -> (U256, bool) {
        let is_negative = self.0.first().is_some_and(|byte| byte & 0x80 != 0);
        let number = self.number();
        (if is_negative { number.wrapping_neg() } else { number }, is_negative)
    }
}

//! What markets are called: ids that contracts gave, and readable slugs.
//!
//! A slug follows from the event that announced its market and from nothing else. A number behind the second "will it
//! rain?" would depend on what was there before it: after a reorg, or with a log that begins later, it would be
//! another market's. Where two markets of a chain have one slug all the same, it means the oldest, whose place no
//! later market can take.

use std::{fmt, str::FromStr};

use super::market::MarketId;

const LONGEST: usize = 200;
/// Most characters that a question gives.
const LONGEST_QUESTION: usize = 80;
/// Digits of the id behind them. The last ones: factories that count their markets have zeros in front.
const DIGITS: usize = 8;

/// A readable name: 1 to 200 of a-z, 0-9 and hyphens, not one at either end, and nothing that looks like an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slug(String);

impl Slug {
    /// The slug of a market that a factory announced: the one that it gave, or words of the question.
    pub(crate) fn of_market(id: MarketId, given: Option<&str>, question: Option<&str>) -> Option<Self> {
        given.and_then(|given| given.parse().ok()).or_else(|| Self::of_question(id, question?))
    }

    fn of_question(id: MarketId, question: &str) -> Option<Self> {
        if question.trim().is_empty() {
            return None;
        }
        let id = id.to_string();
        let digits = id.get(id.len().saturating_sub(DIGITS)..)?;
        let words = words(question);
        // What begins like an id would be read as one.
        let begin = if words.starts_with("0x") { "on-" } else { "" };
        let hyphen = if words.is_empty() { "" } else { "-" };
        format!("{begin}{words}{hyphen}{digits}").parse().ok()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The words of a question, as many as there is room for.
fn words(question: &str) -> String {
    let mut text = String::new();
    for word in question.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
    {
        let begun = !text.is_empty();
        let room = LONGEST_QUESTION.saturating_sub(text.len()).saturating_sub(usize::from(begun));
        if begun && word.len() > room {
            break;
        }
        if begun {
            text.push('-');
        }
        text.extend(word.chars().take(room).map(|letter| letter.to_ascii_lowercase()));
    }
    text
}

impl FromStr for Slug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let in_range = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        let is_slug = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(in_range)
            && !text.starts_with(['-'])
            && !text.ends_with('-')
            && !text.starts_with("0x");
        match is_slug {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("is neither an id of 0x and hex digits nor a slug: {text:?}")),
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a request calls a market.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Name {
    /// Its id, or that of its pool or condition.
    Id(MarketId),
    Slug(Slug),
}

impl Name {
    /// The slug, when it is one.
    pub(crate) const fn slug(&self) -> Option<&Slug> {
        match self {
            Self::Id(_) => None,
            Self::Slug(slug) => Some(slug),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    /// Reads an id when it begins with 0x, otherwise a slug.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.starts_with("0x") {
            true => text.parse().map(Self::Id),
            false => text.parse().map(Self::Slug),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Slug(slug) => slug.fmt(f),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use capstan_primitives::Hash;
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> MarketId {
        MarketId::Factory(Hash::from([number; 32]))
    }

    fn slug(given: Option<&str>, question: Option<&str>) -> Option<String> {
        Slug::of_market(id(0xab), given, question).map(|slug| slug.to_string())
    }

    #[test]
    fn a_good_slug_of_the_factory_is_taken_and_any_other_is_not() {
        for good in ["a", "7", "rain-2026", "a--b", &"a".repeat(200)] {
            assert_eq!(slug(Some(good), Some("Why?")), Some(good.to_owned()));
        }
        for bad in ["", "-", "-a", "a-", "A", "a b", "ä", "0xab", "a_b", &"a".repeat(201)] {
            assert_eq!(slug(Some(bad), Some("Why?")), Some("why-abababab".to_owned()), "{bad}");
            assert_eq!(slug(Some(bad), None), None);
        }
    }

    #[test]
    fn a_question_gives_its_words_and_the_id_what_is_its_own() {
        let cases = [
            ("Will it rain in  Zürich?", "will-it-rain-in-z-rich-abababab"),
            ("0x: above $5?", "on-0x-above-5-abababab"),
            ("下雨吗？", "abababab"),
        ];
        for (question, expected) in cases {
            assert_eq!(slug(None, Some(question)).as_deref(), Some(expected));
        }
        assert_eq!((slug(None, Some(" \n")), slug(None, None)), (None, None));
        let other = Slug::of_market(id(0xcd), None, Some("Will it rain in  Zürich?"));
        assert_eq!(other.unwrap().as_str(), "will-it-rain-in-z-rich-cdcdcdcd");
    }

    #[test]
    fn long_questions_are_cut_between_words_and_long_words_within() {
        let words = ["seventy"; 20].join(" ");
        assert_eq!(slug(None, Some(&words)), Some(format!("{}-abababab", ["seventy"; 10].join("-"))));
        let word = "A".repeat(300);
        assert_eq!(slug(None, Some(&word)), Some(format!("{}-abababab", "a".repeat(80))));
    }

    proptest! {
        #[test]
        fn every_question_has_a_slug_that_is_read_as_itself(question in ".{1,300}", bytes: [u8; 32]) {
            let id = MarketId::Factory(Hash::from(bytes));
            let Some(slug) = Slug::of_market(id, None, Some(&question)) else {
                prop_assert!(question.trim().is_empty());
                return Ok(());
            };
            prop_assert!(slug.as_str().len() <= LONGEST_QUESTION + 4 + DIGITS);
            prop_assert!(id.to_string().ends_with(slug.as_str().rsplit('-').next().unwrap()));
            prop_assert_eq!(slug.to_string().parse::<Name>(), Ok(Name::Slug(slug)));
        }

        #[test]
        fn an_id_is_read_as_an_id(bytes: [u8; 32]) {
            let id = MarketId::Factory(Hash::from(bytes));
            prop_assert_eq!(id.to_string().parse::<Name>(), Ok(Name::Id(id)));
        }
    }
}

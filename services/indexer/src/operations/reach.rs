//! How many blocks one request for logs covers: as many as answers of the wanted size allow, and
//! no more than the node has shown to take.

use capstan_chain::{ChainError, RangeHint};

/// Answers after which a limit that was guessed from a refusal is tried again.
const PATIENCE: u32 = 20;
/// An answer may be followed by one for this many times its blocks.
const GROWTH: u64 = 4;

/// The range of the next request, learnt from the answers so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    blocks: u64,
    most: u64,
    bytes: u64,
    /// Most blocks that the node takes, as it said or as was guessed from a refusal.
    ceiling: Option<u64>,
    answers: u32,
}

impl Reach {
    /// Begins with `first` blocks; no request is for more than `most`, and answers are to be about
    /// `bytes` large.
    pub(super) fn new(first: u64, most: u64, bytes: u64) -> Self {
        let most = most.max(1);
        Self { blocks: first.clamp(1, most), most, bytes: bytes.max(1), ceiling: None, answers: 0 }
    }

    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Whether the size of answers is known, so that several can be waited for at a time.
    pub(super) const fn is_measured(&self) -> bool {
        self.answers > 0
    }

    /// `blocks` blocks took `bytes` bytes.
    pub(super) fn answered(&mut self, blocks: u64, bytes: u64) {
        self.answers = self.answers.saturating_add(1);
        if self.answers.is_multiple_of(PATIENCE) {
            self.ceiling = self.ceiling.map(|ceiling| ceiling.saturating_mul(2));
        }
        let fitting = u128::from(blocks) * u128::from(self.bytes) / u128::from(bytes.max(1));
        let fitting = u64::try_from(fitting).unwrap_or(u64::MAX);
        let grown = blocks.saturating_mul(GROWTH);
        self.blocks = fitting.min(grown).min(self.most).min(self.ceiling.unwrap_or(u64::MAX)).max(1);
    }

    /// The node refused `blocks` blocks from `from`, or did not get them across.
    pub(super) fn refused(&mut self, from: u64, blocks: u64, error: &ChainError) {
        let half = (blocks / 2).max(1);
        let hinted = match error {
            ChainError::RangeTooLarge { hint: Some(RangeHint::AtMost(most)), .. } => Some(*most),
            ChainError::RangeTooLarge { hint: Some(RangeHint::Blocks { from: first, to }), .. }
                if *first == from =>
            {
                Some(to.saturating_sub(*first).saturating_add(1))
            }
            _ => None,
        };
        // A hint that would lead to the same refusal helps nobody.
        let allowed = hinted.filter(|hinted| (1..blocks).contains(hinted)).unwrap_or(half);
        self.blocks = allowed;
        if let ChainError::RangeTooLarge { hint: Some(RangeHint::AtMost(_)), .. } = error {
            self.ceiling = Some(allowed);
        } else {
            self.ceiling = Some(blocks.saturating_sub(1).max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn too_large(hint: Option<RangeHint>) -> ChainError {
        ChainError::RangeTooLarge { hint, message: String::new() }
    }

    #[test]
    fn ranges_grow_to_the_wanted_size_and_not_beyond_it() {
        let mut reach = Reach::new(100, 10_000, 16 * MIB);
        assert!(!reach.is_measured());
        reach.answered(100, MIB);
        assert_eq!(reach.blocks(), 400);
        reach.answered(400, 4 * MIB);
        assert_eq!(reach.blocks(), 1_600);
        reach.answered(1_600, 16 * MIB);
        assert_eq!(reach.blocks(), 1_600);
        reach.answered(1_600, 160 * MIB);
        assert_eq!(reach.blocks(), 160);
        reach.answered(160, 0);
        assert_eq!(reach.blocks(), 640);
    }

    #[test]
    fn a_refusal_goes_down_to_one_block_and_answers_up_again() {
        let mut reach = Reach::new(1_000, 1_000, MIB);
        while reach.blocks() > 1 {
            reach.refused(5, reach.blocks(), &too_large(None));
        }
        for _ in 0..1_000 {
            reach.answered(reach.blocks(), 1);
        }
        assert_eq!(reach.blocks(), 1_000);
    }

    #[test]
    fn what_the_node_says_is_believed_unless_it_refused_just_that() {
        let mut reach = Reach::new(1_000, 10_000, MIB);
        reach.refused(5, 1_000, &too_large(Some(RangeHint::AtMost(300))));
        assert_eq!(reach.blocks(), 300);
        reach.answered(300, 1);
        assert_eq!(reach.blocks(), 300, "the limit holds");
        reach.refused(5, 300, &too_large(Some(RangeHint::AtMost(300))));
        assert_eq!(reach.blocks(), 150);
        reach.refused(5, 150, &too_large(Some(RangeHint::Blocks { from: 5, to: 24 })));
        assert_eq!(reach.blocks(), 20);
        reach.refused(5, 20, &too_large(Some(RangeHint::Blocks { from: 4, to: 24 })));
        assert_eq!(reach.blocks(), 10);
    }
}

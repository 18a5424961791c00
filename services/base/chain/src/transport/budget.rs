//! How much memory the answers of the endpoints of one chain take together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers up to this size are not counted.
pub(super) const SMALL: usize = 256 << 10;
/// What an answer of unknown length asks for at a time.
const STEP: usize = 1 << 20;

/// So many bytes for all large answers together, and as many again for one of them.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    largest: usize,
    bytes: Arc<Semaphore>,
    /// Whoever has this may grow without asking: the answers that wait for each other's bytes go on one by one.
    beyond: Arc<Semaphore>,
}

/// What one answer takes of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    granted: usize,
    held: Vec<OwnedSemaphorePermit>,
}

impl Budget {
    /// Every answer may be up to `largest` bytes.
    pub(crate) fn new(largest: usize) -> Self {
        let bytes = Arc::new(Semaphore::new(largest.min(Semaphore::MAX_PERMITS)));
        Self { largest, bytes, beyond: Arc::new(Semaphore::new(1)) }
    }

    /// Most bytes of one answer.
    pub(crate) const fn largest(&self) -> usize {
        self.largest
    }

    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), granted: SMALL, held: Vec::new() }
    }
}

impl Share {
    /// Waits until the answer may have so many bytes.
    pub(crate) async fn grow(&mut self, bytes: usize) {
        if bytes <= self.granted {
            return;
        }
        let more = bytes.saturating_sub(self.granted).max(STEP);
        let of_all =
            Arc::clone(&self.budget.bytes).acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX));
        let beyond = Arc::clone(&self.budget.beyond).acquire_owned();
        let (permit, granted) = tokio::select! {
            biased;
            permit = of_all => (permit, self.granted.saturating_add(more)),
            permit = beyond => (permit, usize::MAX),
        };
        self.granted = granted;
        self.held.extend(permit); // neither is ever closed
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn two_answers_fit_a_third_goes_beyond_and_a_fourth_waits_for_one_of_them() {
        let budget = Budget::new(64 * MIB);
        let mut shares: Vec<_> = (0..4).map(|_| budget.share()).collect();
        let mut grow = |place: usize| shares[place].grow(28 * MIB).now_or_never();
        assert_eq!([grow(0), grow(1), grow(2), grow(3)], [Some(()), Some(()), Some(()), None]);
        for place in [2, 0] {
            let given_back = std::mem::replace(&mut shares[place], budget.share());
            drop(given_back);
            assert_eq!(shares[3].grow(28 * MIB).now_or_never(), Some(()));
            shares[3] = budget.share();
            assert_eq!(shares[place].grow(28 * MIB).now_or_never(), Some(()));
        }
    }

    #[tokio::test]
    async fn small_answers_never_wait() {
        let budget = Budget::new(MIB);
        let mut large = [budget.share(), budget.share()];
        for share in &mut large {
            assert_eq!(share.grow(MIB + SMALL).now_or_never(), Some(()));
        }
        assert_eq!(budget.share().grow(SMALL + 1).now_or_never(), None);
        assert_eq!(budget.share().grow(SMALL).now_or_never(), Some(()));
    }

    #[tokio::test]
    async fn answers_that_grow_beside_each_other_all_get_to_their_end() {
        let budget = Budget::new(8 * MIB);
        let read = async || {
            let mut share = budget.share();
            for bytes in (0..=8 * MIB).step_by(64 << 10) {
                share.grow(bytes).await;
                tokio::task::yield_now().await;
            }
        };
        let all = futures::future::join_all((0..16).map(|_| read()));
        tokio::time::timeout(std::time::Duration::from_secs(20), all).await.unwrap();
    }
}

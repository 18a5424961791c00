//! How many requests a second an endpoint may be sent.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A bucket that holds the requests of one second, and is filled evenly.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    per_second: NonZeroU32,
    full: Instant,
}

impl Allowance {
    pub(super) fn new(per_second: NonZeroU32, now: Instant) -> Self {
        Self { per_second, full: now }
    }

    /// Takes one request out, which may not be there.
    pub(super) fn take(&mut self, now: Instant) {
        self.full = self.full.max(now) + self.each();
    }

    /// When there is a request in it; now, if there is one.
    pub(super) fn next(&self, now: Instant) -> Instant {
        (self.full + self.each()).checked_sub(SECOND).unwrap_or(now).max(now)
    }

    fn each(&self) -> Duration {
        SECOND / self.per_second.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_requests_in_any_order() {
        let mut now = Instant::now() + SECOND;
        let mut allowance = Allowance::new(NonZeroU32::new(4).unwrap(), now);
        for _ in 0..4 {
            assert_eq!(allowance.next(now), now);
            allowance.take(now);
        }
        for _ in 0..3 {
            assert_eq!(allowance.next(now), now + SECOND / 4);
            now += SECOND / 4;
            allowance.take(now);
        }
        now += SECOND * 60;
        for left in [true, true, true, true, false] {
            assert_eq!(allowance.next(now) == now, left);
            allowance.take(now);
        }
    }
}
